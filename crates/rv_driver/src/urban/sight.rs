//! What a driver is given each cycle, and what it sees of its surroundings along its way.

use rv_base::{Point2, Seconds};
use rv_map::city_lanes::{CityLaneId, CityLaneKind, CityLanes, Spot, Turn};
use rv_map::lanes::Aspect;

use super::predict::{FADE_S, own_lane};
use super::way::Way;
use crate::tracking::Track;
use crate::trajectory::{State, Vehicle};

/// Directions in which the free view is measured.
pub const VIEW_RAYS: usize = 90;

/// How far is seen in each direction from the vehicle.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Where from.
    pub from: Point2,
    /// Free distance in direction `2 * pi * i / VIEW_RAYS`, counter-clockwise from east, m.
    pub free_m: [f32; VIEW_RAYS],
}

impl View {
    /// Nothing in the way up to a distance.
    pub fn open(from: Point2, range_m: f64) -> Self {
        Self { from, free_m: [range_m as f32; VIEW_RAYS] }
    }

    /// True if a point is seen.
    pub fn sees(&self, p: Point2) -> bool {
        let (dx, dy) = (p.x_m - self.from.x_m, p.y_m - self.from.y_m);
        let turn = dy.atan2(dx) / (2.0 * std::f64::consts::PI) * VIEW_RAYS as f64;
        let ray = (turn.round().rem_euclid(VIEW_RAYS as f64) as usize) % VIEW_RAYS;
        dx.hypot(dy) <= f64::from(self.free_m[ray]) + 0.5
    }
}

/// All that is known at the start of a cycle.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// When.
    pub at: Seconds,
    /// Age of the observation, s.
    pub age_s: f64,
    /// The vehicle.
    pub state: State,
    /// Its acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Others.
    pub tracks: &'a [Track],
    /// What signals at the ends of lanes show.
    pub signals: &'a [(CityLaneId, Aspect)],
    /// What is seen.
    pub view: &'a View,
    /// Share of its usual speed at which it drives in this weather, 0..=1.
    pub weather_share: f64,
}

/// One of the others beside the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    pub(crate) track: Track,
    /// Its centre along and left of the way, m.
    pub(crate) s_m: f64,
    pub(crate) d_m: f64,
    /// Its reach along and across the way, m.
    pub(crate) half_s_m: f64,
    pub(crate) half_d_m: f64,
    /// Its speed along and across the way (left positive), m/s.
    pub(crate) vs_mps: f64,
    pub(crate) vd_mps: f64,
    /// Its own lane, if it keeps to one, moves, and can come to where the van will be.
    pub(crate) on: Option<Spot>,
    /// Its speed across its own lane (left of the van's way positive), if it keeps to a lane that
    /// runs beside the way; how it is turned against the way says nothing then.
    pub(crate) drift_mps: Option<f64>,
}

/// One that brakes is taken to stop by then, m.
const STOPS_SHORT_M: f64 = 1.0;

impl Beside {
    /// How far to the left of the way it will be, m.
    pub(crate) fn d_at(&self, t_s: f64) -> f64 {
        match self.drift_mps {
            Some(drift) => self.d_m + drift * FADE_S * (1.0 - (-t_s / FADE_S).exp()),
            None => self.d_m + self.vd_mps * t_s,
        }
    }

    /// Time in which it comes nearer to the way by some way, s, and how fast it does now, m/s;
    /// endless if it never does.
    pub(crate) fn nears_in(&self, off_m: f64, by_m: f64) -> f64 {
        let speed = -self.drift_mps.unwrap_or(self.vd_mps) * off_m.signum();
        let is_far = match self.drift_mps {
            Some(_) => by_m > speed * FADE_S,
            None => by_m > speed * self.track.stops_in_s() + STOPS_SHORT_M,
        };
        if speed < 0.3 || is_far { f64::INFINITY } else { by_m.max(0.0) / speed }
    }
}

/// The vehicle and the others, seen along the way.
pub(crate) struct Scene<'a> {
    pub(crate) sight: Sight<'a>,
    pub(crate) vehicle: &'a Vehicle,
    pub(crate) way: &'a Way,
    /// Centre of the vehicle along and left of the way, m.
    pub(crate) s_m: f64,
    pub(crate) d_m: f64,
    pub(crate) v_mps: f64,
    /// Where the kerb is: to the right (-1) or to the left (1).
    pub(crate) kerb: f64,
    /// How long it has stood for others, s.
    pub(crate) waited_s: f64,
    pub(crate) beside: Vec<Beside>,
}

/// Speed of one across its lane, if that is a road's and runs along the way, either way round.
fn drift_mps(lanes: &CityLanes, way_rad: f64, track: &Track, spot: &Spot) -> Option<f64> {
    let (sin, cos) = (spot.heading_rad - way_rad).sin_cos();
    let is_road = matches!(
        lanes.lane(spot.lane).kind,
        CityLaneKind::Road { .. } | CityLaneKind::Turn { turn: Turn::Straight, .. }
    );
    let across = track.speed_mps * (track.heading_rad - spot.heading_rad).sin();
    (is_road && sin.abs() < 0.35).then_some(across * cos.signum())
}

