//! Yards of hubs beside lanes: a wall, a gate, bays at the back with vans in them. Maps do not draw them,
//! so they are made by rule and lot where a drive begins and ends.

use rv_base::{Point2, Rng};
use rv_driver::manoeuvre::{Ground, RearPose};
use rv_driver::tracking::{Class, Track};
use rv_driver::trajectory::{Body, Vehicle};
use rv_driver::urban::Task;
use rv_map::DriveSide;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes};

use super::world::Thing;

/// Half the width of the gate, m.
const GATE_HALF_M: f64 = 2.0;
/// Half the width of the yard, and its depth, m.
const HALF_M: f64 = 7.5;
const DEEP_M: f64 = 10.5;
/// Distance from bay to bay, and their number.
const BAY_M: f64 = 2.2;
pub(crate) const BAYS: usize = 6;
/// The kerb lies so far beside the lane, m.
const KERB_M: f64 = 0.3;
/// So much of the lane before and behind the gate is straight, m, to within so much, rad.
const STRAIGHT_M: f64 = 12.0;
const STRAIGHT_RAD: f64 = 0.06;
/// Where a van stands on the lane before it turns in, and after it has come out, from the gate, m.
pub(crate) const IN_M: f64 = -6.5;
pub(crate) const OUT_M: f64 = 7.0;

/// Whoever stands within this distance of a gate is planned around, m.
const AROUND_M: f64 = 20.0;
/// Poses that a plan out of a bay or into one may take up.
const EXPANSIONS_MAX: u32 = 24_000;
/// Nothing else stands about within this distance of a gate, m.
pub(crate) const CLEAR_M: f64 = 14.0;

/// A yard.
#[derive(Clone, Debug)]
pub(crate) struct Yard {
    /// Walls, kerbs and the lane's far edge.
    edges: Vec<(Point2, Point2)>,
    /// Walls that are there: what must not be touched.
    pub(super) walls: Vec<(Point2, Point2)>,
    /// Corners of the yard and the way through its gate to the lane.
    pub(super) area: [Point2; 4],
    /// Across the gate.
    gate: Body,
    /// Standing in the middle of each bay, nose out: centre and heading.
    bays: [(Point2, f64); BAYS],
    /// On the lane, on after coming out.
    out: RearPose,
    /// The vans that stand in bays, each with the bay's number.
    vans: Vec<(usize, Thing)>,
    /// Middle of the gate on the lane.
    pub(crate) at: Point2,
    vehicle: Vehicle,
}

impl Yard {
    /// Some of the bays are taken by lot; the one that is left for whoever comes, with room beside it.
    pub(super) fn fill(&mut self, rng: &mut Rng) -> usize {
        let own = 1 + rng.below(BAYS - 2);
        for bay in (0..BAYS).filter(|bay| *bay != own) {
            if bay.abs_diff(own) > 1 && rng.chance(0.4) {
                continue;
            }
            self.put_van(bay, rng.range(-0.1, 0.1), 0);
        }
        own
    }

    /// Puts a van of a number into a bay, a little beside its middle.
    pub(crate) fn put_van(&mut self, bay: usize, beside_m: f64, id: u32) {
        let (at, heading_rad) = self.bays[bay];
        let (sin, cos) = heading_rad.sin_cos();
        let at = Point2 { x_m: at.x_m - beside_m * sin, y_m: at.y_m + beside_m * cos };
        let half_m = (self.vehicle.length_m / 2.0, self.vehicle.width_m / 2.0);
        let van = Thing {
            id,
            class: Class::Truck,
            at,
            heading_rad,
            speed_mps: 0.0,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            half_m,
            stood_s: 3600.0,
            edge: None,
            is_emergency: false,
        };
        self.vans.push((bay, van));
    }

    /// The vans that stand in its bays.
    pub(crate) fn vans(&self) -> impl Iterator<Item = &Thing> {
        self.vans.iter().map(|v| &v.1)
    }

    pub(super) fn vans_mut(&mut self) -> impl Iterator<Item = &mut Thing> {
        self.vans.iter_mut().map(|v| &mut v.1)
    }

    /// The pose in a bay.
    pub(crate) fn in_bay(&self, bay: usize) -> RearPose {
        let (centre, heading_rad) = self.bays[bay];
        RearPose::at_centre(&self.vehicle, centre, heading_rad)
    }

    /// Out of a bay and through the gate onto the lane.
    pub(crate) fn way_out(&self, bay: usize) -> Task {
        Task {
            goal: self.out,
            spare_goals: Vec::new(),
            ground: self.ground(bay),
            gate: Some(self.gate),
            expansions_max: EXPANSIONS_MAX,
        }
    }

