//! What tiles show of a city, projected to Web Mercator.

use std::collections::BTreeMap;

use rv_base::{EdgeId, JunctionId, LatLon};

use super::Attribute;
use super::geometry::Simplified;
use super::mvt::Value;
use crate::city::{Area, AreaKind, City, LabelKind, LineKind};
use crate::graph::{Mode, RoadGraph, RoadKind};

/// Something to draw. Coordinates are tile units of zoom 18: 2^30 around the world.
#[derive(Clone, Debug)]
pub(super) struct Feature {
    pub layer: &'static str,
    pub zoom_min: u8,
    pub id: Option<u32>,
    pub shape: Shape,
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    Point([i32; 2]),
    Line(Simplified),
    /// The outline, then holes.
    Polygon(Vec<Simplified>),
}

impl Feature {
    /// Corners of the box around it.
    pub(super) fn bounds(&self) -> ([i32; 2], [i32; 2]) {
        let points = match &self.shape {
            Shape::Point(point) => std::slice::from_ref(point),
            Shape::Line(line) => line.points(),
            Shape::Polygon(rings) => rings[0].points(),
        };
        let mut corners = ([i32::MAX; 2], [i32::MIN; 2]);
        for p in points {
            let ([left, top], [right, bottom]) = corners;
            corners = ([left.min(p[0]), top.min(p[1])], [right.max(p[0]), bottom.max(p[1])]);
        }
        corners
    }
}

/// All features of a city, sorted by layer in drawing order.
pub(super) fn of_city(city: &City) -> Vec<Feature> {
    let mut features = Vec::new();
    for kind in
        [AreaKind::Bare, AreaKind::Green, AreaKind::Water, AreaKind::Paved, AreaKind::Building]
    {
        let of_kind = city.areas.iter().filter(|area| area.kind == kind && !area.rings.is_empty());
        features.extend(of_kind.map(area));
    }
    for line in city.lines.iter().filter(|line| line.points.len() >= 2) {
        let (kind, zoom_min) = line_style(line.kind);
        features.push(Feature {
            layer: "line",
            zoom_min,
            id: None,
            shape: Shape::Line(Simplified::line(projected(&line.points))),
            attributes: vec![text("kind", kind)],
        });
    }
    features.extend(roads(&city.graph));
    for label in &city.labels {
        let (kind, zoom_min) = label_style(label.kind);
        features.push(Feature {
            layer: "label",
            zoom_min,
            id: None,
            shape: Shape::Point(project(label.position)),
            attributes: vec![text("kind", kind), text("text", &label.text)],
        });
    }
    for (i, place) in city.places.iter().enumerate() {
        let mut attributes = vec![number("weight", u64::from(place.weight))];
        if !place.address.is_empty() {
            attributes.push(text("address", &place.address));
        }
        features.push(Feature {
            layer: "place",
            zoom_min: 17,
            id: Some(i as u32),
            shape: Shape::Point(project(place.position)),
            attributes,
        });
    }
    features
}

/// Web Mercator in tile units of zoom 18.
pub(super) fn project(p: LatLon) -> [i32; 2] {
    const WORLD: f64 = (1_u32 << 30) as f64;
    let x = (p.lon_deg() + 180.0) / 360.0;
    let sin = p.lat_deg().to_radians().sin();
    let y = 0.5 - ((1.0 + sin) / (1.0 - sin)).ln() / (4.0 * std::f64::consts::PI);
    // The poles project to infinity; the map ends at 85 degrees, where the world is square.
    [x, y].map(|v| (v * WORLD).clamp(0.0, WORLD - 1.0).round() as i32)
}

fn projected(points: &[LatLon]) -> Vec<[i32; 2]> {
    points.iter().map(|&p| project(p)).collect()
}

fn text(key: &'static str, value: &str) -> Attribute {
    Attribute { key, value: Value::Text(value.to_owned()), zoom_min: 0 }
}

fn number(key: &'static str, value: u64) -> Attribute {
    Attribute { key, value: Value::Number(value), zoom_min: 0 }
}

fn area(area: &Area) -> Feature {
    let rings: Vec<_> = area.rings.iter().map(|ring| Simplified::ring(projected(ring))).collect();
    let (layer, zoom_usual) = match area.kind {
        AreaKind::Building => ("building", 13),
        AreaKind::Water => ("water", 8),
        AreaKind::Green => ("green", 8),
        AreaKind::Bare => ("bare", 10),
        AreaKind::Paved => ("paved", 13),
    };
    let mut feature = Feature {
        layer,
        zoom_min: zoom_usual,
        id: None,
        shape: Shape::Polygon(rings),
        attributes: Vec::new(),
    };
    // An area is shown from the zoom at which it is about two pixels wide.
    let (low, high) = feature.bounds();
    let width = (high[0] - low[0]).max(high[1] - low[1]);
    let zoom_visible = (0..18).find(|z| width >> (18 - z) >= 12).unwrap_or(18);
    feature.zoom_min = zoom_usual.max(zoom_visible);
    feature
}

fn line_style(kind: LineKind) -> (&'static str, u8) {
    match kind {
        LineKind::Rail => ("rail", 11),
        LineKind::Waterway => ("waterway", 11),
        LineKind::Path => ("path", 15),
        LineKind::Street => ("street", 14),
        LineKind::Coastline => ("coastline", 8),
        LineKind::Border => ("border", 8),
    }
}

