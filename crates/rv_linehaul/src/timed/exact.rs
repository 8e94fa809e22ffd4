//! Every way and every sharing of departures of few commodities, so that small instances end at
//! their optimum. A branch ends where what it costs at least is no better than the best plan.

use super::net::{Net, trucks};
use super::state::{Ride, State};

/// Most commodities that are enumerated.
pub(crate) const COMMODITIES_MAX: usize = 12;
/// Costs closer than this are equal.
const EPSILON: f64 = 1e-7;

/// How an enumeration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was looked at.
    Complete,
    /// It took too many steps.
    Cut,
}

/// An enumeration under way.
struct Exact<'a, 'b> {
    net: &'a Net<'a>,
    state: State,
    /// Commodities in the order in which they are put on.
    order: Vec<u32>,
    /// What those from each place of the order on cost at least, if all trucks were full.
    rest: Vec<f64>,
    /// Nothing that costs as much is of interest.
    limit: f64,
    leaf: &'b mut dyn FnMut(&State) -> f64,
    steps_left: u64,
}

/// Enumerates whole plans that cost less than `limit`; `leaf` gets each and gives the new limit.
/// Ends after `steps_max` ways that were tried.
pub(crate) fn enumerate(
    net: &Net<'_>,
    limit: f64,
    steps_max: u64,
    leaf: &mut dyn FnMut(&State) -> f64,
) -> End {
    let mut order = net.carried.clone();
    let least = |k: u32| {
        let com = &net.coms[k as usize];
        com.size * net.place_cost(com.origin, com.destination)
    };
    // The dearest first: bounds bite early.
    order.sort_by(|&a, &b| least(b).total_cmp(&least(a)).then(a.cmp(&b)));
    let mut rest = vec![0.0; order.len() + 1];
    for (i, &k) in order.iter().enumerate().rev() {
        rest[i] = rest[i + 1] + least(k);
    }
    let state = State::new(net);
    let mut exact = Exact { net, state, order, rest, limit, leaf, steps_left: steps_max };
    exact.commodity(0);
    if exact.steps_left == 0 { End::Cut } else { End::Complete }
}

impl Exact<'_, '_> {
    /// What a plan costs at least that goes on from here: what is to come may fill the room that
    /// trucks have left, and pays its share of full ones beyond that.
    fn least(&self, place: usize) -> f64 {
        let room: f64 = (self.state.groups.iter().filter(|group| group.is_used()))
            .map(|group| {
                let arc = &self.net.arcs[group.arc as usize];
                let n = trucks(group.load, arc.capacity);
                arc.cost_fixed * (n - group.load / arc.capacity).max(0.0)
            })
            .sum();
        self.state.cost + (self.rest[place] - room).max(0.0)
    }

    fn commodity(&mut self, place: usize) {
        if self.steps_left == 0 || self.least(place) >= self.limit - EPSILON {
            return;
        }
        let Some(&k) = self.order.get(place) else {
            self.limit = (self.leaf)(&self.state).min(self.limit);
            return;
        };
        let com = &self.net.coms[k as usize];
        let mut way = Way { rides: Vec::new(), seen: vec![com.origin] };
        self.extend(place, k, com.origin, com.release, &mut way);
    }

    /// Continues the way of commodity `k`, which is at a node at a moment at the earliest.
    fn extend(&mut self, place: usize, k: u32, node: u32, ready: f64, way: &mut Way) {
        let net = self.net;
        let com = &net.coms[k as usize];
        if node == com.destination {
            self.steps_left = self.steps_left.saturating_sub(1);
            let is_possible = self.state.put(net, k, &way.rides);
            if is_possible {
                self.commodity(place + 1);
            }
            self.state.take(net, k);
            self.state.settle();
            return;
        }
        for &a in &net.out[node as usize] {
            let head = net.arcs[a as usize].head;
            if way.seen.contains(&head) || self.steps_left == 0 {
                continue;
            }
            let reach = |depart: f64| {
                let there = net.arrival(a, depart);
                (there + net.time(head, com.destination) <= com.due + 1e-6).then_some(there)
            };
            let depart = net.earliest(a, ready);
            let Some(there) = reach(depart) else { continue };
            way.seen.push(head);
            way.rides.push(Ride::New(a));
            self.extend(place, k, head, there, way);
            way.rides.pop();
            for g in self.state.of_arc[a as usize].clone() {
                let group = &self.state.groups[g as usize];
                if group.late < depart - 1e-6 {
                    continue;
                }
                let Some(there) = reach(depart.max(group.early)) else { continue };
                way.rides.push(Ride::Join(g));
                self.extend(place, k, head, there, way);
                way.rides.pop();
            }
            way.seen.pop();
        }
    }
}

/// A way that is being made.
struct Way {
    rides: Vec<Ride>,
    seen: Vec<u32>,
}
