//! Drives along a given line at a set speed among others: keeps its lane and its distance, brakes
//! as hard as it must, and evades if braking is not enough.
//!
//! Light enough for a hundred thousand scenarios: each cycle rolls a few accelerations out against
//! what the others are expected to do, the gentlest first, and takes the first that touches nobody;
//! aside from the lane only if none does. Distances in the lane are kept by the intelligent driver
//! model (Treiber, Hennecke and Helbing 2000). No state grows from cycle to cycle.

mod way;

use rv_base::Point2;

use way::wrapped;
pub use way::{Place, Way};

/// Step of a roll-out, s.
const STEP_S: f64 = 0.2;
/// Steps of a roll-out.
const STEPS: usize = 25;
/// Most of the others that are regarded, the nearest first.
const OTHERS_MAX: usize = 16;

/// What the vehicle can do and how it is to drive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// Nose ahead of the reference point, m.
    pub nose_m: f64,
    /// Tail behind the reference point, m.
    pub tail_m: f64,
    /// Half its width, m.
    pub half_width_m: f64,
    /// Gap at standstill, m.
    pub gap_m: f64,
    /// Time gap, s.
    pub gap_s: f64,
    /// Strongest usual acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Usual braking, m/s2.
    pub braking_mps2: f64,
    /// Hardest braking, m/s2.
    pub braking_max_mps2: f64,
    /// Time from a command until the brakes bite, s.
    pub lag_s: f64,
    /// Strongest acceleration across when it evades, m/s2.
    pub across_mps2: f64,
    /// Time between two cycles, s.
    pub cycle_s: f64,
}

/// The vehicle itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Own {
    /// Reference point (rear axle).
    pub at: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
}

/// One of the others as it is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Middle of its box.
    pub centre: Point2,
    /// Heading, rad.
    pub heading_rad: f64,
    /// Half its length and half its width, m.
    pub half_m: (f64, f64),
    /// Velocity, m/s.
    pub velocity_mps: (f64, f64),
    /// Change of its speed, m/s2.
    pub acceleration_mps2: f64,
    /// True if it walks or cycles.
    pub is_vulnerable: bool,
}

/// What is to be done, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Command {
    /// Acceleration, m/s2.
    pub acceleration_mps2: f64,
    /// Curvature, 1/m, more than zero to the left.
    pub curvature_1pm: f64,
    /// Where beside the line it wants to be, m to the left.
    pub offset_m: f64,
    /// Why.
    pub why: Why,
}

/// Why something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The way is free.
    Free,
    /// It follows one in front.
    Follows,
    /// It brakes so as to touch nobody.
    Brakes,
    /// It brakes as hard as it can.
    Emergency,
    /// It goes aside, since braking is not enough.
    Evades,
    /// Nothing that it can do avoids a contact: it puts it off.
    CannotAvoid,
}

/// The driver of one vehicle along one way.
#[derive(Clone, Debug)]
pub struct Cruise {
    way: Way,
    habits: Habits,
    near: usize,
    offset_m: f64,
    /// What it steered in the last cycle, 1/m.
    curvature_1pm: f64,
    expects: Vec<Forecast>,
    lead: Option<(f64, f64)>,
}

/// What another one may be about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Will {
    /// It goes on as it moves now.
    GoOn,
    /// It turns into the way, to its middle.
    Join,
}

/// Another one over the next seconds.
#[derive(Clone, Debug)]
struct Forecast {
    now: (Point2, f64, f64),
    speed_mps: f64,
    poses: [(Point2, f64, f64); STEPS],
    half_m: (f64, f64),
    reach_m: f64,
    margin_m: f64,
    place: Place,
    along_mps: f64,
    across_mps: f64,
    is_beside: bool,
    goes_along: bool,
    /// Where across the way it ends up, m.
    end_m: f64,
}

