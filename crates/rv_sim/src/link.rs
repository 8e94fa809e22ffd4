//! The radio link of a vehicle: delays, loses and repeats.

use std::collections::BTreeMap;

use rv_base::{Rng, Seconds, Timestamp};
use serde::{Deserialize, Serialize};

/// How a link behaves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkModel {
    /// Shortest delay.
    pub delay_min_s: Seconds,
    /// Mean of the exponential delay beyond that.
    pub delay_mean_s: Seconds,
    /// Share of messages that never arrive, 0..1.
    pub loss: f64,
    /// Share of messages that arrive twice, 0..1.
    pub repeat: f64,
}

impl LinkModel {
    /// A public mobile network in a city: the round trip is some tens of milliseconds, a message
    /// in 500 is lost.
    pub const CITY: Self = Self {
        delay_min_s: Seconds(0.03),
        delay_mean_s: Seconds(0.05),
        loss: 0.002,
        repeat: 0.001,
    };

    /// A bad one, for tests of what must not break: seconds of delay, every tenth message lost.
    pub const BAD: Self =
        Self { delay_min_s: Seconds(0.2), delay_mean_s: Seconds(2.0), loss: 0.1, repeat: 0.1 };
}

/// One vehicle's link, both ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Radio {
    rng: Rng,
    lost_until: Timestamp,
    n_sent: u64,
    /// Messages that never arrived.
    pub(crate) n_lost: u64,
    /// Messages that arrived twice.
    pub(crate) n_repeated: u64,
    up: BTreeMap<(Timestamp, u64), Vec<u8>>,
    down: BTreeMap<(Timestamp, u64), Vec<u8>>,
}

impl Radio {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            rng,
            lost_until: Timestamp::ZERO,
            n_sent: 0,
            n_lost: 0,
            n_repeated: 0,
            up: BTreeMap::new(),
            down: BTreeMap::new(),
        }
    }

    /// Loses everything until then.
    pub(crate) fn lose_until(&mut self, until: Timestamp) {
        self.lost_until = self.lost_until.max(until);
    }

    pub(crate) fn send_up(&mut self, now: Timestamp, model: &LinkModel, bytes: Vec<u8>) {
        let times = self.arrivals(now, model);
        for at in times.into_iter().flatten() {
            self.n_sent += 1;
            self.up.insert((at, self.n_sent), bytes.clone());
        }
    }

    pub(crate) fn send_down(&mut self, now: Timestamp, model: &LinkModel, bytes: Vec<u8>) {
        let times = self.arrivals(now, model);
        for at in times.into_iter().flatten() {
            self.n_sent += 1;
            self.down.insert((at, self.n_sent), bytes.clone());
        }
    }

    /// The next message that has arrived at the fleet.
    pub(crate) fn next_up(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        let first = self.up.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// The next message that has arrived at the vehicle.
    pub(crate) fn next_down(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        let first = self.down.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next message arrives at the vehicle.
    pub(crate) fn next_down_at(&self) -> Option<Timestamp> {
        self.down.first_key_value().map(|((at, _), _)| *at)
    }

    /// When copies of a message sent now arrive: none, one or two.
    fn arrivals(&mut self, now: Timestamp, model: &LinkModel) -> [Option<Timestamp>; 2] {
        if now < self.lost_until || self.rng.chance(model.loss) {
            self.n_lost += 1;
            return [None, None];
        }
        let mut at =
            || now + model.delay_min_s + Seconds(self.rng.exponential(model.delay_mean_s.0));
        let first = at();
        let second = at();
        let is_repeated = self.rng.chance(model.repeat);
        self.n_repeated += u64::from(is_repeated);
        [Some(first), is_repeated.then_some(second)]
    }
}
