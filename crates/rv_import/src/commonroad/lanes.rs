//! Lanelets, signs and signals to a lane map.

use std::collections::BTreeMap;

use rv_base::{MetersPerSecond, Point2, Seconds};
use rv_map::lanes::{Aspect, Direction, Lane, LaneIdx, LaneMap, LaneUse, Neighbour, Signal};

use super::tree::Element;
use super::{CommonRoadError, point};

/// Reads all lanelets and what refers to them.
/// Gap between a lane and the next from which on it is named, m.
const GAP_M: f64 = 0.5;

pub(super) fn read(
    root: &Element,
    dt_s: f64,
    warnings: &mut Vec<String>,
) -> Result<LaneMap, CommonRoadError> {
    let elements: Vec<&Element> = root.all("lanelet").collect();
    let mut by_id: BTreeMap<i64, LaneIdx> = BTreeMap::new();
    let mut kept = Vec::new();
    for e in elements {
        let id = e.id("id")?;
        let (left, right) = (bound(e, "leftBound")?, bound(e, "rightBound")?);
        if left.len() < 2 || right.len() < 2 {
            warnings.push(format!("lanelet {id} has a border of less than two points: left out"));
            continue;
        }
        by_id.insert(id, kept.len());
        kept.push((e, Lane { source_id: id, left, right, ..Lane::default() }));
    }
    let limits = speed_limits(root);
    let signals = signals(root, dt_s)?;
    let mut lanes = Vec::with_capacity(kept.len());
    for (e, mut lane) in kept {
        let links = |name: &str,
                     warnings: &mut Vec<String>|
         -> Result<Vec<LaneIdx>, CommonRoadError> {
            let mut out = Vec::new();
            for link in e.all(name) {
                match by_id.get(&link.id("ref")?) {
                    Some(idx) => out.push(*idx),
                    None => warnings.push(format!("lanelet {}: unknown {name}", lane.source_id)),
                }
            }
            Ok(out)
        };
        lane.successors = links("successor", warnings)?;
        lane.predecessors = links("predecessor", warnings)?;
        lane.left_neighbour = neighbour(e, "adjacentLeft", "leftBound", &by_id)?;
        lane.right_neighbour = neighbour(e, "adjacentRight", "rightBound", &by_id)?;
        for (name, found) in
            [("adjacentLeft", &lane.left_neighbour), ("adjacentRight", &lane.right_neighbour)]
        {
            if found.is_none() && e.child(name).is_some() {
                warnings.push(format!("lanelet {}: unknown {name}", lane.source_id));
            }
        }
        lane.use_by = lane_use(e);
        lane.speed_limit = e.child("speedLimit").and_then(|s| s.number().ok()).map(MetersPerSecond);
        for sign in e.all("trafficSignRef") {
            if let Some(limit) = limits.get(&sign.id("ref")?) {
                lane.speed_limit = Some(MetersPerSecond(*limit));
            }
        }
        for signal in e.all("trafficLightRef") {
            match signals.get(&signal.id("ref")?) {
                Some(signal) => lane.signals.push(signal.clone()),
                None => warnings.push(format!("lanelet {}: unknown light", lane.source_id)),
            }
        }
        lane.stop_line = e.child("stopLine").and_then(|line| {
            let points: Vec<Point2> = line.all("point").filter_map(|p| point(p).ok()).collect();
            let ends = (*lane.left.last()?, *lane.right.last()?);
            Some(if points.len() >= 2 { (points[0], points[1]) } else { ends })
        });
        lanes.push(lane);
    }
    note_gaps(&lanes, warnings);
    Ok(LaneMap { lanes })
}

