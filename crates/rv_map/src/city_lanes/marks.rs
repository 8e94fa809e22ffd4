//! Crosswalks, stop lines, signs and kept lanes: as mapped, and by rule where the map has none.

use rv_base::{EdgeId, Point2};

use super::build::{Builder, Site, rank};
use super::{CityLaneId, Crosswalk, KeptFor, LaneCrosswalk, Sign};
use crate::city::{DriveSide, RoadMark, RoadMarkKind};

/// Half the width of a crosswalk, and the space between it and a stop line, m.
const HALF_M: f64 = 2.0;
const LINE_M: f64 = 1.0;

/// A crosswalk this close to a stop line belongs to it, m.
const AT_LINE_M: f64 = 14.0;

/// A crosswalk by a light this close to a junction is ruled by the junction's light, m.
const SIGNAL_M: f64 = 30.0;

/// Lays what is mapped. Where nothing at all is mapped, crosswalks are spread by a rule; at lights
/// there is always one.
pub(super) fn lay(site: &Site<'_>, marks: &[RoadMark], out: &mut Builder) {
    let is_mapped = marks.iter().any(|m| crosses(m.kind));
    for i in 0..site.graph.n_edges() {
        let id = EdgeId::from_idx(i);
        let (first, n) = out.lanes_of_edge[i];
        if n == 0 {
            continue;
        }
        let from = marks.partition_point(|m| m.at.edge < id);
        let own = &marks[from..];
        let own = &own[..own.partition_point(|m| m.at.edge == id)];
        for k in 0..u32::from(n) {
            let lane = &mut out.lanes[(first + k) as usize];
            lane.sign = sign(own);
            lane.stop_m = (lane.length_m - 0.5).max(0.3 * lane.length_m);
        }
        if own.iter().any(|m| m.kind == RoadMarkKind::BusLane) && n > 1 {
            out.lanes[first as usize].kept_for = KeptFor::Buses;
        }
        if own.iter().any(|m| m.kind == RoadMarkKind::CycleLane) {
            out.lanes[first as usize].has_cycle_lane = true;
        }
    }
    // Both directions of a road carry the same crosswalk: one of them lays it.
    for i in 0..site.graph.n_edges() {
        let id = EdgeId::from_idx(i);
        if out.lanes_of_edge[i].1 == 0 {
            continue;
        }
        let from = marks.partition_point(|m| m.at.edge < id);
        let own = marks[from..].iter().take_while(|m| m.at.edge == id);
        let is_second = site.back(id).is_some_and(|back| back < id);
        let mut last_m = f64::NEG_INFINITY;
        for mark in own.filter(|m| crosses(m.kind) && !is_second) {
            let at_m = on_lane_m(site, out, id, mark.at.offset.0);
            // One crosswalk mapped as two nodes, on both sides of an island.
            if at_m - last_m > 2.0 * HALF_M {
                lay_crosswalk(site, out, id, at_m, mark.kind == RoadMarkKind::SignalCrosswalk);
                last_m = at_m;
            }
        }
    }
    for i in 0..site.graph.n_edges() {
        by_rule(site, EdgeId::from_idx(i), is_mapped, out);
    }
    set_stop_lines(out);
}

fn crosses(kind: RoadMarkKind) -> bool {
    matches!(kind, RoadMarkKind::Crosswalk | RoadMarkKind::SignalCrosswalk)
}

/// The last sign before the end of an edge.
fn sign(own: &[RoadMark]) -> Sign {
    let one = |m: &RoadMark| match m.kind {
        RoadMarkKind::GiveWay => Some(Sign::GiveWay),
        RoadMarkKind::Stop => Some(Sign::Stop),
        RoadMarkKind::AllWayStop => Some(Sign::AllWayStop),
        _ => None,
    };
    own.iter().rev().find_map(one).unwrap_or(Sign::None)
}

