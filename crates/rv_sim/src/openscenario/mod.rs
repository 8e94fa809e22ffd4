//! Plays OpenSCENARIO scenarios: everybody moves as the story says, step by step.
//!
//! The order of things in a step is that of esmini, so that both give the same traces: triggers,
//! actions (those of the beginning first), then whoever has not been moved by an action goes on
//! along its lane, then contacts are looked for. One who takes part may be driven from outside
//! ([`Player::step`] with a move); actions that would move it are then left aside.

mod actions;
mod change;
mod conditions;
pub mod disk;
pub mod drive;
mod line;
mod places;
pub mod reference;
mod roads;
mod stand_in;
mod story;
mod synchronize;
pub mod trace;

use std::collections::BTreeMap;

use rv_base::Point2;
use rv_import::openscenario::{Entity, EntityIdx, Scenario};

use actions::Run;
use conditions::TriggerState;
pub use line::Line;
pub use roads::{Pose, Roads, Spot};
use stand_in::StandIn;
use story::Node;

/// Slowest speed that counts as moving, m/s.
const STANDS_MPS: f64 = 1e-3;

/// Why a scenario cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// A road that is not in the map.
    #[error("there is no road `{0}` in the map")]
    NoRoad(String),
    /// A lane that is not at that place of the road.
    #[error("road `{road}` has no lane {lane} at {s} m")]
    NoLane {
        /// The road.
        road: String,
        /// The lane.
        lane: i64,
        /// Where, m.
        s: String,
    },
    /// A route along which no way leads.
    #[error("no way leads along the route")]
    NoWay,
    /// A step that is not a time.
    #[error("a step of {0} s is not within 0.001 to 1 s")]
    Step(String),
    /// Nobody to be driven.
    #[error("no entity is named ego, and none has a controller")]
    NoEgo,
    /// Numbers that are not finite.
    #[error("{0} is at no finite place")]
    NotFinite(String),
}

/// One who takes part, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Mover {
    /// Its reference point (the rear axle of vehicles) and heading.
    pub pose: Pose,
    /// Speed along its heading, m/s.
    pub speed_mps: f64,
    /// Change of speed in the last step, m/s2.
    pub acceleration_mps2: f64,
    /// Way gone, m.
    pub traveled_m: f64,
    /// Its place on the road, if it is on one.
    pub spot: Option<Spot>,
    /// False once it has been taken away.
    pub is_there: bool,
    /// Heading beyond that of its lane, rad.
    turn_rad: f64,
    /// Roads of its route.
    route: Vec<usize>,
    /// How far along the line that it follows it is, m.
    on_line: Option<f64>,
    /// Since when it has stood, s.
    stands_since_s: Option<f64>,
    /// True if an action has moved it in this step.
    moved: bool,
    /// How fast it came forward in the step before, m/s.
    came_mps: f64,
}

/// A contact of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Touch {
    /// When it began, s.
    pub at_s: f64,
    /// Who.
    pub a: EntityIdx,
    /// With whom.
    pub b: EntityIdx,
}

/// A scenario being played.
#[derive(Clone, Debug)]
pub struct Player<'a> {
    scenario: &'a Scenario,
    roads: &'a Roads,
    movers: Vec<Mover>,
    nodes: Vec<Node<'a>>,
    init: Vec<Option<Run>>,
    stop: Option<TriggerState<'a>>,
    parameters: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    time_s: f64,
    is_over: bool,
    n_changes: u64,
    driven: Option<EntityIdx>,
    activated: Option<EntityIdx>,
    stand_in: Option<StandIn>,
    has_stand_in: bool,
    touching: Vec<(EntityIdx, EntityIdx)>,
    touches: Vec<Touch>,
    faults: Vec<String>,
}

