//! Ways across junctions, and where two of them share ground.

use std::f64::consts::PI;

use rv_base::{EdgeId, JunctionId, Point2};

use super::build::{Builder, Site};
use super::{CityLane, CityLaneId, CityLaneKind, KeptFor, LaneConflict, Sign, Turn};
use crate::city::DriveSide;

/// Lines closer than this share ground, m: a vehicle's width and some air.
const SHARED_M: f64 = 2.5;

/// Distance between two points of a turn, m.
const STEP_M: f64 = 1.2;

/// Below this change of heading a way leads straight on, rad.
const STRAIGHT_RAD: f64 = 0.7;

/// Above it, it leads back, rad.
const BACK_RAD: f64 = 2.8;

/// Radius of a turn back at the end of a road, m.
const BACK_RADIUS_M: f64 = 4.0;

/// A turn while it is laid: its line is kept for the search for shared ground.
pub(super) struct Raw {
    id: CityLaneId,
    from: CityLaneId,
    to: CityLaneId,
    line: Vec<Point2>,
}

/// Lays all turns and finds what they share.
pub(super) fn lay(site: &Site<'_>, out: &mut Builder) {
    let binding = forbidden_pairs(site);
    for j in 0..site.graph.n_junctions() {
        let junction = JunctionId::from_idx(j);
        let mut raws: Vec<Raw> = Vec::new();
        for from in &site.edges_in[j] {
            let moves = moves_from(site, junction, *from, &binding);
            for (lane, to, target, turn) in pairs(site, *from, &moves, out) {
                lay_one(site, out, (junction, *from, to, turn), (lane, target), &mut raws);
            }
        }
        share(&raws, out);
    }
}

/// Pairs of edges that may not be driven one after the other, sorted.
fn forbidden_pairs(site: &Site<'_>) -> Vec<(EdgeId, EdgeId)> {
    let mut pairs: Vec<_> = site
        .graph
        .forbidden
        .iter()
        .filter(|f| f.edges.len() == 2 && f.modes.contains(crate::graph::Mode::Car))
        .map(|f| (f.edges[0], f.edges[1]))
        .collect();
    pairs.sort_unstable();
    pairs
}

/// Edges to which one leads, with how it turns; back only where nothing else is left.
fn moves_from(
    site: &Site<'_>,
    junction: JunctionId,
    from: EdgeId,
    forbidden: &[(EdgeId, EdgeId)],
) -> Vec<(EdgeId, Turn, f64)> {
    let mut moves = Vec::new();
    for to in site.graph.out_edges(junction).filter(|e| site.is_driven(*e)) {
        if forbidden.binary_search(&(from, to)).is_ok() {
            continue;
        }
        let change = wrapped(site.heading_out[to.idx()] - site.heading_in[from.idx()]);
        let to_far = match site.side {
            DriveSide::Right => change,
            DriveSide::Left => -change,
        };
        let is_back = site.graph.edge(from).reverse == Some(to) || change.abs() > BACK_RAD;
        let turn = if is_back {
            Turn::Back
        } else if change.abs() < STRAIGHT_RAD {
            Turn::Straight
        } else if to_far > 0.0 {
            Turn::Far
        } else {
            Turn::Near
        };
        moves.push((to, turn, to_far));
    }
    if moves.iter().any(|m| m.1 != Turn::Back) {
        moves.retain(|m| m.1 != Turn::Back);
    }
    moves.sort_by(|a, b| a.2.total_cmp(&b.2));
    moves
}

