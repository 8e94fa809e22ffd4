//! Signals, signs, stop lines, crossings and priorities of an OpenDRIVE map.

use std::collections::BTreeMap;

use rv_base::{MetersPerSecond, Point2, Seconds};
use rv_map::lanes::{Lane, LaneIdx, LaneMap, LaneUse, Sign, Signal};

use super::super::{Ignored, attach_stop_line, is_on_map};
use super::Place;
use super::road::Road;
use crate::xml::Element;

/// A signal on a road across a junction holds at that road's start if it stands nearer to it than
/// this, m.
const AT_START_M: f64 = 5.0;
/// Corners of a crossing, at most.
const CORNERS_MAX: usize = 1_000;

/// What a signal means for the lanes that it is valid for.
enum Meaning {
    Light,
    Sign(Sign),
    StopLine,
    Limit(MetersPerSecond),
}

/// Applies signals, objects and junctions to the lanes.
pub(super) fn apply(
    root: &Element,
    roads: &BTreeMap<String, Road>,
    map: &mut LaneMap,
    places: &BTreeMap<Place, LaneIdx>,
    ignored: &mut Ignored,
) {
    let mut meanings: BTreeMap<&str, &Element> = BTreeMap::new();
    let signals = || {
        root.all("road").flat_map(|road| {
            let all = road.child("signals").into_iter().flat_map(|s| s.children.iter());
            all.map(move |signal| (road.attribute("id").unwrap_or_default(), signal))
        })
    };
    for (_, signal) in signals().filter(|(_, signal)| signal.name == "signal") {
        meanings.entry(signal.attribute("id").unwrap_or_default()).or_insert(signal);
    }
    for (road, signal) in signals() {
        let id = signal.attribute("id").unwrap_or_default();
        let Some(road) = roads.get(road) else { continue };
        match signal.name.as_str() {
            "signal" | "signalReference" => {}
            other => {
                ignored.add(format!("<{other}> among signals"), road.source_id);
                continue;
            }
        }
        let source_id = id.parse().unwrap_or(-1);
        let Some(meant) = meanings.get(id) else {
            ignored.add("references to signals that are not there", source_id);
            continue;
        };
        match meaning(meant) {
            Ok(meaning) => place_signal(source_id, signal, &meaning, road, map, places),
            Err(what) => ignored.add(what, source_id),
        }
    }
    let objects = root.all("road").flat_map(|road| {
        let all = road.child("objects").into_iter().flat_map(|o| o.all("object"));
        all.map(move |object| (road.attribute("id").unwrap_or_default(), object))
    });
    for (road, object) in objects {
        let Some(road) = roads.get(road) else { continue };
        place_object(object, road, map, ignored);
    }
    for junction in root.all("junction") {
        priorities(junction, roads, map, places);
    }
}

/// German numbers (StVO), which OpenDRIVE's own catalogue uses too.
fn meaning(signal: &Element) -> Result<Meaning, String> {
    let kind = signal.attribute("type").unwrap_or_default();
    let subtype = signal.attribute("subtype").unwrap_or_default();
    if signal.attribute("dynamic") == Some("yes") {
        return match kind {
            // Lights for people on foot and for bicycles rule no lane of a road.
            "1000002" | "1000007" | "1000013" => {
                Err(format!("lights of type {kind}, for people on foot or on bicycles"))
            }
            _ => Ok(Meaning::Light),
        };
    }
    match kind {
        "206" => Ok(Meaning::Sign(Sign::Stop)),
        "205" => Ok(Meaning::Sign(Sign::Yield)),
        "301" | "306" => Ok(Meaning::Sign(Sign::Priority)),
        "294" => Ok(Meaning::StopLine),
        "274" => limit(signal, subtype)
            .map(Meaning::Limit)
            .ok_or_else(|| "speed signs without a value".to_owned()),
        _ => {
            let country = signal.attribute("country").unwrap_or_default();
            Err(format!("signals of type `{kind}`, country `{country}`"))
        }
    }
}

