//! The directed road graph: junctions, edges, the roads they belong to, and forbidden turns.

use rv_base::{EdgeId, JunctionId, Kilograms, LatLon, Meters, MetersPerSecond, RoadId};
use serde::{Deserialize, Serialize};

/// The directed road graph in compressed rows: the edges leaving a junction are consecutive.
///
/// For each [`Mode`], the edges open to it form one strongly connected part (forbidden turns left
/// aside), so each reaches every other. An edge open to no mode is not kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoadGraph {
    /// Position of each junction.
    pub junctions: Vec<LatLon>,
    /// True where a traffic signal controls the junction; one entry a junction.
    pub is_signal: Vec<bool>,
    /// `first_out[j]..first_out[j + 1]` are the edges that leave junction `j`; length n + 1.
    pub first_out: Vec<u32>,
    /// Directed edges, sorted by tail.
    pub edges: Vec<Edge>,
    /// Points strictly between the junctions, in the direction of the road as mapped.
    pub shape_points: Vec<LatLon>,
    /// Attributes shared by edges.
    pub roads: Vec<Road>,
    /// Rise of each road in the direction in which it is mapped, permille, zero where it is not
    /// known; one entry a road, or none at all.
    pub rises_permille: Vec<i16>,
    /// Edge sequences that may not be driven one after another.
    pub forbidden: Vec<ForbiddenPath>,
}

/// One direction of a piece of road between two junctions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// Where it starts.
    pub tail: JunctionId,
    /// Where it ends.
    pub head: JunctionId,
    /// Length along its shape; more than zero.
    pub length: Meters,
    /// Its attributes.
    pub road: RoadId,
    /// First of its points in `shape_points`.
    pub first_shape: u32,
    /// How many shape points it has.
    pub n_shape: u16,
    /// True if it runs in the direction in which the road is mapped (its shape points are stored
    /// in that direction).
    pub is_forward: bool,
    /// Modes that may drive it in this direction.
    pub modes: ModeSet,
    /// The opposite direction of the same piece of road, if there is one for any mode.
    pub reverse: Option<EdgeId>,
}

/// Attributes of a mapped way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Road {
    /// OpenStreetMap way id, or the importer's own number.
    pub source_id: i64,
    /// Name, empty if unnamed.
    pub name: String,
    /// What kind of road.
    pub kind: RoadKind,
    /// Speed limit as signed, or the kind's usual speed.
    pub speed_limit: MetersPerSecond,
    /// Lanes in each direction (forward, backward).
    pub n_lanes: (u8, u8),
    /// Surface.
    pub surface: Surface,
    /// True on a roundabout.
    pub is_roundabout: bool,
    /// True where only those with business there may drive.
    pub is_destination_only: bool,
    /// True in a tunnel or on a bridge; used for drawing and for satellite positioning.
    pub is_tunnel: bool,
    /// See `is_tunnel`.
    pub is_bridge: bool,
    /// Widest vehicle allowed, if limited.
    pub width_max: Option<Meters>,
    /// Highest vehicle allowed, if limited.
    pub height_max: Option<Meters>,
    /// Heaviest vehicle allowed, if limited.
    pub mass_max: Option<Kilograms>,
}

/// Kinds of road, from the widest to the narrowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RoadKind {
    /// Controlled access, divided.
    Motorway,
    /// Important, often divided.
    Trunk,
    /// Main road between or through towns.
    Primary,
    /// Connects quarters.
    Secondary,
    /// Collects a quarter's traffic.
    Tertiary,
    /// Minor through road.
    Unclassified,
    /// Homes.
    Residential,
    /// Walking pace, shared.
    LivingStreet,
    /// Access to buildings, yards and car parks.
    Service,
    /// Fields and forests.
    Track,
    /// For walkers, vehicles by exception.
    Pedestrian,
    /// For bicycles.
    Cycleway,
    /// For walkers only.
    Footway,
}

/// What the wheels touch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Surface {
    /// Asphalt, concrete, paving stones.
    #[default]
    Paved,
    /// Cobblestones, setts.
    Cobbled,
    /// Gravel, earth, grass.
    Unpaved,
}