impl Cruise {
    /// A driver at the start of a way.
    pub fn new(way: Way, habits: Habits) -> Self {
        Self {
            way,
            habits,
            near: 0,
            offset_m: 0.0,
            curvature_1pm: 0.0,
            expects: Vec::new(),
            lead: None,
        }
    }

    /// The way.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// Goes on along another way.
    pub fn lay(&mut self, way: Way) {
        (self.way, self.near) = (way, 0);
    }

    /// The one that it followed in the last cycle: free distance, m, and speed, m/s.
    pub fn lead(&self) -> Option<(f64, f64)> {
        self.lead
    }

    /// Half length and half width of those that it regarded in the last cycle, m.
    pub fn sizes(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.expects.iter().map(|f| f.half_m)
    }

    /// Where it expects those: for each its poses (seconds from now, middle, heading, speed).
    pub fn expected<T>(&self, pose: impl Fn(f64, Point2, f64, f64) -> T) -> Vec<Vec<T>> {
        let one = |forecast: &Forecast| {
            let mut last = forecast.now;
            let mut poses = Vec::with_capacity(STEPS + 1);
            poses.push(pose(0.0, last.0, last.1.atan2(last.2), forecast.speed_mps));
            for (i, there) in forecast.poses.iter().enumerate() {
                let speed = (there.0.x_m - last.0.x_m).hypot(there.0.y_m - last.0.y_m) / STEP_S;
                let at_s = (i + 1) as f64 * STEP_S;
                poses.push(pose(at_s, there.0, there.1.atan2(there.2), speed));
                last = *there;
            }
            poses
        };
        self.expects.iter().map(one).collect()
    }

    /// What a command leads to if it is kept: seconds from now, reference point, heading, speed.
    pub fn preview(
        &self,
        own: &Own,
        command: &Command,
        curvature_1pm: f64,
    ) -> Vec<(f64, Point2, f64, f64)> {
        let mut now = *own;
        let mut near = self.near;
        let mut bend = curvature_1pm;
        let mut states = Vec::with_capacity(STEPS + 1);
        states.push((0.0, now.at, now.heading_rad, now.speed_mps));
        let step_s = STEP_S / 2.0;
        for i in 0..2 * STEPS {
            let change = (command.acceleration_mps2 - now.acceleration_mps2).clamp(-2.0, 2.0);
            now.acceleration_mps2 += change;
            let after = (now.speed_mps + now.acceleration_mps2 * step_s).max(0.0);
            let by_m = (now.speed_mps + after) / 2.0 * step_s;
            let here = self.way.place(&mut near, now.at);
            let evades = command.why == Why::Evades;
            let wanted = self.steer(&now, here, command.offset_m, evades);
            bend += (wanted - bend).clamp(-0.02, 0.02);
            let middle = now.heading_rad + bend * by_m / 2.0;
            now.at.x_m += by_m * middle.cos();
            now.at.y_m += by_m * middle.sin();
            now.heading_rad += bend * by_m;
            now.speed_mps = after;
            if i % 2 == 1 {
                let at_s = (i + 1) as f64 * step_s;
                states.push((at_s, now.at, now.heading_rad, now.speed_mps));
            }
        }
        states
    }

    /// Where the vehicle is on its way.
    pub fn place(&self, own: &Own) -> Place {
        self.way.place(&mut self.near.clone(), own.at)
    }

