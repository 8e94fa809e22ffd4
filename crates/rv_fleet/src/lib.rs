//! The fleet brain: orders, missions, supervision and the event-sourced state, without IO.

pub mod audit;
mod codes;
mod config;
mod control;
mod event;
mod fleet;
mod fold;
mod io;
mod job;
mod kpi;
mod missions;
mod orders;
mod planning;
mod reports;
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
pub use io::{
    Actor, ClosureId, Command, Done, Input, MAX_BULK_ORDERS, Notice, Output, Placed, Rejection,
    RoadPlace, Role, refusal_code, refusal_hint, refusal_text,
};
pub use job::{PlanJob, PlanResult};
pub use kpi::{Estimates, HISTORY_STEP, HistoryEntry, Kpi, Learnt, Tally};
pub use state::StopState;
pub use state::{
    Closure, Live, OperatorState, OrderState, OrderView, ParcelState, State, StoryEntry, StoryKind,
    Ticket, TicketStatus, TourAccount, VanState, return_text,
};
pub use views::{StopView, VanActivity, VanView};