fn limit(signal: &Element, subtype: &str) -> Option<MetersPerSecond> {
    let value = signal.number("value").filter(|value| *value > 0.0);
    // Subtypes 51 to 63 stand for 10 to 130 km/h; others are the number on the sign.
    let by_subtype = || match subtype.parse::<f64>().ok()? {
        number if (51.0..=63.0).contains(&number) => Some((number - 50.0) * 10.0),
        number if (5.0..=50.0).contains(&number) || number > 63.0 => Some(number),
        _ => None,
    };
    let limit = value.or_else(by_subtype)?;
    let per_second = match signal.attribute("unit") {
        Some("m/s") => limit,
        Some("mph") => limit * 0.447_04,
        _ => limit / 3.6,
    };
    (per_second > 0.0 && per_second < 100.0).then_some(MetersPerSecond(per_second))
}

/// Gives a signal to the lanes that it is valid for.
fn place_signal(
    source_id: i64,
    signal: &Element,
    meaning: &Meaning,
    road: &Road,
    map: &mut LaneMap,
    places: &BTreeMap<Place, LaneIdx>,
) {
    let Some(s) = signal.number("s") else { return };
    let validities: Vec<(i64, i64)> = signal
        .all("validity")
        .filter_map(|v| v.integer("fromLane").zip(v.integer("toLane")))
        .map(|(a, b)| (a.min(b), a.max(b)))
        .collect();
    let is_valid = |lane: i64| {
        let by_side = match signal.attribute("orientation") {
            Some("+") => road.runs_forward(lane),
            Some("-") => !road.runs_forward(lane),
            _ => true,
        };
        let by_lane =
            validities.is_empty() || validities.iter().any(|(a, b)| (*a..=*b).contains(&lane));
        by_side && by_lane
    };
    let s = s.clamp(0.0, road.length_m);
    let number = road.sections.partition_point(|section| section.from_m <= s + 1e-9);
    let number = number.saturating_sub(1);
    let Some(section) = road.sections.get(number) else { return };
    for info in section.lanes.iter().filter(|info| is_valid(info.id)) {
        let Some(&idx) = places.get(&(road.id.clone(), number, info.id)) else { continue };
        if matches!(map.lanes[idx].use_by, LaneUse::Foot) {
            continue;
        }
        if let Meaning::Limit(limit) = meaning {
            limit_onwards(*limit, idx, &road.id, map, places);
            continue;
        }
        // Where the road across a junction begins, whoever is about to enter it is meant.
        let from_start_m = if road.runs_forward(info.id) { s } else { road.length_m - s };
        let is_before = road.junction.is_some() && from_start_m < AT_START_M;
        let held: Vec<LaneIdx> = match map.lanes[idx].predecessors.as_slice() {
            [] => vec![idx],
            before if is_before => before.to_vec(),
            _ => vec![idx],
        };
        for idx in held {
            set(source_id, meaning, &mut map.lanes[idx], || {
                across(road, section.from_m, s, info.id)
            });
        }
    }
}

fn set(
    source_id: i64,
    meaning: &Meaning,
    lane: &mut Lane,
    line: impl Fn() -> Option<(Point2, Point2)>,
) {
    match meaning {
        Meaning::Light => {
            if lane.signals.iter().all(|signal| signal.source_id != source_id) {
                let cycle = Vec::new();
                lane.signals.push(Signal { source_id, cycle, offset: Seconds::ZERO });
            }
        }
        Meaning::Sign(sign) => lane.sign = Some(*sign),
        Meaning::StopLine => lane.stop_line = line().or(lane.stop_line),
        Meaning::Limit(_) => {}
    }
}

