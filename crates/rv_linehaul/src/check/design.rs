//! Checks plans of network-design instances.

use std::fmt;

use rv_model::linehaul::{NetworkDesign, StaticPlan, TimedPlan};

/// Relative slack for sums of floating-point numbers.
const TOLERANCE: f64 = 1e-6;

/// What the checker found.
#[derive(Clone, Debug, PartialEq)]
pub struct DesignReport {
    /// The plan's cost, recomputed.
    pub cost: f64,
    /// Everything that is wrong with it.
    pub violations: Vec<DesignViolation>,
}

/// Something that is wrong with a plan. Indices are 0-based.
#[derive(Clone, Debug, PartialEq)]
pub enum DesignViolation {
    /// A path or itinerary does not lead from the commodity's origin to its destination.
    BrokenPath {
        /// Which commodity.
        commodity: usize,
    },
    /// The plan names an arc, dispatch or commodity that does not exist.
    UnknownIndex {
        /// What kind.
        what: &'static str,
        /// The index.
        idx: usize,
    },
    /// What is moved is not what was asked for.
    WrongAmount {
        /// Which commodity.
        commodity: usize,
        /// Units moved.
        moved: f64,
        /// Units asked for.
        size: f64,
    },
    /// More on an arc or on a dispatch's trucks than fits.
    Overload {
        /// `arc` or `dispatch`.
        what: &'static str,
        /// Which one.
        idx: usize,
        /// Units on it.
        load: f64,
        /// Units that fit.
        capacity: f64,
    },
    /// A commodity is not there when its dispatch leaves.
    Missed {
        /// Which commodity.
        commodity: usize,
        /// Which dispatch.
        dispatch: usize,
        /// When it is there.
        ready: f64,
        /// When the dispatch leaves.
        depart: f64,
    },
    /// A commodity arrives after its due time.
    Late {
        /// Which commodity.
        commodity: usize,
        /// When it arrives.
        arrival: f64,
        /// When it is due.
        due: f64,
    },
    /// A commodity is called undeliverable, but a path exists that arrives in time, or the
    /// earliest arrival is wrong.
    FalseExcuse {
        /// Which commodity.
        commodity: usize,
        /// Its true earliest arrival.
        earliest_arrival: f64,
    },
    /// A dispatch without trucks, or at a moment that is no number.
    BadDispatch {
        /// Which dispatch.
        dispatch: usize,
    },
}

impl fmt::Display for DesignViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenPath { commodity } => write!(
                f,
                "commodity {}: its path does not lead from origin to destination",
                commodity + 1
            ),
            Self::UnknownIndex { what, idx } => write!(f, "there is no {what} {}", idx + 1),
            Self::WrongAmount { commodity, moved, size } => {
                write!(f, "commodity {}: {moved} of {size} units are moved", commodity + 1)
            }
            Self::Overload { what, idx, load, capacity } => {
                write!(f, "{what} {}: {load} units where {capacity} fit", idx + 1)
            }
            Self::Missed { commodity, dispatch, ready, depart } => write!(
                f,
                "commodity {} is ready at {ready}, after dispatch {} left at {depart}",
                commodity + 1,
                dispatch + 1
            ),
            Self::Late { commodity, arrival, due } => {
                write!(f, "commodity {} arrives at {arrival}, due at {due}", commodity + 1)
            }
            Self::FalseExcuse { commodity, earliest_arrival } => write!(
                f,
                "commodity {} is left out, but can arrive at {earliest_arrival}",
                commodity + 1
            ),
            Self::BadDispatch { dispatch } => {
                write!(f, "dispatch {} has no trucks or no departure", dispatch + 1)
            }
        }
    }
}

/// Checks a static plan and recomputes its cost.
pub fn check_static(design: &NetworkDesign, plan: &StaticPlan) -> DesignReport {
    let (arcs, commodities) = (design.arcs(), design.commodities());
    let mut violations = Vec::new();
    let mut load = vec![0.0; arcs.len()];
    let mut moved = vec![0.0; commodities.len()];
    for flow in &plan.flows {
        let commodity = flow.commodity as usize;
        let Some(com) = commodities.get(commodity) else {
            violations.push(DesignViolation::UnknownIndex { what: "commodity", idx: commodity });
            continue;
        };
        let mut at = com.origin;
        let mut is_broken = flow.amount.is_nan() || flow.amount < 0.0;
        for &arc in &flow.arcs {
            let Some(row) = arcs.get(arc as usize) else {
                violations.push(DesignViolation::UnknownIndex { what: "arc", idx: arc as usize });
                is_broken = true;
                break;
            };
            is_broken |= row.tail != at;
            at = row.head;
            load[arc as usize] += flow.amount;
        }
        if is_broken || at != com.destination {
            violations.push(DesignViolation::BrokenPath { commodity });
        } else {
            moved[commodity] += flow.amount;
        }
    }
    for (commodity, com) in commodities.iter().enumerate() {
        if (moved[commodity] - com.size).abs() > TOLERANCE * com.size {
            let (moved, size) = (moved[commodity], com.size);
            violations.push(DesignViolation::WrongAmount { commodity, moved, size });
        }
    }
    let mut cost = 0.0;
    for (idx, arc) in arcs.iter().enumerate() {
        if load[idx] > arc.capacity * (1.0 + TOLERANCE) {
            let (load, capacity) = (load[idx], arc.capacity);
            violations.push(DesignViolation::Overload { what: "arc", idx, load, capacity });
        }
        if load[idx] > 0.0 {
            cost += arc.cost_fixed + arc.cost_per_unit * load[idx];
        }
    }
    DesignReport { cost, violations }
}

