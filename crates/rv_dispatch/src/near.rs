//! Which stops lie near each other, in space and in time.

use crate::instance::{Instance, NONE, Node};

/// Neighbour lists of task nodes and jobs.
#[derive(Debug)]
pub(crate) struct Near {
    /// Good predecessors of each task node, best first.
    preds: Vec<Vec<u32>>,
    /// Good successors of each task node, best first.
    succs: Vec<Vec<u32>>,
    /// Jobs near each job by distance alone, itself first.
    jobs: Vec<Vec<u32>>,
}

impl Near {
    /// Ranks neighbours by distance, waiting and lateness as in Vidal et al. (2013), section 4.2.
    pub fn new(inst: &Instance<'_>, n_near: usize, n_jobs_near: usize) -> Self {
        let n = inst.n_tasks;
        let nodes: Vec<Times> = inst.nodes[..n].iter().map(Times::of).collect();
        // By from, to.
        let mut table: Vec<i64> = Vec::with_capacity(n * n);
        for a in &nodes {
            let row = inst.row_from(a.loc);
            table.extend(nodes.iter().map(|b| proximity(a, b, row[b.loc as usize])));
        }
        let mut room = Vec::with_capacity(n);
        let mut preds = Vec::with_capacity(n);
        let mut succs = Vec::with_capacity(n);
        for node in 0..n {
            let others = || (0..n).filter(|&other| other != node);
            let row = others().map(|to| (table[node * n + to], to as u32));
            succs.push(nearest(row, n_near, &mut room));
            let column = others().map(|from| (table[from * n + node], from as u32));
            preds.push(nearest(column, n_near, &mut room));
        }
        let jobs = (0..inst.jobs.len()).map(|job| {
            let others = 0..inst.jobs.len();
            let row = others.map(|other| (job_distance(inst, job, other), other as u32));
            nearest(row, n_jobs_near, &mut room)
        });
        let jobs = jobs.collect();
        Self { preds, succs, jobs }
    }

    pub fn preds(&self, node: u32) -> &[u32] {
        &self.preds[node as usize]
    }

    pub fn succs(&self, node: u32) -> &[u32] {
        &self.succs[node as usize]
    }

    pub fn jobs(&self, job: u32) -> &[u32] {
        &self.jobs[job as usize]
    }
}

/// The least `n` of a row, in order; `room` is room for it.
fn nearest(
    row: impl Iterator<Item = (i64, u32)>,
    n: usize,
    room: &mut Vec<(i64, u32)>,
) -> Vec<u32> {
    room.clear();
    room.extend(row);
    if room.len() > n && n > 0 {
        room.select_nth_unstable(n - 1);
        room.truncate(n);
    }
    room.sort_unstable();
    room.iter().map(|&(_, id)| id).collect()
}

/// When a node is served, and where.
struct Times {
    open: i64,
    close: i64,
    service: i64,
    loc: u32,
}

impl Times {
    fn of(node: &Node) -> Self {
        Self {
            open: i64::from(node.open),
            close: i64::from(node.close),
            service: i64::from(node.service),
            loc: node.loc,
        }
    }
}

fn proximity(a: &Times, b: &Times, [duration, distance]: [i32; 2]) -> i64 {
    let ready = a.service + i64::from(duration);
    let wait = (b.open - ready - a.close).max(0);
    let late = (a.open + ready - b.close).max(0);
    // Length and time are brought together at ten metres per second.
    i64::from(distance) + i64::from(duration) * 10 + wait * 2 + late * 10
}

fn job_distance(inst: &Instance<'_>, job: usize, other: usize) -> i64 {
    if job == other {
        return -1;
    }
    let (job, other) = (&inst.jobs[job], &inst.jobs[other]);
    let between = |a: u32, b: u32| {
        let (from, to) = (inst.nodes[a as usize].loc, inst.nodes[b as usize].loc);
        i64::from(inst.leg(0, from, to).1.min(inst.leg(0, to, from).1))
    };
    let mut best = between(job.first, other.first);
    for a in [job.first, job.second].into_iter().filter(|n| *n != NONE) {
        for b in [other.first, other.second].into_iter().filter(|n| *n != NONE) {
            if (a, b) != (job.first, other.first) {
                best = best.min(between(a, b));
            }
        }
    }
    best
}
