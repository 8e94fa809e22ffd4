//! Where the nodes of a Lanelet2 map lie: latitude and longitude, local metres, or metres of an
//! MGRS square.

use std::collections::BTreeMap;

use rv_base::Point2;
use rv_map::lanes::GeoFrame;

use super::super::{LaneWarning, LaneWarningKind, is_on_map};
use super::LaneletOrigin;
use super::mgrs::Code;
use crate::xml::Element;

/// Local metres and the projection of the same nodes agree to this if they have the same frame.
const SAME_FRAME_M: f64 = 0.5;

/// The points by node id, and where their frame lies if that is known.
pub(super) fn read(
    root: &Element,
    origin: LaneletOrigin,
    warnings: &mut Vec<LaneWarning>,
) -> (BTreeMap<i64, Point2>, Option<GeoFrame>) {
    let nodes: Vec<(i64, &Element)> =
        root.all("node").filter_map(|node| Some((node.integer("id")?, node))).collect();
    let all_have = |has: fn(&Element) -> bool| nodes.iter().all(|(_, node)| has(node));
    let first_earth = || nodes.iter().find_map(|(_, node)| earth(node));
    let mut chosen: (Box<dyn Fn(&Element) -> Option<Point2>>, Option<GeoFrame>) = match origin {
        LaneletOrigin::At(at) => on_earth(GeoFrame::utm_at(at.lat_deg(), at.lon_deg())),
        LaneletOrigin::Mgrs => match first_earth() {
            Some((lat, lon)) => {
                let (zone, zero) = Code::square_of(lat, lon);
                on_earth(GeoFrame { zero, ..GeoFrame::utm(zone) })
            }
            None => on_grid(&nodes),
        },
        LaneletOrigin::Map if all_have(|node| local(node).is_some()) => {
            if all_have(|node| code(node).is_some()) {
                on_grid(&nodes)
            } else {
                (Box::new(local), shared_frame(&nodes))
            }
        }
        LaneletOrigin::Map if all_have(|n| code(n).is_some_and(|c| c.within.is_some())) => {
            on_grid(&nodes)
        }
        LaneletOrigin::Map => match first_earth() {
            Some((lat, lon)) => on_earth(GeoFrame::utm_at(lat, lon)),
            None => on_grid(&nodes),
        },
    };
    let mut points = BTreeMap::new();
    for (id, node) in &nodes {
        match (chosen.0)(node).filter(is_on_map) {
            Some(point) => drop(points.insert(*id, point)),
            None => {
                let what = "a node without a valid position";
                warnings.push(LaneWarning::new(LaneWarningKind::LeftOut, *id, what));
            }
        }
    }
    (points, chosen.1.take())
}

fn on_earth(frame: GeoFrame) -> (Box<dyn Fn(&Element) -> Option<Point2>>, Option<GeoFrame>) {
    let place = move |node: &Element| earth(node).map(|(lat, lon)| frame.to_plane(lat, lon));
    (Box::new(place), Some(frame))
}

/// Metres from the corner of the first node's square; where the code of a node has digits and the
/// node no local metres, the digits.
fn on_grid(
    nodes: &[(i64, &Element)],
) -> (Box<dyn Fn(&Element) -> Option<Point2>>, Option<GeoFrame>) {
    let Some(first) = nodes.iter().find_map(|(_, node)| code(node)) else {
        return (Box::new(|_| None), None);
    };
    let place = move |node: &Element| {
        let code = code(node).filter(|code| code.zone == first.zone)?;
        let within = local(node).or(code.within)?;
        Some(Point2 {
            x_m: within.x_m + code.corner.x_m - first.corner.x_m,
            y_m: within.y_m + code.corner.y_m - first.corner.y_m,
        })
    };
    let frame = GeoFrame { zero: first.corner, ..GeoFrame::utm(first.zone) };
    (Box::new(place), Some(frame))
}

/// The UTM frame of local metres, if latitude and longitude stand beside them and agree.
fn shared_frame(nodes: &[(i64, &Element)]) -> Option<GeoFrame> {
    let both = || nodes.iter().filter_map(|(_, node)| Some((earth(node)?, local(node)?)));
    let ((lat, lon), at) = both().next()?;
    let zone = GeoFrame::utm(GeoFrame::utm_zone(lon));
    let plane = zone.to_plane(lat, lon);
    let zero = Point2 { x_m: plane.x_m - at.x_m, y_m: plane.y_m - at.y_m };
    let frame = GeoFrame { zero, ..zone };
    let agrees =
        both().all(|((lat, lon), at)| frame.to_plane(lat, lon).distance_to(at).0 < SAME_FRAME_M);
    (agrees && both().count() >= 2).then_some(frame)
}

fn local(node: &Element) -> Option<Point2> {
    let number = |key| node.tag(key)?.trim().parse::<f64>().ok().filter(|v| v.is_finite());
    Some(Point2 { x_m: number("local_x")?, y_m: number("local_y")? })
}

fn earth(node: &Element) -> Option<(f64, f64)> {
    let (lat, lon) = (node.number("lat")?, node.number("lon")?);
    ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some((lat, lon))
}

fn code(node: &Element) -> Option<Code> {
    Code::parse(node.tag("mgrs_code")?)
}
