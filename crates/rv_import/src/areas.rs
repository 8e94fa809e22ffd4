//! Filled areas: closed ways, and multipolygons put together from their members.

use std::collections::BTreeMap;

use rv_base::{LatLon, LocalFrame};

use crate::osm::MemberKind;
use crate::raw::{NO_NODE, RawMap, RawRelation};

/// An outline and its holes, each ring closed implicitly.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Polygon {
    pub rings: Vec<Vec<LatLon>>,
    /// Nodes of the outline, for entrances.
    pub outline_nodes: Vec<u32>,
}

/// Puts the ways of a multipolygon together; `None` if any of its rings does not close.
pub(crate) fn multipolygon(raw: &RawMap, relation: &RawRelation) -> Option<Vec<Polygon>> {
    let lines = |inner: bool| -> Option<Vec<Vec<u32>>> {
        let members = relation.members.iter().filter(|m| {
            m.kind == MemberKind::Way && (m.role == "inner") == inner && m.role != "part"
        });
        members.map(|m| Some(raw.ways[raw.way_idx(m.id)?].nodes.clone())).collect()
    };
    let outers = join_rings(lines(false)?)?;
    let inners = join_rings(lines(true)?)?;
    let points = |nodes: &[u32]| -> Vec<LatLon> {
        nodes.iter().map(|&n| raw.positions[n as usize]).collect()
    };
    let mut polygons: Vec<Polygon> = outers
        .into_iter()
        .map(|nodes| Polygon { rings: vec![points(&nodes)], outline_nodes: nodes })
        .collect();
    for inner in inners {
        let ring = points(&inner);
        // A hole lies in the outline that contains one of its points not on that outline.
        let holder = polygons.iter_mut().find(|polygon| {
            let free = inner.iter().position(|n| !polygon.outline_nodes.contains(n));
            free.is_none_or(|i| ring_contains(&polygon.rings[0], ring[i]))
        });
        if let Some(polygon) = holder {
            polygon.rings.push(ring);
        }
    }
    (!polygons.is_empty()).then_some(polygons)
}

/// Joins lines end to end into rings (without the repeated last node); `None` if some stay open.
fn join_rings(lines: Vec<Vec<u32>>) -> Option<Vec<Vec<u32>>> {
    if lines.iter().any(|l| l.len() < 2 || l.contains(&NO_NODE)) {
        return None;
    }
    let mut at_end: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (i, line) in lines.iter().enumerate() {
        at_end.entry(line[0]).or_default().push(i);
        at_end.entry(line[line.len() - 1]).or_default().push(i);
    }
    let mut is_used = vec![false; lines.len()];
    let mut rings = Vec::new();
    for start in 0..lines.len() {
        if is_used[start] {
            continue;
        }
        is_used[start] = true;
        let mut ring = lines[start].clone();
        while ring[0] != ring[ring.len() - 1] {
            let end = ring[ring.len() - 1];
            let next = *at_end.get(&end)?.iter().find(|i| !is_used[**i])?;
            is_used[next] = true;
            let line = &lines[next];
            if line[0] == end {
                ring.extend_from_slice(&line[1..]);
            } else {
                ring.extend(line.iter().rev().skip(1));
            }
        }
        ring.pop();
        if ring.len() >= 3 {
            rings.push(ring);
        }
    }
    Some(rings)
}

/// True if `p` is inside the ring (even-odd rule).
pub(crate) fn ring_contains(ring: &[LatLon], p: LatLon) -> bool {
    let (y, x) = (i64::from(p.lat_e7()), i64::from(p.lon_e7()));
    let mut is_inside = false;
    let mut before = ring[ring.len() - 1];
    for &at in ring {
        let (y1, x1) = (i64::from(before.lat_e7()), i64::from(before.lon_e7()));
        let (y2, x2) = (i64::from(at.lat_e7()), i64::from(at.lon_e7()));
        if (y1 > y) != (y2 > y) {
            // The sign of the cross product says on which side of the edge the point is.
            let cross =
                i128::from(x - x1) * i128::from(y2 - y1) - i128::from(x2 - x1) * i128::from(y - y1);
            if (cross < 0) == (y2 > y1) {
                is_inside = !is_inside;
            }
        }
        before = at;
    }
    is_inside
}

/// Area of a ring, m2, and its centre of mass (the mean of its points if it has no area).
pub(crate) fn area_and_centre(ring: &[LatLon]) -> (f64, LatLon) {
    let frame = LocalFrame::at(ring[0]);
    let points: Vec<_> = ring.iter().map(|&p| frame.to_local(p)).collect();
    let (mut double_m2, mut x, mut y) = (0.0, 0.0, 0.0);
    for (i, a) in points.iter().enumerate() {
        let b = points[(i + 1) % points.len()];
        let cross = a.x_m * b.y_m - b.x_m * a.y_m;
        double_m2 += cross;
        x += (a.x_m + b.x_m) * cross;
        y += (a.y_m + b.y_m) * cross;
    }
    let centre = if double_m2.abs() > 1e-3 {
        rv_base::Point2 { x_m: x / (3.0 * double_m2), y_m: y / (3.0 * double_m2) }
    } else {
        let n = points.len() as f64;
        rv_base::Point2 {
            x_m: points.iter().map(|p| p.x_m).sum::<f64>() / n,
            y_m: points.iter().map(|p| p.y_m).sum::<f64>() / n,
        }
    };
    (double_m2.abs() / 2.0, frame.to_world(centre).unwrap_or(ring[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_join_whatever_way_their_lines_run() {
        let rings = join_rings(vec![vec![1, 2, 3], vec![5, 4, 3], vec![5, 1], vec![7, 8, 9, 7]]);
        assert_eq!(rings, Some(vec![vec![1, 2, 3, 4, 5], vec![7, 8, 9]]));
        assert_eq!(join_rings(vec![vec![1, 2], vec![2, 3]]), None);
        assert_eq!(join_rings(vec![vec![1, NO_NODE, 1]]), None);
    }

    #[test]
    fn area_centre_and_inside_of_a_square() {
        let at = |lat, lon| LatLon::from_degrees(lat, lon).unwrap();
        let square = [at(0.0, 0.0), at(0.0, 0.001), at(0.001, 0.001), at(0.001, 0.0)];
        let (area_m2, centre) = area_and_centre(&square);
        assert!((area_m2 - 111.195_f64.powi(2)).abs() < 5.0, "{area_m2}");
        assert_eq!(centre, at(0.0005, 0.0005));
        assert!(ring_contains(&square, centre));
        assert!(!ring_contains(&square, at(0.0005, 0.0011)));
        assert!(!ring_contains(&square, at(-0.0005, 0.0005)));
    }
}
