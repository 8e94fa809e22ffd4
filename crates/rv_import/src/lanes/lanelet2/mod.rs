//! Lanelet2 maps: OpenStreetMap XML whose relations of type `lanelet` name a left and a right
//! border (Poggenhans et al., Lanelet2: A High-Definition Map Framework, 2018).

mod mgrs;
mod positions;
mod rules;

use std::collections::BTreeMap;

use rv_base::{LatLon, Point2};
use rv_map::lanes::{Direction, Lane, LaneMap, LaneUse, Neighbour};

use super::{Ignored, ImportedLanes, LaneImportError, LaneWarning, LaneWarningKind};
use crate::xml::{self, Element};

/// Where a map's coordinates begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LaneletOrigin {
    /// At this position: metres of its UTM zone from there.
    At(LatLon),
    /// At the south-west corner of the 100 km MGRS square in which the first node lies.
    Mgrs,
    /// As the map says: `local_x` and `local_y`, in the MGRS square of `mgrs_code` if that is there,
    /// or the digits of `mgrs_code`; where the nodes have latitude and longitude alone, at the
    /// first node.
    Map,
}

/// Reads a Lanelet2 map, plain or gzipped.
pub fn read_lanelet2(
    bytes: &[u8],
    origin: LaneletOrigin,
) -> Result<ImportedLanes, LaneImportError> {
    let root = xml::parse_packed(bytes)?;
    if root.name != "osm" {
        return Err(LaneImportError::WrongRoot { expected: "osm", found: root.name });
    }
    let mut warnings = Vec::new();
    let mut ignored = Ignored::default();
    let (points, frame) = positions::read(&root, origin, &mut warnings);
    let borders = borders(&root, &points, &mut warnings);
    let mut lanes = Vec::new();
    let mut ways = Vec::new();
    let relations: BTreeMap<i64, &Element> =
        root.all("relation").filter_map(|r| Some((r.integer("id")?, r))).collect();
    for (id, relation) in &relations {
        match relation.tag("type") {
            Some("lanelet") => match lane(*id, relation, &borders, &mut ignored) {
                Ok((lane, ends)) => {
                    lanes.push(lane);
                    ways.push(ends);
                }
                Err(what) => {
                    warnings.push(LaneWarning::new(LaneWarningKind::LeftOut, *id, what));
                }
            },
            Some("regulatory_element") => {}
            other => {
                let kind = other.unwrap_or_default();
                let subtype = relation.tag("subtype").unwrap_or_default();
                ignored.add(format!("relations of type `{kind}`, subtype `{subtype}`"), *id);
            }
        }
    }
    if lanes.is_empty() {
        return Err(LaneImportError::NoLanes);
    }
    link(&mut lanes, &ways, &borders);
    rules::apply(&relations, &root, &borders, &mut lanes, &mut ignored);
    let mut map = LaneMap { lanes };
    map.find_conflicts();
    warnings.extend(ignored.into_warnings());
    Ok(ImportedLanes { map, frame, warnings })
}

/// A way with its nodes.
struct Border {
    nodes: Vec<i64>,
    points: Vec<Point2>,
    /// True if it may be crossed from its left, and from its right.
    may_be_crossed: [bool; 2],
}

/// The borders of a lane and whether each runs against its way.
#[derive(Clone, Copy)]
struct Ends {
    left: (i64, bool),
    right: (i64, bool),
}

fn borders(
    root: &Element,
    points: &BTreeMap<i64, Point2>,
    warnings: &mut Vec<LaneWarning>,
) -> BTreeMap<i64, Border> {
    let mut borders = BTreeMap::new();
    for way in root.all("way") {
        let Some(id) = way.integer("id") else { continue };
        let refs = way.all("nd").filter_map(|nd| nd.integer("ref"));
        let nodes: Vec<i64> = refs.filter(|node| points.contains_key(node)).collect();
        if nodes.len() < way.all("nd").count() {
            let what = "a way over nodes that are not there";
            warnings.push(LaneWarning::new(LaneWarningKind::Mended, id, what));
        }
        let line = nodes.iter().map(|node| points[node]).collect();
        let may_be_crossed = match (way.tag("lane_change"), way.tag("subtype")) {
            (Some("yes"), _) | (None, Some("dashed")) => [true, true],
            (Some(_), _) => [false, false],
            (None, Some("dashed_solid")) => [true, false],
            (None, Some("solid_dashed")) => [false, true],
            (None, _) => [way.tag("type") == Some("virtual"); 2],
        };
        borders.insert(id, Border { nodes, points: line, may_be_crossed });
    }
    borders
}

fn lane(
    id: i64,
    relation: &Element,
    borders: &BTreeMap<i64, Border>,
    ignored: &mut Ignored,
) -> Result<(Lane, Ends), &'static str> {
    let member = |role: &str| {
        let found = relation.all("member").find(|m| m.attribute("role") == Some(role));
        found.and_then(|m| m.integer("ref"))
    };
    let (left_id, right_id) =
        member("left").zip(member("right")).ok_or("a lanelet without a left or right border")?;
    let border = |id: i64| borders.get(&id).filter(|border| border.points.len() >= 2);
    let (left, right) = border(left_id)
        .zip(border(right_id))
        .ok_or("a lanelet whose border is missing or has fewer than two points")?;
    let (mut left_line, mut right_line) = (left.points.clone(), right.points.clone());
    // The borders' ways may run either way: the right one lies to the right of the left one.
    let is_left_reversed = side_of(&left_line, middle(&right_line)) > 0.0;
    if is_left_reversed {
        left_line.reverse();
    }
    let is_right_reversed = side_of(&right_line, middle(&left_line)) < 0.0;
    if is_right_reversed {
        right_line.reverse();
    }
    let mut lane = Lane { source_id: id, left: left_line, right: right_line, ..Lane::default() };
    lane.use_by = lane_use(relation, id, ignored);
    lane.is_two_way = matches!(relation.tag("one_way"), Some("no" | "false"));
    lane.speed_limit = relation.tag("speed_limit").and_then(rules::speed);
    let ends = Ends { left: (left_id, is_left_reversed), right: (right_id, is_right_reversed) };
    Ok((lane, ends))
}

