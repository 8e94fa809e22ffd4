//! The fleet brain: orders, missions, supervision and the event-sourced state, without IO.
//!
//! It refuses to know sockets, disks, clocks and threads, how a van drives, and how routes and
//! plans are found: it is handed inputs with their time, and hands back events for the ledger,
//! messages for vans, planning jobs and notices. The state is a fold of the events and nothing
//! else, so any moment can be restored from the ledger, byte for byte.
//!
//! The main type is [`Fleet`]; [`audit`] checks a whole ledger independently of it.
//!
//! ```
//! use std::sync::Arc;
//! use rv_base::Timestamp;
//! use rv_fleet::{ConfigError, Fleet, FleetConfig};
//! use rv_map::City;
//!
//! let city = Arc::new(City::default());
//! let config = FleetConfig::for_city(&city, 3, 7);
//! assert_eq!(config.vans.len(), 3);
//! assert!(matches!(Fleet::new(city, config), Err(ConfigError::NoRoads)));
//! ```

pub mod audit;
mod circuits;
mod codes;
mod config;
mod control;
mod event;
mod fleet;
mod fold;
mod haul;
mod io;
mod job;
mod kpi;
mod missions;
mod orders;
mod permits;
mod planning;
mod reports;
mod review;
mod review_job;
mod roads;
mod state;
mod tickets;
mod views;

pub use config::{
    Circuit, ConfigError, FleetConfig, FleetCosts, Operators, Planning, Policy, ServiceTimes,
    SimulatedOperators,
};
pub use event::{
    AnsweredBy, Custodian, DeliveredHow, EVENT_VERSION, Event, Halt, MissionCause, NextTry,
    OrderEnd, Record, Service, Setup, StopPlan, TicketKind,
};
pub use fleet::{Fleet, RestoreError};
pub use haul::{Haul, HaulLeg, MAX_LEGS, RunId};
pub use io::{
    Actor, ClosureId, Command, Done, Input, MAX_BULK_ORDERS, Notice, Output, Placed, Rejection,
    RoadPlace, Role, SlowRoad, refusal_code, refusal_hint, refusal_text,
};
pub use job::{PlanJob, PlanResult};
pub use kpi::{Estimates, HISTORY_STEP, HistoryEntry, Kpi, Learnt, Tally};
pub use state::StopState;
pub use state::{
    Closure, Live, OperatorState, OrderState, OrderView, ParcelState, PermitChange, PermitStage,
    State, StoryEntry, StoryKind, Ticket, TicketStatus, TourAccount, VanState, return_text,
};
pub use views::{StopView, VanActivity, VanView};