    /// One cycle: what is seen, the speed that is wanted, and how far to the left and right of the
    /// way's line there is road, m.
    pub fn cycle(
        &mut self,
        own: &Own,
        seen: &[Seen],
        set_mps: f64,
        lane_half_m: f64,
        (left_m, right_m): (f64, f64),
    ) -> Command {
        let here = self.way.place(&mut self.near, own.at);
        let forecasts = self.forecasts(here, seen);
        let (free_mps2, lead) = self.wanted_mps2(own, here, &forecasts, set_mps);
        let follows = lead.is_some();
        self.lead = lead;
        let room_m = (lane_half_m - self.habits.half_width_m - 0.1).max(0.0);
        let nudge_m = self.nudge_m(here, &forecasts, own).clamp(-room_m, room_m);
        let h = &self.habits;
        let hardest = -h.braking_max_mps2;
        let mut choice = None;
        let mut latest = (0.0, hardest, nudge_m);
        let mut wanted = free_mps2.max(hardest);
        // Aside it stays until whoever it evaded is past.
        if self.offset_m.abs() > room_m + 0.3 && self.is_in_way(own, here, &forecasts, nudge_m) {
            for a in [free_mps2.clamp(-2.0, 0.0), -4.0, hardest] {
                if self.free_until_s(own, here, &forecasts, a, self.offset_m).is_infinite() {
                    choice = Some((a, self.offset_m, true));
                    break;
                }
            }
        }
        while choice.is_none() {
            let until_s = self.free_until_s(own, here, &forecasts, wanted, nudge_m);
            if until_s.is_infinite() {
                choice = Some((wanted, nudge_m, false));
                break;
            }
            if until_s > latest.0 {
                latest = (until_s, wanted, nudge_m);
            }
            if wanted <= hardest {
                break;
            }
            wanted = (wanted.min(0.0) - 1.0).max(hardest);
        }
        if choice.is_none() {
            choice =
                self.evasion(own, here, &forecasts, (free_mps2, (left_m, right_m)), &mut latest);
        }
        let (acceleration_mps2, offset_m, evades, why) = match choice {
            Some((a, offset, true)) => (a, offset, true, Why::Evades),
            Some((a, offset, false)) => {
                let why = if a <= hardest + 0.5 {
                    Why::Emergency
                } else if a < free_mps2 - 1e-9 {
                    Why::Brakes
                } else if follows {
                    Why::Follows
                } else {
                    Why::Free
                };
                (a, offset, false, why)
            }
            None => (hardest.min(latest.1), latest.2, latest.2 != nudge_m, Why::CannotAvoid),
        };
        self.offset_m = offset_m;
        let curvature_1pm = self.steer(own, here, offset_m, evades);
        self.curvature_1pm = curvature_1pm;
        self.expects = forecasts;
        Command { acceleration_mps2, curvature_1pm, offset_m, why }
    }

    /// A way aside that touches nobody: rolled out as it will be steered, too, if there is one
    /// like that. To the right first, where a road has its shoulder.
    fn evasion(
        &self,
        own: &Own,
        here: Place,
        forecasts: &[Forecast],
        (free_mps2, (left_m, right_m)): (f64, (f64, f64)),
        latest: &mut (f64, f64, f64),
    ) -> Option<(f64, f64, bool)> {
        let h = &self.habits;
        let hardest = -h.braking_max_mps2;
        let mut unproven = None;
        for (room_m, sign) in [(right_m, -1.0), (left_m, 1.0)] {
            let most_m = room_m - h.half_width_m - 0.2;
            for share in [0.4, 0.7, 1.0] {
                let offset_m = sign * most_m.min(4.0) * share;
                if most_m <= 0.0 || offset_m.abs() < 0.3 {
                    continue;
                }
                for a in [free_mps2.clamp(-2.0, 0.0), -4.0, hardest] {
                    let until_s = self.free_until_s(own, here, forecasts, a, offset_m);
                    if until_s.is_infinite() {
                        if self.is_free_as_steered(own, forecasts, a, offset_m) {
                            return Some((a, offset_m, true));
                        }
                        unproven = unproven.or(Some((a, offset_m, true)));
                    } else if until_s > latest.0 + 0.3 {
                        *latest = (until_s, a.min(-4.0), offset_m);
                    }
                }
            }
        }
        unproven
    }

