//! First routes.

use crate::instance::NONE;
use crate::near::Near;
use crate::recreate::{Dice, Style, recreate};
use crate::search::{sort_jobs, take_out};
use crate::state::State;

/// Passes over the routes of a large problem's first plan in which each is tried to be taken apart.
const N_PASSES: usize = 3;

/// Builds routes for all absent jobs, the hardest to place first.
pub(crate) fn construct(state: &mut State<'_, '_>, near: &Near, dice: &mut Dice) {
    let inst = state.inst;
    let mut jobs = std::mem::take(&mut state.absent);
    // On-board loads first, then by when their window closes.
    jobs.sort_by_key(|&j| {
        let job = &inst.jobs[j as usize];
        (job.only == NONE, inst.nodes[job.first as usize].close, j)
    });
    recreate(state, near, &jobs, Style::SURE, dice);
}

/// Builds routes for all absent jobs of a part of a problem that has little time for each of them:
/// from neighbour to neighbour, with one more vehicle only where no other place costs less; routes
/// whose stops cost less elsewhere are then taken apart.
pub(crate) fn construct_thriftily(state: &mut State<'_, '_>, near: &Near, dice: &mut Dice) {
    let inst = state.inst;
    let mut jobs = std::mem::take(&mut state.absent);
    // Jobs are numbered along a chain of neighbours.
    jobs.sort_by_key(|&j| (inst.jobs[j as usize].only == NONE, j));
    let style = Style { is_thrifty: true, ..Style::SURE };
    recreate(state, near, &jobs, style, dice);
    if inst.rich.is_on {
        return; // A route is judged as a whole there: it takes too long.
    }
    for _ in 0..N_PASSES {
        let mut routes: Vec<u32> =
            (0..state.routes.len() as u32).filter(|v| !state.is_empty(*v)).collect();
        routes.sort_by_key(|v| (state.routes[*v as usize].seq.len(), *v));
        for v in routes {
            take_apart(state, near, v, style, dice);
        }
    }
}

/// Puts all jobs of a route where they cost least, if that saves anything.
fn take_apart(state: &mut State<'_, '_>, near: &Near, v: u32, style: Style, dice: &mut Dice) {
    let inst = state.inst;
    let before = state.cost;
    let mut jobs = Vec::new();
    for &id in &state.routes[v as usize].seq {
        let job = inst.nodes[id as usize].job;
        if job != NONE && !inst.jobs[job as usize].is_committed && !jobs.contains(&job) {
            jobs.push(job);
        }
    }
    if jobs.is_empty() {
        return;
    }
    state.begin();
    take_out(state, v, &mut jobs, 0);
    sort_jobs(inst, &mut jobs, dice);
    recreate(state, near, &jobs, style, dice);
    if state.cost >= before {
        state.undo();
    }
}
