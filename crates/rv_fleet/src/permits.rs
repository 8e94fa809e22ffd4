//! Permits that change during operation.

use rv_base::{PermitId, Timestamp, VanId};
use rv_model::{Permit, PermitArea, Van};
use rv_wire::{Down, PermitPhase, PermitRule, PermitZone};

use crate::config::FleetConfig;
use crate::event::{Event, MissionCause};
use crate::fleet::{Fleet, Timer};
use crate::io::{Done, Rejection};
use crate::state::PermitStage;

/// Most points of outlines that a van is told, over all stages; they take half of what one message
/// may.
const POINTS_MAX: usize = 20_000;

impl Fleet {
    pub(crate) fn grant_permit(
        &mut self,
        now: Timestamp,
        mut permit: Permit,
        is_new: bool,
    ) -> Result<Done, Rejection> {
        let stages = self.state.permit_stages();
        let known = || stages.iter().flat_map(|stage| stage.permits.keys());
        if is_new {
            permit.id = PermitId(known().map(|id| id.0 + 1).max().unwrap_or(0));
        } else if !known().any(|id| *id == permit.id) {
            return Err(Rejection::UnknownPermit(permit.id));
        }
        self.roads
            .check_permit(&permit)
            .map_err(|error| Rejection::InvalidPermit(error.to_string()))?;
        // The last stage comes once more, with this one.
        let told = stages.iter().chain(stages.last()).flat_map(|stage| stage.permits.values());
        let n_points = permit.n_points() + told.map(Permit::n_points).sum::<usize>();
        if n_points > POINTS_MAX {
            let problem = format!("{n_points} points of outlines, more than {POINTS_MAX}");
            return Err(Rejection::InvalidPermit(problem));
        }
        let (id, from) = (permit.id, self.permit_change_at(now));
        self.emit(now, Event::PermitGranted { permit, from });
        self.permits_changed(now);
        Ok(Done::PermitAnnounced { permit: id, from })
    }

    pub(crate) fn revoke_permit(
        &mut self,
        now: Timestamp,
        permit: PermitId,
    ) -> Result<Done, Rejection> {
        let stages = self.state.permit_stages();
        if !stages[stages.len() - 1].permits.contains_key(&permit) {
            return Err(Rejection::UnknownPermit(permit));
        }
        let from = self.permit_change_at(now);
        self.emit(now, Event::PermitRevoked { permit, from });
        self.permits_changed(now);
        Ok(Done::PermitAnnounced { permit, from })
    }

    /// When a change that is announced now comes into force: never before one announced earlier.
    fn permit_change_at(&self, now: Timestamp) -> Timestamp {
        let from = now + self.config.policy.permit_notice_s;
        self.state.permit_changes.last().map_or(from, |last| from.max(last.from))
    }

    pub(crate) fn wake_permits(&mut self) {
        let times: Vec<Timestamp> = self.state.permit_changes.iter().map(|c| c.from).collect();
        times.into_iter().for_each(|at| self.wake(at, Timer::Permits));
    }

    /// Vans learn of the change, and those under way get ways that the permits cover before and
    /// after it.
    fn permits_changed(&mut self, now: Timestamp) {
        self.wake_permits();
        for van in (0..self.state.vans.len()).map(VanId::from_idx) {
            self.send(van, self.permits_message(van));
            self.reroute(now, van, MissionCause::Rerouted);
        }
        for (hub, _) in self.planner.hubs(&self.config) {
            self.wake_hub(now, hub);
        }
    }

    /// An announced change comes into force. Vans know its time; what is planned from now on needs
    /// the new permits only.
    pub(crate) fn permits_in_force(&mut self, now: Timestamp) {
        if self.state.permit_changes.first().is_some_and(|change| change.from <= now) {
            self.emit(now, Event::PermitsInForce);
            for (hub, _) in self.planner.hubs(&self.config) {
                self.wake_hub(now, hub);
            }
        }
    }

    pub(crate) fn permits_message(&self, van: VanId) -> Down {
        let stages = self.state.permit_stages();
        let van = &self.config.vans[van.idx()];
        let phases = stages.iter().map(|stage| self.config.phase(stage, van)).collect();
        Down::Permits { epoch: self.state.permit_epoch, phases }
    }
}

impl FleetConfig {
    /// What the permits in force at the beginning say of a van, as it is told.
    pub fn permit_phases(&self, van: &Van) -> Vec<PermitPhase> {
        let permits = self.permits.iter().map(|permit| (permit.id, permit.clone())).collect();
        vec![self.phase(&PermitStage { permits, ..PermitStage::default() }, van)]
    }

    fn phase(&self, stage: &PermitStage, van: &Van) -> PermitPhase {
        let kind = self.classes.get(usize::from(van.class_idx)).map(|class| class.kind);
        let zones = |areas: &[PermitArea]| {
            let zone =
                |area: &PermitArea| PermitZone { outline: area.outline.clone(), hours: area.hours };
            areas.iter().map(zone).collect()
        };
        let rule = |permit: &Permit| PermitRule {
            permit: permit.id,
            hours: permit.hours,
            allowed: zones(&permit.allowed),
            forbidden: zones(&permit.forbidden),
        };
        PermitPhase {
            from: stage.from,
            is_bound: !van.permits.is_empty(),
            rules: stage
                .held(&van.permits)
                .iter()
                .filter_map(|id| stage.permits.get(id))
                .filter(|permit| kind.is_some_and(|kind| permit.kinds.contains(&kind)))
                .map(rule)
                .collect(),
        }
    }
}
