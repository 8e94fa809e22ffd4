//! The onboard brain: mission, doors, battery, health and minimal-risk stop, without IO.
//!
//! It refuses to know the fleet's plans beyond its own mission, how routes are found (they come
//! with the mission), and any recipient's code (it compares hashes). It reads no clock and opens
//! no socket: what happens is an [`Input`], what it wants is an [`Output`].
//!
//! The main type is [`Onboard`].
//!
//! ```
//! use std::sync::Arc;
//! use rv_base::{Seconds, Timestamp, VanId};
//! use rv_model::VanClass;
//! use rv_onboard::{Atlas, Input, Onboard, OnboardConfig, Output, Sensed};
//!
//! let atlas = Atlas::new(Arc::default(), Seconds::ZERO);
//! let config = OnboardConfig::new(VanId(1), VanClass::shipped().remove(1));
//! let mut van = Onboard::new(config, atlas, Sensed::default());
//! let mut out = Vec::new();
//! van.step(Timestamp::ZERO, Input::Tick, &mut out);
//! assert!(matches!(out[0], Output::Send(_)), "its first word is where it stands");
//! ```

mod brain;
mod config;
mod drive;
mod grounds;
mod help;
mod io;
mod mission;
mod visit;

pub use brain::{Onboard, OnboardMemory};
pub use config::{Atlas, OnboardConfig};
pub use io::{AtDoor, DropTrouble, Input, Output, Sensed};
