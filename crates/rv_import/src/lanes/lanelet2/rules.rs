//! Regulatory elements of a Lanelet2 map: who goes first, lights, stop lines, speed limits,
//! crosswalks.

use std::collections::BTreeMap;

use rv_base::{MetersPerSecond, Point2, Seconds};
use rv_map::lanes::{Lane, LaneIdx, LaneUse, Sign, Signal};

use super::super::{Ignored, attach_stop_line};
use super::Border;
use crate::xml::Element;

/// Members of a relation in a role, of a type: their ids.
fn members<'a>(
    relation: &'a Element,
    role: &'a str,
    kind: &'a str,
) -> impl Iterator<Item = i64> + 'a {
    let is_it = move |m: &&Element| {
        m.attribute("role") == Some(role) && m.attribute("type").unwrap_or(kind) == kind
    };
    relation.all("member").filter(is_it).filter_map(|m| m.integer("ref"))
}

/// Applies every regulatory element to the lanes it concerns.
pub(super) fn apply(
    relations: &BTreeMap<i64, &Element>,
    root: &Element,
    borders: &BTreeMap<i64, Border>,
    lanes: &mut [Lane],
    ignored: &mut Ignored,
) {
    let by_id: BTreeMap<i64, LaneIdx> =
        lanes.iter().enumerate().map(|(idx, lane)| (lane.source_id, idx)).collect();
    // Lanes name the elements that rule them.
    let mut ruled: BTreeMap<i64, Vec<LaneIdx>> = BTreeMap::new();
    for (id, idx) in &by_id {
        for rule in members(relations[id], "regulatory_element", "relation") {
            ruled.entry(rule).or_default().push(*idx);
        }
    }
    let ways: BTreeMap<i64, &Element> =
        root.all("way").filter_map(|way| Some((way.integer("id")?, way))).collect();
    for (id, rule) in relations {
        if rule.tag("type") != Some("regulatory_element") {
            continue;
        }
        let none = Vec::new();
        let concerned = ruled.get(id).unwrap_or(&none);
        let lanes_of = |role| -> Vec<LaneIdx> {
            members(rule, role, "relation").filter_map(|id| by_id.get(&id).copied()).collect()
        };
        let stop_line = members(rule, "ref_line", "way").find_map(|way| ends(borders.get(&way)?));
        match rule.tag("subtype").unwrap_or_default() {
            "traffic_light" => light(*id, concerned, stop_line, lanes),
            "right_of_way" => {
                right_of_way(&lanes_of("yield"), &lanes_of("right_of_way"), stop_line, lanes);
            }
            "all_way_stop" => {
                all_way_stop(rule, &lanes_of("yield"), &by_id, borders, lanes);
            }
            "speed_limit" => speed_limit(rule, concerned, &ways, lanes),
            "traffic_sign" => sign(rule, concerned, &ways, stop_line, lanes, ignored),
            "crosswalk" => {
                for idx in lanes_of("refers") {
                    lanes[idx].use_by = LaneUse::Crossing;
                }
                set_stop_line(concerned, stop_line, lanes);
            }
            "road_marking" | "stop_line" => {
                let refers = || members(rule, "refers", "way").find_map(|w| ends(borders.get(&w)?));
                set_stop_line(concerned, stop_line.or_else(refers), lanes);
            }
            other => ignored.add(format!("regulatory elements of subtype `{other}`"), *id),
        }
    }
    // Stop lines that no element names belong to the lanes that they cross.
    for (id, way) in &ways {
        if way.tag("type") == Some("stop_line")
            && let Some(line) = borders.get(id).and_then(ends)
        {
            attach_stop_line(lanes, line);
        }
    }
}

fn ends(border: &Border) -> Option<(Point2, Point2)> {
    let (first, last) = (border.points.first()?, border.points.last()?);
    (border.points.len() >= 2).then_some((*first, *last))
}

fn set_stop_line(concerned: &[LaneIdx], line: Option<(Point2, Point2)>, lanes: &mut [Lane]) {
    for idx in concerned {
        lanes[*idx].stop_line = line.or(lanes[*idx].stop_line);
    }
}

