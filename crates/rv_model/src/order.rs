//! Orders and what becomes of them.

use rv_base::{
    FacilityId, Kilograms, LatLon, OrderId, ParcelId, PermitId, PlaceId, TenantId, TimeWindow,
    Timestamp,
};
use serde::{Deserialize, Serialize};

/// Longest idempotency key, bytes.
pub const MAX_KEY_BYTES: usize = 128;

/// Most parcels of one order.
pub const MAX_PARCELS_PER_ORDER: u16 = 200;

/// What a tenant asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Idempotency key, unique within the tenant: the same key again gives the same order.
    pub key: String,
    /// Who asks.
    pub tenant: TenantId,
    /// What for.
    pub kind: OrderKind,
    /// Where the recipient (of a collection: the sender) is.
    pub site: Site,
    /// How parcels change hands there.
    pub handover: Handover,
    /// How many parcels, 1..=[`MAX_PARCELS_PER_ORDER`].
    pub n_parcels: u16,
    /// Mass of each parcel.
    pub parcel_mass: Kilograms,
    /// When the handover may take place.
    pub window: TimeWindow,
}

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// Hub to recipient.
    Delivery,
    /// Sender to hub.
    Collection,
    /// Hub to a shop: heavy, staff at hand.
    Replenishment,
}

/// Where something is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// A delivery point of the city file.
    Place(PlaceId),
    /// A station or locker.
    Facility(FacilityId),
    /// Anywhere on the map; snapped to the road.
    Point(LatLon),
}

/// How parcels change hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handover {
    /// The recipient comes to the van at the kerb and enters a one-time code.
    Door,
    /// The van fills a parcel locker; the recipient fetches later.
    Locker,
    /// A station's staff takes it; a courier serves the last metres.
    Station,
}

/// An accepted order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Identity.
    pub id: OrderId,
    /// As asked; `site` and `window` change when the order is changed.
    pub request: OrderRequest,
    /// Its parcels, consecutive.
    pub first_parcel: ParcelId,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

impl Order {
    /// The order's parcels in ascending order.
    pub fn parcels(&self) -> impl Iterator<Item = ParcelId> + use<> {
        let first = self.first_parcel.0;
        (first..first + u64::from(self.request.n_parcels)).map(ParcelId)
    }

    /// Mass of all its parcels.
    pub fn mass(&self) -> Kilograms {
        self.request.parcel_mass * f64::from(self.request.n_parcels)
    }
}

/// Where an order stands. Each ends in exactly one of the last four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Taken on; at the hub, or with its sender.
    Accepted,
    /// On a van's plan.
    Planned,
    /// On board.
    Loaded,
    /// On board and the next stop.
    Underway,
    /// The van stands at the recipient's; the code is live.
    Arrived,
    /// Handed over with proof (of a collection: handed in at the hub).
    Delivered,
    /// Back at the hub, or given up with a reason.
    Returned,
    /// Called off by the tenant.
    Cancelled,
    /// Never taken on.
    Refused,
}

impl OrderStatus {
    /// True for the four ends.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Returned | Self::Cancelled | Self::Refused)
    }
}

/// Why an order was not taken on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// No tenant has this id.
    UnknownTenant,
    /// The request itself is wrong.
    Invalid(OrderError),
    /// The site is not on the map.
    OutsideMap,
    /// No road that a van may use leads there.
    Unreachable,
    /// A permit keeps every van away, in the whole window.
    NotPermitted(PermitId),
    /// Heavier or more than the largest van takes.
    TooLarge,
    /// The window is over, or too soon to be met.
    TooLate,
    /// The key was used before for something else.
    KeyReused,
    /// The fleet has no van left for it.
    NoCapacity,
}

/// What is wrong with a request.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "snake_case")]
pub enum OrderError {
    /// Empty, or over [`MAX_KEY_BYTES`].
    #[error("key must have 1 to {MAX_KEY_BYTES} bytes")]
    Key,
    /// None, or over [`MAX_PARCELS_PER_ORDER`].
    #[error("n_parcels must be 1 to {MAX_PARCELS_PER_ORDER}")]
    ParcelCount,
    /// Not finite, not more than zero, or over 1,000 kg.
    #[error("parcel mass must be more than 0 and at most 1000 kg")]
    Mass,
    /// Ends before it begins.
    #[error("time window ends before it begins")]
    Window,
    /// No facility or place has this id, or it is of another kind.
    #[error("site does not exist or does not fit the handover")]
    Site,
}

impl OrderRequest {
    /// Checks what can be told from the request alone.
    pub fn check(&self) -> Result<(), OrderError> {
        if self.key.is_empty() || self.key.len() > MAX_KEY_BYTES {
            return Err(OrderError::Key);
        }
        if self.n_parcels == 0 || self.n_parcels > MAX_PARCELS_PER_ORDER {
            return Err(OrderError::ParcelCount);
        }
        let mass_kg = self.parcel_mass.0;
        if !(mass_kg > 0.0 && mass_kg <= 1000.0) {
            return Err(OrderError::Mass);
        }
        if self.window.end < self.window.start {
            return Err(OrderError::Window);
        }
        Ok(())
    }
}

/// Why parcels came back or were given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnReason {
    /// Nobody came to the van.
    NobodyThere,
    /// Wrong codes only.
    WrongCode,
    /// The recipient refused.
    Declined,
    /// The address could not be served.
    AddressWrong,
    /// The locker was jammed or full.
    LockerJammed,
    /// The van could not go on; the parcels were fetched.
    VanLost,
    /// No van could take it within its window and the grace after it.
    NotServed,
    /// Not found when it was to be loaded.
    Missing,
    /// The truck that brings it did not come in time.
    TruckLate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_is_wrong_with_it() {
        let good = OrderRequest {
            key: "a".into(),
            tenant: TenantId(0),
            kind: OrderKind::Delivery,
            site: Site::Place(PlaceId(0)),
            handover: Handover::Door,
            n_parcels: 1,
            parcel_mass: Kilograms(1.0),
            window: TimeWindow::ALWAYS,
        };
        assert_eq!(good.check(), Ok(()));
        let with = |change: fn(&mut OrderRequest)| {
            let mut request = good.clone();
            change(&mut request);
            request.check()
        };
        assert_eq!(with(|r| r.key.clear()), Err(OrderError::Key));
        assert_eq!(with(|r| r.n_parcels = 0), Err(OrderError::ParcelCount));
        assert_eq!(with(|r| r.n_parcels = 201), Err(OrderError::ParcelCount));
        assert_eq!(with(|r| r.parcel_mass = Kilograms(f64::NAN)), Err(OrderError::Mass));
        assert_eq!(with(|r| r.window.end = Timestamp(-1)), Err(OrderError::Window));
    }
}