    /// Into a bay, around whoever is seen to stand about and is not known from its plan.
    pub(crate) fn way_in(&self, bay: usize, tracks: &[Track]) -> Task {
        let known = |t: &Track| self.vans().any(|v| v.at.distance_to(t.centre).0 < 1.0);
        let stands = |t: &&Track| {
            t.speed_mps.abs() < 0.3 && t.stood_s > 3.0 && !t.class.walks() && !t.class.is_soft()
        };
        let near = |t: &&Track| t.centre.distance_to(self.at).0 < AROUND_M;
        let mut ground = self.ground(bay);
        let around = tracks.iter().filter(near).filter(stands).filter(|t| !known(t));
        ground.solids.extend(around.map(|t| Body {
            centre: t.centre,
            heading_rad: t.heading_rad,
            half_length_m: t.half_m.0,
            half_width_m: t.half_m.1,
        }));
        Task {
            goal: self.in_bay(bay),
            spare_goals: Vec::new(),
            ground,
            gate: None,
            expansions_max: EXPANSIONS_MAX,
        }
    }

    /// All that stands there but for what is in a bay.
    fn ground(&self, bay: usize) -> Ground {
        let others = self.vans.iter().filter(|v| v.0 != bay);
        let solids = others.map(|(_, v)| Body {
            centre: v.at,
            heading_rad: v.heading_rad,
            half_length_m: v.half_m.0,
            half_width_m: v.half_m.1,
        });
        Ground { walls: self.edges.clone(), solids: solids.collect() }
    }
}

/// The yard whose gate is beside a place on a lane; `None` if the lane bends, is not at the kerb, is too
/// short, or another lane runs where the yard would be.
pub(crate) fn beside(
    lanes: &CityLanes,
    lane: CityLaneId,
    gate_m: f64,
    vehicle: &Vehicle,
) -> Option<Yard> {
    let l = *lanes.lane(lane);
    let is_road = matches!(l.kind, CityLaneKind::Road { .. });
    let fits = gate_m >= STRAIGHT_M && gate_m + STRAIGHT_M + 2.0 <= f64::from(l.length_m);
    if !is_road || l.kerb_side.is_some() || l.is_roundabout || !fits {
        return None;
    }
    let (at, along_rad) = lanes.at(lane, gate_m);
    let bends = (-4..=4).any(|k| {
        let (_, there) = lanes.at(lane, gate_m + f64::from(k) * STRAIGHT_M / 4.0);
        (there - along_rad).sin().abs() > STRAIGHT_RAD
    });
    if bends {
        return None;
    }
    // y runs from the lane into the yard; to the right of the lane the frame is mirrored.
    let side = if lanes.drive_side == DriveSide::Right { -1.0 } else { 1.0 };
    let (sin, cos) = along_rad.sin_cos();
    let world = |x: f64, y: f64| Point2 {
        x_m: at.x_m + x * cos - side * y * sin,
        y_m: at.y_m + x * sin + side * y * cos,
    };
    let heading = |local_rad: f64| along_rad + side * local_rad;
    let half_lane_m = f64::from(l.width_m) / 2.0;
    let front = half_lane_m + KERB_M;
    let back = front + DEEP_M;
    let mut spots = Vec::new();
    for (x, y) in [(-6.0, 3.0), (0.0, 3.0), (6.0, 3.0), (-6.0, 8.0), (0.0, 8.0), (6.0, 8.0)] {
        lanes.near(world(x, front + y), 4.0, &mut spots);
        if spots.iter().any(|s| s.beside_m.abs() < 3.2) {
            return None;
        }
    }
    let wall = |ax: f64, ay: f64, bx: f64, by: f64| (world(ax, ay), world(bx, by));
    let walls = vec![
        wall(-HALF_M, front, -GATE_HALF_M, front),
        wall(GATE_HALF_M, front, HALF_M, front),
        wall(-HALF_M, front, -HALF_M, back),
        wall(HALF_M, front, HALF_M, back),
        wall(-HALF_M, back, HALF_M, back),
    ];
    let mut edges = walls.clone();
    // The kerb left and right of the yard, and the edge towards the other lanes.
    edges.push(wall(-30.0, front, -HALF_M, front));
    edges.push(wall(HALF_M, front, 30.0, front));
    edges.push(wall(-30.0, -half_lane_m - 0.2, 30.0, -half_lane_m - 0.2));
    let nose_out = heading(-std::f64::consts::FRAC_PI_2);
    let bay = |k: usize| {
        let x = (k as f64 - (BAYS - 1) as f64 / 2.0) * BAY_M;
        (world(x, back - 0.5 - vehicle.length_m / 2.0), nose_out)
    };
    Some(Yard {
        edges,
        walls,
        area: [
            world(-HALF_M, half_lane_m - 0.2),
            world(HALF_M, half_lane_m - 0.2),
            world(HALF_M, back),
            world(-HALF_M, back),
        ],
        gate: Body {
            centre: world(0.0, front - 0.1),
            heading_rad: along_rad,
            half_length_m: GATE_HALF_M,
            half_width_m: 0.1,
        },
        bays: std::array::from_fn(bay),
        out: RearPose::at_centre(vehicle, world(OUT_M, 0.0), along_rad),
        vans: Vec::new(),
        at,
        vehicle: *vehicle,
    })
}