impl<'a> Player<'a> {
    /// A scenario before its first moment; everybody is where the beginning says.
    pub fn new(scenario: &'a Scenario, roads: &'a Roads) -> Result<Self, PlayError> {
        let mover = Mover {
            pose: Pose::default(),
            speed_mps: 0.0,
            acceleration_mps2: 0.0,
            traveled_m: 0.0,
            spot: None,
            is_there: true,
            turn_rad: 0.0,
            route: Vec::new(),
            on_line: None,
            stands_since_s: None,
            moved: false,
            came_mps: 0.0,
        };
        let mut player = Self {
            scenario,
            roads,
            movers: vec![mover; scenario.entities.len()],
            nodes: story::flatten(&scenario.stories),
            init: vec![None; scenario.init.len()],
            stop: scenario.stop.as_ref().map(TriggerState::new),
            parameters: scenario.parameters.clone(),
            variables: scenario.variables.clone(),
            time_s: 0.0,
            is_over: false,
            n_changes: 0,
            driven: None,
            activated: None,
            stand_in: None,
            has_stand_in: true,
            touching: Vec::new(),
            touches: Vec::new(),
            faults: Vec::new(),
        };
        for idx in 0..scenario.init.len() {
            let deed = &scenario.init[idx];
            player.init[idx] = player.begin(deed.actor, &deed.action)?;
        }
        player.start_story();
        player.advance(0.0, None);
        for (mover, entity) in player.movers.iter().zip(&scenario.entities) {
            let finite = [mover.pose.at.x_m, mover.pose.at.y_m, mover.pose.heading_rad];
            if !finite.iter().chain([&mover.speed_mps]).all(|x| x.is_finite()) {
                return Err(PlayError::NotFinite(entity.name.clone()));
            }
        }
        Ok(player)
    }

    /// Goes on by a step, s. A move is where the one driven from outside then is, and its speed.
    pub fn step(
        &mut self,
        dt_s: f64,
        driven: Option<(EntityIdx, Pose, f64)>,
    ) -> Result<(), PlayError> {
        if !(0.001..=1.0).contains(&dt_s) {
            return Err(PlayError::Step(format!("{dt_s}")));
        }
        if !self.is_over {
            self.driven = driven.map(|(who, ..)| who);
            self.advance(dt_s, driven);
        }
        Ok(())
    }

    /// True once the scenario has ended.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Seconds since the start.
    pub fn time_s(&self) -> f64 {
        self.time_s
    }

    /// Who takes part, in the order of the scenario's entities.
    pub fn movers(&self) -> &[Mover] {
        &self.movers
    }