/// Names lanes that do not begin where the one before them ends.
fn note_gaps(lanes: &[Lane], warnings: &mut Vec<String>) {
    for lane in lanes {
        for next in lane.successors.iter().map(|next| &lanes[*next]) {
            let ends = [(&lane.left, &next.left), (&lane.right, &next.right)];
            let gap_m = ends
                .iter()
                .filter_map(|(a, b)| Some(a.last()?.distance_to(*b.first()?).0))
                .fold(0.0, f64::max);
            if gap_m > GAP_M {
                let (id, next) = (lane.source_id, next.source_id);
                warnings.push(format!(
                    "lanelet {id}: its successor {next} begins {gap_m:.1} m from its end"
                ));
            }
        }
    }
}

fn bound(e: &Element, name: &str) -> Result<Vec<Point2>, CommonRoadError> {
    let mut line = e.need(name)?.all("point").map(point).collect::<Result<Vec<_>, _>>()?;
    line.dedup();
    Ok(line)
}

fn neighbour(
    e: &Element,
    name: &str,
    bound: &str,
    by_id: &BTreeMap<i64, LaneIdx>,
) -> Result<Option<Neighbour>, CommonRoadError> {
    let Some(link) = e.child(name) else { return Ok(None) };
    let Some(lane) = by_id.get(&link.id("ref")?).copied() else { return Ok(None) };
    let marking = e.child(bound).and_then(|b| b.child("lineMarking")).map(|m| m.text.trim());
    Ok(Some(Neighbour {
        lane,
        direction: match link.attribute("drivingDir") {
            Some("opposite") => Direction::Opposite,
            _ => Direction::Same,
        },
        is_open: !matches!(marking, Some("solid" | "broad_solid" | "solid_solid")),
    }))
}

fn lane_use(e: &Element) -> LaneUse {
    let kinds: Vec<&str> = e.all("laneletType").map(|t| t.text.trim()).collect();
    if kinds.contains(&"sidewalk") || kinds.contains(&"crosswalk") {
        LaneUse::Foot
    } else if kinds.contains(&"bicycleLane") {
        LaneUse::Bicycle
    } else if kinds.contains(&"busLane") {
        LaneUse::Bus
    } else {
        LaneUse::Motor
    }
}

/// Speeds by the id of the sign that states them: 274 in Germany and its kin, R2-1 in the USA.
fn speed_limits(root: &Element) -> BTreeMap<i64, f64> {
    let mut out = BTreeMap::new();
    for sign in root.all("trafficSign") {
        for element in sign.all("trafficSignElement") {
            let is_limit = element.child("trafficSignID").is_some_and(|id| {
                matches!(id.text.trim(), "274" | "R2-1" | "274.1" | "R301" | "maxspeed")
            });
            let limit = element.child("additionalValue").and_then(|v| v.number().ok());
            if let (true, Some(limit), Ok(id)) = (is_limit, limit, sign.id("id")) {
                out.insert(id, limit);
            }
        }
    }
    out
}

fn signals(root: &Element, dt_s: f64) -> Result<BTreeMap<i64, Signal>, CommonRoadError> {
    let mut out = BTreeMap::new();
    for light in root.all("trafficLight") {
        let source_id = light.id("id")?;
        let (mut cycle, mut offset_s) = (Vec::new(), 0.0);
        let is_active = light.child("active").is_none_or(|a| a.text.trim() != "false");
        if let Some(c) = light.child("cycle").filter(|_| is_active) {
            for e in c.all("cycleElement") {
                let aspect = match e.need("color")?.text.trim() {
                    "red" => Aspect::Red,
                    "yellow" => Aspect::Yellow,
                    "redYellow" => Aspect::RedYellow,
                    "green" => Aspect::Green,
                    _ => Aspect::Off,
                };
                let length_s = e.need("duration")?.number()?.max(0.0) * dt_s;
                cycle.push((aspect, Seconds(length_s)));
            }
            offset_s = c.child("timeOffset").map_or(Ok(0.0), Element::number)? * dt_s;
        }
        out.insert(source_id, Signal { source_id, cycle, offset: Seconds(offset_s) });
    }
    Ok(out)
}