    /// True if an evasion, steered as the vehicle can, touches nobody.
    fn is_free_as_steered(
        &self,
        own: &Own,
        forecasts: &[Forecast],
        acceleration_mps2: f64,
        offset_m: f64,
    ) -> bool {
        let h = &self.habits;
        let (half_length_m, to_middle_m) =
            ((h.nose_m + h.tail_m) / 2.0, (h.nose_m - h.tail_m) / 2.0);
        let command = Command { acceleration_mps2, curvature_1pm: 0.0, offset_m, why: Why::Evades };
        let states = self.preview(own, &command, self.curvature_1pm);
        states.iter().skip(1).enumerate().all(|(i, (_, at, heading_rad, _))| {
            let (sin, cos) = heading_rad.sin_cos();
            let middle =
                Point2 { x_m: at.x_m + to_middle_m * cos, y_m: at.y_m + to_middle_m * sin };
            forecasts.iter().all(|other| {
                let box_m = (half_length_m + 0.1, h.half_width_m + 0.1);
                other
                    .poses
                    .get(i)
                    .is_none_or(|pose| !overlaps((middle, sin, cos), box_m, *pose, other.half_m))
            })
        })
    }

    /// True if somebody is, or soon will be, where it would be back in its lane.
    fn is_in_way(&self, own: &Own, here: Place, forecasts: &[Forecast], offset_m: f64) -> bool {
        let h = &self.habits;
        forecasts.iter().any(|f| {
            let wide_m = h.half_width_m + f.half_m.1 + 0.5;
            let closing = (own.speed_mps - f.along_mps).max(0.0);
            let ahead_m = f.place.s_m - here.s_m;
            (f.place.d_m - offset_m).abs() < wide_m
                && ahead_m > -(f.half_m.0 + h.tail_m + 2.0)
                && ahead_m < f.half_m.0 + h.nose_m + 5.0 + 3.0 * closing
        })
    }

    /// Free driving and following: the intelligent driver model.
    fn wanted_mps2(
        &self,
        own: &Own,
        here: Place,
        forecasts: &[Forecast],
        set_mps: f64,
    ) -> (f64, Option<(f64, f64)>) {
        let h = &self.habits;
        let v = own.speed_mps.max(0.0);
        let free = h.acceleration_mps2 * (1.0 - (v / set_mps.max(0.1)).powi(4));
        let free = free.max(-h.braking_mps2);
        let mut wanted = free;
        let mut lead = None;
        for other in forecasts {
            let reach_m = h.half_width_m + other.half_m.1 + 0.3;
            let gap_m = other.place.s_m - other.half_m.0 - (here.s_m + h.nose_m);
            let is_ahead = other.place.s_m > here.s_m && other.along_mps > -1.0;
            if !is_ahead || (other.place.d_m - self.offset_m.clamp(-0.5, 0.5)).abs() > reach_m {
                continue;
            }
            let root = (h.acceleration_mps2 * h.braking_mps2).sqrt();
            let closing = v - other.along_mps.max(0.0);
            let wish_m = h.gap_m + (v * h.gap_s + v * closing / (2.0 * root)).max(0.0);
            let a = h.acceleration_mps2
                * (free / h.acceleration_mps2 - (wish_m / gap_m.max(0.1)).powi(2));
            if a < wanted {
                wanted = a;
                lead = Some((gap_m.max(0.0), other.along_mps));
            }
        }
        (wanted, lead)
    }

    /// A little aside in the lane, away from whoever comes near beside it, m.
    fn nudge_m(&self, here: Place, forecasts: &[Forecast], own: &Own) -> f64 {
        let h = &self.habits;
        let (mut left_m, mut right_m) = (f64::INFINITY, f64::INFINITY);
        for other in forecasts {
            let ahead_m = other.place.s_m - here.s_m;
            if ahead_m < -10.0 || ahead_m > 15.0 + 2.0 * own.speed_mps {
                continue;
            }
            let free_m = other.place.d_m.abs() - other.half_m.1 - h.half_width_m;
            if free_m < -0.2 {
                continue;
            }
            let side = if other.place.d_m > 0.0 { &mut left_m } else { &mut right_m };
            *side = side.min(free_m);
        }
        let wish_m = |free_m: f64| (0.9 - free_m).clamp(0.0, 0.7);
        match (left_m < 0.9, right_m < 0.9) {
            (true, true) => (left_m - right_m) / 2.0,
            (true, false) => -wish_m(left_m),
            (false, true) => wish_m(right_m),
            (false, false) => 0.0,
        }
    }

