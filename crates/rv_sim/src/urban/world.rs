//! The world around some vans: vehicles, people and things, made by lot from a seed where a van
//! comes near, and forgotten where it has left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rv_base::{EdgeId, Point2, Rng, Seconds};
use rv_driver::law::TrafficLaw;
use rv_driver::tracking::Class;
use rv_driver::urban::Way;
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes};

use super::people::{Coming, Walker};
use super::things::{lay_things, narrowing};
use super::traffic::{Around, Block, Minds, Mover, Narrow, OnLane};

/// Within this distance of a van there is traffic, m.
const NEAR_M: f64 = 140.0;
/// Beyond this, it is forgotten, m.
const FAR_M: f64 = 190.0;
/// Nobody appears nearer than this, except at the start, m.
const SUDDEN_M: f64 = 95.0;

/// Who has stood so long near a van that called is made to go, s, and how near, m.
const STOOD_S: f64 = 20.0;
const MAKE_WAY_M: f64 = 12.0;

/// How busy the streets are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Busy {
    /// Share of the usual number of vehicles.
    pub vehicles: f64,
    /// Share of the usual number of people.
    pub people: f64,
    /// Share of the usual number of things that stand about.
    pub things: f64,
}

impl Busy {
    /// A usual day.
    pub const USUAL: Self = Self { vehicles: 1.0, people: 1.0, things: 1.0 };
}

/// A body in the world, as it truly is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thing {
    /// Its number.
    pub id: u32,
    /// What it is.
    pub class: Class,
    /// Centre, m.
    pub at: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Turning, rad/s.
    pub yaw_rate_radps: f64,
    /// Half its length and width, m.
    pub half_m: (f64, f64),
    /// How long it has stood, s.
    pub stood_s: f64,
    /// The edge it is on, if on one.
    pub edge: Option<EdgeId>,
    /// True if it drives with blue lights.
    pub is_emergency: bool,
}

/// A van in the world.
#[derive(Clone, Copy, Debug)]
pub struct VanBody {
    /// Centre, m.
    pub at: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Half its length and width, m.
    pub half_m: (f64, f64),
    /// Its lane and the next one, as others read its signs, and its place on the lane, m.
    pub lane: Option<(CityLaneId, f64, CityLaneId)>,
    /// How long it has stood, s.
    pub stood_s: f64,
    /// Ground behind its tail that it signals to need for backing, m: others keep off it.
    pub behind_m: f64,
}

impl VanBody {
    /// The van as others see it; `idx` tells several apart.
    pub fn as_thing(&self, idx: usize) -> Thing {
        Thing {
            id: VAN_ID + idx as u32,
            class: Class::Truck,
            at: self.at,
            heading_rad: self.heading_rad,
            speed_mps: self.speed_mps,
            acceleration_mps2: self.acceleration_mps2,
            yaw_rate_radps: 0.0,
            half_m: self.half_m,
            stood_s: self.stood_s,
            edge: None,
            is_emergency: false,
        }
    }
}

/// Streets with traffic around some vans.
#[derive(Debug)]
pub struct World {
    lanes: Arc<CityLanes>,
    law: TrafficLaw,
    busy: Busy,
    seed: u64,
    rng: Rng,
    at_s: f64,
    steps: u64,
    next_id: u32,
    pub(super) movers: Vec<Mover>,
    walkers: Vec<Walker>,
    things: Vec<(CityLaneId, Thing)>,
    narrow: BTreeMap<CityLaneId, Vec<Narrow>>,
    /// Lanes around the vans, whose things are laid out.
    near: BTreeSet<CityLaneId>,
    near_list: Vec<CityLaneId>,
    on_lane: Vec<OnLane>,
    blocks: Vec<Block>,
    coming: Vec<Coming>,
    target: f64,
    crosswalks: Vec<u32>,
    around: Vec<CityLaneId>,
    /// Where nothing stands about: places and distances around them, m.
    clear: Vec<(Point2, f64)>,
}

/// Number of the first van among those on lanes.
pub(super) const VAN_ID: u32 = u32::MAX - 1_000_000;

impl World {
    /// Empty streets at a time.
    pub fn new(lanes: Arc<CityLanes>, law: TrafficLaw, busy: Busy, seed: u64, at: Seconds) -> Self {
        Self {
            lanes,
            law,
            busy,
            seed,
            rng: Rng::from_seed(seed).fork("urban"),
            at_s: at.0,
            steps: 0,
            next_id: 1,
            movers: Vec::new(),
            walkers: Vec::new(),
            things: Vec::new(),
            narrow: BTreeMap::new(),
            near: BTreeSet::new(),
            near_list: Vec::new(),
            on_lane: Vec::new(),
            blocks: Vec::new(),
            coming: Vec::new(),
            target: 0.0,
            crosswalks: Vec::new(),
            around: Vec::new(),
            clear: Vec::new(),
        }
    }

