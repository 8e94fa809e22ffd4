//! Dispatch as plain data: orders, vehicles, depots, chargers and travel in ([`Problem`]), routes
//! and unassigned orders out ([`Plan`]).
//!
//! Times are whole milliseconds on any common time line, distances whole millimetres, energies
//! whole milliwatt-hours; loads are whole numbers in up to [`MAX_LOAD_DIMS`] dimensions whose
//! meaning (grams, litres, parcels) the caller chooses. Integers make costs exact and results
//! reproducible.

mod plan;
mod problem;
mod travel;
mod validate;

pub use plan::{Plan, Relaxation, Route, Task, Unassigned, Visit};
pub use problem::{
    Battery, ChargeKind, ChargeStep, Charger, Compartment, Depot, Door, Load, MAX_LOAD_DIMS, Order,
    OrderKind, PermitMap, Presence, Problem, ProblemData, ServiceLevel, SoftWindow, Start, Stop,
    Told, Vehicle, Window,
};
pub use travel::{Leg, Travel, TravelSource};
pub use validate::ProblemError;
