//! The search for a plan: proposals, lazily and best first, each bent, timed, rolled out and checked;
//! a way on or a stop if none reaches the goal.

use super::forecast::{View, forecast, wary};
use super::geometry::{Body, ahead};
use super::modes::{Mode, modes};
use super::path::{Path, STEP_M};
use super::planner::{Kind, Outlook, Plan, Planner};
use super::proposal::{Base, Shift, bend, shifts};
use super::record::{Cycle, Ending, note};
use super::road::Road;
use super::speed::{Blocked, Profile, Room, SpeedSearch, Target};
use super::track::follow;
use super::vehicle::State;

/// Proposals after which a way to the goal without a stop after it is taken.
const PROPOSALS_MAX: usize = 24;
/// Added to the cost of a plan after which no stop was found that touches nothing.
const NO_STOP_COST: f64 = 10.0;
/// Added for a plan that touches somebody for certain, times how probable that is.
const RISK_COST: f64 = 20.0;

impl Planner {
    /// Looks through the proposals from a given one on for the best plan, and makes do without a
    /// way to the goal if told to. Also says at which proposal the work ran out.
    pub(super) fn search(
        &mut self,
        road: &Road,
        now: i64,
        state: &State,
        outlook: Outlook<'_>,
        (from, make_do): (usize, bool),
        cycle: &mut Cycle,
    ) -> (Option<Plan>, Option<usize>) {
        let dt_s = self.options.dt_s;
        let last = self.goals.last_step().map_or(self.options.horizon_steps as i64, |l| l - now);
        let n = last.clamp(1, ((30.0 / dt_s) as i64).max(1)) as usize;
        let horizon_s = n as f64 * dt_s;
        let reach_m =
            (state.speed_mps * horizon_s + 1.5 * horizon_s.min(6.0).powi(2) + 40.0).min(1500.0);
        let bases =
            self.ways.bases(road, &self.vehicle, state, &self.goals, reach_m, &mut cycle.work);
        let shifts = shifts(&bases, &self.goals, state);
        let can_meet: Vec<bool> =
            bases.iter().map(|b| b.can_meet(&self.goals, state, now, dt_s)).collect();
        let forecasts;
        let view = match outlook {
            Outlook::Known(view) => view,
            Outlook::Seen(seen) => {
                forecasts = forecast(road, seen, n, dt_s);
                View { futures: &forecasts, now: 0 }
            }
        };
        let hard = match outlook {
            Outlook::Known(_) => usize::MAX,
            Outlook::Seen(_) => self.options.hard_steps,
        };
        let slack_m = self.slack_m(outlook);
        let modes = match outlook {
            Outlook::Known(_) => Vec::new(),
            Outlook::Seen(seen) => {
                modes(road, &self.near(seen, state, hard), state.rear, hard, dt_s)
            }
        };
        let modes = modes.as_slice();
        let lateral_mps2 = self.options.lateral_mps2.0;
        let scene =
            Scene { road, now, state, view, modes, n, hard, reach_m, slack_m, lateral_mps2 };
        let mut best: Option<Plan> = None;
        let mut n_good = 0;
        let mut up_to = None;
        let (calm, brisk) = self.options.lateral_mps2;
        let passes = shifts.iter().map(|s| (s, calm)).chain(shifts.iter().map(|s| (s, brisk)));
        for (i, (shift, lateral_mps2)) in passes.enumerate().skip(from) {
            if n_good >= 2 || best.is_some() && lateral_mps2 > calm {
                break;
            }
            if cycle.work > self.options.work_max {
                up_to = Some(i);
                break;
            }
            let is_goal_known = best.as_ref().is_some_and(|b| b.kind == Kind::Goal);
            if is_goal_known && (shift.rank > 20.0 || cycle.n_proposals > PROPOSALS_MAX) {
                break;
            }
            let base = &bases[shift.base];
            if !can_meet[shift.base] {
                continue;
            }
            cycle.n_proposals += 1;
            let scene = Scene { lateral_mps2, ..scene };
            let found = self.propose(&scene, base, shift, true, &mut cycle.work);
            note(&mut cycle.tried, shift, &found);
            let Ok(plan) = found else { continue };
            n_good += usize::from(plan.kind == Kind::Goal && !plan.stop_after.is_empty());
            if best.as_ref().is_none_or(|b| plan.cost < b.cost) {
                best = Some(plan);
            }
        }
        if best.is_none() && make_do {
            // With no goal in reach, whoever may come over is given way to.
            let mut all = Vec::new();
            let scene = match outlook {
                Outlook::Known(_) => scene,
                Outlook::Seen(seen) => {
                    all.extend_from_slice(view.futures);
                    all.extend(wary(road, &self.near(seen, state, hard), scene.n, dt_s));
                    Scene { view: View { futures: &all, ..view }, ..scene }
                }
            };
            best = self.make_do(&scene, &bases, &shifts, cycle);
        }
        (best, up_to)
    }

