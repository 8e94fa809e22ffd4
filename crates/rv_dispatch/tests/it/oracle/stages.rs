//! A route as far as time goes.

use std::collections::BTreeMap;

use rv_model::dispatch::*;

use super::energy::energy;
use super::search::Until;

/// A visit as far as time goes.
#[derive(Clone, Debug)]
pub struct Stage {
    pub windows: Vec<Window>,
    pub is_lenient: bool,
    pub spent: i64,
    pub release: i64,
    pub drive: i64,
    pub softs: Vec<SoftWindow>,
}

fn stop_of(order: &Order, task: Task) -> &Stop {
    match (&order.kind, task) {
        (OrderKind::Delivery(stop) | OrderKind::Pickup(stop), _) => stop,
        (OrderKind::Transfer { pickup, .. }, Task::Collect(_)) => pickup,
        (OrderKind::Transfer { dropoff, .. }, _) => dropoff,
    }
}

pub fn place(problem: &Problem, task: Task) -> u32 {
    match task {
        Task::Serve(o) | Task::Collect(o) => stop_of(&problem.orders()[o as usize], task).location,
        Task::Reload(d) => problem.depots()[d as usize].location,
        Task::Charge { charger, .. } => problem.chargers()[charger as usize].location,
    }
}

fn release_of(problem: &Problem, tasks: &[Task]) -> i64 {
    let trip = tasks.iter().take_while(|t| !matches!(t, Task::Reload(_)));
    let of = |task: &Task| match task {
        Task::Serve(o) => Some(&problem.orders()[*o as usize]),
        _ => None,
    };
    let loaded = trip.filter_map(of).filter(|o| is_loaded(o));
    loaded.map(|o| o.release_ms).max().unwrap_or(i64::MIN / 8)
}

pub fn is_loaded(order: &Order) -> bool {
    matches!(order.kind, OrderKind::Delivery(_)) && order.on_board.is_none()
}

/// Start, visits, end as stages; `None` if a way is closed or the battery runs empty.
pub fn stages(problem: &Problem, v: u32, tasks: &[Task], until: Until) -> Option<Vec<Stage>> {
    let vehicle = &problem.vehicles()[v as usize];
    let n_committed = vehicle.committed.len();
    let mut at = problem.start_location(vehicle);
    let charge = energy(problem, v, tasks, until)?;
    let start = Stage {
        windows: vec![match vehicle.start {
            Start::Depot(_) => Window { start_ms: vehicle.shift.start_ms, end_ms: i64::MAX / 8 },
            Start::Road(_) => {
                Window { start_ms: vehicle.shift.start_ms, end_ms: vehicle.shift.start_ms }
            }
        }],
        is_lenient: false,
        spent: 0,
        release: release_of(problem, tasks),
        drive: 0,
        softs: vec![],
    };
    let mut stages = vec![start];
    for (idx, &task) in tasks.iter().enumerate() {
        let to = place(problem, task);
        let leg = problem.leg(vehicle, at, to);
        if !leg.is_open() {
            return None;
        }
        stages.last_mut()?.drive = i64::from(leg.duration_ms);
        at = to;
        let mut stage = Stage {
            windows: vec![],
            is_lenient: idx < n_committed,
            spent: 0,
            release: i64::MIN / 8,
            drive: 0,
            softs: vec![],
        };
        match task {
            Task::Serve(o) | Task::Collect(o) => {
                let order = &problem.orders()[o as usize];
                let stop = stop_of(order, task);
                stage.windows.clone_from(&stop.windows);
                stage.spent = stop.service_ms;
                stage.softs.extend(stop.soft);
                if matches!(task, Task::Serve(_)) {
                    stage.softs.extend(order.told.begin);
                }
            }
            Task::Reload(d) => {
                stage.windows = vec![problem.depots()[d as usize].window];
                stage.spent = problem.depots()[d as usize].reload_ms;
                stage.release = release_of(problem, &tasks[idx + 1..]);
            }
            Task::Charge { charger, .. } => {
                let place = &problem.chargers()[charger as usize];
                stage.windows = vec![place.window];
                stage.spent = place.setup_ms + charge.iter().find(|c| c.0 == idx)?.2;
            }
        }
        stages.push(stage);
    }
    let mut end = Stage {
        windows: vec![Window { start_ms: vehicle.shift.start_ms, end_ms: vehicle.shift.end_ms }],
        is_lenient: false,
        spent: 0,
        release: i64::MIN / 8,
        drive: 0,
        softs: vec![],
    };
    if let Some(home) = vehicle.end
        && until == Until::Home
    {
        let leg = problem.leg(vehicle, at, home);
        if !leg.is_open() {
            return None;
        }
        stages.last_mut()?.drive = i64::from(leg.duration_ms);
    }
    let is_bound = n_committed > 0 || matches!(vehicle.start, Start::Road(_));
    if is_bound {
        // Late only by what is committed is not late.
        let alone = if tasks.len() > n_committed {
            alone_end(problem, v)
        } else {
            end_of(&stages, vehicle)
        };
        end.windows[0].end_ms = end.windows[0].end_ms.max(alone.unwrap_or(i64::MIN));
    }
    stages.push(end);
    Some(stages)
}

/// When the vehicle is home with what is committed alone, however late that is.
fn alone_end(problem: &Problem, v: u32) -> Option<i64> {
    let vehicle = &problem.vehicles()[v as usize];
    let stages = stages(problem, v, &vehicle.committed, Until::Home)?;
    end_of(&stages[..=vehicle.committed.len()], vehicle)
}

fn end_of(stages: &[Stage], vehicle: &Vehicle) -> Option<i64> {
    let begins = earliest(stages, &BTreeMap::new())?;
    let last = &stages[stages.len() - 1];
    let leave = (begins[begins.len() - 1] + last.spent).max(last.release);
    Some((leave + last.drive).max(vehicle.shift.start_ms))
}

/// Begins as early as can be, each charge not before its floor.
pub fn earliest(stages: &[Stage], floors: &BTreeMap<usize, i64>) -> Option<Vec<i64>> {
    let mut at = stages[0].windows[0].start_ms.max(stages[0].release);
    let mut begins = vec![at];
    at += stages[0].drive;
    for (idx, stage) in stages.iter().enumerate().skip(1) {
        let floor = floors.get(&(idx - 1)).copied().unwrap_or(i64::MIN);
        let at_least = at.max(floor);
        let open = stage.windows.iter().find(|w| at_least <= w.end_ms);
        let begin = match open {
            Some(window) => at_least.max(window.start_ms),
            None if stage.is_lenient => at,
            None => return None,
        };
        begins.push(begin);
        at = (begin + stage.spent).max(stage.release) + stage.drive;
    }
    Some(begins)
}