    fn forecasts(&self, here: Place, seen: &[Seen]) -> Vec<Forecast> {
        let mut all: Vec<Forecast> = Vec::with_capacity(seen.len().min(OTHERS_MAX));
        for other in seen.iter().filter(|o| is_finite(o)).take(OTHERS_MAX) {
            let goes_on = self.forecast(here, other, Will::GoOn);
            // A vehicle that comes at a slant may cross the way, or turn into it.
            let off_m = goes_on.place.d_m;
            let (heading_rad, _) = self.way.bend(goes_on.place.s_m);
            let slant = wrapped(other.heading_rad - heading_rad);
            let may_join = !goes_on.goes_along
                && !other.is_vulnerable
                && goes_on.along_mps.abs() > 0.5
                && slant.cos().abs() > 0.3
                && off_m * goes_on.across_mps < 0.0;
            all.push(goes_on);
            if may_join && all.len() < 2 * OTHERS_MAX {
                all.push(self.forecast(here, other, Will::Join));
            }
        }
        all
    }

    /// Along the way for whoever goes along it, straight on for whoever crosses it.
    fn forecast(&self, here: Place, other: &Seen, will: Will) -> Forecast {
        let mut near = self.near;
        let place = self.way.place(&mut near, other.centre);
        let (heading_rad, curvature) = self.way.bend(place.s_m);
        let (_, (cos, sin)) = self.way.point(Place { d_m: 0.0, ..place });
        let (vx, vy) = other.velocity_mps;
        let across_mps = vy * cos - vx * sin;
        let along_mps = (vx * cos + vy * sin) / (1.0 - curvature * place.d_m).clamp(0.5, 2.0);
        let speed = vx.hypot(vy);
        let turn_rad = wrapped(other.heading_rad - heading_rad);
        let goes_along = !other.is_vulnerable
            && (will == Will::Join || along_mps.abs() > 2.0 * across_mps.abs());
        let inwards = -place.d_m * across_mps > 0.0;
        // Whoever begins to come over is expected to do so with some resolve.
        let across_mps = if goes_along && inwards && across_mps.abs() > 0.1 {
            across_mps.signum() * across_mps.abs().max(0.8)
        } else {
            across_mps
        };
        let braking = other.acceleration_mps2.min(0.0);
        let (turn_sin, turn_cos) = turn_rad.sin_cos();
        let (own_sin, own_cos) = other.heading_rad.sin_cos();
        let mut poses = [(Point2::default(), 0.0, 0.0); STEPS];
        let mut end_m = place.d_m;
        for (i, pose) in poses.iter_mut().enumerate() {
            let t = (i + 1) as f64 * STEP_S;
            let braked_s = if braking < -0.3 { (-speed / braking).min(t) } else { 0.0 };
            let way_share = if speed > 0.1 && braking < -0.3 {
                (speed * braked_s + braking * braked_s * braked_s / 2.0) / speed
            } else {
                t
            };
            *pose = if goes_along {
                let mut d_m = place.d_m + across_mps * way_share.min(3.0);
                if inwards {
                    // It stops in the middle of the lane.
                    d_m = if place.d_m > 0.0 { d_m.max(0.0) } else { d_m.min(0.0) };
                }
                end_m = d_m;
                let s_m = place.s_m + along_mps * way_share;
                let (at, (x, y)) = self.way.point(Place { s_m, d_m });
                if will == Will::Join {
                    // It straightens as it comes to the middle.
                    let left = (d_m / place.d_m).clamp(0.0, 1.0);
                    let (sin, cos) = (turn_rad * left).sin_cos();
                    (at, y * cos + x * sin, x * cos - y * sin)
                } else {
                    (at, y * turn_cos + x * turn_sin, x * turn_cos - y * turn_sin)
                }
            } else {
                let at = Point2 {
                    x_m: other.centre.x_m + vx * way_share,
                    y_m: other.centre.y_m + vy * way_share,
                };
                (at, own_sin, own_cos)
            };
        }
        Forecast {
            now: (other.centre, own_sin, own_cos),
            speed_mps: speed,
            poses,
            half_m: other.half_m,
            reach_m: other.half_m.0.hypot(other.half_m.1),
            margin_m: if other.is_vulnerable { 0.5 } else { 0.25 },
            place,
            along_mps,
            across_mps,
            goes_along,
            end_m,
            is_beside: (place.s_m - here.s_m).abs() < other.half_m.0 + self.habits.nose_m,
        }
    }

