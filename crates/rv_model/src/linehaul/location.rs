//! Hub location: which nodes become hubs, and which hub each node uses.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most nodes of a hub-location problem.
pub const MAX_SITES: usize = 1_000;

/// How nodes may use hubs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allocation {
    /// Each node sends and receives everything by one hub.
    Single,
    /// Each pair of nodes takes the hubs that suit it.
    Multiple,
}

/// A checked hub-location problem. Distances are Euclidean, costs are per unit of flow and distance.
#[derive(Clone, Debug, PartialEq)]
pub struct HubProblem {
    places: Vec<(f64, f64)>,
    /// Flow from node to node, row-major.
    flow: Vec<f64>,
    rule: HubRule,
}

/// What a hub-location problem asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct HubRule {
    /// Cost from a node to its hub, between hubs, and from a hub to a node.
    pub costs: [f64; 3],
    /// How nodes may use hubs.
    pub allocation: Allocation,
    /// So many hubs exactly; any number if missing.
    pub n_hubs: Option<usize>,
    /// What each node costs as a hub; nothing if missing.
    pub fixed: Option<Vec<f64>>,
    /// Flow that nodes may send into each node as a hub; any if missing. Single allocation only.
    pub capacity: Option<Vec<f64>>,
}

/// Answer to a hub-location problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubPlan {
    /// Hubs, ascending (0-based).
    pub hubs: Vec<u32>,
    /// The hub of each node; empty where pairs choose for themselves.
    pub hub_of: Vec<u32>,
}

/// Why a hub-location problem cannot be solved.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum HubError {
    /// Too few or too many nodes or hubs.
    #[error("{what}: {n} are given, {min} to {max} are allowed")]
    Count {
        /// Nodes, flows, hubs and so on.
        what: &'static str,
        /// How many there are.
        n: usize,
        /// How few there may be.
        min: usize,
        /// How many there may be.
        max: usize,
    },
    /// A number is negative or not finite.
    #[error("{what} {idx}: {value} is out of range")]
    OutOfRange {
        /// Which table.
        what: &'static str,
        /// Which number (1-based).
        idx: usize,
        /// What it is.
        value: f64,
    },
    /// All capacities together are less than all flow.
    #[error("all flow is {flow}, but hubs take only {capacity} together")]
    Capacity {
        /// All flow.
        flow: f64,
        /// All capacities.
        capacity: f64,
    },
    /// Capacities need single allocation, and a number of hubs or fixed costs are needed.
    #[error("{0}")]
    Rule(&'static str),
}

impl HubProblem {
    /// Checks a problem; `flow` is row-major.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn new(places: Vec<(f64, f64)>, flow: Vec<f64>, rule: HubRule) -> Result<Self, HubError> {
        let n = places.len();
        let count = |what, n: usize, min, max| {
            if (min..=max).contains(&n) {
                Ok(())
            } else {
                Err(HubError::Count { what, n, min, max })
            }
        };
        count("nodes", n, 2, MAX_SITES)?;
        count("flows", flow.len(), n * n, n * n)?;
        if let Some(n_hubs) = rule.n_hubs {
            count("hubs", n_hubs, 1, n)?;
        }
        for table in [&rule.fixed, &rule.capacity].into_iter().flatten() {
            count("numbers of a table of hubs", table.len(), n, n)?;
        }
        let tables: [(&'static str, &mut dyn Iterator<Item = f64>); 5] = [
            ("place", &mut places.iter().map(|p| p.0.abs() + p.1.abs())),
            ("flow", &mut flow.iter().copied()),
            ("cost", &mut rule.costs.iter().copied()),
            ("fixed cost", &mut rule.fixed.iter().flatten().copied()),
            ("capacity", &mut rule.capacity.iter().flatten().copied()),
        ];
        for (what, values) in tables {
            for (i, value) in values.enumerate() {
                if !(value >= 0.0 && value.is_finite()) {
                    return Err(HubError::OutOfRange { what, idx: i + 1, value });
                }
            }
        }
        if rule.n_hubs.is_none() && rule.fixed.is_none() {
            return Err(HubError::Rule("without a number of hubs, hubs need fixed costs"));
        }
        if let Some(capacity) = &rule.capacity {
            if rule.allocation == Allocation::Multiple {
                return Err(HubError::Rule("capacities need single allocation"));
            }
            let (flow, capacity) = (flow.iter().sum::<f64>(), capacity.iter().sum::<f64>());
            if capacity < flow {
                return Err(HubError::Capacity { flow, capacity });
            }
        }
        Ok(Self { places, flow, rule })
    }

    /// How many nodes there are.
    pub fn n(&self) -> usize {
        self.places.len()
    }

    /// Flow from node to node.
    pub fn flow(&self, from: usize, to: usize) -> f64 {
        self.flow[from * self.n() + to]
    }

    /// Distance between nodes.
    pub fn distance(&self, a: usize, b: usize) -> f64 {
        (self.places[a].0 - self.places[b].0).hypot(self.places[a].1 - self.places[b].1)
    }

    /// What it asks for.
    pub fn rule(&self) -> &HubRule {
        &self.rule
    }
}