/// Place on the lanes of an edge of a place along it, m.
fn on_lane_m(site: &Site<'_>, out: &Builder, id: EdgeId, offset_m: f64) -> f64 {
    let (tail_m, head_m) = site.cut_m[id.idx()];
    let whole_m = site.graph.edge(id).length.0;
    let length_m = f64::from(out.lanes[out.lanes_of_edge[id.idx()].0 as usize].length_m);
    let share = (offset_m - tail_m) / (whole_m - tail_m - head_m).max(0.1);
    let low = HALF_M.min(length_m / 2.0);
    (share * length_m).clamp(low, length_m - low)
}

/// At lights, and by rule at other junctions in a town of which no crosswalk is mapped.
fn by_rule(site: &Site<'_>, id: EdgeId, is_mapped: bool, out: &mut Builder) {
    let (first, n) = out.lanes_of_edge[id.idx()];
    if n == 0 {
        return;
    }
    let lane = out.lanes[first as usize];
    let length_m = f64::from(lane.length_m);
    let kind = site.graph.road_of(id).kind;
    let is_town = (1..=4).contains(&rank(kind));
    let n_arms = site.arms(site.graph.edge(id).head).len();
    let lot = (u64::from(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % 8;
    let is_chosen = !is_mapped && n_arms >= 3 && lot < if rank(kind) <= 3 { 4 } else { 2 };
    if length_m <= 25.0 || !is_town || !(lane.signal.is_some() || is_chosen) {
        return;
    }
    let is_near =
        |m: &(u32, LaneCrosswalk)| m.0 == first && length_m - f64::from(m.1.at_m) < SIGNAL_M;
    if !out.crosswalk_marks.iter().any(is_near) {
        lay_crosswalk(site, out, id, length_m - HALF_M, true);
    }
}

/// A crosswalk over all lanes of a road, with the light at the end of the lanes if it has one.
fn lay_crosswalk(site: &Site<'_>, out: &mut Builder, id: EdgeId, at_m: f64, has_light: bool) {
    let (first, n) = out.lanes_of_edge[id.idx()];
    let length_m = f64::from(out.lanes[first as usize].length_m);
    let back = site.back(id).map(|b| (b, out.lanes_of_edge[b.idx()]));
    let signal_of = |lane: u32, to_end_m: f64| {
        out.lanes[lane as usize].signal.filter(|_| has_light && to_end_m < SIGNAL_M)
    };
    let signal = signal_of(first, length_m - at_m)
        .or_else(|| back.and_then(|(_, (lane, n))| (n > 0).then(|| signal_of(lane, at_m))?));
    let number = out.crosswalks.len() as u32;
    let (at, heading) = super::line::at(out.line(CityLaneId(first)), at_m);
    let (own_m, other_m) = site.half_widths_m(id);
    let width_m = f64::from(out.lanes[first as usize].width_m);
    let kerb_is_right = site.side == DriveSide::Right;
    let left = |by_m: f64| {
        let by_m = if kerb_is_right { by_m } else { -by_m };
        Point2 { x_m: at.x_m - by_m * heading.sin(), y_m: at.y_m + by_m * heading.cos() }
    };
    out.crosswalks.push(Crosswalk {
        from: left(-width_m / 2.0 - 1.0),
        to: left(own_m + other_m - width_m / 2.0 + 1.0),
        signal,
    });
    let share = at_m / length_m.max(0.1);
    let mut mark = |lane: u32, share: f64| {
        let at_m = share as f32 * out.lanes[lane as usize].length_m;
        out.crosswalk_marks.push((lane, LaneCrosswalk { crosswalk: number, at_m }));
    };
    (first..first + u32::from(n)).for_each(|lane| mark(lane, share));
    if let Some((_, (first, n))) = back {
        (first..first + u32::from(n)).for_each(|lane| mark(lane, 1.0 - share));
    }
}

/// Stop lines lie before the last crosswalk, if that is at the junction.
fn set_stop_lines(out: &mut Builder) {
    for (lane, mark) in &out.crosswalk_marks {
        let l = &mut out.lanes[*lane as usize];
        if f64::from(l.length_m - mark.at_m) < AT_LINE_M {
            let line_m = (mark.at_m - (HALF_M + LINE_M) as f32).max(0.3 * l.length_m);
            l.stop_m = l.stop_m.min(line_m);
        }
    }
}
