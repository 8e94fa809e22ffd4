//! Delivery points: addresses and entrances, buildings without an address, and points made up
//! along streets where the data has neither.

use std::collections::BTreeMap;

use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use rv_base::{EdgeId, JunctionId, LatLon, LocalFrame, Meters, Point2, Rng, RoadPosition};
use rv_map::{DriveSide, Mode, Place, RoadGraph, RoadKind, SnapIndex, SnapQuery};

use crate::areas::{self, Polygon};
use crate::buildings::Building;
use crate::options::ImportOptions;
use crate::raw::{RawMap, Tags, short};
use crate::report::ImportReport;
use crate::scc;

/// No street further than this from a door is taken for its stop.
const STOP_RADIUS: Meters = Meters(250.0);
/// A street with the address's name is taken even if another is so much nearer.
const NAME_BONUS: Meters = Meters(60.0);
/// A van does not stop nearer to a junction than this.
const JUNCTION_CLEARANCE: Meters = Meters(4.0);
/// Floor area for one person living or working, m2: about the mean of European cities, homes and
/// offices together (Eurostat gives 40 to 50 m2 of dwelling a person).
const FLOOR_M2_PER_PERSON: f64 = 45.0;
/// People in a home without further data (Eurostat 2023: 2.2 in a household).
const PEOPLE_PER_HOME: f64 = 2.2;

/// A delivery point before it is snapped.
struct Candidate {
    address: String,
    street: Option<String>,
    position: LatLon,
    weight: u16,
}

/// Everything a place is snapped with.
pub(crate) struct Snapper<'a> {
    pub graph: &'a RoadGraph,
    pub index: &'a SnapIndex,
    pub side: DriveSide,
    /// For each edge, true if a delivery van may stop there and gets there and back.
    served: Vec<bool>,
}

/// Edges on which vans may stop, in the largest part of the road network through which they get
/// from anywhere to anywhere without motorways.
///
/// The graph itself is connected for vans over motorways too, but driverless delivery vans are
/// slower than those allow: doors beyond would be promised and never reached.
fn served(graph: &RoadGraph) -> Vec<bool> {
    let ids = || (0..graph.n_edges()).map(EdgeId::from_idx);
    let is_driven = |id: EdgeId| {
        graph.edge(id).modes.contains(Mode::Van) && graph.road_of(id).kind != RoadKind::Motorway
    };
    let mut first_out = vec![0_u32];
    let mut heads: Vec<u32> = Vec::new();
    for junction in (0..graph.n_junctions()).map(JunctionId::from_idx) {
        let out = graph.out_edges(junction).filter(|id| is_driven(*id));
        heads.extend(out.map(|id| graph.edge(id).head.0));
        first_out.push(heads.len() as u32);
    }
    let component = scc::components(&first_out, &heads);
    let part_of = |id: EdgeId| {
        let edge = graph.edge(id);
        let (tail, head) = (component[edge.tail.idx()], component[edge.head.idx()]);
        (is_driven(id) && tail == head).then_some(head)
    };
    let mut metres: BTreeMap<u32, f64> = BTreeMap::new();
    for id in ids() {
        if let Some(part) = part_of(id) {
            *metres.entry(part).or_default() += graph.edge(id).length.0;
        }
    }
    let largest = metres.iter().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(a.0)));
    let largest = largest.map(|(part, _)| *part);
    ids()
        .map(|id| part_of(id).is_some_and(|p| Some(p) == largest) && graph.allows_stopping(id))
        .collect()
}

/// Why a van cannot stop for a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoStop {
    /// No road is near.
    Far,
    /// On no road that is near may a van stop, or it gets to none.
    Forbidden,
}

impl<'a> Snapper<'a> {
    pub(crate) fn new(graph: &'a RoadGraph, index: &'a SnapIndex, side: DriveSide) -> Self {
        Self { graph, index, side, served: served(graph) }
    }

    /// True if a delivery van may stop on an edge and gets there and back.
    pub(crate) fn is_served(&self, edge: EdgeId) -> bool {
        self.served[edge.idx()]
    }

