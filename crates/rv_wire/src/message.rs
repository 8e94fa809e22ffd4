//! What a vehicle and the fleet say to each other.

use rv_base::{
    EdgeId, HourSet, Kilograms, LatLon, Meters, MetersPerSecond, MissionId, OrderId, ParcelId,
    PermitId, Radians, RoadPosition, Seconds, StopId, TicketId, Timestamp, WattHours,
};
use serde::{Deserialize, Serialize};

/// Fleet to vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Down {
    /// The stops from here on. Replaces every earlier version of the vehicle's mission; a stop that
    /// the vehicle has already begun stays first. Stale versions are refused.
    ///
    /// The fleet may not yet know what the vehicle did last, so the vehicle drops every stop that
    /// it has already done (by id, wherever it stands in the mission), and goes on from wherever
    /// the first stop's route contains the edge it is on. Its reports are in order, so by the time
    /// the fleet hears that a version is followed it knows of the same stops that they are done,
    /// and both hold the same list. The vehicle refuses ([`MissionRefusal::RouteBroken`]) a route
    /// that does not contain its edge, or that no longer meets the stop before, and
    /// ([`MissionRefusal::StopUnderWay`]) a version without the stop it stands at and is serving.
    /// A version without stops means: stay at the next place to stand; a vehicle at fault follows
    /// that one too.
    Mission(Mission),
    /// Roads closed right now, complete (not a difference); the vehicle stops before them.
    Closures {
        /// Grows with each change.
        epoch: u64,
        /// Closed edges.
        edges: Vec<EdgeId>,
    },
    /// An operator's answer to a call for help.
    Answer {
        /// The fleet's ticket.
        ticket: TicketId,
        /// The call it answers, as numbered by the vehicle.
        call: u64,
        /// What to do.
        choice: HelpChoice,
    },
    /// Come to a minimal-risk stop and stay.
    Halt,
    /// Leave the halt.
    Resume,
    /// What the permits in force cover, now and from announced moments on; complete (not a
    /// difference). Replaces what the vehicle knew before.
    Permits {
        /// Grows with each change.
        epoch: u64,
        /// One after the other, by `from`; the first holds already.
        phases: Vec<PermitPhase>,
    },
    /// Show what the driver sees and intends, about once a second until then.
    Show {
        /// When to end.
        until: Timestamp,
    },
}

/// The permits that bind one vehicle from a moment until the next phase begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PermitPhase {
    /// When it begins.
    pub from: Timestamp,
    /// False for a vehicle that needs no permit: it may drive wherever its mode may. One that is
    /// bound and has no rule may drive nowhere.
    pub is_bound: bool,
    /// The permits that it holds and that speak of its kind.
    pub rules: Vec<PermitRule>,
}

/// What one permit says of one vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermitRule {
    /// The permit.
    pub permit: PermitId,
    /// Hours in which it allows driving at all, in the city's time.
    pub hours: HourSet,
    /// Where it allows driving; empty means everywhere.
    pub allowed: Vec<PermitZone>,
    /// Where it forbids driving, also inside what any permit allows.
    pub forbidden: Vec<PermitZone>,
}

/// A polygon, with the hours in which it counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermitZone {
    /// Outline of at least three points, closed implicitly, even-odd rule.
    pub outline: Vec<LatLon>,
    /// When it counts, in the city's time.
    pub hours: HourSet,
}

/// A sequence of stops for one vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mission {
    /// Identity over all versions.
    pub id: MissionId,
    /// Grows with every change; the highest wins.
    pub version: u32,
    /// Stops in driving order.
    pub stops: Vec<Stop>,
}

/// One stop of a mission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// Identity.
    pub id: StopId,
    /// What it is for.
    pub kind: StopKind,
    /// Where to stand.
    pub at: RoadPosition,
    /// Directed edges from the stop before (its edge first) to this one (its edge last). For the
    /// first stop the path starts at the edge where the vehicle was when the mission was made. One
    /// edge if both lie on the same edge in driving order.
    pub route: Vec<EdgeId>,
    /// Not to be served before.
    pub earliest: Timestamp,
    /// Longest wait for a recipient, from arrival or from `earliest`, whichever is later.
    pub wait_max: Seconds,
    /// What to do there, in order.
    pub tasks: Vec<Task>,
}

/// What a stop is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StopKind {
    /// Load at a hub or station.
    Load,
    /// Hand over to a recipient at the kerb.
    Deliver,
    /// Receive from a sender at the kerb.
    Collect,
    /// Fill a locker.
    Locker,
    /// Hand over to a station's staff.
    Station,
    /// Give back to the hub what could not be handed over, and what was collected.
    Unload,
    /// Charge.
    Charge,
    /// Wait for the next mission.
    Park,
}

/// SHA-256 of the stop id (8 bytes, little endian), the order id (8 bytes, little endian) and the
/// code's text. The vehicle compares hashes, so it never knows the code before it is entered.
pub type CodeHash = [u8; 32];

