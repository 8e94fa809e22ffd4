//! The vehicle's shell: link, hardware and durable memory around the onboard brain.
//!
//! It refuses to know what the vehicle decides (that is `rv_onboard`) and how a maker's hardware
//! works: a maker implements [`Hardware`], whoever has the radio implements [`Link`] (a
//! [`StreamLink`] over any byte stream is here), and [`Vehicle::turn`] is called every cycle.
//!
//! What the vehicle has decided is in its [`Memory`] before anybody hears of it, so a vehicle that
//! loses power in the middle of a handover neither forgets nor repeats it.
//!
//! ```no_run
//! # fn hardware() -> impl rv_vehicle::Hardware { struct H; impl rv_vehicle::Hardware for H {
//! #   fn sense(&mut self, _: rv_base::Timestamp) -> Vec<rv_onboard::Input> { vec![] }
//! #   fn act(&mut self, _: &rv_onboard::Output) {} } H }
//! use rv_base::{Timestamp, VanId};
//! use rv_model::VanClass;
//! use rv_onboard::{Atlas, Onboard, OnboardConfig, Sensed};
//! use rv_vehicle::{FileMemory, StreamLink, Vehicle};
//!
//! let stream = std::net::TcpStream::connect("127.0.0.1:8100").unwrap();
//! stream.set_nonblocking(true).unwrap();
//! let config = OnboardConfig::new(VanId(1), VanClass::shipped().remove(1));
//! let atlas = Atlas::new(Default::default(), rv_base::Seconds::ZERO);
//! let memory = FileMemory::new("van-1.memory");
//! let mut van =
//!     Vehicle::start(config, atlas, Sensed::default(), hardware(), StreamLink::new(stream), memory)
//!         .unwrap();
//! van.turn(Timestamp::from_secs(1_772_433_000)).unwrap();
//! ```

mod link;
mod memory;
mod vehicle;

pub use link::{Link, LinkError, StreamLink};
pub use memory::{FileMemory, Memory};
pub use vehicle::{Hardware, Vehicle, VehicleError};