/// The kinds of vehicle that access rules tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Mode {
    /// Passenger car; background traffic.
    Car = 0,
    /// Driverless delivery van.
    Van = 1,
    /// Heavy goods vehicle.
    Truck = 2,
    /// Walking-pace delivery robot.
    Robot = 3,
    /// Bicycle.
    Bicycle = 4,
    /// On foot.
    Foot = 5,
}

impl Mode {
    /// Every mode, in order of its number.
    pub const ALL: [Self; 6] =
        [Self::Car, Self::Van, Self::Truck, Self::Robot, Self::Bicycle, Self::Foot];
}

/// A set of modes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ModeSet(pub u8);

impl ModeSet {
    /// No mode.
    pub const NONE: Self = Self(0);
    /// Every mode.
    pub const ALL: Self = Self(0b11_1111);
    /// Car, van and truck.
    pub const MOTOR: Self = Self(0b00_0111);

    /// The set of these modes.
    pub const fn of(modes: &[Mode]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < modes.len() {
            bits |= 1 << modes[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// True if `mode` is in the set.
    pub const fn contains(self, mode: Mode) -> bool {
        self.0 & (1 << mode as u8) != 0
    }

    /// Both sets together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// This set less the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// True if no mode is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A sequence of consecutive edges that may not be driven (a turn restriction made plain).
///
/// A "no" restriction is one path of two edges (via node) or more (via ways). An "only"
/// restriction becomes one path for every other way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForbiddenPath {
    /// At least two edges, each starting where the one before ends.
    pub edges: Vec<EdgeId>,
    /// Modes it binds (exceptions taken out).
    pub modes: ModeSet,
    /// OpenStreetMap relation id, or the importer's own number.
    pub source_id: i64,
}

impl RoadGraph {
    /// Number of junctions.
    pub fn n_junctions(&self) -> usize {
        self.junctions.len()
    }

    /// Number of directed edges.
    pub fn n_edges(&self) -> usize {
        self.edges.len()
    }

    /// The edge with this id; panics if there is none.
    pub fn edge(&self, id: EdgeId) -> &Edge {
        &self.edges[id.idx()]
    }

    /// The attributes of an edge; panics if there is no such edge.
    pub fn road_of(&self, id: EdgeId) -> &Road {
        &self.roads[self.edges[id.idx()].road.idx()]
    }

    /// Rise of an edge in driving direction, metres for each metre; zero where it is not known.
    pub fn rise(&self, id: EdgeId) -> f64 {
        let edge = self.edge(id);
        let rise = self.rises_permille.get(edge.road.idx()).copied().unwrap_or(0);
        f64::from(if edge.is_forward { rise } else { -rise }) / 1000.0
    }

    /// True if a vehicle may stop along an edge to hand something over: not on motorways and their
    /// ramps, not in tunnels, and not on one-way trunk roads, which are divided or ramps.
    pub fn allows_stopping(&self, id: EdgeId) -> bool {
        let road = self.road_of(id);
        let is_open_back =
            |reverse: EdgeId| !self.edge(reverse).modes.intersection(ModeSet::MOTOR).is_empty();
        match road.kind {
            RoadKind::Motorway => false,
            RoadKind::Trunk if !self.edge(id).reverse.is_some_and(is_open_back) => false,
            _ => !road.is_tunnel,
        }
    }

    /// The edges that leave a junction.
    pub fn out_edges(&self, junction: JunctionId) -> impl Iterator<Item = EdgeId> + use<> {
        (self.first_out[junction.idx()]..self.first_out[junction.idx() + 1]).map(EdgeId)
    }

    /// Lanes in the direction of this edge; at least one.
    pub fn n_lanes(&self, id: EdgeId) -> u8 {
        let (forward, backward) = self.road_of(id).n_lanes;
        if self.edge(id).is_forward { forward.max(1) } else { backward.max(1) }
    }

    /// The whole polyline of an edge, tail and head included, in driving direction.
    pub fn polyline(&self, id: EdgeId) -> Vec<LatLon> {
        let edge = self.edge(id);
        let first = edge.first_shape as usize;
        let between = &self.shape_points[first..first + usize::from(edge.n_shape)];
        let mut points = Vec::with_capacity(between.len() + 2);
        points.push(self.junctions[edge.tail.idx()]);
        if edge.is_forward {
            points.extend_from_slice(between);
        } else {
            points.extend(between.iter().rev());
        }
        points.push(self.junctions[edge.head.idx()]);
        points
    }
}