    /// Where a van stops for `position`, preferring the named street; never where it may not or
    /// does not get to.
    pub(crate) fn stop(
        &self,
        position: LatLon,
        street: Option<&str>,
        radius: Meters,
    ) -> Result<RoadPosition, NoStop> {
        let near = |n_max| {
            let query = SnapQuery { mode: Mode::Van, radius, heading: None, n_max };
            self.index.nearest(self.graph, position, &query)
        };
        let mut snaps = near(16);
        let is_far = snaps.is_empty();
        snaps.retain(|snap| self.is_served(snap.position.edge));
        if snaps.is_empty() && !is_far {
            // Beside an interchange the sixteen nearest may all be ramps.
            snaps = near(64);
            snaps.retain(|snap| self.is_served(snap.position.edge));
        }
        let handicap = |edge: EdgeId| {
            let is_named = street.is_some_and(|s| s == self.graph.road_of(edge).name);
            if is_named { -NAME_BONUS } else { Meters::ZERO }
        };
        let best = self.index.best_stop(self.graph, &snaps, self.side, handicap);
        let best = best.ok_or(if is_far { NoStop::Far } else { NoStop::Forbidden })?;
        Ok(clear_of_junctions(self.graph, best.position))
    }
}

fn clear_of_junctions(graph: &RoadGraph, position: RoadPosition) -> RoadPosition {
    let length = graph.edge(position.edge).length;
    let clearance = JUNCTION_CLEARANCE.min(length / 2.0);
    let offset = position.offset.max(clearance).min(length - clearance);
    RoadPosition { offset, ..position }
}

