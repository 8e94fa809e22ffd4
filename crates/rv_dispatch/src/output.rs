//! Turns the routes of a search into a plan with times.

use rv_model::dispatch::{Route, Task, Visit};

use crate::instance::{Instance, Kind};
use crate::route::{Run, run};
use crate::state::State;

/// The routes of all vehicles that do something.
pub(crate) fn routes(state: &State<'_, '_>) -> Vec<Route> {
    let mut out = Run::beside(&state.run.shared);
    let mut routes = Vec::new();
    for (v, route) in state.routes.iter().enumerate() {
        if route.seq.len() > 2 {
            out.fixed.clone_from(&route.begins);
            let timed = timed(state.inst, v as u32, &route.seq, &mut out);
            routes.push(timed.unwrap_or_else(|| untimed(state.inst, v as u32, &route.seq)));
        }
    }
    routes
}

/// A route that does not run, as only committed tasks may make one (the road to the next stop is
/// closed): they stay, and the judge says what is wrong with them.
fn untimed(inst: &Instance<'_>, v: u32, seq: &[u32]) -> Route {
    let veh = &inst.vehs[v as usize];
    let visit = |id: &u32| {
        let node = &inst.nodes[*id as usize];
        Visit::untimed(task(inst, node, node.charge_mwh.max(0)))
    };
    let depart_ms = inst.clock(veh.shift_start);
    let visits = seq[1..seq.len() - 1].iter().map(visit).collect();
    Route { vehicle: veh.vehicle, depart_ms, end_ms: depart_ms, distance_mm: 0, visits }
}

/// One route, departing as late as its end allows if time costs; `None` if it does not run.
pub(crate) fn timed(inst: &Instance<'_>, v: u32, seq: &[u32], out: &mut Run) -> Option<Route> {
    let veh = &inst.vehs[v as usize];
    let totals = run(inst, v, seq, veh.committed.len(), out).ok()?;
    let mut leave = totals.depart;
    let mut visits = Vec::with_capacity(seq.len() - 2);
    let mut end = leave;
    for (pos, pair) in seq.windows(2).enumerate() {
        let (from, node) = (&inst.nodes[pair[0] as usize], &inst.nodes[pair[1] as usize]);
        let at = out.at[pos + 1];
        let chosen = out.timed.get(pos + 1).filter(|_| inst.rich.is_timed);
        let arrive = match chosen {
            Some(timed) => timed.arrive,
            None => leave + inst.leg(veh.profile, from.loc, node.loc).0,
        };
        if node.kind == Kind::End {
            end = chosen.map_or(arrive.max(node.open), |timed| timed.begin);
            break;
        }
        let begin = match chosen {
            Some(timed) => timed.begin,
            None => inst.begin(node, arrive).unwrap_or(arrive.max(node.open)),
        };
        leave = match (chosen, node.kind) {
            (Some(timed), _) => timed.leave,
            // A release at the depot binds at the same moment whenever the route departs.
            (None, Kind::Reload) => at.leave.max(begin + node.service),
            (None, _) => begin + (at.leave - at.begin),
        };
        visits.push(Visit {
            task: task(inst, node, at.taken_mwh),
            arrive_ms: inst.clock(arrive),
            begin_ms: inst.clock(begin),
            leave_ms: inst.clock(leave),
            load: at.load,
            charge_mwh: at.charge_mwh,
            compartment: out.stowed.get(pos + 1).copied().flatten(),
        });
    }
    Some(Route {
        vehicle: veh.vehicle,
        depart_ms: inst.clock(totals.depart),
        end_ms: inst.clock(end),
        distance_mm: totals.distance,
        visits,
    })
}

fn task(inst: &Instance<'_>, node: &crate::instance::Node, taken_mwh: i64) -> Task {
    match node.kind {
        Kind::Reload => Task::Reload(node.facility),
        Kind::Charge => Task::Charge { charger: node.facility, energy_mwh: taken_mwh },
        Kind::Collect => Task::Collect(inst.jobs[node.job as usize].order),
        _ => Task::Serve(inst.jobs[node.job as usize].order),
    }
}
