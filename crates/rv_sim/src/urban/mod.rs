//! Urban driving in detail: a city's lanes with vehicles, people and things on them, vans driven by
//! the real driver, and a referee who judges what they do.

mod drive;
mod hubs;
mod patience;
mod people;
mod referee;
mod routes;
mod sensors;
mod things;
mod traffic;
mod world;
pub(crate) mod yards;

pub(crate) use drive::BESIDE_MAX_M;
pub use drive::{
    CycleTimes, Drive, DriveSetup, FleetTimes, HUMAN_STEP_M, Human, Moment, drive, drive_many,
    usual_van,
};
pub(crate) use hubs::FIRST_ID;
pub use hubs::{Ends, HubFindings};
pub(crate) use patience::{Need, Patience};
pub use referee::{ContactSeen, Findings, Referee};
pub use routes::{Route, way_around};
pub use sensors::{SensorModel, Sensors, Walls};
pub use traffic::Minds;
pub(crate) use world::apart_along;
pub use world::{Busy, Thing, VanBody, World};
