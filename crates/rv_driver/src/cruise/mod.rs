//! Drives along a given line at a set speed among others: keeps its lane and its distance, brakes
//! as hard as it must, and evades if braking is not enough.
//!
//! Light enough for a hundred thousand scenarios: each cycle rolls a few accelerations out against
//! what the others are expected to do, the gentlest first, and takes the first that touches nobody;
//! aside from the lane only if none does. Distances in the lane are kept by the intelligent driver
//! model (Treiber, Hennecke and Helbing 2000). No state grows from cycle to cycle.

mod forecast;
mod way;

use rv_base::Point2;

use forecast::{Eye, Forecast, Mind};
use way::wrapped;
pub use way::{Place, Way};

/// Step of a roll-out, s.
const STEP_S: f64 = 0.2;
/// Steps of a roll-out.
const STEPS: usize = 25;

/// How fast braking is let go, m/s3.
const EASE_MPS3: f64 = 10.0;

/// Somebody beside it who is left behind within this time is passed rather than braked for, s.
const PASSES_S: f64 = 0.8;

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

impl Own {
    /// True if these are numbers that a vehicle can have.
    fn is_sane(&self) -> bool {
        let near = |x: f64, most: f64| x.abs() < most;
        near(self.at.x_m, 1e8)
            && near(self.at.y_m, 1e8)
            && near(self.heading_rad, 1e6)
            && near(self.speed_mps, 1e3)
            && near(self.acceleration_mps2, 1e3)
    }
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
    /// How hard it braked in the last cycle so as to touch nobody, m/s2, zero or less.
    braked_mps2: f64,
    expects: Vec<Forecast>,
    /// What they do if they go on as they move now; kept for its memory.
    moves_on: Vec<Forecast>,
    lead: Option<(f64, f64)>,
}

/// What there is to decide about in a cycle.
#[derive(Clone, Copy, Debug)]
struct Task {
    own: Own,
    here: Place,
    /// What free driving and following ask for, m/s2.
    free_mps2: f64,
    /// Where in the lane it would drive, m.
    nudge_m: f64,
    /// How far it may go aside in its lane, m.
    room_m: f64,
    /// How much road there is to the left and right of the line, m.
    sides_m: (f64, f64),
}

