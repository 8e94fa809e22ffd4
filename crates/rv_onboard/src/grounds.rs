//! Where its permits let the vehicle drive, and when.

use std::sync::Arc;

use rv_base::{EdgeId, PermitId, Seconds, Timestamp};
use rv_map::RoadGraph;
use rv_model::{Permit, PermitArea, VehicleKind};
use rv_rules::{PermitIndex, PermitShelf};
use rv_wire::{PermitPhase, PermitRule, PermitZone};

/// The permits of one vehicle on its map, phase after phase.
#[derive(Clone, Debug)]
pub(crate) struct Grounds {
    kind: VehicleKind,
    utc_offset: Seconds,
    phases: Vec<Phase>,
}

/// A phase and an hour of the week in it: what permits cover depends on nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    phase_idx: usize,
    hour: u32,
}

#[derive(Clone, Debug)]
struct Phase {
    from: Timestamp,
    /// Nothing for a vehicle that needs no permit.
    bound: Option<Bound>,
}

#[derive(Clone, Debug)]
struct Bound {
    held: Vec<PermitId>,
    /// Nothing if a permit cannot be read: then no road is covered.
    index: Option<Arc<PermitIndex>>,
}

impl Grounds {
    /// Resolves what the fleet said.
    pub(crate) fn new(
        phases: &[PermitPhase],
        kind: VehicleKind,
        graph: &RoadGraph,
        shelf: &PermitShelf,
    ) -> Self {
        let resolve = |phase: &PermitPhase| {
            let permits: Vec<Permit> = phase.rules.iter().map(|rule| permit(rule, kind)).collect();
            Phase {
                from: phase.from,
                bound: phase.is_bound.then(|| Bound {
                    held: permits.iter().map(|permit| permit.id).collect(),
                    index: shelf.index(graph, &permits).ok().map(Arc::new),
                }),
            }
        };
        Self { kind, utc_offset: shelf.utc_offset(), phases: phases.iter().map(resolve).collect() }
    }

    /// Phase and hour at a time.
    pub(crate) fn moment(&self, at: Timestamp) -> Moment {
        let begun = self.phases.iter().take_while(|phase| phase.from <= at).count();
        Moment { phase_idx: begun.saturating_sub(1), hour: (at + self.utc_offset).hour_of_week() }
    }

    /// When the phase after this moment's begins.
    pub(crate) fn next_phase(&self, at: Moment) -> Option<Timestamp> {
        self.phases.get(at.phase_idx + 1).map(|phase| phase.from)
    }

    /// Whether the vehicle may be on an edge.
    pub(crate) fn covers(&self, edge: EdgeId, at: Moment) -> bool {
        let bound = self.phases.get(at.phase_idx).and_then(|phase| phase.bound.as_ref());
        let Some(Bound { held, index }) = bound else { return true };
        let Some(index) = index.as_ref().filter(|_| !held.is_empty()) else { return false };
        index.covers_hour(held, self.kind, edge, at.hour).is_ok()
    }
}

fn permit(rule: &PermitRule, kind: VehicleKind) -> Permit {
    let areas = |zones: &[PermitZone]| {
        let area = |zone: &PermitZone| PermitArea {
            name: String::new(),
            outline: zone.outline.clone(),
            hours: zone.hours,
        };
        zones.iter().map(area).collect()
    };
    Permit {
        id: rule.permit,
        name: String::new(),
        kinds: vec![kind],
        allowed: areas(&rule.allowed),
        forbidden: areas(&rule.forbidden),
        hours: rule.hours,
    }
}