/// Which lane leads into which: straight on keeps the place, turns go from and to the near side.
fn pairs(
    site: &Site<'_>,
    from: EdgeId,
    moves: &[(EdgeId, Turn, f64)],
    out: &Builder,
) -> Vec<(CityLaneId, EdgeId, CityLaneId, Turn)> {
    let (first, n) = out.lanes_of_edge[from.idx()];
    let mut found = Vec::new();
    let mut has_way = vec![false; usize::from(n)];
    for (to, turn, _) in moves {
        let (to_first, to_n) = out.lanes_of_edge[to.idx()];
        if to_n == 0 || n == 0 {
            continue;
        }
        let mut push = |number: u8, target: u8| {
            has_way[usize::from(number)] = true;
            found.push((
                CityLaneId(first + u32::from(number)),
                *to,
                CityLaneId(to_first + u32::from(target)),
                *turn,
            ));
        };
        match turn {
            // A road that narrows loses the lane at the kerb of the two.
            Turn::Straight => {
                (0..n).for_each(|k| push(k, k.min(to_n - 1)));
                // Lanes that begin here can be entered from the last one.
                (n..to_n).for_each(|k| push(n - 1, k));
            }
            Turn::Near => push(0, 0),
            Turn::Far | Turn::Back => push(n - 1, to_n - 1),
        }
    }
    // A lane without a way on may follow the nearest one that has.
    for number in 0..n {
        if has_way[usize::from(number)] {
            continue;
        }
        let other = found
            .iter()
            .filter(|f| f.0.0 - first < u32::from(n))
            .min_by_key(|f| (f.0.0 as i64 - i64::from(first + u32::from(number))).abs())
            .copied();
        if let Some((_, to, target, turn)) = other {
            found.push((CityLaneId(first + u32::from(number)), to, target, turn));
        }
    }
    let _ = site;
    found
}

fn lay_one(
    site: &Site<'_>,
    out: &mut Builder,
    (junction, from_edge, to_edge, turn): (JunctionId, EdgeId, EdgeId, Turn),
    (from, to): (CityLaneId, CityLaneId),
    raws: &mut Vec<Raw>,
) {
    let a = end(out.line(from));
    let b = start(out.line(to));
    let line = match turn {
        Turn::Back => turn_back(a, b, site.side),
        _ => bend(a, b),
    };
    let (lane, next) = (out.lanes[from.idx()], out.lanes[to.idx()]);
    let turn_lane = CityLane {
        kind: CityLaneKind::Turn { junction, from: from_edge, to: to_edge, turn },
        limit_mps: lane.limit_mps.max(next.limit_mps),
        width_m: lane.width_m.min(next.width_m),
        kerb_side: None,
        far_side: None,
        oncoming: None,
        signal: None,
        sign: Sign::None,
        kept_for: KeptFor::All,
        has_cycle_lane: false,
        ..lane
    };
    let id = out.push(turn_lane, &line);
    out.links.push((from.0, id));
    out.links.push((id.0, to));
    raws.push(Raw { id, from, to, line });
}

type Pose = (Point2, f64);

fn end(line: &[[f32; 3]]) -> Pose {
    let n = line.len();
    let [a, b] = [line[n - 2], line[n - 1]].map(point);
    (b, super::build::heading(a, b))
}

fn start(line: &[[f32; 3]]) -> Pose {
    let [a, b] = [line[0], line[1]].map(point);
    (a, super::build::heading(a, b))
}

fn point(p: [f32; 3]) -> Point2 {
    Point2 { x_m: f64::from(p[0]), y_m: f64::from(p[1]) }
}

fn wrapped(angle: f64) -> f64 {
    (angle + PI).rem_euclid(2.0 * PI) - PI
}