    /// Nothing is laid out to stand within a distance of a place; told before the first step.
    pub(crate) fn keep_clear(&mut self, at: Point2, within_m: f64) {
        self.clear.push((at, within_m));
    }

    /// Now.
    pub fn now(&self) -> Seconds {
        Seconds(self.at_s)
    }

    /// Its lanes.
    pub fn lanes(&self) -> &Arc<CityLanes> {
        &self.lanes
    }

    /// The law there.
    pub fn law(&self) -> &TrafficLaw {
        &self.law
    }

    /// Somebody has seen to it that vehicles which have stood near a place for a while are gone, and,
    /// asked again, what is parked there, too.
    pub(crate) fn make_way(&mut self, at: Point2, and_parked: bool) {
        let is_near = |p: Point2, half_m: f64| p.distance_to(at).0 < half_m + MAKE_WAY_M;
        self.movers.retain(|m| m.is_guided || m.stood_s < STOOD_S || !is_near(m.at, m.half_m.0));
        if and_parked {
            self.things.retain(|(_, t)| !is_near(t.at, t.half_m.0));
        }
    }

    /// Moves everything but the vans on by a step.
    pub fn step(&mut self, vans: &[VanBody], dt_s: f64) {
        self.step_around(vans, vans, dt_s);
    }

    fn step_around(&mut self, eyes: &[VanBody], vans: &[VanBody], dt_s: f64) {
        if self.steps.is_multiple_of(10) {
            self.look_around(eyes, self.steps == 0);
        }
        self.steps += 1;
        self.at_s += dt_s;
        self.index(vans);
        let lanes = Arc::clone(&self.lanes);
        let around = Around {
            lanes: &lanes,
            law: &self.law,
            at: Seconds(self.at_s),
            on_lane: &self.on_lane,
            blocks: &self.blocks,
            narrow: &self.narrow,
            step: self.steps,
        };
        let rng = &mut self.rng;
        self.movers.retain_mut(|m| {
            // Now and then one brakes hard for no reason that others see.
            if rng.chance(dt_s / 900.0) && !m.is_guided {
                m.brakes_until_s = around.at.0 + rng.range(0.8, 2.5);
            }
            m.step(&around, rng, dt_s)
        });
        let (at, coming) = (Seconds(self.at_s), &self.coming);
        self.walkers.retain_mut(|w| w.step(&lanes, at, coming, dt_s));
    }

    /// Who is on which lane, what others brake for, what people see coming.
    fn index(&mut self, vans: &[VanBody]) {
        self.on_lane.clear();
        self.blocks.clear();
        self.coming.clear();
        for m in &self.movers {
            self.on_lane.push(OnLane {
                lane: m.route[0],
                s_m: m.s_m,
                v_mps: m.v_mps,
                half_m: m.half_m.0,
                d_m: m.d_m,
                next: m.route.get(1).copied().unwrap_or(CityLaneId(u32::MAX)),
                id: m.id,
                stood_s: m.stood_s,
                wants_room: m.wants_room,
            });
            // Near junctions lanes do not tell who is in front.
            let lane = self.lanes.lane(m.route[0]);
            let is_near = matches!(lane.kind, CityLaneKind::Turn { .. })
                || m.s_m < 10.0
                || m.s_m > f64::from(lane.length_m) - 8.0;
            if is_near {
                self.blocks.push(Block {
                    id: m.id,
                    at: m.at,
                    heading_rad: m.heading_rad,
                    v_mps: m.v_mps,
                    half_m: m.half_m,
                    walks: false,
                    is_van: false,
                    edge: Some(self.lanes.edge_of(m.route[0])),
                });
            }
            self.coming.push(Coming {
                at: m.at,
                heading_rad: m.heading_rad,
                v_mps: m.v_mps,
                half_m: m.half_m,
            });
        }
        for (i, van) in vans.iter().enumerate() {
            // Whoever comes from behind takes what it signals to need for a part of the van.
            let more_m = van.behind_m / 2.0;
            let half_m = (van.half_m.0 + more_m, van.half_m.1);
            if let Some((lane, s_m, next)) = van.lane {
                self.on_lane.push(OnLane {
                    lane,
                    s_m: s_m - more_m,
                    v_mps: van.speed_mps,
                    half_m: half_m.0,
                    d_m: 0.0,
                    next,
                    id: VAN_ID + i as u32,
                    stood_s: van.stood_s,
                    wants_room: false,
                });
            }
            let (sin, cos) = van.heading_rad.sin_cos();
            self.blocks.push(Block {
                id: VAN_ID + i as u32,
                at: Point2 { x_m: van.at.x_m - more_m * cos, y_m: van.at.y_m - more_m * sin },
                heading_rad: van.heading_rad,
                v_mps: van.speed_mps,
                half_m,
                walks: false,
                is_van: true,
                edge: van.lane.map(|l| self.lanes.edge_of(l.0)),
            });
            self.coming.push(Coming {
                at: van.at,
                heading_rad: van.heading_rad,
                v_mps: van.speed_mps,
                half_m: van.half_m,
            });
        }
        self.on_lane.sort_by(|a, b| {
            a.lane.cmp(&b.lane).then(a.s_m.total_cmp(&b.s_m)).then(a.id.cmp(&b.id))
        });
        for w in self.walkers.iter().filter(|w| w.v_mps > 0.0) {
            self.blocks.push(Block {
                id: w.id,
                at: w.at,
                heading_rad: w.heading_rad,
                v_mps: 0.0,
                half_m: (0.3, 0.3),
                walks: true,
                is_van: false,
                edge: None,
            });
        }
    }

