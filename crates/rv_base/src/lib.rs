//! Units, time, frames, ids and seeded randomness: the words every other crate is written in.
//!
//! It refuses to know any domain concept beyond an id: no order, no van, no road. It does no IO,
//! reads no clock and holds no global state.
//!
//! The main types are the unit newtypes ([`Meters`], [`Seconds`], ...), [`Timestamp`], [`LatLon`]
//! and [`Rng`], a portable random stream that is forked by label.
//!
//! ```
//! use rv_base::{LatLon, MetersPerSecond, Rng, Seconds};
//!
//! let home = LatLon::from_degrees(43.7384, 7.4246).unwrap();
//! let shop = LatLon::from_degrees(43.7400, 7.4270).unwrap();
//! let trip: Seconds = home.distance_to(shop) / MetersPerSecond(5.0);
//! assert!(trip > Seconds(40.0) && trip < Seconds(80.0));
//!
//! let mut demand = Rng::from_seed(7).fork("demand");
//! assert_eq!(demand.below(10), Rng::from_seed(7).fork("demand").below(10));
//! ```

pub mod gcj02;
mod geo;
mod ids;
mod rng;
mod time;
mod units;

pub use gcj02::Datum;
pub use geo::{LatLon, LatLonError, LocalFrame, Point2, RoadPosition};
pub use ids::{
    ChargerId, CircuitId, EdgeId, FacilityId, JunctionId, MissionId, OperatorId, OrderId, ParcelId,
    PermitId, PlaceId, RoadId, StopId, TenantId, TicketId, VanId,
};
pub use rng::Rng;
pub use time::{HourSet, TimeWindow, Timestamp};
pub use units::{
    CubicMeters, Kilograms, Meters, MetersPerSecond, MetersPerSecond2, Money, Radians, Seconds,
    WattHours, Watts,
};