/// A cubic curve between two poses; about a circle where one fits.
fn bend((p, h): Pose, (q, k): Pose) -> Vec<Point2> {
    let chord_m = p.distance_to(q).0.max(0.05);
    let change = wrapped(k - h).abs();
    let reach_m = chord_m * (0.333 + 0.06 * change / (PI / 2.0));
    let c1 = Point2 { x_m: p.x_m + reach_m * h.cos(), y_m: p.y_m + reach_m * h.sin() };
    let c2 = Point2 { x_m: q.x_m - reach_m * k.cos(), y_m: q.y_m - reach_m * k.sin() };
    let n = ((chord_m * (1.0 + 0.1 * change) / STEP_M).ceil() as usize).clamp(2, 60);
    (0..=n)
        .map(|i| {
            let t = i as f64 / n as f64;
            let (a, b, c, d) = (
                (1.0 - t).powi(3),
                3.0 * t * (1.0 - t).powi(2),
                3.0 * t * t * (1.0 - t),
                t.powi(3),
            );
            Point2 {
                x_m: a * p.x_m + b * c1.x_m + c * c2.x_m + d * q.x_m,
                y_m: a * p.y_m + b * c1.y_m + c * c2.y_m + d * q.y_m,
            }
        })
        .collect()
}

/// Turns back in three arcs of one radius: a swing out, the loop, a swing in.
fn turn_back((p, h): Pose, b: Pose, side: DriveSide) -> Vec<Point2> {
    let r = BACK_RADIUS_M;
    // In right-hand traffic the loop runs to the left.
    let sign = if side == DriveSide::Right { 1.0 } else { -1.0 };
    let apart_m = p.distance_to(b.0).0.min(2.0 * r - 0.1);
    let swing = ((apart_m + 2.0 * r) / (4.0 * r)).clamp(-1.0, 1.0).acos();
    let mut line = vec![p];
    let (mut at, mut heading) = (p, h);
    for (turn, way) in [(-1.0, swing), (1.0, PI + 2.0 * swing), (-1.0, swing)] {
        let n = ((way * r / STEP_M).ceil() as usize).max(1);
        for _ in 0..n {
            let step = way / n as f64;
            heading += sign * turn * step / 2.0;
            let chord_m = 2.0 * r * (step / 2.0).sin();
            at.x_m += chord_m * heading.cos();
            at.y_m += chord_m * heading.sin();
            heading += sign * turn * step / 2.0;
            line.push(at);
        }
    }
    // What is left of the way to the start of the other lane.
    let rest = bend((at, heading), b);
    if at.distance_to(b.0).0 > 0.3 {
        line.extend(rest.into_iter().skip(1));
    }
    line
}

/// Finds the ground that turns of a junction share.
fn share(raws: &[Raw], out: &mut Builder) {
    for (i, a) in raws.iter().enumerate() {
        for b in &raws[i + 1..] {
            if a.from == b.from {
                continue;
            }
            let is_merge = a.to == b.to;
            let mut here: Option<(f64, f64)> = None;
            let mut there: Option<(f64, f64)> = None;
            let (a_m, b_m) = (lengths(&a.line), lengths(&b.line));
            for (p, s) in a.line.iter().zip(&a_m) {
                for (q, t) in b.line.iter().zip(&b_m) {
                    let (dx, dy) = (p.x_m - q.x_m, p.y_m - q.y_m);
                    if dx * dx + dy * dy < SHARED_M * SHARED_M {
                        widen(&mut here, *s);
                        widen(&mut there, *t);
                    }
                }
            }
            let (Some(h), Some(t)) = (here, there) else { continue };
            let [h, t] = [h, t]
                .map(|(a, b)| ((a - STEP_M / 2.0).max(0.0) as f32, (b + STEP_M / 2.0) as f32));
            out.conflicts
                .push((a.id.0, LaneConflict { other: b.id, here_m: h, there_m: t, is_merge }));
            out.conflicts
                .push((b.id.0, LaneConflict { other: a.id, here_m: t, there_m: h, is_merge }));
        }
    }
}

fn lengths(line: &[Point2]) -> Vec<f64> {
    let mut s = 0.0;
    let mut out = vec![0.0];
    for w in line.windows(2) {
        s += w[0].distance_to(w[1]).0;
        out.push(s);
    }
    out
}

fn widen(range: &mut Option<(f64, f64)>, s: f64) {
    let (lo, hi) = range.unwrap_or((s, s));
    *range = Some((lo.min(s), hi.max(s)));
}