/// A speed sign holds for its lane's section and those behind it on the same road.
fn limit_onwards(
    limit: MetersPerSecond,
    from: LaneIdx,
    road: &str,
    map: &mut LaneMap,
    places: &BTreeMap<Place, LaneIdx>,
) {
    let on_road: Vec<LaneIdx> = places
        .range((road.to_owned(), 0, i64::MIN)..)
        .take_while(|(place, _)| place.0 == road)
        .map(|(_, idx)| *idx)
        .collect();
    let mut open = vec![from];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(idx) = open.pop() {
        if seen.insert(idx) {
            map.lanes[idx].speed_limit = Some(limit);
            open.extend(map.lanes[idx].successors.iter().filter(|next| on_road.contains(next)));
        }
    }
}

/// The line across a lane.
fn across(road: &Road, section_m: f64, s: f64, lane: i64) -> Option<(Point2, Point2)> {
    let (inner_m, outer_m) = road.lane_borders_m(s.max(section_m), lane)?;
    Some((road.point(s, inner_m), road.point(s, outer_m)))
}

fn place_object(object: &Element, road: &Road, map: &mut LaneMap, ignored: &mut Ignored) {
    let source_id = object.integer("id").unwrap_or(-1);
    let kind = object.attribute("type").unwrap_or_default();
    let name = object.attribute("name").unwrap_or_default();
    let is_stop_line = (kind == "roadMark" && object.attribute("subtype") == Some("signalLines"))
        || name.starts_with("StopLine");
    let outlines: Vec<&Element> = object
        .all("outline")
        .chain(object.child("outlines").into_iter().flat_map(|all| all.all("outline")))
        .collect();
    if kind == "crosswalk" {
        let ring = outlines.iter().map(|outline| corners(outline, object, road));
        let ring = ring.max_by_key(Vec::len).filter(|ring| ring.len() >= 4);
        let ring = ring.or_else(|| rectangle(object, road));
        match ring.and_then(|ring| crossing(source_id, ring)) {
            Some(lane) => map.lanes.push(lane),
            None => ignored.add("crosswalks without an outline or size", source_id),
        }
    } else if is_stop_line {
        // Its longer side is the line.
        let ring = outlines.first().map(|outline| corners(outline, object, road));
        let ring = ring.filter(|ring| ring.len() >= 3).or_else(|| rectangle(object, road));
        if let Some(line) = ring.and_then(|ring| long_axis(&ring)) {
            attach_stop_line(&mut map.lanes, line);
        }
    } else if !matches!(kind, "" | "-1" | "none") {
        ignored.add(format!("objects of type `{kind}`"), source_id);
    }
}

/// The corners of an outline, given along the road or from the object.
fn corners(outline: &Element, object: &Element, road: &Road) -> Vec<Point2> {
    let origin = object_pose(object, road);
    let corner = |e: &Element| match e.name.as_str() {
        "cornerRoad" => {
            let s = e.number("s")?.clamp(0.0, road.length_m);
            Some(road.point(s, e.number("t")?))
        }
        "cornerLocal" => {
            let (at, heading) = origin?;
            let (u, v) = (e.number("u")?, e.number("v")?);
            let (sin, cos) = heading.sin_cos();
            Some(Point2 { x_m: at.x_m + u * cos - v * sin, y_m: at.y_m + u * sin + v * cos })
        }
        _ => None,
    };
    let mut ring: Vec<Point2> =
        outline.children.iter().take(CORNERS_MAX).filter_map(corner).collect();
    if ring.len() > 1 && ring[0].distance_to(ring[ring.len() - 1]).0 < 1e-6 {
        ring.pop();
    }
    ring
}

fn object_pose(object: &Element, road: &Road) -> Option<(Point2, f64)> {
    let s = object.number("s")?.clamp(0.0, road.length_m);
    let pose = road.pose(s);
    let heading = pose.heading + object.number("hdg").unwrap_or(0.0);
    Some((pose.left(object.number("t")?), heading))
}

