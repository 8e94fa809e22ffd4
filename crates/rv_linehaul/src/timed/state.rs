//! A plan under search: which departures exist, who rides them, and when they may leave.
//!
//! A departure has no fixed moment but a window: the earliest at which all its riders can be there
//! and the latest that lets all of them arrive in time. Windows follow from difference
//! constraints along the riders' routes and are kept exact, so time is never rounded.

use super::net::{Net, TIME_EPSILON, trucks};

/// Trucks of one arc that leave together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Group {
    pub(crate) arc: u32,
    pub(crate) n_riders: u32,
    pub(crate) load: f64,
    /// Earliest and latest departure.
    pub(crate) early: f64,
    pub(crate) late: f64,
}

/// One step of a route that is being made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ride {
    /// A new departure on this arc.
    New(u32),
    /// A departure that exists.
    Join(u32),
}

/// Departures and routes.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) groups: Vec<Group>,
    /// Departures in use, by arc.
    pub(crate) of_arc: Vec<Vec<u32>>,
    /// Departures that each commodity rides, in order; empty while it is off the plan.
    pub(crate) routes: Vec<Vec<u32>>,
    pub(crate) cost: f64,
    /// Departures that may be used anew.
    free: Vec<u32>,
    /// Departures that became empty and must keep their number until [`State::settle`].
    emptied: Vec<u32>,
}

impl State {
    pub(crate) fn new(net: &Net<'_>) -> Self {
        Self {
            groups: Vec::new(),
            of_arc: vec![Vec::new(); net.arcs.len()],
            routes: vec![Vec::new(); net.coms.len()],
            cost: 0.0,
            free: Vec::new(),
            emptied: Vec::new(),
        }
    }

    /// Takes commodity `k` off the plan and gives its route. Windows are stale afterwards.
    pub(crate) fn take(&mut self, net: &Net<'_>, k: u32) -> Vec<u32> {
        let route = std::mem::take(&mut self.routes[k as usize]);
        let size = net.coms[k as usize].size;
        for &g in &route {
            let group = &mut self.groups[g as usize];
            let arc = &net.arcs[group.arc as usize];
            let before = trucks(group.load, arc.capacity);
            group.n_riders -= 1;
            group.load = if group.n_riders == 0 { 0.0 } else { group.load - size };
            let after = trucks(group.load, arc.capacity);
            self.cost -= arc.cost_per_unit * size + arc.cost_fixed * (before - after);
            if group.n_riders == 0 {
                self.of_arc[group.arc as usize].retain(|&other| other != g);
                self.emptied.push(g);
            }
        }
        route
    }

    /// Puts commodity `k` on departures that exist or existed before [`State::take`].
    pub(crate) fn put_back(&mut self, net: &Net<'_>, k: u32, route: Vec<u32>) {
        let size = net.coms[k as usize].size;
        for &g in &route {
            let group = &mut self.groups[g as usize];
            let arc = &net.arcs[group.arc as usize];
            let before = trucks(group.load, arc.capacity);
            group.load += size;
            group.n_riders += 1;
            let after = trucks(group.load, arc.capacity);
            self.cost += arc.cost_per_unit * size + arc.cost_fixed * (after - before);
            if group.n_riders == 1 {
                self.of_arc[group.arc as usize].push(g);
            }
        }
        self.routes[k as usize] = route;
    }

    /// Puts commodity `k` on a route, with new departures where it asks for them.
    pub(crate) fn put(&mut self, net: &Net<'_>, k: u32, rides: &[Ride]) {
        let route = rides
            .iter()
            .map(|&ride| match ride {
                Ride::Join(g) => g,
                Ride::New(arc) => {
                    let group = Group { arc, ..Group::default() };
                    match self.free.pop() {
                        Some(g) => {
                            self.groups[g as usize] = group;
                            g
                        }
                        None => {
                            self.groups.push(group);
                            self.groups.len() as u32 - 1
                        }
                    }
                }
            })
            .collect();
        self.put_back(net, k, route);
    }

    /// Ends a step: departures that are empty may be used anew.
    pub(crate) fn settle(&mut self) {
        let mut emptied = std::mem::take(&mut self.emptied);
        emptied.sort_unstable();
        emptied.dedup();
        self.free.extend(emptied.iter().filter(|&&g| self.groups[g as usize].n_riders == 0));
    }

    /// Computes every window; false if some departure has none.
    pub(crate) fn update_windows(&mut self, net: &Net<'_>) -> bool {
        for group in &mut self.groups {
            group.early = f64::NEG_INFINITY;
            group.late = f64::INFINITY;
        }
        // Each pass settles at least one more departure of every chain; a chain that is not
        // settled after as many passes as there are departures runs in a circle.
        for _ in 0..=self.groups.len() {
            let mut has_changed = false;
            for (route, com) in self.routes.iter().zip(net.coms) {
                let mut ready = com.release;
                for &g in route {
                    let group = &mut self.groups[g as usize];
                    if group.early < ready {
                        group.early = ready;
                        has_changed = true;
                    }
                    ready = group.early + net.arcs[group.arc as usize].travel;
                }
                if !route.is_empty() && ready > com.due + TIME_EPSILON {
                    return false;
                }
            }
            if !has_changed {
                self.update_late(net);
                return true;
            }
        }
        false
    }

    /// Computes the latest departures, which exist once the earliest ones do.
    fn update_late(&mut self, net: &Net<'_>) {
        loop {
            let mut has_changed = false;
            for (route, com) in self.routes.iter().zip(net.coms) {
                let mut needed = com.due;
                for &g in route.iter().rev() {
                    let group = &mut self.groups[g as usize];
                    let latest = needed - net.arcs[group.arc as usize].travel;
                    if group.late > latest {
                        group.late = latest;
                        has_changed = true;
                    }
                    needed = group.late;
                }
            }
            if !has_changed {
                return;
            }
        }
    }
}