    /// Once a second: forgets who is far, lays out what stands about, adds vehicles and people.
    fn look_around(&mut self, vans: &[VanBody], is_start: bool) {
        let far = |p: Point2| vans.iter().all(|v| v.at.distance_to(p).0 > FAR_M);
        self.movers.retain(|m| m.is_guided || !far(m.at));
        self.walkers.retain(|w| !far(w.at));
        // Who has stood for minutes blocks a street for good: it is as if it had gone another way.
        let sudden = |p: Point2, m: f64| vans.iter().any(|v| v.at.distance_to(p).0 < m);
        self.movers.retain(|m| m.is_guided || m.stood_s < 75.0 || sudden(m.at, 15.0));
        let mut near: BTreeSet<CityLaneId> = BTreeSet::new();
        for van in vans {
            self.lanes.around(van.at, NEAR_M, &mut self.around);
            near.extend(self.around.iter().copied());
        }
        for lane in near.iter().filter(|l| !self.near.contains(l)) {
            let from = self.things.len();
            lay_things(
                &self.lanes,
                self.seed,
                self.busy.things,
                *lane,
                &mut self.things,
                &mut self.next_id,
            );
            // Those laid out before are clear already.
            self.things.retain(|t| !self.clear.iter().any(|c| c.0.distance_to(t.1.at).0 < c.1));
            let narrow =
                self.things[from..].iter().filter_map(|t| narrowing(&self.lanes, *lane, &t.1));
            let narrow: Vec<Narrow> = narrow.collect();
            if !narrow.is_empty() {
                self.narrow.insert(*lane, narrow);
            }
        }
        self.narrow.retain(|lane, _| near.contains(lane));
        self.things.retain(|t| near.contains(&t.0));
        self.near = near;
        self.near_list.clear();
        self.near_list.extend(self.near.iter().copied());
        self.crosswalks.clear();
        self.target = 0.0;
        for lane in &self.near_list {
            let l = self.lanes.lane(*lane);
            if matches!(l.kind, CityLaneKind::Road { .. }) {
                self.target += f64::from(l.length_m) / 1000.0 * density_per_km(l.rank);
                self.crosswalks.extend(self.lanes.crosswalks_of(*lane).iter().map(|c| c.crosswalk));
            }
        }
        self.crosswalks.sort_unstable();
        self.crosswalks.dedup();
        self.add_movers(vans, is_start);
        self.add_walkers(vans);
    }

    fn add_movers(&mut self, vans: &[VanBody], is_start: bool) {
        let want = (self.target * self.busy.vehicles).round() as usize;
        let mut tries = 0;
        while self.movers.len() < want && tries < if is_start { 4 * want } else { 12 } {
            tries += 1;
            let Some(lane) = self.rng.choose(&self.near_list).copied() else { return };
            let l = *self.lanes.lane(lane);
            // Long and busy lanes more often.
            let share = f64::from(l.length_m) / 120.0 * density_per_km(l.rank) / 14.0;
            if !matches!(l.kind, CityLaneKind::Road { .. }) || !self.rng.chance(share.min(1.0)) {
                continue;
            }
            let s_m = self.rng.range(2.0, f64::from(l.length_m).max(2.5));
            let (p, _) = self.lanes.at(lane, s_m);
            let nearest = if is_start { 22.0 } else { SUDDEN_M };
            let is_taken = vans.iter().any(|v| v.at.distance_to(p).0 < nearest)
                || self.movers.iter().any(|m| m.at.distance_to(p).0 < 14.0);
            if is_taken {
                continue;
            }
            let lot = self.rng.unit();
            let is_fast = l.rank <= 1;
            let class = match lot {
                x if x < 0.05 => Class::Truck,
                x if x < 0.08 => Class::Bus,
                x if x < 0.15 && !is_fast => Class::Bicycle,
                x if x < 0.22 && !is_fast => Class::Scooter,
                _ => Class::Car,
            };
            let id = self.take_id();
            let mut mover = Mover::new(id, class, &self.lanes, lane, s_m, &mut self.rng);
            if class == Class::Car && self.rng.chance(0.004) {
                (mover.is_emergency, mover.haste) = (true, 1.4);
            }
            self.movers.push(mover);
        }
    }

