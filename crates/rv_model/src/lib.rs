//! Domain words of driverless delivery: tenants, orders, vans, sites and permits.
//!
//! It refuses to know how anything is done with them: no routing, no planning, no state machine.
//! Everything here is plain data that other crates hand to each other.
//!
//! The main types are [`OrderRequest`] (what a tenant asks for), [`VanClass`] and [`Permit`].
//!
//! ```
//! use rv_model::{OrderRequest, OrderKind, Handover, Site};
//! use rv_base::{Kilograms, PlaceId, TenantId, TimeWindow};
//!
//! let request = OrderRequest {
//!     key: "shop-1/4711".into(),
//!     tenant: TenantId(0),
//!     kind: OrderKind::Delivery,
//!     site: Site::Place(PlaceId(3)),
//!     handover: Handover::Door,
//!     n_parcels: 2,
//!     parcel_mass: Kilograms(1.5),
//!     window: TimeWindow::ALWAYS,
//! };
//! assert!(request.check().is_ok());
//! ```

pub mod dispatch;
pub mod linehaul;
mod order;
mod permit;
mod tenant;
mod traffic;
mod van;

pub use order::{
    Handover, MAX_KEY_BYTES, MAX_PARCELS_PER_ORDER, Order, OrderError, OrderKind, OrderRequest,
    OrderStatus, RefusalReason, ReturnReason, Site,
};
pub use permit::{Permit, PermitArea, RingError, ring_outline};
pub use tenant::{Template, Tenant};
pub use traffic::TrafficProfile;
pub use van::{Consumption, Van, VanClass, VanCosts, VehicleKind};
