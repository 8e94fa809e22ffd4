//! Capacitated multicommodity network design, static or timed.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most nodes an instance may have.
pub const MAX_NODES: usize = 10_000;
/// Most arcs an instance may have.
pub const MAX_ARCS: usize = 200_000;
/// Most commodities an instance may have.
pub const MAX_COMMODITIES: usize = 100_000;

/// One direction of a lane between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DesignArc {
    /// Where it begins (0-based).
    pub tail: u32,
    /// Where it ends (0-based).
    pub head: u32,
    /// Cost of moving one unit over it.
    pub cost_per_unit: f64,
    /// Static: units that fit once it is open. Timed: units that fit on one truck.
    pub capacity: f64,
    /// Static: cost of opening it. Timed: cost of one truck running it.
    pub cost_fixed: f64,
    /// Time that it takes; zero in a static instance.
    pub travel: f64,
}

/// Something to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DesignCommodity {
    /// Node that it starts from (0-based).
    pub origin: u32,
    /// Node that it goes to (0-based).
    pub destination: u32,
    /// Units.
    pub size: f64,
    /// Earliest moment at the origin; zero in a static instance.
    pub release: f64,
    /// Latest moment at the destination; infinite in a static instance.
    pub due: f64,
}

/// Whether time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Arcs are opened once; commodities may be split.
    Static,
    /// Trucks run at moments of continuous time; each commodity travels whole.
    Timed,
}

/// A checked network-design instance.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkDesign {
    timing: Timing,
    n_nodes: usize,
    arcs: Vec<DesignArc>,
    commodities: Vec<DesignCommodity>,
}

/// Why an instance cannot be planned.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DesignError {
    /// Too many of something.
    #[error("{what}: {n} are given, at most {max} are allowed")]
    TooMany {
        /// Nodes, arcs or commodities.
        what: &'static str,
        /// How many there are.
        n: usize,
        /// How many there may be.
        max: usize,
    },
    /// None of something.
    #[error("there are no {0}")]
    None(&'static str),
    /// An arc or commodity names a node that does not exist.
    #[error("{what} {idx} names node {node}, but nodes are 1 to {n_nodes}")]
    UnknownNode {
        /// `arc` or `commodity`.
        what: &'static str,
        /// Which one (1-based).
        idx: usize,
        /// The node (1-based).
        node: u64,
        /// How many nodes there are.
        n_nodes: usize,
    },
    /// Both ends are the same node.
    #[error("{what} {idx} begins and ends at node {node}")]
    Loop {
        /// `arc` or `commodity`.
        what: &'static str,
        /// Which one (1-based).
        idx: usize,
        /// The node (1-based).
        node: u64,
    },
    /// A number is negative, zero where it may not be, or not finite.
    #[error("{what} {idx}: {field} {value} is out of range")]
    OutOfRange {
        /// `arc` or `commodity`.
        what: &'static str,
        /// Which one (1-based).
        idx: usize,
        /// Which number.
        field: &'static str,
        /// What it is.
        value: f64,
    },
    /// A commodity is due before it is released.
    #[error("commodity {idx} is due at {due}, before its release at {release}")]
    DueBeforeRelease {
        /// Which one (1-based).
        idx: usize,
        /// Its release.
        release: f64,
        /// When it is due.
        due: f64,
    },
    /// No path leads from origin to destination.
    #[error("commodity {idx}: no path leads from node {origin} to node {destination}")]
    Disconnected {
        /// Which one (1-based).
        idx: usize,
        /// Its origin (1-based).
        origin: u64,
        /// Its destination (1-based).
        destination: u64,
    },
}