/// Something that may be done.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Choice {
    acceleration_mps2: f64,
    offset_m: f64,
    evades: bool,
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
            braked_mps2: 0.0,
            expects: Vec::new(),
            moves_on: Vec::new(),
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
        sides_m: (f64, f64),
    ) -> Command {
        if !own.is_sane() || !set_mps.is_finite() {
            // Nothing is known of now: it slows down, straight on.
            let acceleration_mps2 = -self.habits.braking_mps2;
            let why = Why::CannotAvoid;
            return Command { acceleration_mps2, curvature_1pm: 0.0, offset_m: 0.0, why };
        }
        let here = self.way.place(&mut self.near, own.at);
        let mut wary = std::mem::take(&mut self.expects);
        let mut plain = std::mem::take(&mut self.moves_on);
        let Habits { nose_m, tail_m, .. } = self.habits;
        let eye = Eye { way: &self.way, near: self.near, here, nose_m, tail_m };
        eye.look(seen, Mind::Wary, &mut wary);
        let (free_mps2, lead) = self.wanted_mps2(own, here, &wary, set_mps);
        let room_m = (lane_half_m - self.habits.half_width_m - 0.1).max(0.0);
        let nudge_m = self.nudge_m(here, &wary, own).clamp(-room_m, room_m);
        let task = Task { own: *own, here, free_mps2, nudge_m, room_m, sides_m };
        let mut latest = (0.0, Choice { acceleration_mps2: 0.0, offset_m: nudge_m, evades: false });
        let choice = self
            .stay_aside(&task, &wary)
            .or_else(|| self.brake(&task, &wary, &mut latest))
            .or_else(|| {
                eye.look(seen, Mind::Plain, &mut plain);
                self.pass(&task, &plain)
            })
            .or_else(|| self.evasion(&task, &wary, &mut latest))
            .or_else(|| self.brake(&task, &plain, &mut latest))
            .or_else(|| self.evasion(&task, &plain, &mut latest));
        let hardest = -self.habits.braking_max_mps2;
        let choice = choice.map(|choice| self.ease(&task, &wary, choice));
        let (choice, why) = match choice {
            Some(choice) if choice.evades => (choice, Why::Evades),
            Some(choice) if choice.acceleration_mps2 <= hardest + 0.5 => (choice, Why::Emergency),
            Some(choice) if choice.acceleration_mps2 < free_mps2 - 1e-9 => (choice, Why::Brakes),
            Some(choice) if lead.is_some() => (choice, Why::Follows),
            Some(choice) => (choice, Why::Free),
            None => {
                let is_past = self.is_nearly_past(&task, &wary);
                let acceleration_mps2 = if is_past { free_mps2.max(0.0) } else { hardest };
                (Choice { acceleration_mps2, ..latest.1 }, Why::CannotAvoid)
            }
        };
        let Choice { acceleration_mps2, offset_m, evades } = choice;
        let curvature_1pm = self.steer(own, here, offset_m, evades);
        (self.lead, self.offset_m, self.curvature_1pm) = (lead, offset_m, curvature_1pm);
        self.braked_mps2 =
            if matches!(why, Why::Free | Why::Evades) { 0.0 } else { acceleration_mps2.min(0.0) };
        (self.expects, self.moves_on) = (wary, plain);
        Command { acceleration_mps2, curvature_1pm, offset_m, why }
    }

    /// Braking once begun is let go little by little, if that touches nobody, either, and can still
    /// end before whoever is ahead: what one who comes over does next is hard to tell.
    fn ease(&self, task: &Task, forecasts: &[Forecast], choice: Choice) -> Choice {
        let h = &self.habits;
        let eased_mps2 = self.braked_mps2 + EASE_MPS3 * h.cycle_s;
        if eased_mps2 >= 0.0 || choice.evades || choice.acceleration_mps2 <= eased_mps2 {
            return choice;
        }
        let stop_m = task.own.speed_mps.powi(2) / (2.0 * h.braking_max_mps2);
        let mut free_m = forecasts.iter().filter_map(|f| {
            let ahead_m = f.place.s_m - task.here.s_m;
            (ahead_m > 0.0).then_some(ahead_m - f.extent_m.0 - h.nose_m)
        });
        let nearest_m = free_m.next().map(|first| free_m.fold(first, f64::min));
        let can_stop = nearest_m.is_some_and(|m| m > stop_m);
        if can_stop && self.free_until_s(task, forecasts, eased_mps2, choice.offset_m).is_infinite()
        {
            return Choice { acceleration_mps2: eased_mps2, ..choice };
        }
        choice
    }

    /// Aside it stays until whoever it evaded is past.
    fn stay_aside(&self, task: &Task, forecasts: &[Forecast]) -> Option<Choice> {
        let offset_m = self.offset_m;
        let is_aside = offset_m.abs() > task.room_m + 0.3
            && self.is_in_way(&task.own, task.here, forecasts, task.nudge_m);
        let tried = [task.free_mps2.clamp(-2.0, 0.0), -4.0, -self.habits.braking_max_mps2];
        let free = |a: &f64| self.free_until_s(task, forecasts, *a, offset_m).is_infinite();
        let acceleration_mps2 = tried.into_iter().filter(|_| is_aside).find(free)?;
        Some(Choice { acceleration_mps2, offset_m, evades: true })
    }

    /// True if somebody is beside it and soon left behind: to brake would only keep him there.
    fn is_nearly_past(&self, task: &Task, forecasts: &[Forecast]) -> bool {
        let h = &self.habits;
        forecasts.iter().any(|f| {
            let ahead_m = f.place.s_m - task.here.s_m;
            let is_beside = ahead_m - f.extent_m.0 < h.nose_m && ahead_m + f.extent_m.0 > -h.tail_m;
            let faster_mps = task.own.speed_mps - f.along_mps;
            is_beside && ahead_m + f.extent_m.0 + h.tail_m < PASSES_S * faster_mps
        })
    }

    /// In the lane, the gentlest acceleration that touches nobody.
    fn brake(
        &self,
        task: &Task,
        forecasts: &[Forecast],
        latest: &mut (f64, Choice),
    ) -> Option<Choice> {
        let hardest = -self.habits.braking_max_mps2;
        let mut acceleration_mps2 = task.free_mps2.max(hardest);
        loop {
            let choice = Choice { acceleration_mps2, offset_m: task.nudge_m, evades: false };
            let until_s = self.free_until_s(task, forecasts, acceleration_mps2, task.nudge_m);
            if until_s.is_infinite() {
                return Some(choice);
            }
            if until_s > latest.0 {
                *latest = (until_s, choice);
            }
            if acceleration_mps2 <= hardest {
                return None;
            }
            acceleration_mps2 = (acceleration_mps2.min(0.0) - 1.0).max(hardest);
        }
    }

    /// Past somebody who comes over slowly, if it is past before it is touched.
    fn pass(&self, task: &Task, forecasts: &[Forecast]) -> Option<Choice> {
        let acceleration_mps2 = task.free_mps2.max(-1.0);
        let is_free =
            self.free_until_s(task, forecasts, acceleration_mps2, task.nudge_m).is_infinite();
        is_free.then_some(Choice { acceleration_mps2, offset_m: task.nudge_m, evades: false })
    }

    /// A way aside that touches nobody: rolled out as it will be steered, too, if there is one
    /// like that. To the right first, where a road has its shoulder.
    fn evasion(
        &self,
        task: &Task,
        forecasts: &[Forecast],
        latest: &mut (f64, Choice),
    ) -> Option<Choice> {
        let h = &self.habits;
        let mut unproven = None;
        for (side_m, sign) in [(task.sides_m.1, -1.0), (task.sides_m.0, 1.0)] {
            let most_m = side_m - h.half_width_m - 0.2;
            for share in [0.4, 0.7, 1.0] {
                let offset_m = sign * most_m.min(4.0) * share;
                if most_m <= 0.0 || offset_m.abs() < 0.3 {
                    continue;
                }
                for a in [task.free_mps2.clamp(-2.0, 0.0), -4.0, -h.braking_max_mps2] {
                    let choice = Choice { acceleration_mps2: a, offset_m, evades: true };
                    let until_s = self.free_until_s(task, forecasts, a, offset_m);
                    if until_s.is_infinite() {
                        if self.is_free_as_steered(&task.own, forecasts, a, offset_m) {
                            return Some(choice);
                        }
                        unproven = unproven.or(Some(choice));
                    } else if until_s > latest.0 + 0.3 {
                        *latest = (until_s, choice);
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
            let wide_m = h.half_width_m + f.extent_m.1 + 0.5;
            let closing = (own.speed_mps - f.along_mps).max(0.0);
            let ahead_m = f.place.s_m - here.s_m;
            (f.place.d_m - offset_m).abs() < wide_m
                && ahead_m > -(f.extent_m.0 + h.tail_m + 2.0)
                && ahead_m < f.extent_m.0 + h.nose_m + 5.0 + 3.0 * closing
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
            let reach_m = h.half_width_m + other.extent_m.1 + 0.3;
            let gap_m = other.place.s_m - other.extent_m.0 - (here.s_m + h.nose_m);
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
            let free_m = other.place.d_m.abs() - other.extent_m.1 - h.half_width_m;
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

    /// Until when an acceleration and an offset touch nobody, s; infinite if they never do.
    fn free_until_s(&self, task: &Task, forecasts: &[Forecast], a: f64, offset_m: f64) -> f64 {
        let Task { own, here, .. } = task;
        let h = &self.habits;
        let (half_length_m, to_middle_m) =
            ((h.nose_m + h.tail_m) / 2.0, (h.nose_m - h.tail_m) / 2.0);
        let by_m = offset_m - here.d_m;
        let over_s = (6.0 * by_m.abs() / h.across_mps2).sqrt().max(0.5);
        // Whoever is behind must keep the distance, but for one in the lane gone over to.
        let keeps_lane = by_m.abs() < 0.7;
        let is_left_to = |f: &Forecast| {
            let wide_m = h.half_width_m + f.extent_m.1;
            f.follows && (keeps_lane || (f.place.d_m - here.d_m).abs() < wide_m)
        };
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
            for other in forecasts.iter().filter(|f| !is_left_to(f)) {
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
            let wide_m = h.half_width_m + f.half_m.1 + f.margin_m;
            f.comes_on && f.end.s_m - s_m > -1.0 && (f.end.d_m - offset_m).abs() < wide_m
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
    fn it_passes_one_who_comes_over_slowly_instead_of_braking_into_him() {
        let mut own = start(14.0);
        let whys = drive(&mut own, &mut [car(17.0, 3.3, 5.0, -0.5)], 14.0);
        assert_eq!(whys, [Why::Free], "{own:?}");
    }

    #[test]
    fn it_keeps_its_gap_to_one_who_lies_across_its_lane() {
        let mut own = start(10.0);
        let across = Seen {
            heading_rad: std::f64::consts::FRAC_PI_2,
            half_m: (4.5, 1.25),
            ..car(70.0, -3.0, 0.0, 0.0)
        };
        drive(&mut own, &mut [across], 10.0);
        let gap_m = 70.0 - 1.25 - (own.at.x_m + habits().nose_m);
        assert!(own.speed_mps < 0.1 && (2.0..6.0).contains(&gap_m), "{own:?} {gap_m}");
    }

    #[test]
    fn braking_once_begun_is_let_go_little_by_little() {
        let mut cruise = Cruise::new(straight(), habits());
        let own = start(15.0);
        let mut look = |other| cruise.cycle(&own, &[other], 15.0, 1.75, (5.0, 5.0));
        let hard = look(car(36.0, 0.0, 0.0, 0.0)).acceleration_mps2;
        assert!(hard < -5.0, "{hard}");
        let aside = look(car(36.0, 5.0, 0.0, 0.0)).acceleration_mps2;
        assert!((aside - hard - EASE_MPS3 * 0.1).abs() < 1e-6, "{hard} {aside}");
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
