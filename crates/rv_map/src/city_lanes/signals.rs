//! Signals: junctions near each other share a cycle of two groups of approaches.

use rv_base::{EdgeId, JunctionId, Seconds};

use crate::graph::{ModeSet, RoadGraph};
use crate::lanes::Aspect;

/// Junctions with signals no further apart than this belong to one crossing, m.
const CLUSTER_M: f64 = 35.0;

/// Everything is red for so long between two greens, s.
const ALL_RED_S: f64 = 2.0;

/// The cycle of a crossing: green, yellow, all red for group 0, then for group 1.
///
/// Real timings are not mapped; these follow the usual design: yellow is a second of reaction and
/// the time to brake from the limit at 3 m/s2 (ITE, "Guidelines for determining traffic signal
/// change and clearance intervals", 2020), green is longer for more important roads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignalPlan {
    /// Green of each group, s.
    pub green_s: [f64; 2],
    /// Yellow, s.
    pub yellow_s: f64,
    /// When the cycle began, s.
    pub offset_s: f64,
}

impl SignalPlan {
    /// Length of the cycle, s.
    pub fn cycle_s(&self) -> f64 {
        self.green_s[0] + self.green_s[1] + 2.0 * (self.yellow_s + ALL_RED_S)
    }

    /// What a group sees.
    pub fn aspect(&self, group: u8, at: Seconds) -> Aspect {
        let mut left_s = (at.0 - self.offset_s).rem_euclid(self.cycle_s());
        let first_s = self.green_s[0] + self.yellow_s + ALL_RED_S;
        let is_first = left_s < first_s;
        if is_first != (group == 0) {
            return Aspect::Red;
        }
        if !is_first {
            left_s -= first_s;
        }
        let green_s = self.green_s[usize::from(!is_first)];
        if left_s < green_s {
            Aspect::Green
        } else if left_s < green_s + self.yellow_s {
            Aspect::Yellow
        } else {
            Aspect::Red
        }
    }
}

/// Signals of a graph, and for every junction the number of its signal.
pub(super) struct Signals {
    pub(super) plans: Vec<SignalPlan>,
    of_junction: Vec<u32>,
    /// Direction of group 0 of each, rad, and its junctions.
    axis_rad: Vec<f64>,
}

const NONE: u32 = u32::MAX;

impl Signals {
    pub(super) fn build(
        graph: &RoadGraph,
        heading_in: &[f64],
        rank: &dyn Fn(EdgeId) -> u8,
    ) -> Self {
        let mut of_junction = vec![NONE; graph.n_junctions()];
        let mut clusters: Vec<Vec<JunctionId>> = Vec::new();
        let mut edges_in: Vec<Vec<EdgeId>> = vec![Vec::new(); graph.n_junctions()];
        for (i, edge) in graph.edges.iter().enumerate() {
            if !edge.modes.intersection(ModeSet::MOTOR).is_empty() {
                edges_in[edge.head.idx()].push(EdgeId::from_idx(i));
            }
        }
        for j in 0..graph.n_junctions() {
            if !graph.is_signal[j] || of_junction[j] != NONE {
                continue;
            }
            // Spreads over short edges between junctions with signals.
            let number = clusters.len() as u32;
            let mut cluster = vec![JunctionId::from_idx(j)];
            of_junction[j] = number;
            let mut at = 0;
            while at < cluster.len() {
                let here = cluster[at];
                at += 1;
                let forth = graph.out_edges(here).map(|e| (e, graph.edge(e).head));
                let back = edges_in[here.idx()].iter().map(|e| (*e, graph.edge(*e).tail));
                let near: Vec<JunctionId> = forth
                    .chain(back)
                    .filter(|(e, there)| {
                        graph.edge(*e).length.0 < CLUSTER_M
                            && graph.is_signal[there.idx()]
                            && of_junction[there.idx()] == NONE
                    })
                    .map(|(_, there)| there)
                    .collect();
                for there in near {
                    if of_junction[there.idx()] == NONE {
                        of_junction[there.idx()] = number;
                        cluster.push(there);
                    }
                }
            }
            clusters.push(cluster);
        }
        let mut plans = Vec::new();
        let mut axis_rad = Vec::new();
        for (number, cluster) in clusters.iter().enumerate() {
            let entries: Vec<EdgeId> = cluster
                .iter()
                .flat_map(|j| edges_in[j.idx()].iter().copied())
                .filter(|e| of_junction[graph.edge(*e).tail.idx()] != number as u32)
                .collect();
            let main = entries.iter().copied().min_by_key(|e| (rank(*e), *e));
            let axis = main.map_or(0.0, |e| heading_in[e.idx()]);
            let best = |group: u8| {
                entries
                    .iter()
                    .filter(|e| group_of(axis, heading_in[e.idx()]) == group)
                    .map(|e| rank(*e))
                    .min()
            };
            let limit_mps = entries
                .iter()
                .map(|e| graph.road_of(*e).speed_limit.0)
                .fold(8.0, f64::max)
                .min(20.0);
            let green = |rank: Option<u8>| match rank {
                Some(0..=1) => 35.0,
                Some(2..=3) => 26.0,
                Some(_) => 18.0,
                // Nobody drives in this group: people on foot cross.
                None => 12.0,
            };
            let plan = SignalPlan {
                green_s: [green(best(0)), green(best(1))],
                yellow_s: (1.0 + limit_mps / 6.1).clamp(3.0, 5.0),
                offset_s: (u64::from(cluster[0].0).wrapping_mul(2_654_435_761) % 90) as f64,
            };
            plans.push(plan);
            axis_rad.push(axis);
        }
        Self { plans, of_junction, axis_rad }
    }

    /// The signal that an edge meets at its end, and its group; edges within a crossing have none.
    pub(super) fn of_edge(
        &self,
        graph: &RoadGraph,
        edge: EdgeId,
        heading_in: f64,
    ) -> Option<(u32, u8)> {
        let e = graph.edge(edge);
        let signal = self.of_junction[e.head.idx()];
        if signal == NONE || self.of_junction[e.tail.idx()] == signal {
            return None;
        }
        Some((signal, group_of(self.axis_rad[signal as usize], heading_in)))
    }
}

/// Group 0 runs along the axis, group 1 across it.
fn group_of(axis_rad: f64, heading_rad: f64) -> u8 {
    u8::from((heading_rad - axis_rad).sin().abs() > std::f64::consts::FRAC_1_SQRT_2)
}