impl NetworkDesign {
    /// Checks an instance.
    pub fn new(
        timing: Timing,
        n_nodes: usize,
        arcs: Vec<DesignArc>,
        commodities: Vec<DesignCommodity>,
    ) -> Result<Self, DesignError> {
        for (what, n, max) in [
            ("nodes", n_nodes, MAX_NODES),
            ("arcs", arcs.len(), MAX_ARCS),
            ("commodities", commodities.len(), MAX_COMMODITIES),
        ] {
            if n == 0 {
                return Err(DesignError::None(what));
            }
            if n > max {
                return Err(DesignError::TooMany { what, n, max });
            }
        }
        for (idx, arc) in arcs.iter().enumerate() {
            check_ends("arc", idx, arc.tail, arc.head, n_nodes)?;
            for (field, value, ok) in [
                ("cost per unit", arc.cost_per_unit, arc.cost_per_unit >= 0.0),
                ("capacity", arc.capacity, arc.capacity > 0.0),
                ("fixed cost", arc.cost_fixed, arc.cost_fixed >= 0.0),
                ("travel time", arc.travel, arc.travel >= 0.0),
            ] {
                check_range("arc", idx, field, value, ok && value.is_finite())?;
            }
        }
        for (idx, com) in commodities.iter().enumerate() {
            check_ends("commodity", idx, com.origin, com.destination, n_nodes)?;
            let size_ok = com.size > 0.0 && com.size.is_finite();
            check_range("commodity", idx, "size", com.size, size_ok)?;
            check_range("commodity", idx, "release", com.release, com.release.is_finite())?;
            check_range("commodity", idx, "due time", com.due, !com.due.is_nan())?;
            if com.due < com.release {
                let (release, due) = (com.release, com.due);
                return Err(DesignError::DueBeforeRelease { idx: idx + 1, release, due });
            }
        }
        let design = Self { timing, n_nodes, arcs, commodities };
        design.check_connected()?;
        Ok(design)
    }

    /// Whether time counts.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// How many nodes there are.
    pub fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    /// The arcs.
    pub fn arcs(&self) -> &[DesignArc] {
        &self.arcs
    }

    /// The commodities.
    pub fn commodities(&self) -> &[DesignCommodity] {
        &self.commodities
    }

    fn check_connected(&self) -> Result<(), DesignError> {
        let mut out = vec![Vec::new(); self.n_nodes];
        for arc in &self.arcs {
            out[arc.tail as usize].push(arc.head as usize);
        }
        let mut reached_from: Vec<Option<Vec<bool>>> = vec![None; self.n_nodes];
        for (idx, com) in self.commodities.iter().enumerate() {
            let reached = reached_from[com.origin as usize]
                .get_or_insert_with(|| reach(&out, com.origin as usize));
            if !reached[com.destination as usize] {
                return Err(DesignError::Disconnected {
                    idx: idx + 1,
                    origin: u64::from(com.origin) + 1,
                    destination: u64::from(com.destination) + 1,
                });
            }
        }
        Ok(())
    }
}

fn reach(out: &[Vec<usize>], from: usize) -> Vec<bool> {
    let mut seen = vec![false; out.len()];
    seen[from] = true;
    let mut stack = vec![from];
    while let Some(node) = stack.pop() {
        for &next in &out[node] {
            if !seen[next] {
                seen[next] = true;
                stack.push(next);
            }
        }
    }
    seen
}

fn check_ends(
    what: &'static str,
    idx: usize,
    from: u32,
    to: u32,
    n_nodes: usize,
) -> Result<(), DesignError> {
    for node in [from, to] {
        if node as usize >= n_nodes {
            let node = u64::from(node) + 1;
            return Err(DesignError::UnknownNode { what, idx: idx + 1, node, n_nodes });
        }
    }
    if from == to {
        return Err(DesignError::Loop { what, idx: idx + 1, node: u64::from(from) + 1 });
    }
    Ok(())
}

fn check_range(
    what: &'static str,
    idx: usize,
    field: &'static str,
    value: f64,
    ok: bool,
) -> Result<(), DesignError> {
    if ok { Ok(()) } else { Err(DesignError::OutOfRange { what, idx: idx + 1, field, value }) }
}
