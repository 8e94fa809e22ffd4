//! A city: the road graph, where things are delivered, and what a map of it shows.

use rv_base::{LatLon, RoadPosition};
use serde::{Deserialize, Serialize};

use crate::graph::RoadGraph;

/// Everything robovan knows of one city, in memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct City {
    /// Short name, such as `monaco`.
    pub name: String,
    /// Attribution that every map made from it must show.
    pub attribution: String,
    /// South-west and north-east corners of what was imported.
    pub bounds: (LatLon, LatLon),
    /// The side of the road that traffic keeps to.
    pub drive_side: DriveSide,
    /// Roads.
    pub graph: RoadGraph,
    /// Delivery points: entrances and addresses. A `PlaceId` is an index here.
    pub places: Vec<Place>,
    /// Hubs, stations, lockers and charging places. A `FacilityId` is an index here.
    pub facilities: Vec<Facility>,
    /// Base map: filled areas.
    pub areas: Vec<Area>,
    /// Base map: lines that are no routable road (rail, waterway, footpath, coastline).
    pub lines: Vec<Line>,
    /// Base map: names to print.
    pub labels: Vec<Label>,
    /// What is painted on roads and put up beside them for those who drive, sorted by edge and
    /// place; empty if the map data has none of it.
    pub marks: Vec<RoadMark>,
}

/// Something painted on a road or put up beside it, for one direction of driving.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoadMark {
    /// Where, in driving direction.
    pub at: RoadPosition,
    /// What.
    pub kind: RoadMarkKind,
}

/// Kinds of road marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RoadMarkKind {
    /// People cross here, and go first.
    Crosswalk,
    /// People cross here by a light.
    SignalCrosswalk,
    /// Give-way sign.
    GiveWay,
    /// Stop sign.
    Stop,
    /// Stop sign at a junction where every approach has one.
    AllWayStop,
    /// From here to the end of the edge the lane at the kerb is for buses.
    BusLane,
    /// From here to the end of the edge a lane for bicycles runs at the kerb.
    CycleLane,
}

/// The side of the road that traffic keeps to.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum DriveSide {
    /// As in most countries.
    #[default]
    Right,
    /// As in Great Britain, Japan, Singapore, Hong Kong and Macau.
    Left,
}

/// A point where parcels are handed over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Address or name for people, such as `12 Rue Grimaldi`; may be empty.
    pub address: String,
    /// The entrance or address point itself.
    pub position: LatLon,
    /// Where a van stops for it: on a reachable road, and on that road's side of the place where
    /// traffic keeps to one side.
    pub stop: RoadPosition,
    /// Rough number of people living or working there (1 for a house), a weight for demand.
    pub weight: u16,
}

/// A place of the operator or its partners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facility {
    /// What it is.
    pub kind: FacilityKind,
    /// Name for people.
    pub name: String,
    /// Where it is.
    pub position: LatLon,
    /// Where a van stops for it.
    pub stop: RoadPosition,
    /// Bays or charging points or locker boxes, by kind.
    pub n_slots: u16,
    /// True if it stands in the map data, false if a seeded rule placed it.
    pub is_mapped: bool,
}

/// Kinds of facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FacilityKind {
    /// Where vans start, load, charge and return.
    Hub,
    /// A staffed delivery station from which couriers serve the last metres.
    Station,
    /// A parcel locker.
    Locker,
    /// A public charging place.
    Charger,
}

/// A filled area of the base map. Rings are closed implicitly; the first is the outline, the
/// others are holes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// What it shows.
    pub kind: AreaKind,
    /// Rings of at least three points.
    pub rings: Vec<Vec<LatLon>>,
}

/// Kinds of filled area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AreaKind {
    /// A building.
    Building,
    /// Sea, lake, river, basin.
    Water,
    /// Park, wood, grass.
    Green,
    /// Sand, rock, beach.
    Bare,
    /// Paved square or car park.
    Paved,
}

/// A line of the base map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What it shows.
    pub kind: LineKind,
    /// At least two points.
    pub points: Vec<LatLon>,
}

/// Kinds of line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LineKind {
    /// Railway or tram.
    Rail,
    /// Stream, canal or river axis.
    Waterway,
    /// Footpath, steps.
    Path,
    /// A street that is not in the road graph: closed, private or cut off.
    Street,
    /// Coastline, land on the left.
    Coastline,
    /// Border.
    Border,
}

/// A name on the base map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// What it names.
    pub kind: LabelKind,
    /// The text, as people there write it.
    pub text: String,
    /// Where to print it.
    pub position: LatLon,
}

/// Kinds of name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LabelKind {
    /// City or town.
    City,
    /// Quarter or village.
    Quarter,
    /// Water.
    Water,
    /// Park.
    Green,
    /// Other named spot.
    Spot,
}