/// Checks a timed plan in continuous time and recomputes its cost.
pub fn check_timed(design: &NetworkDesign, plan: &TimedPlan) -> DesignReport {
    let (arcs, commodities) = (design.arcs(), design.commodities());
    let mut violations = Vec::new();
    let mut cost = 0.0;
    for (dispatch, row) in plan.dispatches.iter().enumerate() {
        match arcs.get(row.arc as usize) {
            None => violations
                .push(DesignViolation::UnknownIndex { what: "arc", idx: row.arc as usize }),
            Some(_) if row.n_trucks == 0 || !row.depart.is_finite() => {
                violations.push(DesignViolation::BadDispatch { dispatch });
            }
            Some(arc) => cost += arc.cost_fixed * f64::from(row.n_trucks),
        }
    }
    if !violations.is_empty() {
        return DesignReport { cost, violations };
    }
    if plan.itineraries.len() != commodities.len() {
        let idx = plan.itineraries.len();
        violations.push(DesignViolation::UnknownIndex { what: "itinerary", idx });
        return DesignReport { cost, violations };
    }
    let mut load = vec![0.0; plan.dispatches.len()];
    for (commodity, com) in commodities.iter().enumerate() {
        if let Some(late) = plan.late.iter().find(|l| l.commodity as usize == commodity) {
            let earliest_arrival = earliest_arrival(design, commodity);
            let is_wrong = (late.earliest_arrival - earliest_arrival).abs() > TOLERANCE;
            if earliest_arrival <= com.due || is_wrong || !plan.itineraries[commodity].is_empty() {
                violations.push(DesignViolation::FalseExcuse { commodity, earliest_arrival });
            }
            continue;
        }
        let (mut at, mut ready, mut is_known) = (com.origin, com.release, true);
        for &dispatch in &plan.itineraries[commodity] {
            let dispatch = dispatch as usize;
            let Some(row) = plan.dispatches.get(dispatch) else {
                violations.push(DesignViolation::UnknownIndex { what: "dispatch", idx: dispatch });
                is_known = false;
                break;
            };
            let arc = &arcs[row.arc as usize];
            if arc.tail != at {
                break;
            }
            if ready > row.depart + TOLERANCE {
                let depart = row.depart;
                violations.push(DesignViolation::Missed { commodity, dispatch, ready, depart });
            }
            at = arc.head;
            ready = row.depart + arc.travel;
            load[dispatch] += com.size;
            cost += arc.cost_per_unit * com.size;
        }
        if is_known && at != com.destination {
            violations.push(DesignViolation::BrokenPath { commodity });
        } else if ready > com.due + TOLERANCE {
            violations.push(DesignViolation::Late { commodity, arrival: ready, due: com.due });
        }
    }
    for (idx, row) in plan.dispatches.iter().enumerate() {
        let capacity = arcs[row.arc as usize].capacity * f64::from(row.n_trucks);
        if load[idx] > capacity * (1.0 + TOLERANCE) {
            let load = load[idx];
            violations.push(DesignViolation::Overload { what: "dispatch", idx, load, capacity });
        }
    }
    DesignReport { cost, violations }
}

/// When a commodity that never waits would arrive (Bellman and Ford).
fn earliest_arrival(design: &NetworkDesign, commodity: usize) -> f64 {
    let com = &design.commodities()[commodity];
    let mut at = vec![f64::INFINITY; design.n_nodes()];
    at[com.origin as usize] = com.release;
    for _ in 0..design.n_nodes() {
        let mut has_changed = false;
        for arc in design.arcs() {
            let arrival = at[arc.tail as usize] + arc.travel;
            if arrival < at[arc.head as usize] {
                at[arc.head as usize] = arrival;
                has_changed = true;
            }
        }
        if !has_changed {
            break;
        }
    }
    at[com.destination as usize]
}
