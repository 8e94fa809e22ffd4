//! A plan under search: which departures exist, who rides them, and when they may leave.
//!
//! A departure has no fixed moment but a window: the earliest at which all its riders can be there
//! and the latest that lets all of them arrive in time. Windows follow from difference
//! constraints along the riders' routes and are kept exact, so time is never rounded. A change is
//! carried on only as far as it moves a window.

use super::net::{Net, TIME_EPSILON, trucks};

/// Windows that one change may move before the change counts as impossible; only departures that
/// wait for each other in a circle go on so long.
const MOVES_MAX: usize = 20_000;

/// Trucks of one arc that leave together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) arc: u32,
    pub(crate) load: f64,
    /// Earliest and latest departure.
    pub(crate) early: f64,
    pub(crate) late: f64,
    /// Who rides, and the place of this departure on the rider's route.
    pub(crate) riders: Vec<(u32, u32)>,
    /// True if it leaves at its moment whoever rides; its load then is not that of riders alone.
    pub(crate) is_pinned: bool,
}

impl Group {
    /// True if anything goes.
    pub(crate) fn is_used(&self) -> bool {
        self.is_pinned || !self.riders.is_empty()
    }
}

/// One step of a route that is being made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ride {
    /// A new departure on this arc.
    New(u32),
    /// A departure that exists.
    Join(u32),
}