    fn add_walkers(&mut self, vans: &[VanBody]) {
        // One person a minute at each crosswalk.
        let n = self.crosswalks.len() as f64 / 60.0 * self.busy.people;
        let crosswalks = std::mem::take(&mut self.crosswalks);
        if self.rng.chance(n.min(1.0))
            && let Some(crosswalk) = self.rng.choose(&crosswalks)
        {
            let id = self.take_id();
            let walker = Walker::at_crosswalk(id, &self.lanes, *crosswalk, &mut self.rng);
            let is_taken = vans.iter().any(|v| v.at.distance_to(walker.at).0 < 8.0);
            if !is_taken && self.walkers.len() < 200 {
                self.walkers.push(walker);
            }
        }
        self.crosswalks = crosswalks;
        // Elsewhere, one in two minutes near each van on small roads.
        for van in vans {
            if !self.rng.chance(self.busy.people / 60.0) {
                continue;
            }
            let Some(lane) = self.rng.choose(&self.near_list).copied() else { continue };
            let l = *self.lanes.lane(lane);
            let is_small = (3..=5).contains(&l.rank) && l.kerb_side.is_none();
            if !is_small || !matches!(l.kind, CityLaneKind::Road { .. }) || l.length_m < 30.0 {
                continue;
            }
            let s_m = self.rng.range(8.0, f64::from(l.length_m) - 8.0);
            let (p, _) = self.lanes.at(lane, s_m);
            if !(15.0..70.0).contains(&van.at.distance_to(p).0) {
                continue;
            }
            let n = 1.0
                + f64::from(u8::from(l.far_side.is_some()))
                + f64::from(u8::from(l.oncoming.is_some() || l.far_side.is_some()));
            let width_m = n * f64::from(l.width_m);
            let id = self.take_id();
            let mut walker = Walker::at_kerb(id, &self.lanes, lane, s_m, width_m, &mut self.rng);
            walker.is_animal = self.rng.chance(0.05);
            self.walkers.push(walker);
        }
    }

    fn take_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Everything within a distance of a point, as it truly is, but for what is over or under the
    /// edges that matter: `under` names edges that cross those, and where.
    pub fn things_near(
        &self,
        p: Point2,
        within_m: f64,
        under: &[(EdgeId, Point2)],
        out: &mut Vec<Thing>,
    ) {
        out.clear();
        let is_near = |q: Point2| {
            let (dx, dy) = (p.x_m - q.x_m, p.y_m - q.y_m);
            dx * dx + dy * dy < within_m * within_m
        };
        out.extend(self.movers.iter().filter(|m| !m.is_guided && is_near(m.at)).map(|m| Thing {
            id: m.id,
            class: m.class,
            at: m.at,
            heading_rad: m.heading_rad,
            speed_mps: m.v_mps,
            acceleration_mps2: m.a_mps2,
            yaw_rate_radps: m.yaw_rate_radps,
            half_m: m.half_m,
            stood_s: m.stood_s,
            edge: Some(self.edge_of(m, under)),
            is_emergency: m.is_emergency,
        }));
        out.extend(self.walkers.iter().filter(|w| is_near(w.at)).map(|w| Thing {
            id: w.id,
            class: if w.is_animal { Class::Animal } else { Class::Pedestrian },
            at: w.at,
            heading_rad: w.heading_rad,
            speed_mps: w.v_mps,
            acceleration_mps2: 0.0,
            yaw_rate_radps: 0.0,
            half_m: (0.3, 0.3),
            stood_s: 0.0,
            edge: None,
            is_emergency: false,
        }));
        out.extend(self.things.iter().map(|t| t.1).filter(|t| is_near(t.at)));
        out.retain(|t| !is_apart(t, under));
    }