    /// The scenario that is played.
    pub fn scenario(&self) -> &'a Scenario {
        self.scenario
    }

    /// Contacts so far, in the order in which they began.
    pub fn touches(&self) -> &[Touch] {
        &self.touches
    }

    /// What could not be done while playing.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Whose own controller has been activated last.
    pub fn activated(&self) -> Option<EntityIdx> {
        self.activated
    }

    /// The middle of one's box, and half its length and width, m.
    pub fn outline(&self, idx: EntityIdx) -> (Pose, (f64, f64)) {
        let (mover, entity) = (&self.movers[idx], &self.scenario.entities[idx]);
        (outline(entity, &mover.pose), (entity.length_m / 2.0, entity.width_m / 2.0))
    }

    /// The line that one will follow: its trajectory if it follows one, else its lane, so far.
    pub fn path_ahead(&self, idx: EntityIdx, ahead_m: f64, step_m: f64) -> Vec<Pose> {
        let following =
            self.init.iter().zip(&self.scenario.init).find_map(|(run, deed)| match run {
                Some(Run::Follow(follow)) if deed.actor == Some(idx) => Some(follow),
                _ => None,
            });
        if let Some(follow) = following {
            let points = follow.line.points(step_m);
            let here = (follow.s_m / step_m) as usize;
            return points.into_iter().skip(here).collect();
        }
        if let Some(spot) = self.movers[idx].spot {
            let backwards = self.movers[idx].speed_mps < 0.0;
            let is_forward = spot.is_forward != backwards;
            return self.path_from(Spot { is_forward, ..spot }, ahead_m, step_m);
        }
        let pose = self.movers[idx].pose;
        let n = (ahead_m / step_m).clamp(1.0, 100_000.0) as usize;
        (0..=n).map(|i| Pose { at: pose.point(i as f64 * step_m, 0.0), ..pose }).collect()
    }

    /// The line along a lane from a spot on, so far or until the road ends.
    pub fn path_from(&self, mut spot: Spot, ahead_m: f64, step_m: f64) -> Vec<Pose> {
        let mut path = vec![self.roads.pose(&spot)];
        let mut gone_m = 0.0;
        while gone_m < ahead_m && self.roads.advance(&mut spot, step_m, &[]) {
            gone_m += step_m;
            path.push(self.roads.pose(&spot));
        }
        path
    }

    fn advance(&mut self, dt_s: f64, driven: Option<(EntityIdx, Pose, f64)>) {
        for mover in &mut self.movers {
            mover.moved = false;
        }
        let before: Vec<(Point2, f64)> =
            self.movers.iter().map(|m| (m.pose.at, m.speed_mps)).collect();
        self.eval_triggers();
        if self.is_over {
            return;
        }
        self.step_init(dt_s);
        self.step_story(dt_s);
        self.time_s += dt_s;
        for (idx, (at, speed_mps)) in before.into_iter().enumerate() {
            match driven {
                Some((who, pose, speed_mps)) if who == idx => self.put(idx, pose, speed_mps),
                _ => self.go_on(idx, dt_s),
            }
            let mover = &mut self.movers[idx];
            if dt_s > 0.0 {
                let came_m = mover.pose.at.distance_to(at).0;
                mover.traveled_m += came_m;
                mover.came_mps = came_m / dt_s;
                mover.acceleration_mps2 = (mover.speed_mps - speed_mps) / dt_s;
            }
            if mover.speed_mps.abs() < STANDS_MPS {
                mover.stands_since_s.get_or_insert(self.time_s);
            } else {
                mover.stands_since_s = None;
            }
        }
        self.step_stand_in(dt_s);
        self.find_touches();
    }

    /// Along the lane, for whoever no action has moved.
    fn go_on(&mut self, idx: EntityIdx, dt_s: f64) {
        let mover = &mut self.movers[idx];
        if mover.moved || mover.speed_mps.abs() < 1e-6 || !mover.is_there {
            return;
        }
        let by_m = mover.speed_mps * dt_s;
        match &mut mover.spot {
            Some(spot) => {
                if !self.roads.advance(spot, by_m, &mover.route) {
                    mover.speed_mps = 0.0;
                }
                let pose = self.roads.pose(spot);
                mover.pose = Pose { heading_rad: pose.heading_rad + mover.turn_rad, ..pose };
            }
            None => mover.pose.at = mover.pose.point(by_m, 0.0),
        }
    }

    /// Puts one where its driver has brought it.
    fn put(&mut self, idx: EntityIdx, pose: Pose, speed_mps: f64) {
        let mover = &mut self.movers[idx];
        (mover.pose, mover.speed_mps) = (pose, speed_mps);
        if let Some(spot) = mover.spot {
            let mut found = self.roads.near(&spot, pose.at);
            let length_m = self.roads.road(found.road).length_m();
            if !(0.0..=length_m).contains(&found.s_m) {
                let over_m = if found.s_m < 0.0 { -found.s_m } else { found.s_m - length_m };
                found.s_m = found.s_m.clamp(0.0, length_m);
                if self.roads.advance(&mut found, over_m, &mover.route) {
                    found = self.roads.near(&found, pose.at);
                }
                found.s_m = found.s_m.clamp(0.0, self.roads.road(found.road).length_m());
            }
            mover.spot = Some(found);
        }
    }

    fn find_touches(&mut self) {
        let n = self.movers.len();
        for a in 0..n {
            for b in a + 1..n {
                let touch = self.touch(a, b);
                let known = self.touching.iter().position(|pair| *pair == (a, b));
                match (touch, known) {
                    (true, None) => {
                        self.touching.push((a, b));
                        self.touches.push(Touch { at_s: self.time_s, a, b });
                    }
                    (false, Some(at)) => drop(self.touching.swap_remove(at)),
                    _ => {}
                }
            }
        }
    }

    /// True if the boxes of two overlap: no side of either parts them.
    fn touch(&self, a: EntityIdx, b: EntityIdx) -> bool {
        if !(self.movers[a].is_there && self.movers[b].is_there) {
            return false;
        }
        let ((pa, ha), (pb, hb)) = (self.outline(a), self.outline(b));
        let reach_m = ha.0.hypot(ha.1) + hb.0.hypot(hb.1);
        if pa.at.distance_to(pb.at).0 > reach_m {
            return false;
        }
        let overlap = |p: &Pose, h: (f64, f64), q: &Pose, g: (f64, f64)| {
            let (x, y) = p.local(q.at);
            let (sin, cos) = (q.heading_rad - p.heading_rad).sin_cos();
            let (sin, cos) = (sin.abs(), cos.abs());
            x.abs() < h.0 + g.0 * cos + g.1 * sin && y.abs() < h.1 + g.0 * sin + g.1 * cos
        };
        overlap(&pa, ha, &pb, hb) && overlap(&pb, hb, &pa, ha)
    }
}

/// The middle of an entity's box.
pub fn outline(entity: &Entity, pose: &Pose) -> Pose {
    Pose { at: pose.point(entity.centre_m.0, entity.centre_m.1), ..*pose }
}

#[cfg(test)]
mod tests;