fn light(id: i64, concerned: &[LaneIdx], stop_line: Option<(Point2, Point2)>, lanes: &mut [Lane]) {
    for idx in concerned {
        let signal = Signal { source_id: id, cycle: Vec::new(), offset: Seconds::ZERO };
        lanes[*idx].signals.push(signal);
    }
    set_stop_line(concerned, stop_line, lanes);
}

fn right_of_way(
    yielding: &[LaneIdx],
    first: &[LaneIdx],
    stop_line: Option<(Point2, Point2)>,
    lanes: &mut [Lane],
) {
    for idx in yielding {
        let lane = &mut lanes[*idx];
        lane.sign.get_or_insert(Sign::Yield);
        lane.yields_to.extend(first.iter().filter(|other| *other != idx));
        lane.yields_to.sort_unstable();
        lane.yields_to.dedup();
    }
    for idx in first {
        lanes[*idx].sign.get_or_insert(Sign::Priority);
    }
    set_stop_line(yielding, stop_line, lanes);
}

/// Every lane stops; its stop line is that member line which lies nearest to its end.
fn all_way_stop(
    rule: &Element,
    yielding: &[LaneIdx],
    by_id: &BTreeMap<i64, LaneIdx>,
    borders: &BTreeMap<i64, Border>,
    lanes: &mut [Lane],
) {
    let refers = members(rule, "refers", "relation").filter_map(|id| by_id.get(&id).copied());
    let all: Vec<LaneIdx> = yielding.iter().copied().chain(refers).collect();
    let lines: Vec<(Point2, Point2)> =
        members(rule, "ref_line", "way").filter_map(|way| ends(borders.get(&way)?)).collect();
    for idx in all {
        lanes[idx].sign = Some(Sign::Stop);
        let Some(end) = lanes[idx].left.last().copied() else { continue };
        let near =
            |line: &(Point2, Point2)| end.distance_to(line.0).0.min(end.distance_to(line.1).0);
        let nearest = lines.iter().min_by(|a, b| near(a).total_cmp(&near(b))).copied();
        set_stop_line(&[idx], nearest, lanes);
    }
}

fn speed_limit(
    rule: &Element,
    concerned: &[LaneIdx],
    ways: &BTreeMap<i64, &Element>,
    lanes: &mut [Lane],
) {
    let signs = || members(rule, "refers", "way").filter_map(|way| ways.get(&way));
    let limit = ["sign_type", "speed_limit", "limit"]
        .iter()
        .find_map(|key| speed(rule.tag(key)?))
        .or_else(|| signs().find_map(|way| speed(way.tag("subtype")?)));
    for idx in concerned {
        lanes[*idx].speed_limit = lanes[*idx].speed_limit.or(limit);
    }
}

/// A sign by its German or American number, which Lanelet2 maps write as `de206` or `usR1-1`.
fn sign(
    rule: &Element,
    concerned: &[LaneIdx],
    ways: &BTreeMap<i64, &Element>,
    stop_line: Option<(Point2, Point2)>,
    lanes: &mut [Lane],
    ignored: &mut Ignored,
) {
    let refers = members(rule, "refers", "way").find_map(|way| ways.get(&way)?.tag("subtype"));
    let word = rule.tag("sign_type").or(refers).unwrap_or_default();
    let sign = match word {
        "de206" | "usR1-1" | "stop_sign" => Sign::Stop,
        "de205" | "usR1-2" | "give_way" => Sign::Yield,
        "de301" | "de306" => Sign::Priority,
        other => {
            ignored.add(format!("traffic signs `{other}`"), rule.integer("id").unwrap_or(0));
            return;
        }
    };
    for idx in concerned {
        lanes[*idx].sign = Some(sign);
    }
    set_stop_line(concerned, stop_line, lanes);
}

/// `50 km/h`, `30 mph`, `50` (km/h) or a sign such as `de274-60`.
pub(super) fn speed(text: &str) -> Option<MetersPerSecond> {
    let text = text.trim();
    let number = text.rsplit('-').next().unwrap_or(text);
    let digits: String = number.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let value: f64 = digits.parse().ok()?;
    let kmh = if text.contains("mph") {
        value * 1.609_344
    } else if text.contains("m/s") || text.contains("mps") {
        value * 3.6
    } else {
        value
    };
    (kmh > 0.0 && kmh <= 300.0).then(|| MetersPerSecond::from_kmh(kmh))
}
