//! Sums over the ledger, and what they say.

use rv_base::{Meters, Money, Seconds, Timestamp, WattHours};
use serde::{Deserialize, Serialize};

/// Most entries of a history: 24 hours by [`HISTORY_STEP`].
const HISTORY_MAX: usize = 288;

/// Time between two entries of the history.
pub const HISTORY_STEP: Seconds = Seconds(300.0);

/// Sums over all events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// First record's time.
    pub since: Option<Timestamp>,
    /// Orders asked for.
    pub n_orders: u64,
    /// Orders refused.
    pub n_refused: u64,
    /// Orders delivered.
    pub n_delivered: u64,
    /// Of these, begun inside their window.
    pub n_on_time: u64,
    /// Orders returned.
    pub n_returned: u64,
    /// Orders cancelled.
    pub n_cancelled: u64,
    /// Parcels accepted.
    pub n_parcels: u64,
    /// Parcels delivered.
    pub n_parcels_delivered: u64,
    /// Distance driven.
    pub driven: Meters,
    /// Energy drawn from batteries.
    pub drawn: WattHours,
    /// Energy taken from chargers.
    pub charged: WattHours,
    /// Attention of operators.
    pub operator: Seconds,
    /// Tickets opened.
    pub n_tickets: u64,
    /// Cost of energy, distance and wear.
    pub cost_energy: Money,
    /// Cost of the vans' time on tours.
    pub cost_van: Money,
    /// Cost of operators.
    pub cost_operator: Money,
    /// Cost of handling at hubs and by couriers.
    pub cost_handling: Money,
    /// Messages about things unknown or over, which were ignored.
    pub n_strays: u64,
    /// One entry each [`HISTORY_STEP`], the newest last.
    pub history: Vec<HistoryEntry>,
}

/// One moment of the past.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// Orders delivered until then.
    pub n_delivered: u64,
    /// Orders under way.
    pub n_pending: u64,
    /// Share of delivered orders begun inside their window.
    pub on_time_share: f64,
    /// Energy drawn until then.
    pub drawn: WattHours,
}

/// Learnt times; exponential averages over what vans report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// Handover at the kerb, from arrival or the window's start.
    pub handover: Learnt,
    /// Visit to a locker or station, by parcel dropped.
    pub drop: Learnt,
    /// Loading a parcel.
    pub load: Learnt,
    /// Driving time over what was expected.
    pub driving: Learnt,
    /// Tour time for each order on it.
    pub per_order: Learnt,
}

/// An exponential average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Learnt {
    /// Samples taken.
    pub n: u32,
    /// Their average.
    pub mean: f64,
}

impl Learnt {
    /// Samples until the average is preferred to what was configured.
    const N_TRUST: u32 = 20;
    /// Weight of a new sample in the long run.
    const GAIN: f64 = 0.01;

    /// Takes a sample; anything not finite is left out.
    pub fn learn(&mut self, sample: f64) {
        if !sample.is_finite() {
            return;
        }
        self.n = self.n.saturating_add(1);
        let gain = (1.0 / f64::from(self.n)).max(Self::GAIN);
        self.mean += gain * (sample - self.mean);
    }

    /// The average, or what was `expected` before while samples are few.
    pub fn or(&self, expected: f64) -> f64 {
        if self.n < Self::N_TRUST { expected } else { self.mean }
    }
}

impl Tally {
    /// Orders accepted and not at their end.
    pub fn n_pending(&self) -> u64 {
        let ended = self.n_refused + self.n_delivered + self.n_returned + self.n_cancelled;
        self.n_orders.saturating_sub(ended)
    }

    /// Share of delivered orders whose handover began inside the window; 1 before the first.
    pub fn on_time_share(&self) -> f64 {
        if self.n_delivered == 0 { 1.0 } else { self.n_on_time as f64 / self.n_delivered as f64 }
    }

    /// All cost so far.
    pub fn cost(&self) -> Money {
        self.cost_energy + self.cost_van + self.cost_operator + self.cost_handling
    }

    /// Cost of a delivered parcel; zero before the first.
    pub fn cost_per_parcel(&self) -> Money {
        let n = i64::try_from(self.n_parcels_delivered).unwrap_or(i64::MAX);
        if n == 0 { Money::ZERO } else { Money(self.cost().0 / n) }
    }

    /// Writes down the moments that have passed by `now`.
    pub(crate) fn note_history(&mut self, now: Timestamp) {
        let step_ms = (HISTORY_STEP.0 * 1000.0) as i64;
        let slot = now.0.div_euclid(step_ms) * step_ms;
        if self.history.last().is_some_and(|last| last.at.0 >= slot) {
            return;
        }
        if self.history.len() >= HISTORY_MAX {
            self.history.remove(0);
        }
        self.history.push(HistoryEntry {
            at: Timestamp(slot),
            n_delivered: self.n_delivered,
            n_pending: self.n_pending(),
            on_time_share: self.on_time_share(),
            drawn: self.drawn,
        });
    }
}

/// Key figures of this moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Kpi {
    /// Now.
    pub at: Timestamp,
    /// Sums.
    pub tally: Tally,
    /// Vans in all.
    pub n_vans: usize,
    /// Vans that drive.
    pub n_driving: usize,
    /// Vans that charge.
    pub n_charging: usize,
    /// Vans in trouble or lost.
    pub n_trouble: usize,
    /// Tickets without an answer.
    pub n_tickets_open: usize,
    /// Share of the operators' time that was given to tickets.
    pub operator_load: f64,
    /// Parcels delivered for each van and day of [`crate::FleetCosts::van_day`].
    pub parcels_per_van_day: f64,
}