    /// Until when an acceleration and an offset touch nobody, s; infinite if they never do.
    fn free_until_s(
        &self,
        own: &Own,
        here: Place,
        forecasts: &[Forecast],
        a: f64,
        offset_m: f64,
    ) -> f64 {
        let h = &self.habits;
        let (half_length_m, to_middle_m) =
            ((h.nose_m + h.tail_m) / 2.0, (h.nose_m - h.tail_m) / 2.0);
        let by_m = offset_m - here.d_m;
        let over_s = (6.0 * by_m.abs() / h.across_mps2).sqrt().max(0.5);
        // The harder it brakes, the less it keeps in hand.
        let spare_m = 0.3 + 1.2 * (1.0 + a.min(0.0) / h.braking_max_mps2);
        let (mut s_m, mut v) = (here.s_m, own.speed_mps.max(0.0));
        for i in 0..STEPS {
            let t = (i + 1) as f64 * STEP_S;
            let now = if t <= h.lag_s { own.acceleration_mps2 } else { a };
            // The step in which the brakes begin to bite counts in part.
            let biting = ((t - h.lag_s) / STEP_S).clamp(0.0, 1.0);
            let mean = own.acceleration_mps2 * (1.0 - biting) + now * biting;
            let after = (v + mean * STEP_S).max(0.0);
            s_m += (v + after) / 2.0 * STEP_S;
            v = after;
            let x = (t / over_s).min(1.0);
            let d_m = here.d_m + by_m * x * x * (3.0 - 2.0 * x);
            let slope = if v > 1.0 { by_m * 6.0 * x * (1.0 - x) / over_s / v } else { 0.0 };
            let (at, (along_x, along_y)) = self.way.point(Place { s_m, d_m });
            // Turned by the slope, which is small: its tangent is as good as its angle.
            let slope = slope.clamp(-0.4, 0.4);
            let scale = 1.0 / (1.0 + slope * slope).sqrt();
            let cos = (along_x - along_y * slope) * scale;
            let sin = (along_y + along_x * slope) * scale;
            let middle =
                Point2 { x_m: at.x_m + to_middle_m * cos, y_m: at.y_m + to_middle_m * sin };
            for other in forecasts {
                let (there, other_sin, other_cos) = other.poses[i];
                let (dx, dy) = (there.x_m - middle.x_m, there.y_m - middle.y_m);
                let far_m = half_length_m + h.half_width_m + other.reach_m + spare_m + 0.5;
                if dx * dx + dy * dy > far_m * far_m {
                    continue;
                }
                // What is beside it now keeps at its side; no more room along than it needs.
                let along_m = half_length_m + if other.is_beside { 0.1 } else { spare_m };
                let wide_m = h.half_width_m + other.margin_m;
                let is_behind = dx * cos + dy * sin <= -along_m - 0.5 * other.half_m.0;
                let theirs = (there, other_sin, other_cos);
                if !is_behind
                    && overlaps((middle, sin, cos), (along_m, wide_m), theirs, other.half_m)
                {
                    return t;
                }
            }
            if v <= 0.0 && forecasts.iter().all(|f| f.along_mps.abs() < 0.05) {
                break;
            }
        }
        // One that comes towards it in its way is met later, however hard it brakes.
        let comes = |f: &Forecast| {
            let ahead_m = f.place.s_m + f.along_mps * STEPS as f64 * STEP_S - s_m;
            let wide_m = h.half_width_m + f.half_m.1 + f.margin_m;
            f.along_mps < -1.0
                && f.goes_along
                && ahead_m > -1.0
                && (f.end_m - offset_m).abs() < wide_m
        };
        if forecasts.iter().any(comes) { STEPS as f64 * STEP_S } else { f64::INFINITY }
    }