    /// No way to the goal: the best way on, else a stop.
    fn make_do(
        &self,
        scene: &Scene<'_>,
        bases: &[Base],
        shifts: &[Shift],
        cycle: &mut Cycle,
    ) -> Option<Plan> {
        let scene = Scene { n: scene.n.min(self.options.horizon_steps), ..*scene };
        let mut work = 0;
        let mut paths = Vec::new();
        for shift in shifts.iter().take(14) {
            let found = self.propose(&scene, &bases[shift.base], shift, false, &mut work);
            note(&mut cycle.tried, shift, &found);
            if let Ok(plan) = found {
                cycle.work += work;
                return Some(plan);
            }
            if work > self.options.work_max / 2 {
                break;
            }
            if paths.len() < 3 {
                paths.extend(bend(
                    &self.vehicle,
                    &bases[shift.base],
                    shift,
                    scene.state,
                    scene.reach_m,
                ));
            }
        }
        cycle.work += work;
        self.stop(&scene, &paths, &mut cycle.work)
    }

    /// The gentlest stop that touches no one; else the one that touches latest, and of
    /// those the slowest.
    fn stop(&self, scene: &Scene<'_>, paths: &[Path], work: &mut u64) -> Option<Plan> {
        let dt_s = self.options.dt_s;
        let straight = || {
            let points: Vec<_> = (0..200)
                .map(|i| {
                    let way = f64::from(i);
                    ahead(scene.state.rear, scene.state.heading_rad, way)
                })
                .collect();
            Path::exact(&points)
        };
        let mut best: Option<Plan> = None;
        'paths: for path in paths.iter().cloned().chain(straight()) {
            for brake in [0.0, 2.0, 4.0, 7.0, 11.0] {
                let steps = self.options.horizon_steps;
                *work += steps as u64 * 2;
                let accelerations = vec![-brake; steps];
                let (states, inputs) =
                    follow(&self.vehicle, &path, scene.state, &accelerations, dt_s);
                let touch = self.first_touch(&states, scene.view, scene.slack_m);
                let edge = states.iter().position(|s| !scene.road.is_clear(&s.body(&self.vehicle)));
                let until =
                    touch.unwrap_or(usize::MAX).min(edge.filter(|e| *e > 0).unwrap_or(usize::MAX));
                let touches_after = (until != usize::MAX).then_some(until);
                let is_better = best.as_ref().is_none_or(|b| {
                    b.touches_after.is_some_and(|t| {
                        until > t || until == t && states[t].speed_mps < b.states[t].speed_mps
                    })
                });
                if is_better {
                    best = Some(Plan {
                        kind: Kind::Stop,
                        states,
                        inputs,
                        stop_after: Vec::new(),
                        made_at: scene.now,
                        cost: f64::INFINITY,
                        touches_after,
                    });
                    if touches_after.is_none() {
                        break 'paths;
                    }
                }
            }
        }
        best
    }

    /// A whole plan along one proposal, checked, or why there is none.
    fn propose(
        &self,
        scene: &Scene<'_>,
        base: &Base,
        shift: &Shift,
        to_goal: bool,
        work: &mut u64,
    ) -> Result<Plan, Ending> {
        let path =
            bend(&self.vehicle, base, shift, scene.state, scene.reach_m).ok_or(Ending::NoPath)?;
        *work += path.points().len() as u64 / 4;
        let targets = if to_goal { self.targets(scene, &path) } else { Vec::new() };
        if to_goal && targets.is_empty() && !self.goals.any_of.is_empty() {
            return Err(Ending::NoGoal);
        }
        let limit_mps = self.limits(scene, &path);
        if !targets.is_empty() && !self.is_in_reach(scene, &limit_mps, &targets) {
            return Err(Ending::TooFar);
        }
        let wall_m = self.wall_m(scene, &path);
        if !targets.is_empty() && targets.iter().all(|t| t.first_m() > wall_m) {
            return Err(Ending::RoadEnds);
        }
        for (side_m, along_m) in [(0.12, 0.3), (0.4, 0.9)] {
            let room = Room { side_m: side_m + scene.slack_m, along_m: along_m + scene.slack_m };
            *work += (scene.n * scene.view.futures.len() / 16) as u64;
            let blocked = Blocked::build(&path, &self.vehicle, scene.view, scene.n, room);
            let search = SpeedSearch {
                vehicle: &self.vehicle,
                dt_s: self.options.dt_s,
                s_m: 0.0,
                speed_mps: scene.state.speed_mps,
                n: scene.n,
                limit_mps: &limit_mps,
                blocked: &blocked,
                soft_from: scene.hard,
                targets: &targets,
                wall_m,
                wanted_mps: scene.state.speed_mps.max(3.0),
                is_brisk: scene.lateral_mps2 > self.options.lateral_mps2.0,
            };
            let profile = search.run(work);
            if !profile.is_goal {
                return Err(Ending::NoSpeed);
            }
            match self.roll_out(scene, &path, &profile, shift, to_goal, work) {
                Rolled::Fine(plan) => return Ok(*plan),
                Rolled::Touches => {}
                Rolled::Fails => return Err(Ending::Fails),
            }
        }
        Err(Ending::Touches)
    }

    fn roll_out(
        &self,
        scene: &Scene<'_>,
        path: &Path,
        profile: &Profile,
        shift: &Shift,
        to_goal: bool,
        work: &mut u64,
    ) -> Rolled {
        let dt_s = self.options.dt_s;
        let mut accelerations = profile.accelerations_mps2.clone();
        *work += accelerations.len() as u64 * 2;
        // A few steps more, in case the goal is met a little late.
        let spare = if to_goal && !self.goals.any_of.is_empty() { 4 } else { 0 };
        accelerations.extend(std::iter::repeat_n(0.0, spare));
        let (mut states, mut inputs) =
            follow(&self.vehicle, path, scene.state, &accelerations, dt_s);
        let mut kind = Kind::Onward;
        if to_goal && !self.goals.any_of.is_empty() {
            let reached = (0..states.len())
                .find(|k| self.goals.is_reached(&self.vehicle, &states[*k], scene.now + *k as i64));
            let Some(reached) = reached else { return Rolled::Fails };
            states.truncate(reached + 1);
            inputs.truncate(reached);
            kind = Kind::Goal;
        }
        let hard = states.len().min(scene.hard.saturating_add(1));
        if self.first_touch(&states[..hard], scene.view, scene.slack_m).is_some() {
            return Rolled::Touches;
        }
        if states.iter().skip(1).any(|s| !scene.road.is_clear(&s.body(&self.vehicle).grown(0.01))) {
            return Rolled::Fails;
        }
        let stop_after = self.stop_after(scene, path, &states, work);
        let is_open_ended = stop_after.is_empty();
        *work += (scene.modes.len() * hard / 16) as u64;
        let risk = self.risk(scene, &states[..hard]);
        Rolled::Fine(Box::new(Plan {
            kind,
            states,
            inputs,
            stop_after,
            made_at: scene.now,
            cost: profile.cost
                + shift.rank
                + RISK_COST * risk
                + if is_open_ended { NO_STOP_COST } else { 0.0 },
            touches_after: None,
        }))
    }

    /// How probably some states touch somebody who does not do the likeliest; the later, the less
    /// it counts, as there is the more time to think anew.
    fn risk(&self, scene: &Scene<'_>, states: &[State]) -> f64 {
        let touch = |mode: &Mode| {
            let view = View { futures: std::slice::from_ref(&mode.future), now: 0 };
            self.first_touch(states, view, 0.0)
        };
        let share = |at: usize| 1.0 - at as f64 / states.len().max(1) as f64;
        scene.modes.iter().filter_map(|m| Some(m.probability * share(touch(m)?))).sum()
    }

    /// The gentlest stop along a path after some states that touches nothing.
    fn stop_after(
        &self,
        scene: &Scene<'_>,
        path: &Path,
        states: &[State],
        work: &mut u64,
    ) -> Vec<State> {
        let Some(last) = states.last() else { return Vec::new() };
        let n = states.len() - 1;
        for brake_mps2 in [2.5, 5.0, 8.0] {
            let steps = (last.speed_mps / brake_mps2 / self.options.dt_s).ceil() as usize + 2;
            let accelerations = vec![-brake_mps2; steps.min(200)];
            *work += accelerations.len() as u64 * 3;
            let (stop, _) = follow(&self.vehicle, path, last, &accelerations, self.options.dt_s);
            let hard = scene.hard.saturating_sub(n).min(stop.len() - 1);
            let view = View { now: scene.view.now + n, ..scene.view };
            let touches = self.first_touch(&stop[..=hard], view, scene.slack_m).is_some()
                || stop.iter().any(|s| !scene.road.is_clear(&s.body(&self.vehicle)));
            if !touches {
                return stop;
            }
        }
        Vec::new()
    }

    fn targets(&self, scene: &Scene<'_>, path: &Path) -> Vec<Target> {
        let ahead_m = self.vehicle.rear_axle_m;
        self.goals
            .any_of
            .iter()
            .filter_map(|goal| {
                let places = if goal.rings.is_empty() && goal.heading_rad.is_none() {
                    Vec::new()
                } else {
                    let (lo, hi) = goal.bounds();
                    path.points()
                        .iter()
                        .map(|p| {
                            let c = p.shifted(ahead_m, 0.0);
                            (lo.x_m..=hi.x_m).contains(&c.x_m)
                                && (lo.y_m..=hi.y_m).contains(&c.y_m)
                                && goal.holds_place(c, p.heading_rad, 0.01)
                        })
                        .collect()
                };
                let steps = (goal.steps.0 - scene.now, goal.steps.1 - scene.now);
                let speed =
                    goal.speed_mps.map_or((f64::NEG_INFINITY, f64::INFINITY), |(lo, hi)| {
                        let margin = 0.05_f64.min((hi - lo).abs() / 4.0);
                        (lo + margin, hi - margin)
                    });
                Target::new(steps, places, speed)
            })
            .collect()
    }

    /// False if no target can be reached in time even with the road to itself.
    fn is_in_reach(&self, scene: &Scene<'_>, limit_mps: &[f64], targets: &[Target]) -> bool {
        let vehicle = &self.vehicle;
        let late = targets.iter().map(|t| t.steps.1).max().unwrap_or(0);
        let late_s = late as f64 * self.options.dt_s;
        let (mut time_s, mut v) = (0.0, scene.state.speed_mps);
        for (i, limit) in limit_mps.iter().enumerate() {
            let way_m = i as f64 * STEP_M;
            if targets.iter().any(|t| t.first_m() <= way_m && time_s <= t.late_s(self.options.dt_s))
            {
                return true;
            }
            let power = (vehicle.switch_mps / v.max(vehicle.switch_mps)).min(1.0);
            let a = vehicle.acceleration_max_mps2 * power;
            let next = (v * v + 2.0 * a * STEP_M).sqrt().min(limit.max(v - 2.0) + 1.5);
            time_s += 2.0 * STEP_M / (v + next).max(0.1);
            v = next;
            if time_s > late_s {
                return false;
            }
        }
        true
    }

    /// How far along a path the vehicle stays on the road.
    fn wall_m(&self, scene: &Scene<'_>, path: &Path) -> f64 {
        let points = path.points();
        let body = |i: usize| {
            let p = points[i];
            Body {
                centre: p.shifted(self.vehicle.rear_axle_m, 0.0),
                heading_rad: p.heading_rad,
                half_length_m: self.vehicle.length_m / 2.0,
                half_width_m: self.vehicle.width_m / 2.0,
            }
        };
        let first_clear = (0..points.len()).find(|i| scene.road.is_clear(&body(*i))).unwrap_or(0);
        // An edge crossed while the bend out of the present place is driven ends the proposal.
        let from = if first_clear <= 4 { first_clear } else { 0 };
        (from..points.len())
            .step_by(2)
            .find(|i| !scene.road.is_clear(&body(*i)))
            .map_or(path.length_m(), |i| (i as f64 - 2.0) * STEP_M)
    }

    /// The highest speed at each point of a path: bends, steering rate, top speed.
    fn limits(&self, scene: &Scene<'_>, path: &Path) -> Vec<f64> {
        let points = path.points();
        let rate = self.vehicle.steering_rate_max_radps * 0.9;
        let wheelbase_m = self.vehicle.wheelbase_m();
        let steering: Vec<f64> =
            points.iter().map(|p| (p.curvature_1pm * wheelbase_m).atan()).collect();
        let mut limits: Vec<f64> = (0..points.len())
            .map(|i| {
                let (a, b) = (i.saturating_sub(2), (i + 2).min(points.len() - 1));
                let sharpness =
                    (steering[b] - steering[a]).abs() / ((b - a).max(1) as f64 * STEP_M);
                let bend = points[i].curvature_1pm.abs().max(1e-6);
                let turning = (scene.lateral_mps2 / bend).sqrt();
                turning.min(rate / sharpness.max(1e-6)).min(self.vehicle.speed_max_mps - 0.1)
            })
            .collect();
        // Near the vehicle its present speed is a fact.
        for i in (0..limits.len().saturating_sub(1)).rev() {
            limits[i] = limits[i].min((limits[i + 1] * limits[i + 1] + 2.0 * 6.0 * STEP_M).sqrt());
        }
        limits
    }
}

enum Rolled {
    Fine(Box<Plan>),
    Touches,
    Fails,
}

/// What a search works on.
#[derive(Clone, Copy)]
struct Scene<'a> {
    road: &'a Road,
    now: i64,
    state: &'a State,
    view: View<'a>,
    /// What others may do besides.
    modes: &'a [Mode],
    n: usize,
    hard: usize,
    reach_m: f64,
    slack_m: f64,
    lateral_mps2: f64,
}