/// One thing to do at a stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Task {
    /// Take a parcel in; done by a scan at the hub or station.
    Load {
        /// Which.
        parcel: ParcelId,
        /// Compartment to put it in.
        compartment: u16,
        /// Its mass.
        mass: Kilograms,
    },
    /// Open the compartments of an order to its recipient after the right code.
    HandOver {
        /// Which order.
        order: OrderId,
        /// Its parcels on board.
        parcels: Vec<ParcelId>,
        /// What the code must hash to.
        code: CodeHash,
    },
    /// Receive an order's parcels from its sender after the right code.
    Collect {
        /// Which order.
        order: OrderId,
        /// Its parcels.
        parcels: Vec<ParcelId>,
        /// Compartment to put them in.
        compartment: u16,
        /// Mass of each.
        mass: Kilograms,
        /// What the code must hash to.
        code: CodeHash,
    },
    /// Put parcels into a locker, or give them to a station's or hub's staff; no code.
    Drop {
        /// Which, as planned.
        parcels: Vec<ParcelId>,
    },
    /// Charge up to this energy in the battery.
    Charge {
        /// Stored energy at which to stop.
        until: WattHours,
    },
}

/// Vehicle to fleet. All but [`Up::Status`] and [`Up::Sight`] are sequenced and delivered once and in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Up {
    /// Where it is and how it is; sent every few seconds, may be lost.
    Status(Status),
    /// The vehicle follows this version from now on.
    MissionAccepted {
        /// Which.
        id: MissionId,
        /// Which version.
        version: u32,
    },
    /// The vehicle keeps to what it had.
    MissionRefused {
        /// Which.
        id: MissionId,
        /// Which version.
        version: u32,
        /// Why.
        reason: MissionRefusal,
    },
    /// Left towards a stop.
    Departed {
        /// Towards.
        stop: StopId,
        /// When.
        at: Timestamp,
    },
    /// Stands at a stop. Carries what was driven since the stop before.
    Arrived {
        /// Where.
        stop: StopId,
        /// When.
        at: Timestamp,
        /// Every edge driven on since the last `Arrived`, in order.
        edges: Vec<EdgeId>,
        /// Distance driven since the last `Arrived`.
        distance: Meters,
        /// Energy drawn from the battery since the last `Arrived`.
        energy: WattHours,
    },
    /// A task of the current stop ended.
    Task {
        /// Stop.
        stop: StopId,
        /// Index of the task within the stop.
        task_idx: u16,
        /// When.
        at: Timestamp,
        /// How.
        result: TaskResult,
    },
    /// All tasks of a stop ended and the doors are closed.
    StopDone {
        /// Which.
        stop: StopId,
        /// When.
        at: Timestamp,
        /// Parcels on board now, complete, in ascending order.
        on_board: Vec<ParcelId>,
        /// Energy stored in the battery.
        stored: WattHours,
    },
    /// Needs a person to decide.
    Help {
        /// The vehicle's own number of this call; repeated in the answer.
        call: u64,
        /// When.
        at: Timestamp,
        /// What is wrong.
        kind: HelpKind,
        /// The safe choices; the first is done anyway when no answer comes in time.
        choices: Vec<HelpChoice>,
        /// Where.
        position: RoadPosition,
    },
    /// The call is over: answered and carried out, or its cause went away.
    HelpOver {
        /// Which.
        call: u64,
        /// When.
        at: Timestamp,
    },
    /// Something failed.
    Fault {
        /// What.
        kind: FaultKind,
        /// When.
        at: Timestamp,
    },
    /// What failed works again.
    Recovered {
        /// What.
        kind: FaultKind,
        /// When.
        at: Timestamp,
    },
    /// People have brought it to its hub and taken everything out; its mission is void. Being one
    /// of its numbered reports it comes after all that the vehicle did before, so that nobody has
    /// to guess what was on board.
    Emptied {
        /// When.
        at: Timestamp,
        /// What was taken out, in ascending order.
        parcels: Vec<ParcelId>,
    },
    /// What the driver sees; only after [`Down::Show`].
    Sight(Box<SightReport>),
}

/// What a vehicle's driver sees and intends at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SightReport {
    /// When.
    pub at: Timestamp,
    /// Where it is.
    pub world: LatLon,
    /// Where it heads, clockwise from north.
    pub heading: Radians,
    /// Its length.
    pub length: Meters,
    /// Its width.
    pub width: Meters,
    /// Its speed.
    pub speed: MetersPerSecond,
    /// Why it drives as it does, in a few words.
    pub reason: String,
    /// True if it brakes in need.
    pub is_emergency: bool,
    /// Where it means to drive in the next seconds.
    pub plan: Vec<LatLon>,
    /// The stop that its monitor holds ready.
    pub stop: Vec<LatLon>,
    /// What it sees; at most [`SEEN_MAX`].
    pub seen: Vec<SeenThing>,
    /// Stop lines of the lights it sees, and whether each is green.
    pub lights: Vec<(LatLon, bool)>,
}

