//! A plan taken over as the routes to begin with.

use std::collections::BTreeMap;

use rv_model::dispatch::{Plan, Task};

use crate::instance::{Kind, NONE};
use crate::state::State;

impl State<'_, '_> {
    /// Takes over a plan as far as it fits: jobs that break a route are left out.
    pub fn adopt(&mut self, plan: &Plan) {
        let inst = self.inst;
        let mut route_of = BTreeMap::new();
        for (v, veh) in inst.vehs.iter().enumerate() {
            route_of.insert(veh.vehicle, v as u32);
        }
        let mut job_of = BTreeMap::new();
        for (job, entry) in inst.jobs.iter().enumerate() {
            job_of.insert(entry.order, job as u32);
        }
        let mut is_present: Vec<bool> = inst.jobs.iter().map(|j| j.is_committed).collect();
        for route in &plan.routes {
            let Some(&v) = route_of.get(&route.vehicle) else { continue };
            let nodes = self.nodes_of(v, route.tasks(), &job_of, &mut is_present);
            let n_frozen = self.n_frozen(v);
            if inst.rich.is_timed && nodes.len() + n_frozen == route.visits.len() {
                self.run.fixed = inst.begins_of(route);
            }
            let was_parked = !nodes.is_empty() && self.unpark(v);
            self.adopt_route(v, &nodes, &mut is_present);
            self.run.fixed.clear();
            if was_parked && self.is_empty(v) {
                self.park(v);
            }
        }
        self.absent.clear();
        for (job, _) in is_present.iter().enumerate().filter(|(_, present)| !**present) {
            self.absent.push(job as u32);
        }
        self.sum_cost();
    }

    /// The nodes of tasks after the committed ones, without start and end.
    fn nodes_of(
        &self,
        v: u32,
        tasks: impl Iterator<Item = Task>,
        job_of: &BTreeMap<u32, u32>,
        is_present: &mut [bool],
    ) -> Vec<u32> {
        let veh = &self.inst.vehs[v as usize];
        let vehicle = &self.inst.problem.vehicles()[veh.vehicle as usize];
        let mut nodes: Vec<u32> = Vec::new();
        for task in tasks.skip(vehicle.committed.len()) {
            match task {
                Task::Serve(order) => {
                    let Some(&job) = job_of.get(&order) else { continue };
                    let entry = &self.inst.jobs[job as usize];
                    if entry.second == NONE {
                        if !is_present[job as usize] && self.inst.is_allowed(entry, v) {
                            is_present[job as usize] = true;
                            nodes.push(entry.first);
                        }
                    } else if nodes.contains(&entry.first) {
                        nodes.push(entry.second);
                    }
                }
                Task::Collect(order) => {
                    let Some(&job) = job_of.get(&order) else { continue };
                    let entry = &self.inst.jobs[job as usize];
                    if !is_present[job as usize] && self.inst.is_allowed(entry, v) {
                        is_present[job as usize] = true;
                        nodes.push(entry.first);
                    }
                }
                Task::Reload(depot) => {
                    let at = vehicle.reload_depots.iter().position(|&d| d == depot);
                    let block = at.map_or(&[][..], |at| &veh.reload_nodes[at]);
                    nodes.extend(self.free_helper(block, &nodes));
                }
                // How much is charged is found anew.
                Task::Charge { charger, .. } => {
                    let is_at = |id: &u32| self.inst.nodes[*id as usize].facility == charger;
                    let block = veh.charge_nodes.iter().find(|b| b.first().is_some_and(is_at));
                    let block = block.map_or(&[][..], |b| b);
                    nodes.extend(self.free_helper(block, &nodes));
                }
            }
        }
        nodes
    }

    fn adopt_route(&mut self, v: u32, nodes: &[u32], is_present: &mut [bool]) {
        let veh = &self.inst.vehs[v as usize];
        let mut seq = vec![veh.start];
        seq.extend(&veh.committed);
        let n_before = seq.len();
        seq.extend(nodes);
        seq.push(veh.end);
        if self.replace(v, &seq)
            || self.charged(v, &seq, i64::MAX).is_some_and(|s| self.replace(v, &s))
        {
            return;
        }
        // Node by node; a transfer goes in whole or not at all.
        seq.truncate(n_before);
        seq.push(veh.end);
        let mut dropped = Vec::new();
        for &id in nodes {
            let node = &self.inst.nodes[id as usize];
            if dropped.contains(&node.job) && node.job != NONE {
                continue;
            }
            let at = seq.len() - 1;
            seq.insert(at, id);
            if node.kind == Kind::Collect {
                seq.insert(at + 1, node.mate);
            } else if node.kind == Kind::Drop {
                let old = seq.iter().position(|&n| n == id).unwrap_or(at);
                seq.remove(old);
            }
            if self.try_seq(v, &seq).is_err() {
                if node.kind == Kind::Drop {
                    // Back to right behind its pickup, where it did fit.
                    seq.retain(|&n| n != id);
                    let pick = seq.iter().position(|&n| n == node.mate).unwrap_or(0);
                    seq.insert(pick + 1, id);
                } else {
                    seq.retain(|&n| n != id && (node.mate == NONE || n != node.mate));
                    if node.job != NONE {
                        is_present[node.job as usize] = false;
                        dropped.push(node.job);
                    }
                }
            }
        }
        if !self.replace(v, &seq) {
            for &id in nodes {
                let job = self.inst.nodes[id as usize].job;
                if job != NONE {
                    is_present[job as usize] = false;
                }
            }
        }
    }
}
