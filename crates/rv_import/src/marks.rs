//! Crosswalks, stop and give-way signs, bus and cycle lanes along the edges of a way.

use rv_base::{EdgeId, LatLon, Meters, RoadPosition};
use rv_map::{Edge, RoadMark, RoadMarkKind};

use crate::raw::{RawMap, Tags};

/// Signs this close to a junction are about that junction, m; those farther from both ends of a
/// road are about something else, such as a crossing of rails.
const SIGN_REACH: Meters = Meters(60.0);

/// Finds what lies along one direction of a piece of a way, in the order in which it is met.
pub(crate) fn find(
    raw: &RawMap,
    vertices: &[u32],
    positions: &[LatLon],
    way: u32,
    (id, edge): (EdgeId, &Edge),
    out: &mut Vec<RoadMark>,
) {
    let at = |offset: Meters| RoadPosition {
        edge: id,
        offset: offset.max(Meters::ZERO).min(edge.length),
    };
    let tags = &raw.ways[way as usize].tags;
    let from = out.len();
    for (kind, has_one) in [
        (RoadMarkKind::BusLane, has_lane(tags, edge.is_forward, "busway", "lanes:bus")),
        (RoadMarkKind::CycleLane, has_lane(tags, edge.is_forward, "cycleway", "")),
    ] {
        if has_one {
            out.push(RoadMark { at: at(Meters::ZERO), kind });
        }
    }
    let mut along = Meters::ZERO;
    for (i, &vertex) in vertices.iter().enumerate() {
        if i > 0 {
            along += positions[vertices[i - 1] as usize].distance_to(positions[vertex as usize]);
        }
        let offset = if edge.is_forward { along } else { edge.length - along };
        // What stands on a junction itself belongs to no direction, but for stops on all sides.
        let Some(tags) = raw.tags_of_node(vertex) else { continue };
        let is_end = i == 0 || i + 1 == vertices.len();
        let kind = match tags.get("highway") {
            Some("crossing") => crosswalk(tags),
            Some(sign @ ("stop" | "give_way")) => signed(tags, sign, edge, offset, is_end),
            _ => None,
        };
        if let Some(kind) = kind {
            out.push(RoadMark { at: at(offset), kind });
        }
    }
    out[from..].sort_by(|a, b| a.at.offset.0.total_cmp(&b.at.offset.0).then(a.kind.cmp(&b.kind)));
}

/// A crossing that gives people a right of way; unmarked ones give none.
fn crosswalk(tags: &Tags) -> Option<RoadMarkKind> {
    let is_unmarked = tags.is("crossing:markings", "no")
        || matches!(tags.get("crossing"), Some("unmarked" | "no" | "informal"));
    if is_unmarked {
        return None;
    }
    let has_signal = tags.is("crossing:signals", "yes")
        || matches!(tags.get("crossing"), Some("traffic_signals"));
    Some(if has_signal { RoadMarkKind::SignalCrosswalk } else { RoadMarkKind::Crosswalk })
}

/// A sign, if it is for those who drive this direction.
fn signed(
    tags: &Tags,
    sign: &str,
    edge: &Edge,
    offset: Meters,
    is_end: bool,
) -> Option<RoadMarkKind> {
    let to_head = edge.length - offset;
    let is_all = tags.is("stop", "all");
    let is_ours = match tags.get("direction") {
        _ if is_all && is_end => to_head.0 < 1.0,
        _ if is_end => false,
        Some("forward") => edge.is_forward,
        Some("backward") => !edge.is_forward,
        Some("both") => true,
        // It is for those who come to the nearer junction.
        _ => to_head <= offset,
    };
    if !is_ours || to_head > SIGN_REACH {
        return None;
    }
    Some(match (sign, is_all) {
        ("stop", true) => RoadMarkKind::AllWayStop,
        ("stop", false) => RoadMarkKind::Stop,
        _ => RoadMarkKind::GiveWay,
    })
}

/// True if one side of a way has a lane of a kind; `key` and its suffixes say on which side, and
/// `count` how many in a direction.
fn has_lane(tags: &Tags, is_forward: bool, key: &str, count: &str) -> bool {
    let is_lane =
        |value: Option<&str>| matches!(value, Some("lane" | "share_busway" | "opposite_lane"));
    let is_own = |value: Option<&str>| matches!(value, Some("lane"));
    let side = if is_forward { "right" } else { "left" };
    let direction = if is_forward { "forward" } else { "backward" };
    let number =
        |key: &str| tags.get(key).and_then(|n| n.parse::<u8>().ok()).is_some_and(|n| n > 0);
    let one_way = tags.is("oneway", "yes");
    is_own(tags.get(key)) && (is_forward || !one_way)
        || is_lane(tags.get(&format!("{key}:both")))
        || is_own(tags.get(&format!("{key}:{side}")))
        || !count.is_empty()
            && (number(&format!("{count}:{direction}")) || one_way && is_forward && number(count))
}