    /// The edge on which a vehicle is. Where a bridge ends at a junction it is over what it crosses for some
    /// metres more.
    fn edge_of(&self, m: &Mover, under: &[(EdgeId, Point2)]) -> EdgeId {
        let before = m.came_by().map(|lane| self.lanes.edge_of(lane));
        before
            .filter(|e| m.s_m < PAST_BRIDGE_M && under.iter().any(|u| u.0 == *e))
            .unwrap_or_else(|| self.lanes.edge_of(m.route[0]))
    }

    /// What a vehicle minds now, its lane and place on it, and the next one; for whoever looks into a jam.
    pub fn minds(&self, id: u32) -> Option<(Minds, CityLaneId, f64, f64, Option<CityLaneId>)> {
        let m = self.movers.iter().find(|m| m.id == id)?;
        Some((m.minds, m.route[0], m.s_m, m.d_m, m.route.get(1).copied()))
    }

    /// Puts the human-like driver on its way.
    pub(super) fn add_guided(&mut self, half_m: (f64, f64), route: Vec<CityLaneId>, s_m: f64) {
        let mut rng = self.rng.fork("guided");
        let id = VAN_ID - 1;
        self.movers.push(Mover::guided(id, half_m, &self.lanes, route, s_m, &mut rng));
    }

    /// Moves everything on by a step, with traffic around an eye that nobody sees.
    pub(super) fn step_guided(&mut self, eye: &VanBody, dt_s: f64) {
        self.step_around(std::slice::from_ref(eye), &[], dt_s);
    }

    /// The human-like driver: place, speed, lanes left.
    pub(super) fn guided(&self) -> Option<&Mover> {
        self.movers.iter().find(|m| m.is_guided)
    }
}

/// Edges over or under a way near a place along it, m, and where they cross it.
pub(crate) fn apart_along(lanes: &CityLanes, way: &Way, s_m: f64, out: &mut Vec<(EdgeId, Point2)>) {
    out.clear();
    let mut last = None;
    let mut at_m = s_m - 20.0;
    while at_m < s_m + 60.0 {
        let edge = way.lane_at(at_m).map(|l| lanes.edge_of(l));
        if edge != last {
            out.extend(edge.into_iter().flat_map(|e| lanes.apart_from(e)));
            last = edge;
        }
        at_m += 2.0;
    }
}

/// True if a thing is on its way over a bridge, or under it; once past it, it comes down.
fn is_apart(t: &Thing, under: &[(EdgeId, Point2)]) -> bool {
    under.iter().filter(|u| Some(u.0) == t.edge).any(|(_, at)| {
        let (dx, dy) = (at.x_m - t.at.x_m, at.y_m - t.at.y_m);
        let ahead_m = dx * t.heading_rad.cos() + dy * t.heading_rad.sin();
        dx.hypot(dy) < BRIDGE_M && ahead_m > -PAST_BRIDGE_M
    })
}

/// Ramps of bridges are no longer than this, and this far behind them one is down again, m.
const BRIDGE_M: f64 = 120.0;
const PAST_BRIDGE_M: f64 = 15.0;

/// Corners of a body.
pub(super) fn corners(at: Point2, heading_rad: f64, (l, w): (f64, f64)) -> [Point2; 4] {
    let (s, c) = heading_rad.sin_cos();
    [(l, w), (-l, w), (-l, -w), (l, -w)]
        .map(|(x, y)| Point2 { x_m: at.x_m + x * c - y * s, y_m: at.y_m + x * s + y * c })
}

/// True if two bodies, given by their corners, share ground: no side of either parts them.
pub(super) fn touch(a: &[Point2; 4], b: &[Point2; 4]) -> bool {
    let part = |a: &[Point2; 4], b: &[Point2; 4]| {
        (0..4).any(|i| {
            let (p, q) = (a[i], a[(i + 1) % 4]);
            let beyond = |r: &Point2| {
                (q.x_m - p.x_m) * (r.y_m - p.y_m) - (q.y_m - p.y_m) * (r.x_m - p.x_m) < 0.0
            };
            b.iter().all(beyond)
        })
    };
    !part(a, b) && !part(b, a)
}

/// Vehicles on a kilometre of lane: the upper ends of usual daily traffic by class of road (FHWA,
/// "Highway functional classification concepts, criteria and procedures", 2013, table 3-5), of which
/// 6.5 % drive in an hour of the day, over the lanes of such a road, at 45 km/h.
fn density_per_km(rank: u8) -> f64 {
    match rank {
        0 => 12.0,
        1 => 10.0,
        2 => 8.0,
        3 => 4.5,
        4 => 1.0,
        _ => 0.5,
    }
}