    /// Back to the line, or to an offset from it, like a critically damped oscillator in the way
    /// driven (Hoffmann et al. 2007 and its kin); quicker when it evades.
    fn steer(&self, own: &Own, here: Place, offset_m: f64, evades: bool) -> f64 {
        let v = own.speed_mps.max(0.0);
        let length_m = if evades { (0.35 * v).max(2.2) } else { (0.6 * v).max(2.5) };
        let (_, bend) = self.way.bend(here.s_m + v * self.habits.cycle_s);
        let (heading_rad, _) = self.way.bend(here.s_m);
        let turn_rad = wrapped(own.heading_rad - heading_rad);
        let off_m = (here.d_m - offset_m).clamp(-length_m, length_m);
        let wanted = bend - off_m / (length_m * length_m) - 1.8 * turn_rad.sin() / length_m;
        let most = self.habits.across_mps2 / (v * v).max(1.0);
        let base = bend.abs();
        wanted.clamp(-most - base, most + base)
    }
}

/// True if two boxes overlap (middle, sine and cosine of its heading; half length, half width):
/// no side of either parts them.
fn overlaps(
    (own, sin, cos): (Point2, f64, f64),
    (along_m, wide_m): (f64, f64),
    (other, other_sin, other_cos): (Point2, f64, f64),
    (l, w): (f64, f64),
) -> bool {
    let (dx, dy) = (other.x_m - own.x_m, other.y_m - own.y_m);
    let (x, y) = (dx * cos + dy * sin, dy * cos - dx * sin);
    let c = (cos * other_cos + sin * other_sin).abs();
    let s = (cos * other_sin - sin * other_cos).abs();
    let (p, q) = (dx * other_cos + dy * other_sin, dy * other_cos - dx * other_sin);
    x.abs() < along_m + l * c + w * s
        && y.abs() < wide_m + l * s + w * c
        && p.abs() < l + along_m * c + wide_m * s
        && q.abs() < w + along_m * s + wide_m * c
}

