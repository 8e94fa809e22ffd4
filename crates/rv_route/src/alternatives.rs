//! Other good ways than the fastest.
//!
//! A way over another node is worth telling if it is not much slower than the fastest, shares
//! little with ways told already, and makes no detour that a driver would notice: every shorter
//! stretch around the node is itself about as fast as any way (Abraham, Delling, Goldberg, Werneck:
//! Alternative Routes in Road Networks, 2013). The nodes tried are those that the elimination trees
//! of both ends share, which are few and lie where the city is cut. Different from the paper, both
//! halves are searched anew, so a half is never slower than it need be, and a stretch may be a
//! little slower than the fastest: in a grid of streets many ways are.

use std::collections::BTreeMap;

use rv_base::{EdgeId, RoadPosition};

use crate::cost::Cost;
use crate::hierarchy::Hierarchy;
use crate::metric::{Located, Metric, RouteError, Weights};
use crate::route::{Route, Scratch, Way, same_edge_ahead};
use crate::weight::{Key, SearchKey};

/// What makes another way worth telling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlternativeOptions {
    /// Most ways besides the fastest.
    pub n_max: usize,
    /// Longest driving time over that of the fastest way, 1 or more.
    pub stretch_max: f64,
    /// Largest share of the fastest way's time that it may have in common with any way told before
    /// it, 0..=1.
    pub shared_max: f64,
    /// The stretches of this share of the fastest way's time before and behind the node that the
    /// way was found over must together be about as fast as any way, 0..=1.
    pub local_share: f64,
    /// How much slower than the fastest that may be, 1 or more.
    pub local_stretch_max: f64,
}

impl AlternativeOptions {
    /// A quarter slower at most, four fifths in common at most, as in the paper; an eighth before
    /// and an eighth behind are within 3 % of the fastest.
    pub const USUAL: Self = Self {
        n_max: 2,
        stretch_max: 1.25,
        shared_max: 0.8,
        local_share: 0.125,
        local_stretch_max: 1.03,
    };
}

/// Most nodes over which ways are looked for.
const TRIED_MAX: usize = 150;

impl Metric {
    /// The fastest way between two positions and then other good ones, the best first.
    ///
    /// There may be fewer than asked for, as where one bridge leads across. Ways whose ends lie on
    /// the same edge have no alternatives.
    pub fn alternatives(
        &self,
        scratch: &mut Scratch,
        from: RoadPosition,
        to: RoadPosition,
        options: AlternativeOptions,
    ) -> Result<Vec<Route>, RouteError> {
        let mut routes = vec![self.route(scratch, from, to)?];
        let (start, end) = (self.locate_start(from)?, self.locate_end(to)?);
        if start.state == end.state || same_edge_ahead(&start, &end).is_some() {
            return Ok(routes);
        }
        let Some(best) = self.search(scratch, &start, &end) else { return Ok(routes) };
        let stretch_max = options.stretch_max.max(1.0);
        let limit_ms = f64::from(routes[0].cost.time_ms) * stretch_max;
        // A way over a node is counted from tail to tail of the edges of both ends.
        let between_ms = f64::from(best.cost.time_ms) * stretch_max;
        let mut tried = self.over(scratch, &best, between_ms as u32);
        tried.sort_unstable();
        let mut n_tried = 0;
        let mut known = vec![shares(&routes[0])];
        for (_, via) in tried {
            if routes.len() > options.n_max || n_tried >= TRIED_MAX {
                break;
            }
            let edge = self.network.edge_of_rank[via as usize];
            if known.iter().any(|shares| shares.contains_key(&edge)) {
                continue;
            }
            n_tried += 1;
            let Some(route) = self.over_node(scratch, &start, &end, &best, via) else { continue };
            let own = shares(&route);
            let fastest_s = routes[0].time().0;
            let is_other = known.iter().all(|known| {
                let both = own.iter().filter(|(edge, _)| known.contains_key(edge));
                both.map(|(_, s)| s).sum::<f64>() <= options.shared_max * fastest_s
            });
            let is_short = f64::from(route.cost.time_ms) <= limit_ms;
            let is_simple = own.len() == route.edges.len();
            if is_short
                && is_simple
                && is_other
                && self.is_locally_good(scratch, &route, edge, fastest_s, &options)
            {
                routes.push(route);
                known.push(own);
            }
        }
        routes[1..].sort_by_key(|route| route.cost);
        Ok(routes)
    }