/// Who may use a lanelet, by its subtype and the participants it names.
fn lane_use(relation: &Element, id: i64, ignored: &mut Ignored) -> LaneUse {
    let is_for = |who: &str| {
        let key = format!("participant:{who}");
        matches!(relation.tag(&key), Some("yes" | "true"))
    };
    match relation.tag("subtype") {
        Some("crosswalk") => LaneUse::Crossing,
        Some("walkway" | "stairs" | "shared_walkway" | "pedestrian_lane") => LaneUse::Foot,
        Some("bicycle_lane") => LaneUse::Bicycle,
        Some("bus_lane") => LaneUse::Bus,
        Some("rail") => LaneUse::Rail,
        Some("road" | "highway" | "play_street" | "emergency_lane" | "exit" | "road_shoulder") => {
            LaneUse::Motor
        }
        other if is_for("vehicle") || is_for("vehicle:car") => {
            ignored.add(format!("lanelets' subtype `{}`", other.unwrap_or_default()), id);
            LaneUse::Motor
        }
        _ if is_for("bicycle") => LaneUse::Bicycle,
        _ if is_for("pedestrian") => LaneUse::Foot,
        other => {
            let subtype = other.unwrap_or_default();
            ignored.add(format!("lanelets' subtype `{subtype}`: taken as roads"), id);
            LaneUse::Motor
        }
    }
}

/// More than zero if a point lies to the left of the part of a line that is nearest to it.
fn side_of(line: &[Point2], point: Point2) -> f64 {
    let (mut least, mut side) = (f64::INFINITY, 0.0);
    for pair in line.windows(2) {
        let (dx, dy) = (pair[1].x_m - pair[0].x_m, pair[1].y_m - pair[0].y_m);
        let (px, py) = (point.x_m - pair[0].x_m, point.y_m - pair[0].y_m);
        let square = dx * dx + dy * dy;
        let share = if square > 0.0 { ((px * dx + py * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
        let distance = (px - share * dx).hypot(py - share * dy);
        if distance < least {
            (least, side) = (distance, dx * py - dy * px);
        }
    }
    side
}

fn middle(line: &[Point2]) -> Point2 {
    if line.len() > 2 {
        return line[line.len() / 2];
    }
    let (a, b) = (line[0], line[line.len() - 1]);
    Point2 { x_m: (a.x_m + b.x_m) / 2.0, y_m: (a.y_m + b.y_m) / 2.0 }
}

/// Joins lanes that share the nodes at their ends, or a border.
fn link(lanes: &mut [Lane], ways: &[Ends], borders: &BTreeMap<i64, Border>) {
    let node_at = |(way, is_reversed): (i64, bool), at_end: bool| {
        let nodes = &borders[&way].nodes;
        if is_reversed == at_end { nodes[0] } else { nodes[nodes.len() - 1] }
    };
    let begin = |ends: &Ends| (node_at(ends.left, false), node_at(ends.right, false));
    let end = |ends: &Ends| (node_at(ends.left, true), node_at(ends.right, true));
    let mut begins: BTreeMap<(i64, i64), Vec<usize>> = BTreeMap::new();
    let mut by_left: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    let mut by_right: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (idx, ends) in ways.iter().enumerate() {
        begins.entry(begin(ends)).or_default().push(idx);
        by_left.entry(ends.left.0).or_default().push(idx);
        by_right.entry(ends.right.0).or_default().push(idx);
    }
    let other = |found: Option<&Vec<usize>>, idx: usize| {
        found.and_then(|found| found.iter().copied().find(|other| *other != idx))
    };
    for (idx, ends) in ways.iter().enumerate() {
        for next in begins.get(&end(ends)).into_iter().flatten().filter(|next| **next != idx) {
            lanes[idx].successors.push(*next);
            lanes[*next].predecessors.push(idx);
        }
        let neighbour = |(way, is_reversed): (i64, bool),
                         is_left: bool,
                         same: Option<&Vec<usize>>,
                         opposite: Option<&Vec<usize>>| {
            // A lane lies to the right of its left border, seen along the lane.
            let [from_left, from_right] = borders[&way].may_be_crossed;
            let is_open = if is_left == is_reversed { from_left } else { from_right };
            let as_neighbour = |lane, direction| Neighbour { lane, direction, is_open };
            other(same, idx).map(|lane| as_neighbour(lane, Direction::Same)).or_else(|| {
                other(opposite, idx).map(|lane| as_neighbour(lane, Direction::Opposite))
            })
        };
        let (left, right) = (ends.left.0, ends.right.0);
        lanes[idx].left_neighbour =
            neighbour(ends.left, true, by_right.get(&left), by_left.get(&left));
        lanes[idx].right_neighbour =
            neighbour(ends.right, false, by_left.get(&right), by_right.get(&right));
    }
}