fn label_style(kind: LabelKind) -> (&'static str, u8) {
    match kind {
        LabelKind::City => ("city", 8),
        LabelKind::Quarter => ("quarter", 12),
        LabelKind::Water => ("water", 12),
        LabelKind::Green => ("green", 14),
        LabelKind::Spot => ("spot", 15),
    }
}

/// Name, first zoom and rank (0 the widest) of a kind of road.
fn road_style(kind: RoadKind) -> (&'static str, u8, u64) {
    match kind {
        RoadKind::Motorway => ("motorway", 8, 0),
        RoadKind::Trunk => ("trunk", 8, 1),
        RoadKind::Primary => ("primary", 8, 2),
        RoadKind::Secondary => ("secondary", 10, 3),
        RoadKind::Tertiary => ("tertiary", 11, 4),
        RoadKind::Unclassified => ("unclassified", 12, 5),
        RoadKind::Residential => ("residential", 12, 6),
        RoadKind::LivingStreet => ("living_street", 13, 7),
        RoadKind::Service => ("service", 14, 8),
        RoadKind::Track => ("track", 14, 9),
        RoadKind::Pedestrian => ("pedestrian", 13, 10),
        RoadKind::Cycleway => ("cycleway", 15, 11),
        RoadKind::Footway => ("footway", 15, 12),
    }
}

/// How the directions of a piece of road differ; pieces that agree are drawn as one line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    road: u32,
    is_van: bool,
    is_oneway: bool,
}

/// A piece of road, as mapped or, where only the other direction is open, against it.
struct Piece {
    edge: EdgeId,
    tail: JunctionId,
    head: JunctionId,
}

/// Roads as long lines, so that names find room along them.
fn roads(graph: &RoadGraph) -> Vec<Feature> {
    let mut by_look: BTreeMap<Look, Vec<Piece>> = BTreeMap::new();
    for (i, edge) in graph.edges.iter().enumerate() {
        let id = EdgeId::from_idx(i);
        if !edge.is_forward && edge.reverse.is_some() {
            continue;
        }
        let back = edge.reverse.map(|reverse| graph.edge(reverse).modes);
        let (here, back) = (edge.modes, back.unwrap_or_default());
        let is_van = here.union(back).contains(Mode::Van);
        let mode = if is_van { Mode::Van } else { Mode::Bicycle };
        let is_oneway = here.contains(mode) != back.contains(mode);
        let look = Look { road: edge.road.0, is_van, is_oneway };
        by_look.entry(look).or_default().push(Piece { edge: id, tail: edge.tail, head: edge.head });
    }
    let mut features = Vec::new();
    for (look, pieces) in by_look {
        for chain in chains(&pieces) {
            let mut line: Vec<[i32; 2]> = Vec::new();
            for edge in &chain {
                let points = projected(&graph.polyline(*edge));
                let skip = usize::from(!line.is_empty());
                line.extend_from_slice(&points[skip..]);
            }
            // Arrows follow the direction that is open to vans.
            let first = graph.edge(chain[0]);
            if look.is_oneway && look.is_van && !first.modes.contains(Mode::Van) {
                line.reverse();
            }
            features.push(road_feature(graph, look, line));
        }
    }
    // Wide roads last, so that they are drawn over narrow ones.
    features.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    features.into_iter().map(|(_, feature)| feature).collect()
}

fn road_feature(graph: &RoadGraph, look: Look, line: Vec<[i32; 2]>) -> (u64, Feature) {
    let road = &graph.roads[look.road as usize];
    let (kind, zoom_min, rank) = road_style(road.kind);
    let flag = |key| Attribute { key, value: Value::True, zoom_min: 0 };
    let mut attributes = vec![text("kind", kind), number("rank", rank)];
    if !road.name.is_empty() {
        let name = Value::Text(road.name.clone());
        attributes.push(Attribute { key: "name", value: name, zoom_min: zoom_min.max(12) });
    }
    let flags = [
        ("van", look.is_van),
        ("oneway", look.is_oneway),
        ("tunnel", road.is_tunnel),
        ("bridge", road.is_bridge),
    ];
    attributes.extend(flags.into_iter().filter(|(_, is_set)| *is_set).map(|(key, _)| flag(key)));
    let shape = Shape::Line(Simplified::line(line));
    (rank, Feature { layer: "road", zoom_min, id: None, shape, attributes })
}

/// Strings pieces together head to tail, as far as they go.
fn chains(pieces: &[Piece]) -> Vec<Vec<EdgeId>> {
    let mut by_tail: BTreeMap<JunctionId, Vec<usize>> = BTreeMap::new();
    let mut n_in: BTreeMap<JunctionId, usize> = BTreeMap::new();
    for (i, piece) in pieces.iter().enumerate() {
        by_tail.entry(piece.tail).or_default().push(i);
        *n_in.entry(piece.head).or_default() += 1;
    }
    let mut is_used = vec![false; pieces.len()];
    let mut chains = Vec::new();
    // Starts first; what is left after them are loops.
    let starts = (0..pieces.len()).filter(|&i| !n_in.contains_key(&pieces[i].tail));
    let order: Vec<usize> = starts.chain(0..pieces.len()).collect();
    for start in order {
        if is_used[start] {
            continue;
        }
        let mut chain = Vec::new();
        let mut next = Some(start);
        while let Some(i) = next {
            is_used[i] = true;
            chain.push(pieces[i].edge);
            let onward = by_tail.get(&pieces[i].head);
            next = onward.and_then(|list| list.iter().copied().find(|&j| !is_used[j]));
        }
        chains.push(chain);
    }
    chains
}
