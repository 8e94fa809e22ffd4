//! Shapes as GeoJSON.

use rv_base::{EdgeId, LatLon, Meters, RoadPosition};
use rv_map::RoadGraph;
use rv_model::{Permit, PermitArea};
use rv_route::Polygon;
use serde_json::{Value, json};

/// `[lon, lat]`, as GeoJSON wants it.
pub(crate) fn lon_lat(p: LatLon) -> [f64; 2] {
    [p.lon_deg(), p.lat_deg()]
}

/// A line.
pub(crate) fn line_string(line: &[LatLon]) -> Value {
    let points: Vec<_> = line.iter().copied().map(lon_lat).collect();
    json!({ "type": "LineString", "coordinates": points })
}

/// Edges as separate lines.
pub(crate) fn edges(graph: &RoadGraph, edges: &[EdgeId]) -> Value {
    let is_known = |edge: &&EdgeId| edge.idx() < graph.n_edges();
    let lines: Vec<Vec<[f64; 2]>> = edges
        .iter()
        .filter(is_known)
        .map(|edge| graph.polyline(*edge).into_iter().map(lon_lat).collect())
        .collect();
    json!({ "type": "MultiLineString", "coordinates": lines })
}

/// What a permit forbids or, if it forbids nothing, where it allows driving; null for everywhere.
pub(crate) fn permit(permit: &Permit) -> Value {
    let areas = if permit.forbidden.is_empty() { &permit.allowed } else { &permit.forbidden };
    if areas.is_empty() {
        return Value::Null;
    }
    let ring = |area: &PermitArea| {
        let mut ring: Vec<_> = area.outline.iter().copied().map(lon_lat).collect();
        ring.extend(ring.first().copied());
        vec![ring]
    };
    json!({ "type": "MultiPolygon", "coordinates": areas.iter().map(ring).collect::<Vec<_>>() })
}

/// Areas with holes.
pub(crate) fn polygons(areas: &[Polygon]) -> Value {
    let ring =
        |ring: &Vec<LatLon>| -> Vec<[f64; 2]> { ring.iter().copied().map(lon_lat).collect() };
    let rings = |area: &Polygon| -> Vec<Vec<[f64; 2]>> {
        std::iter::once(&area.outer).chain(&area.holes).map(ring).collect()
    };
    let areas: Vec<_> = areas.iter().map(rings).collect();
    json!({ "type": "MultiPolygon", "coordinates": areas })
}

/// The way from a position along edges to another position. An end that is not on the first or
/// last edge is ignored.
pub(crate) fn way(
    graph: &RoadGraph,
    from: Option<RoadPosition>,
    edges: &[EdgeId],
    to: Option<RoadPosition>,
) -> Vec<LatLon> {
    let mut way = Vec::new();
    for (idx, edge) in edges.iter().enumerate() {
        if edge.idx() >= graph.n_edges() {
            continue;
        }
        let at = |end: Option<RoadPosition>| end.filter(|p| p.edge == *edge).map(|p| p.offset);
        let start = if idx == 0 { at(from) } else { None };
        let end = if idx + 1 == edges.len() { at(to) } else { None };
        let length = graph.edge(*edge).length;
        let part = cut(&graph.polyline(*edge), length, start, end);
        let is_joined = way.last().is_some_and(|last| part.first() == Some(last));
        way.extend(part.into_iter().skip(usize::from(is_joined)));
    }
    way
}

/// The part of a line of this length between two distances from its beginning.
fn cut(line: &[LatLon], length: Meters, from: Option<Meters>, to: Option<Meters>) -> Vec<LatLon> {
    if from.is_none() && to.is_none() {
        return line.to_vec();
    }
    let lengths: Vec<f64> = line.windows(2).map(|w| w[0].distance_to(w[1]).0).collect();
    let total: f64 = lengths.iter().sum();
    let scale = if length.0 > 0.0 { total / length.0 } else { 0.0 };
    let from_m = from.map_or(0.0, |m| m.0 * scale).clamp(0.0, total);
    let to_m = to.map_or(total, |m| m.0 * scale).clamp(from_m, total);
    let mut part = Vec::new();
    let mut at_m = 0.0;
    for (pair, step_m) in line.windows(2).zip(lengths) {
        let (begin, end) = (from_m.max(at_m), to_m.min(at_m + step_m));
        if begin <= end && step_m > 0.0 {
            for m in [begin, end] {
                let point = between(pair[0], pair[1], (m - at_m) / step_m);
                if part.last() != Some(&point) {
                    part.push(point);
                }
            }
        }
        at_m += step_m;
    }
    part
}

fn between(a: LatLon, b: LatLon, share: f64) -> LatLon {
    let mix = |a: i32, b: i32| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round();
    let (lat, lon) = (mix(a.lat_e7(), b.lat_e7()), mix(a.lon_e7(), b.lon_e7()));
    LatLon::from_e7(lat as i32, lon as i32).unwrap_or(a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_both_ends() {
        let p = |lon| LatLon::from_degrees(0.0, lon).unwrap();
        let line = [p(0.0), p(0.001), p(0.002)];
        let length = Meters(200.0);
        assert_eq!(cut(&line, length, None, None), line);
        let part = cut(&line, length, Some(Meters(50.0)), Some(Meters(150.0)));
        assert_eq!(part, [p(0.0005), p(0.001), p(0.0015)]);
        let part = cut(&line, length, Some(Meters(150.0)), Some(Meters(50.0)));
        assert_eq!(part, [p(0.0015)]);
    }
}