fn is_finite(other: &Seen) -> bool {
    let n = [
        other.centre.x_m,
        other.centre.y_m,
        other.heading_rad,
        other.half_m.0,
        other.half_m.1,
        other.velocity_mps.0,
        other.velocity_mps.1,
        other.acceleration_mps2,
    ];
    n.iter().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn habits() -> Habits {
        Habits {
            nose_m: 3.9,
            tail_m: 1.1,
            half_width_m: 1.0,
            gap_m: 2.5,
            gap_s: 1.6,
            acceleration_mps2: 1.2,
            braking_mps2: 2.0,
            braking_max_mps2: 8.0,
            lag_s: 0.2,
            across_mps2: 4.0,
            cycle_s: 0.1,
        }
    }

    fn straight() -> Way {
        let points: Vec<Point2> =
            (0..500).map(|i| Point2 { x_m: f64::from(i), y_m: 0.0 }).collect();
        Way::new(&points, 1.0).unwrap()
    }

    fn car(x_m: f64, y_m: f64, vx: f64, vy: f64) -> Seen {
        Seen {
            centre: Point2 { x_m, y_m },
            heading_rad: vy.atan2(vx),
            half_m: (2.25, 0.9),
            velocity_mps: (vx, vy),
            acceleration_mps2: 0.0,
            is_vulnerable: false,
        }
    }

    /// Drives until it stands or for 20 s; the smallest gap to what the others do.
    fn drive(own: &mut Own, others: &mut [Seen], set_mps: f64) -> Vec<Why> {
        let mut cruise = Cruise::new(straight(), habits());
        let mut whys = Vec::new();
        for _ in 0..200 {
            let command = cruise.cycle(own, others, set_mps, 1.75, (5.0, 5.0));
            if whys.last() != Some(&command.why) {
                whys.push(command.why);
            }
            let after = (own.speed_mps + command.acceleration_mps2 * 0.1).max(0.0);
            let step_m = (own.speed_mps + after) / 2.0 * 0.1;
            own.heading_rad += command.curvature_1pm * step_m;
            own.at.x_m += step_m * own.heading_rad.cos();
            own.at.y_m += step_m * own.heading_rad.sin();
            own.acceleration_mps2 = command.acceleration_mps2;
            own.speed_mps = after;
            for other in others.iter_mut() {
                other.centre.x_m += other.velocity_mps.0 * 0.1;
                other.centre.y_m += other.velocity_mps.1 * 0.1;
                let (dx, dy) = (other.centre.x_m - own.at.x_m - 1.4, other.centre.y_m - own.at.y_m);
                assert!(dx.abs() > 2.5 + 2.2 || dy.abs() > 1.9, "{own:?} {other:?} {whys:?}");
            }
        }
        whys
    }

    fn start(speed_mps: f64) -> Own {
        let at = Point2 { x_m: 5.0, y_m: 0.0 };
        Own { at, heading_rad: 0.0, speed_mps, acceleration_mps2: 0.0 }
    }

    #[test]
    fn it_reaches_its_speed_and_keeps_its_lane() {
        let mut own = start(5.0);
        own.at.y_m = 0.8;
        assert_eq!(drive(&mut own, &mut [], 15.0), [Why::Free]);
        assert!((own.speed_mps - 15.0).abs() < 1.0 && own.at.y_m.abs() < 0.05, "{own:?}");
    }

    #[test]
    fn it_stops_behind_one_that_stands_and_follows_one_that_drives() {
        let mut own = start(16.0);
        drive(&mut own, &mut [car(150.0, 0.0, 0.0, 0.0)], 16.0);
        assert!(own.speed_mps < 0.1 && own.at.x_m < 144.0 && own.at.x_m > 135.0, "{own:?}");
        let mut own = start(16.0);
        drive(&mut own, &mut [car(40.0, 0.0, 8.0, 0.0)], 16.0);
        assert!((own.speed_mps - 8.0).abs() < 1.0, "{own:?}");
    }

    #[test]
    fn it_evades_one_that_comes_towards_it() {
        let mut own = start(14.0);
        let whys = drive(&mut own, &mut [car(200.0, 0.0, -14.0, 0.0)], 14.0);
        assert!(whys.contains(&Why::Evades), "{whys:?}");
    }

    #[test]
    fn numbers_that_are_none_are_left_out() {
        let mut cruise = Cruise::new(straight(), habits());
        let odd = Seen { centre: Point2 { x_m: f64::NAN, y_m: 0.0 }, ..car(9.0, 0.0, 0.0, 0.0) };
        let command = cruise.cycle(&start(10.0), &[odd], 10.0, 1.75, (5.0, 5.0));
        assert!(command.acceleration_mps2.is_finite() && command.curvature_1pm.is_finite());
        assert!(Way::new(&[], 1.0).is_none());
    }
}
