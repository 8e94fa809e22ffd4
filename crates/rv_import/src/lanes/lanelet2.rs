//! Lanelet2 maps: OpenStreetMap XML whose relations of type `lanelet` name a left and a right
//! border (Poggenhans et al., Lanelet2: A High-Definition Map Framework, 2018).

use std::collections::BTreeMap;

use rv_base::{LatLon, MetersPerSecond, Point2, Seconds};
use rv_map::lanes::{Direction, Lane, LaneMap, LaneUse, Neighbour, Signal};

use super::xml::{self, Element};
use super::{LaneImportError, LaneWarning, unpacked, utm};

/// Where a map's coordinates begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LaneletOrigin {
    /// At this position: metres of its UTM zone from there.
    At(LatLon),
    /// As the map says in `local_x` and `local_y` (metres in an MGRS square, for instance); where
    /// it does not, at its first node.
    Map,
}

/// Reads a Lanelet2 map, plain or gzipped.
pub fn read_lanelet2(
    bytes: &[u8],
    origin: LaneletOrigin,
) -> Result<(LaneMap, Vec<LaneWarning>), LaneImportError> {
    let root = xml::parse(&unpacked(bytes)?)?;
    if root.name != "osm" {
        return Err(LaneImportError::WrongRoot { expected: "osm", found: root.name });
    }
    let mut warnings = Vec::new();
    let points = points(&root, origin, &mut warnings);
    let borders = borders(&root, &points, &mut warnings);
    let mut lanes = Vec::new();
    let mut ways = Vec::new();
    let relations: BTreeMap<i64, &Element> =
        root.all("relation").filter_map(|r| Some((r.integer("id")?, r))).collect();
    for (id, relation) in &relations {
        if relation.tag("type") != Some("lanelet") {
            continue;
        }
        match lane(*id, relation, &borders, &relations) {
            Ok((lane, ends)) => {
                lanes.push(lane);
                ways.push(ends);
            }
            Err(what) => warnings.push(LaneWarning { source_id: *id, what: what.to_owned() }),
        }
    }
    if lanes.is_empty() {
        return Err(LaneImportError::NoLanes);
    }
    link(&mut lanes, &ways, &borders);
    Ok((LaneMap { lanes }, warnings))
}

/// A way with its nodes.
struct Border {
    nodes: Vec<i64>,
    points: Vec<Point2>,
    may_be_crossed: bool,
}

/// The borders of a lane and whether each runs against its way.
#[derive(Clone, Copy)]
struct Ends {
    left: (i64, bool),
    right: (i64, bool),
}

fn points(
    root: &Element,
    origin: LaneletOrigin,
    warnings: &mut Vec<LaneWarning>,
) -> BTreeMap<i64, Point2> {
    let local = |node: &Element| {
        let number = |key| node.tag(key)?.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        Some(Point2 { x_m: number("local_x")?, y_m: number("local_y")? })
    };
    let world = |node: &Element| {
        LatLon::from_degrees(node.number("lat")?, node.number("lon")?).ok()?;
        Some((node.number("lat")?, node.number("lon")?))
    };
    let uses_local =
        origin == LaneletOrigin::Map && root.all("node").all(|node| local(node).is_some());
    let first = match origin {
        LaneletOrigin::At(at) => Some((at.lat_deg(), at.lon_deg())),
        LaneletOrigin::Map => root.all("node").find_map(world),
    };
    let mut points = BTreeMap::new();
    for node in root.all("node") {
        let Some(id) = node.integer("id") else { continue };
        let point = if uses_local {
            local(node)
        } else {
            first.zip(world(node)).and_then(|(first, at)| {
                let zone = utm::zone(LatLon::from_degrees(first.0, first.1).ok()?);
                let zero = utm::project(first.0, first.1, zone);
                let at = utm::project(at.0, at.1, zone);
                Some(Point2 { x_m: at.x_m - zero.x_m, y_m: at.y_m - zero.y_m })
            })
        };
        match point {
            Some(point) => drop(points.insert(id, point)),
            None => {
                let what = "a node without a valid position".to_owned();
                warnings.push(LaneWarning { source_id: id, what });
            }
        }
    }
    points
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
            let what = "a way over nodes that are not there".to_owned();
            warnings.push(LaneWarning { source_id: id, what });
        }
        let line = nodes.iter().map(|node| points[node]).collect();
        let may_be_crossed = way.tag("lane_change") == Some("yes")
            || matches!(way.tag("subtype"), Some("dashed" | "dashed_solid" | "solid_dashed"))
            || way.tag("type") == Some("virtual");
        borders.insert(id, Border { nodes, points: line, may_be_crossed });
    }
    borders
}

fn lane(
    id: i64,
    relation: &Element,
    borders: &BTreeMap<i64, Border>,
    relations: &BTreeMap<i64, &Element>,
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
    lane.use_by = match relation.tag("subtype") {
        Some("crosswalk" | "walkway" | "stairs" | "shared_walkway") => LaneUse::Foot,
        Some("bicycle_lane") => LaneUse::Bicycle,
        Some("bus_lane") => LaneUse::Bus,
        _ => LaneUse::Motor,
    };
    lane.speed_limit = relation.tag("speed_limit").and_then(speed);
    let rules = relation.all("member").filter(|m| m.attribute("type") == Some("relation"));
    for rule in rules.filter_map(|m| relations.get(&m.integer("ref")?)) {
        let line = rule.all("member").find(|m| m.attribute("role") == Some("ref_line"));
        let line = line.and_then(|m| borders.get(&m.integer("ref")?));
        let line = line.filter(|line| line.points.len() >= 2);
        match rule.tag("subtype") {
            Some("traffic_light") => lane.signals.push(Signal {
                source_id: rule.integer("id").unwrap_or(0),
                cycle: Vec::new(),
                offset: Seconds::ZERO,
            }),
            Some("speed_limit") if lane.speed_limit.is_none() => {
                lane.speed_limit = rule.tag("sign_type").and_then(speed);
            }
            _ => {}
        }
        if let Some(line) = line {
            lane.stop_line = Some((line.points[0], line.points[line.points.len() - 1]));
        }
    }
    let ends = Ends { left: (left_id, is_left_reversed), right: (right_id, is_right_reversed) };
    Ok((lane, ends))
}

/// `50 km/h`, `30 mph`, `50` (km/h) or a sign such as `de274-60`.
fn speed(text: &str) -> Option<MetersPerSecond> {
    let text = text.trim();
    let number = text.rsplit('-').next().unwrap_or(text);
    let digits: String = number.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let value: f64 = digits.parse().ok()?;
    let kmh = if text.contains("mph") { value * 1.609_344 } else { value };
    (kmh > 0.0 && kmh <= 300.0).then(|| MetersPerSecond::from_kmh(kmh))
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
        let neighbour = |way: i64, same: Option<&Vec<usize>>, opposite: Option<&Vec<usize>>| {
            let is_open = borders[&way].may_be_crossed;
            let as_neighbour = |lane, direction| Neighbour { lane, direction, is_open };
            other(same, idx).map(|lane| as_neighbour(lane, Direction::Same)).or_else(|| {
                other(opposite, idx).map(|lane| as_neighbour(lane, Direction::Opposite))
            })
        };
        let (left, right) = (ends.left.0, ends.right.0);
        lanes[idx].left_neighbour = neighbour(left, by_right.get(&left), by_left.get(&left));
        lanes[idx].right_neighbour = neighbour(right, by_left.get(&right), by_right.get(&right));
    }
}
