//! The digital twin: a city's day with virtual clock, demand, traffic, faults and a lossy network.
//!
//! It refuses to know how the fleet or a vehicle decides: it stands where sockets, sensors, people
//! and clocks stand and runs the very brains that ship.
//!
//! The main type is [`Twin`], which steps vehicles, people and streets and speaks to the fleet only
//! in messages; [`day`] runs it together with the fleet's brain as fast as the machine can.

mod body;
mod config;
pub mod day;
mod demand;
mod detail;
mod faults;
mod link;
pub mod monitor_trial;
pub mod openscenario;
mod people;
pub mod plant;
pub mod platoon;
mod pool;
pub mod scenario;
mod streets;
pub mod torture;
mod twin;
pub mod urban;
mod van;
pub mod yard;

pub use config::{Days, Drives, TwinConfig, USUAL_START};
pub use demand::{DemandDay, DemandModel, Planned};
pub use detail::Manoeuvred;
pub use faults::{Fault, FaultRates};
pub use link::LinkModel;
pub use people::PeopleModel;
pub use streets::{Jam, TrafficConfig, Weather};
pub use twin::{FromFleet, ToFleet, Twin, TwinError, VanGlimpse};
pub use van::DockTimes;
