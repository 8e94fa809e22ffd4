//! How the lanes of an OpenDRIVE map hang together.

use std::collections::BTreeMap;

use rv_map::lanes::{Direction, LaneMap, Neighbour};

use super::Place;
use super::road::{End, Road};
use crate::xml::Element;

/// Ends of lanes that are linked lie no farther apart than this, or the link is wrong.
pub(super) const GAP_MAX_M: f64 = 1.0;

/// Joins lanes along roads, through junctions, and beside each other. Tells the pairs that the
/// file links although they do not touch: they are left out.
pub(super) fn link(
    root: &Element,
    roads: &BTreeMap<String, Road>,
    map: &mut LaneMap,
    places: &BTreeMap<Place, usize>,
) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    // Joins two lanes where they touch: `at_start` says at which end of each section.
    let mut join = |a: &Place, a_at_start: bool, b: &Place, b_at_start: bool| {
        let (Some(from), Some(to)) = (places.get(a), places.get(b)) else { return };
        let is_forward = |place: &Place| roads[&place.0].runs_forward(place.2);
        // Who drives towards the touching end hands on to who drives away from it.
        match (is_forward(a) != a_at_start, is_forward(b) != b_at_start) {
            (true, false) => pairs.push((*from, *to)),
            (false, true) => pairs.push((*to, *from)),
            _ => {}
        }
    };
    for road in roads.values() {
        for (number, section) in road.sections.iter().enumerate() {
            for lane in &section.lanes {
                let here = (road.id.clone(), number, lane.id);
                for (side, others) in lane.links.iter().enumerate() {
                    let at_start = side == 0;
                    let inner = if at_start { number.checked_sub(1) } else { Some(number + 1) };
                    let inner = inner.filter(|n| *n < road.sections.len());
                    let end = road.ends[side].as_ref().filter(|end| !end.is_junction);
                    for other in others {
                        if let Some(next) = inner {
                            let there = (road.id.clone(), next, *other);
                            join(&here, at_start, &there, !at_start);
                        } else if let Some(end) = end
                            && let Some(there) =
                                edge(roads, &end.element_id, end.is_at_start, *other)
                        {
                            join(&here, at_start, &there, end.is_at_start);
                        }
                    }
                }
            }
        }
    }
    for junction in root.all("junction") {
        link_junction(junction, roads, &mut join);
    }
    pairs.sort_unstable();
    pairs.dedup();
    let (near, far): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|(from, to)| gap_m(map, *from, *to) <= GAP_MAX_M);
    for (from, to) in near {
        map.lanes[from].successors.push(to);
        map.lanes[to].predecessors.push(from);
    }
    link_neighbours(roads, map, places);
    far
}

/// The place of a lane at an end of a road.
fn edge(roads: &BTreeMap<String, Road>, road: &str, at_start: bool, lane: i64) -> Option<Place> {
    let n = roads.get(road)?.sections.len();
    Some((road.to_owned(), if at_start { 0 } else { n.checked_sub(1)? }, lane))
}

fn link_junction(
    junction: &Element,
    roads: &BTreeMap<String, Road>,
    join: &mut impl FnMut(&Place, bool, &Place, bool),
) {
    let junction_id = junction.attribute("id").unwrap_or_default();
    for connection in junction.all("connection") {
        // Direct junctions (1.7) name the road that is entered as the linked one.
        let other = connection.attribute("connectingRoad").or(connection.attribute("linkedRoad"));
        let (Some(incoming), Some(connecting)) = (connection.attribute("incomingRoad"), other)
        else {
            continue;
        };
        let at_start = connection.attribute("contactPoint") != Some("end");
        let Some(road) = roads.get(incoming) else { continue };
        let is_here = |end: &Option<End>| {
            end.as_ref().is_some_and(|e| e.is_junction && e.element_id == junction_id)
        };
        let mut sides: Vec<usize> = (0..2).filter(|side| is_here(&road.ends[*side])).collect();
        // A road may begin and end at the same junction: the end that touches the connecting road
        // is meant.
        let gap_m = |side: &usize| {
            let here = if *side == 0 { 0.0 } else { road.length_m };
            roads.get(connecting).map_or(0.0, |other| {
                let there = if at_start { 0.0 } else { other.length_m };
                road.pose(here).at.distance_to(other.pose(there).at).0
            })
        };
        sides.sort_by(|a, b| gap_m(a).total_cmp(&gap_m(b)));
        if let Some(side) = sides.first().copied() {
            for pair in connection.all("laneLink") {
                let lanes = pair.integer("from").zip(pair.integer("to"));
                let Some((from, to)) = lanes else { continue };
                let here = edge(roads, incoming, side == 0, from);
                let there = edge(roads, connecting, at_start, to);
                if let (Some(here), Some(there)) = (here, there) {
                    join(&here, side == 0, &there, at_start);
                }
            }
        }
    }
}

/// The smaller of the gaps between the left and the right borders of two lanes.
fn gap_m(map: &LaneMap, from: usize, to: usize) -> f64 {
    let (from, to) = (&map.lanes[from], &map.lanes[to]);
    let gap = |a: &[rv_base::Point2], b: &[rv_base::Point2]| match (a.last(), b.first()) {
        (Some(a), Some(b)) => a.distance_to(*b).0,
        _ => f64::INFINITY,
    };
    gap(&from.left, &to.left).min(gap(&from.right, &to.right))
}

fn link_neighbours(
    roads: &BTreeMap<String, Road>,
    map: &mut LaneMap,
    places: &BTreeMap<Place, usize>,
) {
    for ((road_id, number, id), idx) in places {
        let road = &roads[road_id];
        let section = &road.sections[*number];
        let find = |id: i64| section.lanes.iter().find(|lane| lane.id == id);
        // Lane 0 is the line in the middle.
        let step = |by: i64| if id + by == 0 { id + 2 * by } else { id + by };
        for by in [1, -1] {
            let other_id = step(by);
            let Some(other) = places.get(&(road_id.clone(), *number, other_id)) else { continue };
            let direction =
                if (*id > 0) == (other_id > 0) { Direction::Same } else { Direction::Opposite };
            // A lane's marks lie on its outer border; those of the middle belong to lane 0.
            let marked = if (*id > 0) != (other_id > 0) {
                0
            } else if id.abs() < other_id.abs() {
                *id
            } else {
                other_id
            };
            // Ids grow to the left: the lane with the lower id crosses from the right.
            let from = usize::from(by > 0);
            let is_open = find(marked).is_some_and(|lane| lane.may_be_crossed[from]);
            let neighbour = Some(Neighbour { lane: *other, direction, is_open });
            if (by > 0) == road.runs_forward(*id) {
                map.lanes[*idx].left_neighbour = neighbour;
            } else {
                map.lanes[*idx].right_neighbour = neighbour;
            }
        }
    }
}