/// Finds all delivery points, in a fixed order.
pub(crate) fn find(
    raw: &RawMap,
    buildings: &[Building<'_>],
    snapper: &Snapper<'_>,
    options: &ImportOptions,
    report: &mut ImportReport,
) -> Vec<Place> {
    let (addressed, unaddressed) = from_data(raw, buildings);
    let mut places = Vec::new();
    let mut snap_all = |candidates: Vec<Candidate>, report: &mut ImportReport| {
        let before = places.len();
        for candidate in candidates {
            match snapper.stop(candidate.position, candidate.street.as_deref(), STOP_RADIUS) {
                Ok(stop) => places.push(Place {
                    address: candidate.address,
                    position: candidate.position,
                    stop,
                    weight: candidate.weight,
                }),
                Err(NoStop::Far) => report.dropped.n_far_places += 1,
                Err(NoStop::Forbidden) => report.dropped.n_no_stopping_places += 1,
            }
        }
        places.len() - before
    };
    let addressed = without_doubles(addressed, &mut report.dropped.n_double_places);
    // Where most buildings have an address, those without are sheds and garages.
    let are_addresses_complete = addressed.len() > 2 * unaddressed.len();
    report.kept.n_address_places = snap_all(addressed, report);
    if !are_addresses_complete {
        report.kept.n_building_places = snap_all(unaddressed, report);
    }
    let street_m = delivery_street_length(snapper.graph).0;
    if (places.len() as f64) * options.place_spacing_sparse.0 < street_m {
        let made_up = make_up(&places, snapper, options);
        report.are_places_made_up = !made_up.is_empty();
        report.kept.n_made_up_places = made_up.len();
        places.extend(made_up);
    }
    places
}

/// Candidates with an address, and buildings without one.
fn from_data(raw: &RawMap, buildings: &[Building<'_>]) -> (Vec<Candidate>, Vec<Candidate>) {
    let address_nodes: Vec<(u32, &Tags)> = raw
        .node_tags
        .iter()
        .filter(|(_, tags)| address_of(tags).is_some())
        .map(|(node, tags)| (*node, tags))
        .collect();
    let holders = Holders::new(buildings);
    let mut n_in_building = vec![0_u32; buildings.len()];
    let mut building_of = Vec::with_capacity(address_nodes.len());
    for (node, _) in &address_nodes {
        let building = holders.building_at(buildings, *node, raw.positions[*node as usize]);
        if let Some(b) = building {
            n_in_building[b] += 1;
        }
        building_of.push(building);
    }
    let mut addressed = Vec::new();
    for ((node, tags), building) in address_nodes.iter().zip(building_of) {
        let people = match building {
            Some(b) => people_in(&buildings[b]) / f64::from(n_in_building[b]),
            None => PEOPLE_PER_HOME,
        };
        addressed.extend(candidate(tags, raw.positions[*node as usize], people));
    }
    let mut unaddressed = Vec::new();
    for (building, n_addresses) in buildings.iter().zip(n_in_building) {
        let position = entrance(raw, &building.polygon).unwrap_or(building.centre);
        let people = people_in(building);
        match candidate(building.tags, position, people) {
            Some(candidate) => addressed.push(candidate),
            None if n_addresses == 0 && is_lived_in(building) => {
                unaddressed.push(Candidate {
                    address: short(building.tags.get("name").unwrap_or("")),
                    street: None,
                    position,
                    weight: to_weight(people),
                });
            }
            None => {}
        }
    }
    (addressed, unaddressed)
}

/// House number (or name) and street.
pub(crate) fn address_of(tags: &Tags) -> Option<(String, Option<String>)> {
    let number = tags.get("addr:housenumber").or_else(|| tags.get("addr:housename"))?;
    let street = tags.get("addr:street").or_else(|| tags.get("addr:place"));
    let address = match street {
        Some(street) => format!("{} {}", short(number), short(street)),
        None => short(number),
    };
    Some((address, street.map(short)))
}

fn candidate(tags: &Tags, position: LatLon, people: f64) -> Option<Candidate> {
    let (address, street) = address_of(tags)?;
    Some(Candidate { address, street, position, weight: to_weight(people) })
}

fn to_weight(people: f64) -> u16 {
    people.round().clamp(1.0, 5_000.0) as u16
}

/// Rough number of people who live or work in a building.
fn people_in(building: &Building<'_>) -> f64 {
    let number = |key: &str| building.tags.get(key)?.parse::<f64>().ok().filter(|n| *n >= 0.0);
    if let Some(flats) = number("building:flats") {
        return flats.min(2_000.0) * PEOPLE_PER_HOME;
    }
    let floors = number("building:levels").unwrap_or(match building.tags.get("building") {
        Some("apartments" | "office" | "hotel" | "commercial" | "residential" | "dormitory") => 4.0,
        Some("house" | "detached" | "semidetached_house" | "terrace" | "bungalow") => {
            return PEOPLE_PER_HOME;
        }
        _ if building.area_m2 > 200.0 => 2.0,
        _ => return PEOPLE_PER_HOME,
    });
    building.area_m2 * floors.clamp(1.0, 80.0) / FLOOR_M2_PER_PERSON
}

fn is_lived_in(building: &Building<'_>) -> bool {
    const EMPTY: [&str; 27] = [
        "garage",
        "garages",
        "shed",
        "roof",
        "carport",
        "hut",
        "greenhouse",
        "barn",
        "stable",
        "sty",
        "cowshed",
        "farm_auxiliary",
        "ruins",
        "construction",
        "collapsed",
        "service",
        "transformer_tower",
        "water_tower",
        "storage_tank",
        "silo",
        "bunker",
        "bridge",
        "grandstand",
        "toilets",
        "container",
        "gatehouse",
        "no",
    ];
    let kind = building.tags.get("building").unwrap_or("yes");
    building.area_m2 >= 40.0 && !EMPTY.contains(&kind)
}

/// The main entrance on the outline, else any for people.
fn entrance(raw: &RawMap, polygon: &Polygon) -> Option<LatLon> {
    let rank = |node: u32| {
        let tags = raw.tags_of_node(node)?;
        Some(match tags.get("entrance")? {
            "main" => 0,
            "yes" | "home" | "staircase" | "shop" => 1,
            "service" | "secondary" => 2,
            _ => return None,
        })
    };
    let nodes = polygon.outline_nodes.iter();
    let ranked = nodes.filter_map(|&node| Some((rank(node)?, node)));
    ranked.min().map(|(_, node)| raw.positions[node as usize])
}

/// Which building an address stands in.
struct Holders {
    tree: RTree<GeomWithData<Rectangle<[i64; 2]>, usize>>,
    by_node: BTreeMap<u32, usize>,
}

impl Holders {
    fn new(buildings: &[Building<'_>]) -> Self {
        let boxes = buildings.iter().enumerate().map(|(i, building)| {
            let outline = building.polygon.rings[0].iter();
            let points: Vec<_> = outline.map(|&p| lon_lat(p)).collect();
            GeomWithData::new(Rectangle::from_aabb(AABB::from_points(&points)), i)
        });
        let tree = RTree::bulk_load(boxes.collect());
        let mut by_node = BTreeMap::new();
        for (i, building) in buildings.iter().enumerate() {
            for &node in &building.polygon.outline_nodes {
                by_node.entry(node).or_insert(i);
            }
        }
        Self { tree, by_node }
    }

    fn building_at(&self, buildings: &[Building<'_>], node: u32, p: LatLon) -> Option<usize> {
        if let Some(&building) = self.by_node.get(&node) {
            return Some(building);
        }
        let around = self.tree.locate_in_envelope_intersecting(&AABB::from_point(lon_lat(p)));
        around
            .map(|holder| holder.data)
            .filter(|&i| areas::ring_contains(&buildings[i].polygon.rings[0], p))
            .min()
    }
}

fn lon_lat(p: LatLon) -> [i64; 2] {
    [i64::from(p.lon_e7()), i64::from(p.lat_e7())]
}

/// Keeps the first of addresses that are the same within 100 m; its weight is the highest.
fn without_doubles(candidates: Vec<Candidate>, n_double: &mut usize) -> Vec<Candidate> {
    const SAME: Meters = Meters(100.0);
    let mut by_address: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut kept: Vec<Candidate> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let same = by_address.entry(candidate.address.clone()).or_default();
        let double =
            same.iter().copied().find(|&i| kept[i].position.distance_to(candidate.position) < SAME);
        if let Some(i) = double {
            kept[i].weight = kept[i].weight.max(candidate.weight);
            *n_double += 1;
        } else {
            same.push(kept.len());
            kept.push(candidate);
        }
    }
    kept
}

/// True for streets along which people live and work.
fn is_delivery_street(graph: &RoadGraph, edge: EdgeId) -> bool {
    let road = graph.road_of(edge);
    let is_kind = matches!(
        road.kind,
        RoadKind::Secondary
            | RoadKind::Tertiary
            | RoadKind::Unclassified
            | RoadKind::Residential
            | RoadKind::LivingStreet
            | RoadKind::Pedestrian
    );
    is_kind
        && !road.is_tunnel
        && !road.is_bridge
        && !road.is_roundabout
        && graph.edge(edge).modes.contains(Mode::Van)
}

/// The delivery streets, each once, by the edge with the lower id.
fn delivery_streets(graph: &RoadGraph) -> impl Iterator<Item = EdgeId> {
    (0..graph.n_edges()).map(EdgeId::from_idx).filter(|&id| {
        let is_first = match graph.edge(id).reverse {
            Some(reverse) => id < reverse || !is_delivery_street(graph, reverse),
            None => true,
        };
        is_first && is_delivery_street(graph, id)
    })
}

fn delivery_street_length(graph: &RoadGraph) -> Meters {
    delivery_streets(graph).map(|id| graph.edge(id).length).sum()
}

/// Points along streets, on both sides by turns, where no known place is near.
fn make_up(known: &[Place], snapper: &Snapper<'_>, options: &ImportOptions) -> Vec<Place> {
    let graph = snapper.graph;
    let mut known_at = vec![false; graph.n_edges()];
    for place in known {
        known_at[place.stop.edge.idx()] = true;
        if let Some(reverse) = graph.edge(place.stop.edge).reverse {
            known_at[reverse.idx()] = true;
        }
    }
    let root = Rng::from_seed(options.seed).fork("places");
    let spacing = options.place_spacing.0.max(5.0);
    let mut places = Vec::new();
    for id in delivery_streets(graph) {
        if known_at[id.idx()] || !snapper.is_served(id) {
            continue;
        }
        let mut rng = root.fork_idx("street", u64::from(id.0));
        let edge = graph.edge(id);
        let back = edge.reverse.filter(|e| snapper.is_served(*e));
        let points = graph.polyline(id);
        let mut at_m = rng.range(0.2, 1.0) * spacing;
        while at_m < edge.length.0 - 2.0 && places.len() < options.n_made_up_places_max {
            let is_own_side = back.is_none() || rng.chance(0.5);
            let stop = match back.filter(|_| !is_own_side) {
                Some(back) => RoadPosition { edge: back, offset: edge.length - Meters(at_m) },
                None => RoadPosition { edge: id, offset: Meters(at_m) },
            };
            let is_right = (snapper.side == DriveSide::Right) == is_own_side;
            let set_back_m = rng.range(8.0, 18.0) * if is_right { 1.0 } else { -1.0 };
            if let Some(position) = beside(&points, at_m, set_back_m) {
                let weight = to_weight(rng.exponential(1.5) + 1.0);
                let name = &graph.road_of(id).name;
                let address = if name.is_empty() {
                    String::new()
                } else {
                    format!("{name}, km {:.3}", at_m / 1000.0)
                };
                let stop = clear_of_junctions(graph, stop);
                places.push(Place { address, position, stop, weight });
            }
            at_m += rng.range(0.6, 1.4) * spacing;
        }
    }
    places
}

/// The point at `at_m` along a line and `right_m` to the right of it.
fn beside(points: &[LatLon], at_m: f64, right_m: f64) -> Option<LatLon> {
    let mut left_m = at_m;
    for pair in points.windows(2) {
        let length_m = pair[0].distance_to(pair[1]).0;
        if left_m <= length_m && length_m > 0.0 {
            let frame = LocalFrame::at(pair[0]);
            let end = frame.to_local(pair[1]);
            let (ux, uy) = (end.x_m / length_m, end.y_m / length_m);
            let x_m = ux * left_m + uy * right_m;
            let y_m = uy * left_m - ux * right_m;
            return frame.to_world(Point2 { x_m, y_m }).ok();
        }
        left_m -= length_m;
    }
    None
}