/// What an update of windows must show. Taking something off, and putting back what was there, can
/// only end well, and must not stop half-way.
#[derive(Clone, Copy, PartialEq)]
enum Demand {
    Nothing,
    /// Every window must stay open.
    Open,
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
    /// Departures whose windows are to be looked at.
    queue: Vec<u32>,
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
            queue: Vec::new(),
        }
    }

    /// Adds a departure that leaves at its moment, with a load of its own, at no cost.
    pub(crate) fn pin(&mut self, arc: u32, depart: f64, load: f64) {
        let g = self.groups.len() as u32;
        let riders = Vec::new();
        self.groups.push(Group { arc, load, early: depart, late: depart, riders, is_pinned: true });
        self.of_arc[arc as usize].push(g);
    }

    /// Takes commodity `k` off the plan and gives its route.
    pub(crate) fn take(&mut self, net: &Net<'_>, k: u32) -> Vec<u32> {
        let route = std::mem::take(&mut self.routes[k as usize]);
        let size = net.coms[k as usize].size;
        for &g in &route {
            let group = &mut self.groups[g as usize];
            let arc = &net.arcs[group.arc as usize];
            let before = trucks(group.load, arc.capacity);
            group.riders.retain(|rider| rider.0 != k);
            group.load = if group.is_used() { group.load - size } else { 0.0 };
            let after = trucks(group.load, arc.capacity);
            self.cost -= arc.cost_per_unit * size + arc.cost_fixed * (before - after);
            if !group.is_used() {
                self.of_arc[group.arc as usize].retain(|&other| other != g);
                self.emptied.push(g);
            }
        }
        self.update_windows(net, &route, Demand::Nothing);
        route
    }

    /// Puts commodity `k` back on departures as before [`State::take`].
    pub(crate) fn put_back(&mut self, net: &Net<'_>, k: u32, route: &[u32]) {
        self.ride(net, k, route, Demand::Nothing);
    }

    fn ride(&mut self, net: &Net<'_>, k: u32, route: &[u32], demand: Demand) -> bool {
        let size = net.coms[k as usize].size;
        for (place, &g) in route.iter().enumerate() {
            let group = &mut self.groups[g as usize];
            let arc = &net.arcs[group.arc as usize];
            let before = trucks(group.load, arc.capacity);
            group.load += size;
            group.riders.push((k, place as u32));
            let after = trucks(group.load, arc.capacity);
            self.cost += arc.cost_per_unit * size + arc.cost_fixed * (after - before);
            if group.riders.len() == 1 && !group.is_pinned {
                self.of_arc[group.arc as usize].push(g);
            }
        }
        self.routes[k as usize] = route.to_vec();
        self.update_windows(net, route, demand)
    }

    /// Puts commodity `k` on a route, with new departures where it asks for them; false if some
    /// departure has no moment left.
    pub(crate) fn put(&mut self, net: &Net<'_>, k: u32, rides: &[Ride]) -> bool {
        let route: Vec<u32> = rides
            .iter()
            .map(|&ride| match ride {
                Ride::Join(g) => g,
                Ride::New(arc) => self.new_group(arc),
            })
            .collect();
        self.ride(net, k, &route, Demand::Open)
    }

    fn new_group(&mut self, arc: u32) -> u32 {
        let g = self.free.pop().unwrap_or_else(|| {
            self.groups.push(Group::default());
            self.groups.len() as u32 - 1
        });
        self.groups[g as usize].arc = arc;
        self.groups[g as usize].load = 0.0;
        g
    }

    /// Computes cost and windows anew, at this network's costs and due times.
    pub(crate) fn renew(&mut self, net: &Net<'_>) {
        let used = (0..self.groups.len() as u32).filter(|&g| self.groups[g as usize].is_used());
        self.update_windows(net, &used.collect::<Vec<_>>(), Demand::Nothing);
        self.cost = 0.0;
        for group in self.groups.iter().filter(|group| group.is_used()) {
            let arc = &net.arcs[group.arc as usize];
            self.cost += arc.cost_per_unit * group.load;
            self.cost += arc.cost_fixed * trucks(group.load, arc.capacity);
        }
    }

    /// Ends a step: departures that are empty may be used anew.
    pub(crate) fn settle(&mut self) {
        let mut emptied = std::mem::take(&mut self.emptied);
        emptied.sort_unstable();
        emptied.dedup();
        self.free.extend(emptied.iter().filter(|&&g| !self.groups[g as usize].is_used()));
    }

    /// Recomputes the windows of some departures and of all that depend on them; false if one has
    /// no moment left.
    fn update_windows(&mut self, net: &Net<'_>, changed: &[u32], demand: Demand) -> bool {
        let mut queue = std::mem::take(&mut self.queue);
        let is_open = self.update_early(net, changed, demand, &mut queue)
            && self.update_late(net, changed, demand, &mut queue);
        queue.clear();
        self.queue = queue;
        is_open
    }

    fn update_early(
        &mut self,
        net: &Net<'_>,
        changed: &[u32],
        demand: Demand,
        queue: &mut Vec<u32>,
    ) -> bool {
        queue.clear();
        queue.extend(changed);
        let mut next = 0;
        while next < queue.len() {
            if demand == Demand::Open && next > MOVES_MAX {
                return false;
            }
            let g = queue[next];
            next += 1;
            let group = &self.groups[g as usize];
            if group.riders.is_empty() {
                continue;
            }
            let mut ready = f64::NEG_INFINITY;
            for &(k, place) in &group.riders {
                let there = match place.checked_sub(1) {
                    Some(before) => self.arrival(net, self.routes[k as usize][before as usize]),
                    None => net.coms[k as usize].release,
                };
                ready = ready.max(there);
            }
            let is_new = next <= changed.len();
            if group.is_pinned && ready > group.early + TIME_EPSILON && demand == Demand::Open {
                return false;
            }
            let early = if group.is_pinned { group.early } else { net.earliest(group.arc, ready) };
            if early == group.early && !is_new {
                continue;
            }
            self.groups[g as usize].early = early;
            let arrival = self.arrival(net, g);
            for &(k, place) in &self.groups[g as usize].riders {
                match self.routes[k as usize].get(place as usize + 1) {
                    Some(&after) => queue.push(after),
                    None => {
                        let is_late = arrival > net.coms[k as usize].due + TIME_EPSILON;
                        if is_late && demand == Demand::Open {
                            return false;
                        }
                    }
                }
            }
        }
        true
    }

    fn update_late(
        &mut self,
        net: &Net<'_>,
        changed: &[u32],
        demand: Demand,
        queue: &mut Vec<u32>,
    ) -> bool {
        queue.clear();
        queue.extend(changed.iter().rev());
        let mut next = 0;
        while next < queue.len() {
            if demand == Demand::Open && next > MOVES_MAX {
                return false;
            }
            let g = queue[next];
            next += 1;
            let group = &self.groups[g as usize];
            if group.riders.is_empty() {
                continue;
            }
            let mut needed = f64::INFINITY;
            for &(k, place) in &group.riders {
                let after = self.routes[k as usize].get(place as usize + 1);
                needed = needed.min(match after {
                    Some(&after) => self.groups[after as usize].late,
                    None => net.coms[k as usize].due,
                });
            }
            let latest = net.latest(group.arc, needed);
            let late = if group.is_pinned { latest.min(group.early) } else { latest };
            let is_new = next <= changed.len();
            if late == group.late && !is_new {
                continue;
            }
            if demand == Demand::Open && late < group.early - TIME_EPSILON {
                return false;
            }
            if group.is_pinned {
                continue;
            }
            self.groups[g as usize].late = late;
            for &(k, place) in &self.groups[g as usize].riders {
                if let Some(before) = place.checked_sub(1) {
                    queue.push(self.routes[k as usize][before as usize]);
                }
            }
        }
        true
    }

    /// When the riders of a departure at its earliest are at hand on the other side.
    fn arrival(&self, net: &Net<'_>, g: u32) -> f64 {
        let group = &self.groups[g as usize];
        net.arrival(group.arc, group.early)
    }
}
