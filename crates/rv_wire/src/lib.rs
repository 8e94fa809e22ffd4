//! Messages between a vehicle and the fleet, and the reliable channel that carries them.
//!
//! It refuses to know sockets, clocks and brains: messages are plain data, [`encode`] and
//! [`decode`] turn them into bytes, and a [`Channel`] turns a link that delays, loses and repeats
//! into one that delivers each message once and in order.
//!
//! The main types are [`Down`] (fleet to vehicle) and [`Up`] (vehicle to fleet), each carried in an
//! [`Envelope`].
//!
//! ```
//! use rv_base::{Seconds, Timestamp};
//! use rv_wire::{Channel, Down, Up};
//!
//! let mut fleet: Channel<Down, Up> = Channel::new(1);
//! let mut van: Channel<Up, Down> = Channel::new(1);
//! let now = Timestamp::ZERO;
//! fleet.send(Down::Resume).unwrap();
//! for envelope in fleet.due(now) {
//!     let bytes = rv_wire::encode(&envelope);
//!     assert_eq!(van.receive(rv_wire::decode(&bytes).unwrap()), Some(Down::Resume));
//! }
//! assert!(fleet.due(now).is_empty(), "nothing to repeat before the retry time");
//! assert_eq!(fleet.due(now + Seconds(10.0)).len(), 1);
//! ```

mod channel;
mod codec;
mod message;

pub use channel::{Channel, ChannelError, Cursor, Envelope, RETRY_AFTER, WINDOW};
pub use codec::{DecodeError, MAX_MESSAGE_BYTES, WIRE_VERSION, decode, encode};
pub use message::{
    CodeHash, Down, FaultKind, HelpChoice, HelpKind, Mission, MissionRefusal, NotHandedOver,
    OnboardState, PermitPhase, PermitRule, PermitZone, Proof, SEEN_MAX, SeenThing, SightReport,
    Status, Stop, StopKind, Task, TaskResult, Up,
};