    /// Nodes over which a way may go, with the time over each, ms.
    fn over(&self, scratch: &mut Scratch, best: &Way, limit_ms: u32) -> Vec<(u32, u32)> {
        let cch = &self.network.cch;
        match &self.weights {
            Weights::Whole(h) => {
                let limit = Key::of(Cost { time_ms: limit_ms, ..Cost::ZERO });
                let found = scratch.whole.over(cch, h.graph(), best.from, best.to, limit);
                found.into_iter().map(|(key, rank)| (key.cost().time_ms, rank)).collect()
            }
            Weights::Times(h) => scratch.times.over(cch, h.graph(), best.from, best.to, limit_ms),
        }
    }

    /// The fastest way over a node.
    fn over_node(
        &self,
        scratch: &mut Scratch,
        start: &Located,
        end: &Located,
        best: &Way,
        via: u32,
    ) -> Option<Route> {
        let first = Way { top: None, ..self.way(scratch, best.from, via)? };
        let second = Way { top: None, ..self.way(scratch, via, best.to)? };
        Some(self.route_along(scratch, start, end, &[first, second]))
    }

    /// True if the stretch of a route around an edge is about as fast as any way.
    fn is_locally_good(
        &self,
        scratch: &mut Scratch,
        route: &Route,
        around: EdgeId,
        fastest_s: f64,
        options: &AlternativeOptions,
    ) -> bool {
        let stretch_s = options.local_share * fastest_s;
        let edges = &route.edges;
        let Some(at) = edges.iter().position(|driven| driven.edge == around) else { return false };
        let middle_s = edges[at].enter.0;
        let first = edges.iter().rposition(|e| e.enter.0 <= middle_s - stretch_s).unwrap_or(1);
        let last = edges.iter().position(|e| e.enter.0 >= middle_s + stretch_s);
        let last = last.unwrap_or(edges.len() - 1);
        let (first, last) = (first.max(1), last.min(edges.len() - 1));
        if first >= last {
            return true;
        }
        let network = &self.network;
        let state = network.state_of_edge[edges[first].edge.idx()];
        let found = self.best_way(scratch, [(state, Cost::ZERO)], edges[last].edge);
        let driven_ms = 1000.0 * (edges[last].enter.0 - edges[first].enter.0);
        let slack = options.local_stretch_max.max(1.0);
        found.is_some_and(|way| f64::from(way.cost.time_ms + 1) * slack >= driven_ms)
    }
}

/// Time on each edge of a route and in the turn behind it, s.
fn shares(route: &Route) -> BTreeMap<EdgeId, f64> {
    let mut shares = BTreeMap::new();
    for (idx, driven) in route.edges.iter().enumerate() {
        let until = route.edges.get(idx + 1).map_or(driven.leave, |next| next.enter);
        *shares.entry(driven.edge).or_insert(0.0) += (until - driven.enter).0;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::{Case, Oracle, check_route};

    #[test]
    fn alternatives_are_drivable_short_and_differ() {
        let mut n_found = 0;
        for seed in 0..8 {
            let mut case = Case::of_size(seed, 20, 20);
            let points = case.positions(24);
            let metric = case.metric();
            let options = AlternativeOptions::USUAL;
            let mut scratch = Scratch::default();
            for pair in points.windows(2) {
                let fastest = metric.route(&mut scratch, pair[0], pair[1]);
                let found = metric.alternatives(&mut scratch, pair[0], pair[1], options);
                let Ok(fastest) = fastest else {
                    assert_eq!(found.unwrap_err(), fastest.unwrap_err());
                    continue;
                };
                let found = found.unwrap();
                assert_eq!(found[0], fastest);
                assert!(found.len() <= 1 + options.n_max);
                n_found += found.len() - 1;
                let oracle = Oracle::new(&case.graph, &case.class, case.conditions());
                let fastest_s = fastest.time().0;
                for (idx, route) in found.iter().enumerate() {
                    check_route(&oracle, route);
                    assert!(route.time().0 <= options.stretch_max * fastest_s + 0.001);
                    for other in &found[..idx] {
                        let (own, other) = (shares(route), shares(other));
                        let both = own.iter().filter(|(edge, _)| other.contains_key(edge));
                        let both_s: f64 = both.map(|(_, s)| s).sum();
                        assert!(both_s <= options.shared_max * fastest_s + 1e-9);
                    }
                }
            }
        }
        assert!(n_found > 10, "{n_found}");
    }
}