/// Turning slower than this may be noise, rad/s.
const SWINGS_RADPS: f64 = 0.08;

/// How far along the way others are looked for, back and ahead, m.
const BACK_M: f64 = 45.0;
pub(crate) const AHEAD_M: f64 = 95.0;
/// Others can meet the van within this time, s, if they are no further than it takes and this, m.
const MEET_S: f64 = 3.5;
const MEET_M: f64 = 8.0;
/// How far beside it, m.
const BESIDE_M: f64 = 10.0;

/// From where to where along the way others are looked for: where it turns back, what is beside its way
/// there must not be taken to be on its way back.
fn before_turning_back(way: &Way, s_m: f64) -> (f64, f64) {
    let mut turns = way.crossings.iter().filter(|c| c.turn == Turn::Back);
    let before = turns.clone().rev().find(|c| c.to_m <= s_m);
    let after = turns.find(|c| c.to_m > s_m);
    let back_m = before.map_or(f64::NEG_INFINITY, |c| c.to_m).max(s_m - BACK_M);
    (back_m, after.map_or(f64::INFINITY, |c| c.from_m).min(s_m + AHEAD_M))
}

impl<'a> Scene<'a> {
    pub(crate) fn look(
        sight: Sight<'a>,
        vehicle: &'a Vehicle,
        way: &'a Way,
        cursor: &mut usize,
        (lanes, spots): (&CityLanes, &mut Vec<Spot>),
        mut beside: Vec<Beside>,
    ) -> Self {
        beside.clear();
        let centre = sight.state.centre(vehicle);
        let (s_m, d_m) = way.foot(cursor, centre);
        let v_mps = sight.state.speed_mps.max(0.0);
        let (back_m, ahead_m) = before_turning_back(way, s_m);
        for track in sight.tracks {
            let (dx, dy) = (track.centre.x_m - centre.x_m, track.centre.y_m - centre.y_m);
            if dx * dx + dy * dy > (AHEAD_M + 10.0) * (AHEAD_M + 10.0) {
                continue;
            }
            let reach_m = BESIDE_M + track.half_m.0;
            let range = (back_m, ahead_m);
            let Some((s, d)) = way.foot_within(range, track.centre, reach_m) else { continue };
            if !(s_m - BACK_M..=s_m + AHEAD_M).contains(&s) {
                continue;
            }
            // A long body is looked at in pieces, so that its box fits it at any angle.
            let (l, w) = track.half_m;
            let n = ((l / (1.6 * w.max(0.5))).round() as usize).clamp(1, 5);
            let turn = track.heading_rad - way.at(s).heading_rad;
            let n = if turn.sin().abs() < 0.1 { 1 } else { n };
            let meet_m = (v_mps + track.speed_mps) * MEET_S + MEET_M + track.half_m.0;
            let may_meet = dx * dx + dy * dy < meet_m * meet_m;
            let on = may_meet.then(|| own_lane(lanes, track, spots)).flatten();
            let drift_mps =
                on.and_then(|spot| drift_mps(lanes, way.at(s).heading_rad, track, &spot));
            for k in 0..n {
                let off_m = l * ((2 * k + 1) as f64 / n as f64 - 1.0);
                let (s, d) = if n == 1 {
                    (s, d)
                } else {
                    let (sin, cos) = track.heading_rad.sin_cos();
                    let p = Point2 {
                        x_m: track.centre.x_m + off_m * cos,
                        y_m: track.centre.y_m + off_m * sin,
                    };
                    match way.foot_within(range, p, reach_m) {
                        Some(foot) => foot,
                        None => continue,
                    }
                };
                let turn = track.heading_rad - way.at(s).heading_rad;
                let (sin, cos) = turn.sin_cos();
                // A long one that turns swings its ends.
                let swings = n > 1 && track.yaw_rate_radps.abs() > SWINGS_RADPS;
                let swing_mps = if swings { track.yaw_rate_radps * off_m } else { 0.0 };
                let l = l / n as f64;
                beside.push(Beside {
                    track: *track,
                    s_m: s,
                    d_m: d,
                    half_s_m: cos.abs() * l + sin.abs() * w,
                    half_d_m: sin.abs() * l + cos.abs() * w,
                    vs_mps: track.speed_mps * cos - swing_mps * sin,
                    vd_mps: track.speed_mps * sin + swing_mps * cos,
                    on,
                    drift_mps,
                });
            }
        }
        beside.sort_by(|a, b| a.s_m.total_cmp(&b.s_m).then(a.track.id.cmp(&b.track.id)));
        Self { sight, vehicle, way, s_m, d_m, v_mps, kerb: -1.0, waited_s: 0.0, beside }
    }

    /// The vehicle's front along the way, m.
    pub(crate) fn front_m(&self) -> f64 {
        self.s_m + self.vehicle.length_m / 2.0
    }

    /// Its tail along the way, m.
    pub(crate) fn tail_m(&self) -> f64 {
        self.s_m - self.vehicle.length_m / 2.0
    }

    /// What the signal at the end of a lane shows, if it is seen.
    pub(crate) fn aspect(&self, lane: CityLaneId) -> Option<Aspect> {
        self.sight.signals.iter().find(|s| s.0 == lane).map(|s| s.1)
    }
}
