//! Triggers: conditions with their edges and delays, and what they ask.

use rv_import::openscenario::{
    Condition, DistancePart, Edge, EntityIdx, EntityTest, Level, Measure, Rule, StoryState, Test,
    Trigger,
};

use super::story::State;
use super::{Player, Pose};

/// Time within which two moments are the same, s.
const SAME_S: f64 = 1e-6;
/// Speed below which no time is told from a distance, m/s.
const SLOW_MPS: f64 = 1e-3;

/// A trigger and what is remembered of its conditions.
#[derive(Clone, Debug)]
pub(super) struct TriggerState<'a> {
    trigger: &'a Trigger,
    memory: Vec<Memory>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    /// What it was before; none if it has not been asked.
    last: Option<bool>,
    /// When it came true, for delays.
    since_s: Option<f64>,
    /// Changes of the story that it has seen.
    seen: u64,
}

impl<'a> TriggerState<'a> {
    pub(super) fn new(trigger: &'a Trigger) -> Self {
        let n = trigger.groups.iter().map(Vec::len).sum();
        Self { trigger, memory: vec![Memory::default(); n] }
    }

    /// Forgets what was, for another run.
    pub(super) fn reset(&mut self) {
        self.memory.fill(Memory::default());
    }
}

impl Player<'_> {
    /// True if a trigger fires now. Every condition is asked, so that each sees its edges.
    pub(super) fn fires(&self, state: &mut TriggerState<'_>) -> bool {
        let mut fires = false;
        let mut at = 0;
        for group in &state.trigger.groups {
            let mut all = true;
            for condition in group {
                all &= self.counts(condition, &mut state.memory[at]);
                at += 1;
            }
            fires |= all;
        }
        fires
    }

    fn counts(&self, condition: &Condition, memory: &mut Memory) -> bool {
        let now = self.holds(&condition.test, memory);
        let before = memory.last.replace(now);
        let is_change = matches!(&condition.test, Test::Story { state, .. } if state.is_change());
        let rose = now && (is_change || before == Some(false));
        let fell = !now && before == Some(true);
        let triggered = match condition.edge {
            Edge::None => now,
            Edge::Rising => rose,
            Edge::Falling => fell,
            Edge::Both => rose || fell,
        };
        if condition.delay_s <= 0.0 {
            return triggered;
        }
        // A state that must last is forgotten when it ends; an edge is not.
        if condition.edge == Edge::None && !is_change && !now {
            memory.since_s = None;
        }
        if triggered {
            memory.since_s.get_or_insert(self.time_s);
        }
        memory.since_s.is_some_and(|since| self.time_s - since >= condition.delay_s - SAME_S)
    }

    fn holds(&self, test: &Test, memory: &mut Memory) -> bool {
        match test {
            // Times are sums of steps: they miss round numbers by a little.
            Test::Time(rule @ (Rule::GreaterEqual | Rule::Less), value) => {
                rule.holds(self.time_s, *value - SAME_S)
            }
            Test::Time(rule, value) => rule.holds(self.time_s, *value + SAME_S),
            Test::Parameter(name, rule, value) => {
                self.parameters.get(name).is_some_and(|is| compares(*rule, is, value))
            }
            Test::Variable(name, rule, value) => {
                self.variables.get(name).is_some_and(|is| compares(*rule, is, value))
            }
            Test::Story { level, name, state } => self.story_is(*level, name, *state, memory),
            Test::Entities { who, all, test } => {
                let mut each =
                    who.iter().map(|who| self.movers[*who].is_there && self.entity_is(*who, test));
                if *all { !who.is_empty() && each.all(|is| is) } else { each.any(|is| is) }
            }
            Test::Unsupported => false,
        }
    }

    fn story_is(
        &self,
        level: Option<Level>,
        name: &str,
        state: StoryState,
        memory: &mut Memory,
    ) -> bool {
        let named = self
            .nodes
            .iter()
            .filter(|node| level.is_none_or(|level| node.level == level) && node.is_named(name));
        let mut is = false;
        let mut newest = memory.seen;
        for node in named {
            let change = match state {
                StoryState::Standby => {
                    is |= node.state == State::Standby;
                    continue;
                }
                StoryState::Running => {
                    is |= node.state == State::Running;
                    continue;
                }
                StoryState::Complete => {
                    is |= node.state == State::Complete;
                    continue;
                }
                StoryState::Starting => node.changes.started,
                StoryState::Ending => node.changes.ended,
                StoryState::Stopping => node.changes.stopped,
                StoryState::Skipping => node.changes.skipped,
            };
            is |= change > memory.seen;
            newest = newest.max(change);
        }
        memory.seen = newest;
        is
    }

    fn entity_is(&self, who: EntityIdx, test: &EntityTest) -> bool {
        let mover = &self.movers[who];
        match test {
            EntityTest::Collision(with) => {
                with.iter().any(|other| *other != who && self.touch(who, *other))
            }
            EntityTest::Offroad(_) => false,
            EntityTest::StandStill(s) => {
                mover.stands_since_s.is_some_and(|since| self.time_s - since >= s - SAME_S)
            }
            EntityTest::Speed(rule, v) => rule.holds(mover.speed_mps, *v),
            EntityTest::RelativeSpeed(other, rule, v) => {
                rule.holds(mover.speed_mps - self.movers[*other].speed_mps, *v)
            }
            EntityTest::Acceleration(rule, a) => rule.holds(mover.acceleration_mps2, *a),
            EntityTest::Traveled(m) => mover.traveled_m >= *m,
            EntityTest::Reach(position, m) => {
                self.place(position).is_ok_and(|p| p.pose.at.distance_to(mover.pose.at).0 <= *m)
            }
            EntityTest::Distance(position, measure, rule, m) => self
                .place(position)
                .is_ok_and(|p| rule.holds(self.to_point_m(who, &p.pose, *measure), *m)),
            EntityTest::RelativeDistance(other, measure, rule, m) => {
                self.movers[*other].is_there
                    && rule.holds(self.distance_m(who, *other, *measure).abs(), *m)
            }
            EntityTest::TimeHeadway(other, measure, rule, s) => {
                let distance = self.distance_m(who, *other, *measure).abs();
                mover.speed_mps > SLOW_MPS && rule.holds(distance / mover.speed_mps, *s)
            }
            EntityTest::TimeToCollision(other, measure, rule, s) => {
                let distance = self.distance_m(who, *other, *measure).abs();
                let closing = self.closing_mps(who, *other);
                closing > SLOW_MPS && rule.holds(distance / closing, *s)
            }
            EntityTest::Angle { angle_rad, tolerance_rad, is_relative } => {
                let base = match (is_relative, &mover.spot) {
                    (true, Some(spot)) => self.roads.road(spot.road).pose(spot.s_m).heading,
                    _ => 0.0,
                };
                let off = mover.pose.heading_rad - base - angle_rad;
                off.sin().atan2(off.cos()).abs() <= *tolerance_rad
            }
        }
    }

    /// How fast one comes nearer to another, along its heading, m/s.
    fn closing_mps(&self, who: EntityIdx, other: EntityIdx) -> f64 {
        let (a, b) = (&self.movers[who], &self.movers[other]);
        a.speed_mps - b.speed_mps * (b.pose.heading_rad - a.pose.heading_rad).cos()
    }

    fn to_point_m(&self, who: EntityIdx, place: &Pose, measure: Measure) -> f64 {
        let (x, y) = self.movers[who].pose.local(place.at);
        match measure.part {
            DistancePart::Along => x.abs(),
            DistancePart::Across => y.abs(),
            DistancePart::Straight => x.hypot(y),
        }
    }

    /// Distance of another one, m; ahead and to the left of it is more than zero.
    pub(super) fn distance_m(&self, who: EntityIdx, other: EntityIdx, measure: Measure) -> f64 {
        if measure.is_free {
            let (along, across) = self.free_m(who, other);
            return match measure.part {
                DistancePart::Along => along,
                DistancePart::Across => across,
                DistancePart::Straight => along.hypot(across),
            };
        }
        let (x, y) = self.movers[who].pose.local(self.movers[other].pose.at);
        match (measure.part, measure.along_road) {
            (DistancePart::Along, true) => {
                let spots = self.movers[who].spot.zip(self.movers[other].spot);
                spots.and_then(|(a, b)| self.roads.way_m(&a, &b)).unwrap_or(x)
            }
            (DistancePart::Along, false) => x,
            (DistancePart::Across, _) => y,
            (DistancePart::Straight, _) => x.hypot(y),
        }
    }

    /// Free distance between the boxes of two along and across the first, m.
    pub(super) fn free_m(&self, who: EntityIdx, other: EntityIdx) -> (f64, f64) {
        let ((own, half), (pose, size)) = (self.outline(who), self.outline(other));
        let (mut low, mut high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
        for (l, w) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
            let (x, y) = own.local(pose.point(l * size.0, w * size.1));
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        let gap = |low: f64, high: f64, half: f64| {
            if low > half {
                low - half
            } else if high < -half {
                high + half
            } else {
                0.0
            }
        };
        (gap(low.0, high.0, half.0), gap(low.1, high.1, half.1))
    }
}

trait IsChange {
    fn is_change(&self) -> bool;
}

impl IsChange for StoryState {
    fn is_change(&self) -> bool {
        matches!(self, Self::Starting | Self::Ending | Self::Stopping | Self::Skipping)
    }
}

fn compares(rule: Rule, is: &str, value: &str) -> bool {
    match (is.trim().parse::<f64>(), value.trim().parse::<f64>()) {
        (Ok(a), Ok(b)) => rule.holds(a, b),
        _ => match rule {
            Rule::Equal => is == value,
            Rule::NotEqual => is != value,
            _ => false,
        },
    }
}