fn rectangle(object: &Element, road: &Road) -> Option<Vec<Point2>> {
    let (at, heading) = object_pose(object, road)?;
    let half = |name: &str| object.number(name).map(|v| v / 2.0).filter(|v| *v > 0.0 && *v < 500.0);
    let (length_m, width_m) = (half("length")?, half("width")?);
    let (sin, cos) = heading.sin_cos();
    let corner = |(u, v): (f64, f64)| {
        let (u, v) = (u * length_m, v * width_m);
        Point2 { x_m: at.x_m + u * cos - v * sin, y_m: at.y_m + u * sin + v * cos }
    };
    Some([(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)].map(corner).to_vec())
}

/// The middle line of a ring between its two ends: of a rectangle, along its longer side.
fn long_axis(ring: &[Point2]) -> Option<(Point2, Point2)> {
    let (left, right) = sides(ring)?;
    let middle =
        |a: Point2, b: Point2| Point2 { x_m: (a.x_m + b.x_m) / 2.0, y_m: (a.y_m + b.y_m) / 2.0 };
    let ends = (left.first().zip(right.first())?, left.last().zip(right.last())?);
    Some((middle(*ends.0.0, *ends.0.1), middle(*ends.1.0, *ends.1.1)))
}

/// A lane for those who walk across: the ring's two shortest sides that share no corner are its
/// ends, what lies between are its borders.
fn crossing(source_id: i64, ring: Vec<Point2>) -> Option<Lane> {
    let (left, right) = sides(&ring)?;
    let use_by = LaneUse::Crossing;
    Some(Lane { source_id, left, right, use_by, is_two_way: true, ..Lane::default() })
}

/// A ring cut at its two ends.
fn sides(ring: &[Point2]) -> Option<(Vec<Point2>, Vec<Point2>)> {
    let n = ring.len();
    if n < 4 || !ring.iter().all(is_on_map) {
        return None;
    }
    let length_m = |side: usize| ring[side].distance_to(ring[(side + 1) % n]).0;
    let pairs = (0..n).flat_map(|a| (a + 2..n).map(move |b| (a, b)));
    let apart = pairs.filter(|(a, b)| !(*a == 0 && *b == n - 1));
    let shortest = |p: &(usize, usize), q: &(usize, usize)| {
        (length_m(p.0) + length_m(p.1)).total_cmp(&(length_m(q.0) + length_m(q.1)))
    };
    let (first, last) = apart.min_by(shortest)?;
    // From the end of the first short side to the start of the last, and back the other way.
    let right: Vec<Point2> = (first + 1..=last).map(|i| ring[i % n]).collect();
    let mut left: Vec<Point2> = (last + 1..=first + n).map(|i| ring[i % n]).collect();
    left.reverse();
    (left.len() >= 2 && right.len() >= 2).then_some((left, right))
}

/// `<priority high="..." low="..."/>`: roads into or across a junction.
fn priorities(
    junction: &Element,
    roads: &BTreeMap<String, Road>,
    map: &mut LaneMap,
    places: &BTreeMap<Place, LaneIdx>,
) {
    let junction_id = junction.attribute("id").unwrap_or_default();
    let across = |name: &str| -> Vec<LaneIdx> {
        let mut found: Vec<LaneIdx> = Vec::new();
        for (place, idx) in places {
            let Some(road) = roads.get(&place.0) else { continue };
            if road.junction.as_deref() != Some(junction_id) {
                continue;
            }
            let comes_from = road.ends.iter().flatten().any(|end| end.element_id == name)
                && map.lanes[*idx].predecessors.iter().any(|before| {
                    places.iter().any(|(place, idx)| idx == before && place.0 == name)
                });
            if place.0 == name || comes_from {
                found.push(*idx);
            }
        }
        found
    };
    let mut found = Vec::new();
    for priority in junction.all("priority").take(10_000) {
        let (Some(high), Some(low)) = (priority.attribute("high"), priority.attribute("low"))
        else {
            continue;
        };
        let high = across(high);
        for lane in across(low) {
            let first =
                high.iter().filter(|h| map.lanes[lane].conflicts.iter().any(|c| c.lane == **h));
            found.extend(first.map(|high| (lane, *high)));
        }
    }
    for (lane, high) in found {
        map.lanes[lane].yields_to.push(high);
    }
}
