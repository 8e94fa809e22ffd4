//! Which stops lie near each other, in space and in time.

use crate::instance::{Instance, Node};

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
        let mut after: Vec<Vec<(i64, u32)>> = Vec::with_capacity(n);
        for from in 0..n {
            let row = (0..n).filter(|&to| to != from);
            let row = row.map(|to| (proximity(inst, from, to), to as u32));
            after.push(row.collect());
        }
        let mut preds = Vec::with_capacity(n);
        let mut succs = Vec::with_capacity(n);
        for node in 0..n {
            succs.push(nearest(after[node].iter().copied(), n_near));
            let column = (0..n).filter(|&from| from != node).map(|from| {
                let at = if node < from { node } else { node - 1 };
                (after[from][at].0, from as u32)
            });
            preds.push(nearest(column, n_near));
        }
        let jobs = (0..inst.jobs.len()).map(|job| {
            let row =
                (0..inst.jobs.len()).map(|other| (job_distance(inst, job, other), other as u32));
            nearest(row, n_jobs_near)
        });
        Self { preds, succs, jobs: jobs.collect() }
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

fn nearest(row: impl Iterator<Item = (i64, u32)>, n: usize) -> Vec<u32> {
    let mut row: Vec<(i64, u32)> = row.collect();
    if row.len() > n && n > 0 {
        row.select_nth_unstable(n - 1);
        row.truncate(n);
    }
    row.sort_unstable();
    row.into_iter().map(|(_, id)| id).collect()
}

fn proximity(inst: &Instance<'_>, from: usize, to: usize) -> i64 {
    let (a, b): (&Node, &Node) = (&inst.nodes[from], &inst.nodes[to]);
    let (duration, distance) = inst.leg(0, a.loc, b.loc);
    let (open, close) = (i64::from(a.open), i64::from(a.close));
    let ready = i64::from(a.service) + i64::from(duration);
    let wait = (i64::from(b.open) - ready - close).max(0);
    let late = (open + ready - i64::from(b.close)).max(0);
    // Length and time are brought together at ten metres per second.
    i64::from(distance) + i64::from(duration) * 10 + wait * 2 + late * 10
}

fn job_distance(inst: &Instance<'_>, job: usize, other: usize) -> i64 {
    if job == other {
        return -1;
    }
    let nodes = |j: usize| {
        let job = &inst.jobs[j];
        [job.first, if job.second == crate::instance::NONE { job.first } else { job.second }]
    };
    let mut best = i64::MAX;
    for a in nodes(job) {
        for b in nodes(other) {
            let (from, to) = (inst.nodes[a as usize].loc, inst.nodes[b as usize].loc);
            let there = i64::from(inst.leg(0, from, to).1);
            let back = i64::from(inst.leg(0, to, from).1);
            best = best.min(there.min(back));
        }
    }
    best
}
