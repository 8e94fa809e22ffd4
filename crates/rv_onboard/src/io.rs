//! What happens to a vehicle and what it wants.

use rv_base::{
    EdgeId, Meters, MetersPerSecond, MetersPerSecond2, OrderId, ParcelId, RoadPosition, StopId,
    WattHours,
};
use rv_driver::Lead;
use rv_wire::{Down, Envelope, FaultKind, HelpKind, SightReport, StopKind, Task, Up};
use serde::{Deserialize, Serialize};

/// What happens to the vehicle.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Time has passed.
    Tick,
    /// The fleet was heard.
    Downlink(Envelope<Down>),
    /// The sensors' view; about once a second while moving.
    Sensed(Sensed),
    /// Somebody at the vehicle chose an order and entered a code.
    Keypad {
        /// The order.
        order: OrderId,
        /// The code as entered.
        code: String,
    },
    /// A parcel was scanned at the load door.
    Scan {
        /// The parcel.
        parcel: ParcelId,
    },
    /// Whoever loads has nothing more for this stop.
    LoadingDone,
    /// The compartments of an order were closed again.
    DoorClosed {
        /// The order.
        order: OrderId,
        /// What the compartments' sensors saw.
        outcome: AtDoor,
    },
    /// Parcels of a drop task were taken out.
    Dropped {
        /// Index of the task within the stop.
        task_idx: u16,
        /// What stayed on board.
        left_over: Vec<ParcelId>,
        /// Why something stayed on board.
        trouble: Option<DropTrouble>,
    },
    /// The charger's meter; ends the charge task when the energy asked for is stored.
    Charging {
        /// Energy taken from the charger since it was plugged in.
        metered: WattHours,
        /// Energy in the battery.
        stored: WattHours,
    },
    /// A part failed.
    Failed(FaultKind),
    /// A part works again.
    Repaired(FaultKind),
    /// What the driver sees and intends, for those who watch.
    Sight(Box<SightReport>),
    /// What the driver cannot solve by itself, if anything; told again as long as it lasts.
    Trouble(Option<HelpKind>),
    /// People emptied the vehicle, repaired it and put it somewhere else.
    Fetched(Sensed),
}

/// What a compartment's sensors saw between opening and closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AtDoor {
    /// Everything was taken out (or, of a collection, put in).
    Complete,
    /// Nothing was taken.
    Declined,
    /// The door would not open or close.
    Stuck,
}

/// Why a drop did not go as planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DropTrouble {
    /// The locker does not open.
    Jammed,
    /// No box is free.
    Full,
}

/// The sensors' view.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensed {
    /// Where on the road.
    pub position: RoadPosition,
    /// How fast.
    pub speed: MetersPerSecond,
    /// Distance driven in the vehicle's life.
    pub odometer: Meters,
    /// Energy drawn from the battery in the vehicle's life, charging not counted.
    pub drawn: WattHours,
    /// Energy in the battery.
    pub stored: WattHours,
    /// Share of the road's free speed that traffic and weather leave, 0..=1.
    pub flow: f64,
    /// The vehicle in front.
    pub lead: Option<Lead>,
    /// Distance to the stop line of a signal that shows red.
    pub red_at: Option<Meters>,
    /// An edge of the path that is seen to be blocked.
    pub blocked: Option<EdgeId>,
}

impl Default for Sensed {
    /// At the start of the first edge, empty battery, clear road.
    fn default() -> Self {
        Self {
            position: RoadPosition { edge: EdgeId(0), offset: Meters::ZERO },
            speed: MetersPerSecond::ZERO,
            odometer: Meters::ZERO,
            drawn: WattHours::ZERO,
            stored: WattHours::ZERO,
            flow: 1.0,
            lead: None,
            red_at: None,
            blocked: None,
        }
    }
}

/// What the vehicle wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send to the fleet; may be lost.
    Send(Envelope<Up>),
    /// Accelerate so until the next step.
    Drive {
        /// Negative to brake.
        acceleration: MetersPerSecond2,
    },
    /// Steer along these edges from now on; the first is the one it is on.
    Follow {
        /// Consecutive edges.
        path: Vec<EdgeId>,
    },
    /// Show at the dock, locker or keypad what is to be done here. Shown again after trouble.
    Present {
        /// The stop.
        stop: StopId,
        /// What it is for.
        kind: StopKind,
        /// The tasks that are still open, with their indices.
        tasks: Vec<(u16, Task)>,
    },
    /// Open the compartments of an order.
    OpenDoor {
        /// The order.
        order: OrderId,
        /// Their numbers; empty for a collection into the one given.
        compartments: Vec<u16>,
    },
    /// The code entered for an order is wrong.
    SayWrongCode {
        /// The order.
        order: OrderId,
    },
    /// End what was presented: close doors, unplug, go.
    Leave {
        /// The stop.
        stop: StopId,
    },
}
