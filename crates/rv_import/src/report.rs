//! What an import kept, dropped and wondered about, as data.

use std::collections::BTreeMap;

use serde::Serialize;

/// What became of the input.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ImportReport {
    /// `OSM PBF`, `OSM XML` or `JSON`.
    pub format: String,
    /// Remark of the server that made the data, if it left one.
    pub remark: Option<String>,
    /// What was in the input.
    pub input: InputCounts,
    /// What is in the city.
    pub kept: KeptCounts,
    /// What was left out.
    pub dropped: DroppedCounts,
    /// True if places were invented along roads because the data has too few addresses.
    pub are_places_made_up: bool,
    /// Everything odd, by kind.
    pub warnings: Vec<Warning>,
}

/// Counts of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct InputCounts {
    /// Distinct nodes.
    pub n_nodes: usize,
    /// Distinct ways.
    pub n_ways: usize,
    /// Distinct relations.
    pub n_relations: usize,
    /// Ways with a `highway` tag.
    pub n_road_ways: usize,
    /// Ways and relations with a `building` tag.
    pub n_buildings: usize,
    /// Relations that restrict turns.
    pub n_turn_restrictions: usize,
    /// Nodes, ways and relations with a house number or name.
    pub n_addresses: usize,
}

/// Counts of the city.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct KeptCounts {
    /// Junctions.
    pub n_junctions: usize,
    /// Directed edges.
    pub n_edges: usize,
    /// Directed edges open to vans.
    pub n_van_edges: usize,
    /// Length of road open to vans in at least one direction.
    pub van_road_m: f64,
    /// Turn restrictions that bind in the graph.
    pub n_turn_restrictions: usize,
    /// Forbidden paths made from them.
    pub n_forbidden_paths: usize,
    /// Delivery points from addresses.
    pub n_address_places: usize,
    /// Delivery points from buildings without an address.
    pub n_building_places: usize,
    /// Delivery points invented along roads.
    pub n_made_up_places: usize,
    /// Hubs, stations, lockers and charging places in the data.
    pub n_mapped_facilities: usize,
    /// Hubs, stations, lockers and charging places set by the seeded rule.
    pub n_placed_facilities: usize,
    /// Filled areas of the base map.
    pub n_areas: usize,
    /// Lines of the base map.
    pub n_lines: usize,
    /// Names on the base map.
    pub n_labels: usize,
}

/// Counts of what is not in the city.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct DroppedCounts {
    /// Pieces of road that vans may use but cannot reach, or not come back from.
    pub n_cut_off_pieces: usize,
    /// Their length.
    pub cut_off_m: f64,
    /// Pieces of road closed to every mode, or cut off for all of them.
    pub n_closed_pieces: usize,
    /// Their length.
    pub closed_m: f64,
    /// Segments between nodes at the same position.
    pub n_zero_length: usize,
    /// Turn restrictions that do not bind: their roads are not in the graph, the turn does not
    /// exist, or they hold for no mode of ours.
    pub n_turn_restrictions: usize,
    /// Delivery points too far from any road that vans can reach.
    pub n_far_places: usize,
    /// Delivery points near to no roads but those where a van may not stop (motorways, ramps,
    /// tunnels) or to which it gets over motorways alone.
    pub n_no_stopping_places: usize,
    /// Delivery points given twice.
    pub n_double_places: usize,
}

/// One kind of oddity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Warning {
    /// What is odd.
    pub kind: WarningKind,
    /// How often.
    pub count: usize,
    /// OpenStreetMap ids of the first few.
    pub examples: Vec<i64>,
}

/// Kinds of oddity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningKind {
    /// A node beyond the Earth was dropped.
    NodeOffEarth,
    /// A way refers to nodes that the file lacks (usual at an extract's edge).
    WayNodeMissing,
    /// A way has more nodes than the limit and was dropped.
    WayTooLong,
    /// A relation has more members than the limit and was dropped.
    RelationTooLarge,
    /// A condition (such as hours) on access, speed or a turn was ignored.
    ConditionIgnored,
    /// A tag has a value that is not understood, and was ignored.
    ValueNotUnderstood,
    /// A reversible road was closed, for its hours are not known.
    ReversibleRoadClosed,
    /// A turn restriction lacks members or they do not meet.
    RestrictionBroken,
    /// A turn restriction names a road that runs through its node, so its side is not known.
    RestrictionAmbiguous,
    /// A multipolygon's rings do not close and it was left out.
    RingOpen,
}

impl WarningKind {
    /// One line for people.
    pub fn message(self) -> &'static str {
        match self {
            Self::NodeOffEarth => "nodes beyond the Earth dropped",
            Self::WayNodeMissing => "ways with nodes that the file lacks, cut there",
            Self::WayTooLong => "ways with too many nodes dropped",
            Self::RelationTooLarge => "relations with too many members dropped",
            Self::ConditionIgnored => "conditions (hours, weights) on roads or turns ignored",
            Self::ValueNotUnderstood => "values not understood and ignored",
            Self::ReversibleRoadClosed => "reversible roads closed, for their hours are unknown",
            Self::RestrictionBroken => "turn restrictions whose members are missing or do not meet",
            Self::RestrictionAmbiguous => "turn restrictions on a road that runs through the node",
            Self::RingOpen => "areas left out, for their outline does not close",
        }
    }
}

/// Gathers warnings while an import runs.
#[derive(Debug, Default)]
pub(crate) struct Warnings(BTreeMap<WarningKind, (usize, Vec<i64>)>);

impl Warnings {
    pub(crate) fn add(&mut self, kind: WarningKind, id: i64) {
        let (count, examples) = self.0.entry(kind).or_default();
        *count += 1;
        if examples.len() < 5 {
            examples.push(id);
        }
    }

    pub(crate) fn into_list(self) -> Vec<Warning> {
        let list = self.0.into_iter();
        list.map(|(kind, (count, examples))| Warning { kind, count, examples }).collect()
    }
}
