//! What a cycle of the planner leaves for the record.

use super::planner::{Kind, Plan};
use super::proposal::Shift;
use super::vehicle::{Gear, Input};

/// Proposals kept for the record of a cycle.
pub(super) const TRIED_MAX: usize = 32;

/// What a cycle did.
#[derive(Clone, Debug, PartialEq)]
pub struct Cycle {
    /// What is done now.
    pub input: Input,
    /// Which way it is driven.
    pub gear: Gear,
    /// The plan in force.
    pub kind: Kind,
    /// True if it was made in this cycle.
    pub is_new: bool,
    /// Proposals looked at.
    pub n_proposals: usize,
    /// The first of them, and what came of each.
    pub tried: Vec<Tried>,
    /// Work done, in nodes of the speed search.
    pub work: u64,
    /// Why, in a few words.
    pub why: &'static str,
}

/// A proposal that was looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    /// Line it bends onto, by its number in the cycle.
    pub base: usize,
    /// Offset it ends at, left of the line, m.
    pub offset_m: f64,
    /// Way driven before it begins, m.
    pub after_m: f64,
    /// Way in which it happens, m.
    pub over_m: f64,
    /// Its preference; lower first.
    pub rank: f64,
    /// What came of it.
    pub ending: Ending,
}

/// What came of a proposal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// No path can be drawn.
    NoPath,
    /// It does not pass the goal.
    NoGoal,
    /// The goal cannot be reached in time, whatever the others do.
    TooFar,
    /// The road ends before the goal.
    RoadEnds,
    /// No speed keeps clear of the others and meets the goal.
    NoSpeed,
    /// Rolled out, it touches someone.
    Touches,
    /// Rolled out, it misses the goal or crosses an edge.
    Fails,
    /// A plan.
    Fine {
        /// Its cost.
        cost: f64,
        /// True if a stop that touches nothing follows it.
        has_stop_after: bool,
    },
}

/// Keeps the first proposals of a cycle for its record.
pub(super) fn note(tried: &mut Vec<Tried>, shift: &Shift, found: &Result<Plan, Ending>) {
    if tried.len() >= TRIED_MAX {
        return;
    }
    let ending = match found {
        Ok(plan) => Ending::Fine { cost: plan.cost, has_stop_after: !plan.stop_after.is_empty() },
        Err(ending) => *ending,
    };
    let (base, rank) = (shift.base, shift.rank);
    let (offset_m, after_m, over_m) = (shift.to_m, shift.after_m, shift.over_m);
    tried.push(Tried { base, offset_m, after_m, over_m, rank, ending });
}