/// Most things in a [`SightReport`].
pub const SEEN_MAX: usize = 64;

/// One of the others as a driver sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenThing {
    /// Number of its track.
    pub track: u32,
    /// What it is taken for, such as `pedestrian`.
    pub class: String,
    /// Where it is.
    pub world: LatLon,
    /// Where it heads, clockwise from north.
    pub heading: Radians,
    /// Its length.
    pub length: Meters,
    /// Its width.
    pub width: Meters,
    /// Its speed.
    pub speed: MetersPerSecond,
    /// Ways it may take in the next seconds, with probabilities in percent.
    pub ways: Vec<(u8, Vec<LatLon>)>,
}

/// Telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// When.
    pub at: Timestamp,
    /// Where on the road.
    pub position: RoadPosition,
    /// Where on the Earth.
    pub world: LatLon,
    /// Direction of travel, clockwise from north.
    pub heading: Radians,
    /// Speed.
    pub speed: MetersPerSecond,
    /// Energy stored in the battery.
    pub stored: WattHours,
    /// What it does.
    pub state: OnboardState,
    /// Version of the mission it follows; 0 for none.
    pub mission_version: u32,
    /// Stop it drives to or stands at.
    pub stop: Option<StopId>,
    /// Parcels on board.
    pub n_parcels: u16,
    /// Total distance driven by the vehicle.
    pub odometer: Meters,
}

/// What a vehicle does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OnboardState {
    /// Parked, no mission.
    #[default]
    Idle,
    /// On its way.
    Driving,
    /// At a stop before its earliest time.
    Waiting,
    /// At a stop, tasks under way.
    Serving,
    /// Charging.
    Charging,
    /// Stopped on purpose: closure ahead, halt, waiting for help.
    Stopped,
    /// Minimal-risk stop after a fault.
    MinimalRisk,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TaskResult {
    /// Parcel scanned and stowed.
    Loaded,
    /// Not there to load.
    NotLoaded,
    /// Code right, doors opened, parcels taken, doors closed.
    HandedOver(Proof),
    /// Parcels received.
    Collected(Proof),
    /// Not handed over or not received.
    NotHandedOver(NotHandedOver),
    /// Dropped these (all that were asked for if none is left over).
    Dropped {
        /// Taken out of the vehicle.
        parcels: Vec<ParcelId>,
        /// Still on board: locker jammed or full.
        left_over: Vec<ParcelId>,
    },
    /// Charged by this much energy, as metered by the charger.
    Charged {
        /// Energy taken from the charger.
        energy: WattHours,
    },
    /// Skipped: the stop was left before it was done.
    Skipped,
}

/// Evidence of a handover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The code's hash, as entered.
    pub code: CodeHash,
    /// Digest of what the compartment's sensors saw (scale and door), made by the vehicle.
    pub evidence: [u8; 16],
}

/// Why there was no handover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NotHandedOver {
    /// Nobody came within the wait.
    NobodyThere,
    /// Wrong codes only.
    WrongCode,
    /// The recipient refused.
    Declined,
    /// The compartment's door would not open.
    DoorStuck,
    /// The parcel is not on board.
    NotOnBoard,
}

/// Why a mission is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MissionRefusal {
    /// Its version is not newer.
    Stale,
    /// A route does not start where the vehicle is, or has a gap.
    RouteBroken,
    /// The route leaves the vehicle's permit or mode.
    NotPermitted,
    /// It drops a stop whose tasks have begun.
    StopUnderWay,
    /// The battery would not last.
    BatteryShort,
    /// The vehicle is at fault and stays where it is.
    Faulted,
}

/// What a call for help is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HelpKind {
    /// The way ahead is blocked.
    RoadBlocked,
    /// No place to stand at the stop.
    NoKerb,
    /// A door does not close or open.
    DoorStuck,
    /// A locker does not open.
    LockerJammed,
    /// A recipient has trouble with the code.
    CodeTrouble,
    /// The vehicle does not understand what it sees.
    Unclear,
    /// A part failed.
    Fault,
}

/// Safe choices of a remote operator. The vehicle stays in charge of driving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HelpChoice {
    /// Stay and wait.
    Wait,
    /// Try again.
    Retry,
    /// Go on: the way is clear.
    Proceed,
    /// Give up this stop and go to the next.
    SkipStop,
    /// Ask the fleet for another way.
    Reroute,
    /// Go back to the hub.
    ReturnToHub,
    /// Stay and be fetched.
    BeRecovered,
}

/// What can fail on a vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FaultKind {
    /// Propulsion, brakes, steering, computer: stays where it is until fetched.
    Dead,
    /// A sensor is degraded: slower.
    SensorDegraded,
    /// A door is stuck.
    DoorStuck,
    /// Battery below its reserve.
    BatteryLow,
}
