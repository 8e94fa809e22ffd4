//! Recipients and senders: whether they come, when, and with which code.

use std::collections::{BTreeMap, BTreeSet};

use rv_base::{OrderId, Rng, Seconds, StopId};
use serde::{Deserialize, Serialize};

/// How people behave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeopleModel {
    /// Share who do not come to the van. Published first-attempt success lies between 88 %
    /// (Ireland), 94 % (United Kingdom) and 97 % (United States); a code and an announced
    /// time favour the upper end.
    pub absent: f64,
    /// Share who already wait at the kerb, since they were told the time.
    pub waiting: f64,
    /// Shortest time of the others from arrival to the van.
    pub come_min_s: Seconds,
    /// Mean of their exponential time beyond that.
    pub come_mean_s: Seconds,
    /// Share who enter a wrong code first.
    pub wrong_code: f64,
    /// Share who refuse the parcel at the open door.
    pub declined: f64,
    /// Opening, taking and closing.
    pub take_s: Seconds,
    /// Each compartment beyond the first.
    pub take_more_s: Seconds,
}

impl PeopleModel {
    /// Announced deliveries to homes and offices.
    pub const ANNOUNCED: Self = Self {
        absent: 0.025,
        waiting: 0.4,
        come_min_s: Seconds(15.0),
        come_mean_s: Seconds(45.0),
        wrong_code: 0.03,
        declined: 0.001,
        take_s: Seconds(22.0),
        take_more_s: Seconds(6.0),
    };
}

/// What a person at a stop will do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Visitor {
    /// Time from the van's arrival to the keypad; none if nobody comes.
    pub(crate) comes_after: Option<Seconds>,
    pub(crate) errs_first: bool,
    pub(crate) declines: bool,
}

/// What people know, sharded so that a change stores little.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Crowd {
    /// The stop and code that each order's person was told last.
    pub(crate) codes: BTreeMap<OrderId, (StopId, String)>,
    /// Orders whose address is wrong.
    pub(crate) nowhere: BTreeSet<OrderId>,
}

impl PeopleModel {
    /// What the person of an order does at a stop; depends on nothing but the seed and these.
    pub(crate) fn visitor(
        &self,
        seed: u64,
        order: OrderId,
        stop: StopId,
        wrong_addresses: f64,
    ) -> Visitor {
        let root = Rng::from_seed(seed ^ order.0.rotate_left(32));
        if wrong_addresses > 0.0 && root.fork("address").unit() < wrong_addresses {
            return Visitor { comes_after: None, errs_first: false, declines: false };
        }
        let mut rng = root.fork_idx("visit", stop.0);
        let is_absent = rng.chance(self.absent);
        let is_waiting = rng.chance(self.waiting);
        let delay = if is_waiting {
            Seconds(rng.range(4.0, 12.0))
        } else {
            self.come_min_s + Seconds(rng.exponential(self.come_mean_s.0))
        };
        Visitor {
            comes_after: (!is_absent).then_some(delay),
            errs_first: rng.chance(self.wrong_code),
            declines: rng.chance(self.declined),
        }
    }
}
