//! How fast along a given path: a beam search over time, way and speed.
//!
//! Path and speed are planned one after the other, as in Kant and Zucker 1986, "Toward efficient
//! trajectory planning: the path-velocity decomposition". Others block spans of the path at each
//! step; the search strings together stretches of constant acceleration between those spans, and
//! keeps in each layer only the cheapest node of a cell of way and speed.

use super::forecast::View;
use super::geometry::{Body, distance_m};
use super::path::{Path, STEP_M};
use super::vehicle::Vehicle;

/// Accelerations that are tried, m/s2, and how many of them if it need not be brisk.
const ACCELERATIONS_MPS2: [f64; 11] =
    [0.0, 0.7, -0.7, 1.6, -1.8, 3.2, -4.0, 6.5, -8.0, 10.5, -10.8];
const N_CALM: usize = 9;
/// Most and fewest nodes kept of a layer, and nodes tried in a search between those.
const BEAM: (usize, usize, usize) = (24, 8, 2_400);
/// Cell of way, m, and of speed, m/s, in which only the cheapest node stays.
const CELL: (f64, f64) = (1.2, 0.7);
/// Length of a short and of a long stretch, s, and how many short ones come first.
const STRETCH_S: (f64, f64, usize) = (0.4, 0.8, 4);

/// Spans of a path that others cover, step by step, in terms of the rear axle of the own vehicle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocked {
    first: Vec<u32>,
    spans: Vec<(f64, f64)>,
}

/// Room kept, m.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// To the sides.
    pub(crate) side_m: f64,
    /// Ahead and behind.
    pub(crate) along_m: f64,
}

impl Blocked {
    /// Projects the futures of others onto a path.
    pub(crate) fn build(
        path: &Path,
        vehicle: &Vehicle,
        others: View<'_>,
        n: usize,
        room: Room,
    ) -> Self {
        let mut out = Self { first: Vec::with_capacity(n + 2), spans: Vec::new() };
        let mut cursors: Vec<Option<usize>> = vec![None; others.futures.len()];
        let mut before: Vec<Option<(Body, Option<(f64, f64)>)>> = vec![None; others.futures.len()];
        let reach_m = path.length_m() + 40.0;
        let start = path.at(0.0).at;
        for k in 0..=n {
            out.first.push(out.spans.len() as u32);
            if k < 2 {
                continue;
            }
            let rows = others.futures.iter().zip(&mut cursors).zip(&mut before);
            for ((future, cursor), before) in rows {
                let Some(Some(body)) = future.bodies.get(others.now + k) else { continue };
                // Those who stand cover what they covered a step ago.
                if let Some((_, span)) = before.filter(|b| b.0 == *body) {
                    out.spans.extend(span);
                    continue;
                }
                *before = None;
                if distance_m(body.centre, start) > reach_m {
                    continue;
                }
                let at = cursor.get_or_insert_with(|| path.coarse_idx(body.centre));
                let (s, d) = path.project_near(at, body.centre);
                if d.abs() > 30.0 {
                    // Far away a downhill walk may be caught in a bend: now and then look again.
                    if k % 8 == 0 {
                        *cursor = None;
                    }
                    continue;
                }
                let found = span(path, vehicle, body, (s, d), room);
                out.spans.extend(found);
                *before = Some((*body, found));
            }
        }
        out.first.push(out.spans.len() as u32);
        out
    }

    fn at(&self, k: usize) -> &[(f64, f64)] {
        match (self.first.get(k), self.first.get(k + 1)) {
            (Some(a), Some(b)) => &self.spans[*a as usize..*b as usize],
            _ => &[],
        }
    }

    /// Zero where free, growing as others come near, infinite in a span.
    fn cost(&self, k: usize, s: f64, keep_m: f64) -> f64 {
        let mut cost = 0.0;
        for (lo, hi) in self.at(k) {
            let gap = (lo - s).max(s - hi);
            if gap <= 0.0 {
                return f64::INFINITY;
            }
            if gap < keep_m {
                let near = 1.0 - gap / keep_m;
                cost += near * near;
            }
        }
        cost
    }
}

/// The span of rear-axle positions at which the own vehicle would touch a body.
fn span(
    path: &Path,
    vehicle: &Vehicle,
    body: &Body,
    (s, d): (f64, f64),
    room: Room,
) -> Option<(f64, f64)> {
    let (nose, tail) = (vehicle.nose_m() + room.along_m, vehicle.tail_m() + room.along_m);
    if s < -body.radius_m() - nose || s > path.length_m() + body.radius_m() + tail {
        return None;
    }
    if d.abs() > body.radius_m() + vehicle.width_m / 2.0 + room.side_m {
        return None;
    }
    let ((cos_path, sin_path), (sin_body, cos_body)) =
        (path.at(s).along, body.heading_rad.sin_cos());
    let sin = (sin_body * cos_path - cos_body * sin_path).abs();
    let cos = (cos_body * cos_path + sin_body * sin_path).abs();
    let beside = body.half_length_m * sin + body.half_width_m * cos;
    let gap = d.abs() - beside - vehicle.width_m / 2.0 - room.side_m;
    if gap > 0.0 {
        return None;
    }
    let mut along = body.half_length_m * cos + body.half_width_m * sin;
    // A slanting body reaches less far along at the side where it touches.
    if sin > 0.2 && cos > 0.2 {
        along = along.min(body.half_width_m / sin.max(1e-3) + (-gap) * cos / sin.max(1e-3) + 0.5);
    }
    Some((s - along - nose, s + along + tail))
}

/// What the speed is to achieve.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// First and last step, from now.
    pub(crate) steps: (i64, i64),
    /// Which points of the path will do; empty: all.
    pub(crate) places: Vec<bool>,
    /// Slowest and fastest at the end.
    pub(crate) speed_mps: (f64, f64),
    span: (f64, f64),
}

impl Target {
    /// `None` if there is no place on the path that will do.
    pub(crate) fn new(steps: (i64, i64), places: Vec<bool>, speed_mps: (f64, f64)) -> Option<Self> {
        let span = if places.is_empty() {
            (f64::NEG_INFINITY, f64::INFINITY)
        } else {
            let first = places.iter().position(|p| *p)?;
            let last = places.iter().rposition(|p| *p)?;
            (first as f64 * STEP_M - STEP_M, last as f64 * STEP_M + STEP_M)
        };
        Some(Self { steps, places, speed_mps, span })
    }

    /// The first place on the path that will do, m.
    pub(crate) fn first_m(&self) -> f64 {
        self.span.0
    }

    /// The latest time that will do, s.
    pub(crate) fn late_s(&self, dt_s: f64) -> f64 {
        self.steps.1 as f64 * dt_s
    }

    fn holds(&self, k: i64, s: f64, v: f64) -> bool {
        k >= self.steps.0
            && k <= self.steps.1
            && v >= self.speed_mps.0
            && v <= self.speed_mps.1
            && (self.places.is_empty()
                || self.places.get((s / STEP_M).round().max(0.0) as usize).is_some_and(|p| *p))
    }

    /// False if it cannot be met any more from a way and speed.
    fn is_near(&self, k: i64, s: f64, v: f64, dt_s: f64) -> bool {
        let (soon, late) =
            ((self.steps.0 - k).max(0) as f64 * dt_s, (self.steps.1 - k) as f64 * dt_s);
        if late < 0.0 {
            return false;
        }
        let furthest = s + v * late + 2.5 * late * late;
        let stop = v / 9.0;
        let nearest = s + if soon > stop { v * stop / 2.0 } else { v * soon - 4.5 * soon * soon };
        furthest >= self.span.0 && nearest <= self.span.1
    }

    /// The speed that would meet the middle of the target in the middle of its window.
    fn pace_mps(&self, s: f64, k: i64, dt_s: f64) -> Option<f64> {
        let left_s = ((self.steps.0 + self.steps.1) as f64 / 2.0 - k as f64) * dt_s;
        let span_m = (self.span.0 + self.span.1) / 2.0 - s;
        (span_m.is_finite() && left_s > 0.3).then(|| {
            let mean = span_m / left_s;
            // Speed at the end counts too: lean against it.
            if self.speed_mps.1.is_finite() {
                let end = (self.speed_mps.0.max(0.0) + self.speed_mps.1) / 2.0;
                (2.0 * mean - end).clamp(0.0, 60.0) * 0.5 + mean * 0.5
            } else {
                mean
            }
        })
    }
}

/// A search for speeds.
pub(crate) struct SpeedSearch<'a> {
    pub(crate) vehicle: &'a Vehicle,
    pub(crate) dt_s: f64,
    /// Position of the rear axle along the path now, m.
    pub(crate) s_m: f64,
    pub(crate) speed_mps: f64,
    /// Steps to look ahead.
    pub(crate) n: usize,
    /// Highest speed at each point of the path.
    pub(crate) limit_mps: &'a [f64],
    pub(crate) blocked: &'a Blocked,
    /// From this step on a blocked span costs instead of forbidding.
    pub(crate) soft_from: usize,
    /// Any one is to be met; empty: survive `n` steps.
    pub(crate) targets: &'a [Target],
    /// Where the path must not be driven further, m.
    pub(crate) wall_m: f64,
    /// Speed wanted where no target says otherwise.
    pub(crate) wanted_mps: f64,
    /// True if it may accelerate and brake as hard as tyres allow.
    pub(crate) is_brisk: bool,
}

/// Speeds found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    /// Acceleration of each step, m/s2.
    pub(crate) accelerations_mps2: Vec<f64>,
    pub(crate) cost: f64,
    /// True if a target is met at the end.
    pub(crate) is_goal: bool,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    s: f64,
    v: f64,
    a: f64,
    cost: f64,
    k: usize,
    parent: u32,
    /// Number of its cell of way and speed.
    cell: u64,
}

impl SpeedSearch<'_> {
    /// The cheapest profile found; the one that survives longest if none is whole. The number of
    /// nodes tried is added to `work`.
    pub(crate) fn run(&self, work: &mut u64) -> Profile {
        let root = Node {
            s: self.s_m,
            v: self.speed_mps,
            a: 0.0,
            cost: 0.0,
            k: 0,
            parent: u32::MAX,
            cell: 0,
        };
        let mut nodes = vec![root];
        let mut layer: Vec<u32> = vec![0];
        // Cost, node to start the last stretch from, acceleration and number of steps of it.
        let mut best: Option<(f64, u32, f64, usize)> = None;
        let mut furthest = 0_u32;
        let mut n_layer = 0;
        let beam = self.beam();
        let mut fresh: Vec<Node> = Vec::new();
        while !layer.is_empty() {
            let stretch_s = if n_layer < STRETCH_S.2 { STRETCH_S.0 } else { STRETCH_S.1 };
            let stretch = ((stretch_s / self.dt_s).round() as usize).max(1);
            n_layer += 1;
            fresh.clear();
            for idx in &layer {
                let node = nodes[*idx as usize];
                if best.is_some_and(|b| node.cost >= b.0) {
                    continue;
                }
                for a in self.accelerations_mps2().iter().copied() {
                    *work += 1;
                    let end = self.stretch(&node, *idx, a, stretch, &mut best);
                    fresh.extend(end);
                }
            }
            thin(&mut fresh, beam);
            layer.clear();
            for node in &fresh {
                nodes.push(*node);
                if node.k > nodes[furthest as usize].k {
                    furthest = (nodes.len() - 1) as u32;
                }
                if node.k < self.n {
                    layer.push((nodes.len() - 1) as u32);
                }
            }
        }
        match best {
            Some((cost, from, a, steps)) => {
                let mut profile = self.unwind(&nodes, from);
                profile.extend(std::iter::repeat_n(a, steps));
                Profile { accelerations_mps2: profile, cost, is_goal: true }
            }
            None => Profile {
                accelerations_mps2: self.unwind(&nodes, furthest),
                cost: f64::INFINITY,
                is_goal: false,
            },
        }
    }

    /// Follows one acceleration; `None` if it runs into something or out of reach of all targets.
    fn stretch(
        &self,
        from: &Node,
        idx: u32,
        a: f64,
        steps: usize,
        best: &mut Option<(f64, u32, f64, usize)>,
    ) -> Option<Node> {
        let mut node = Node { a, parent: idx, ..*from };
        if a < 0.0 && from.v <= 0.0 {
            return None;
        }
        node.cost += 0.06 * (a - from.a).abs().min(12.0).powi(2) * 0.25;
        let effort = self.dt_s * 0.1 * a * a;
        for j in 1..=steps.min(self.n - from.k) {
            let before = node.v;
            node.k = from.k + j;
            node.v = (before + a * self.dt_s).max(0.0);
            if a > 0.0 && before > self.vehicle.switch_mps {
                let top = 0.97 * self.vehicle.acceleration_max_mps2 * self.vehicle.switch_mps;
                node.v = before + a.min(top / before) * self.dt_s;
            }
            node.s += (before + node.v) / 2.0 * self.dt_s;
            if node.s > self.wall_m {
                return None;
            }
            let limit = self.limit_at(node.s);
            let over = (node.v - limit).max(0.0);
            if over > 1.0 && a > -3.0 && j > 1 {
                return None;
            }
            let keep_m = 1.0 + 0.45 * node.v;
            let mut near = self.blocked.cost(node.k, node.s, keep_m);
            if near.is_infinite() {
                if node.k < self.soft_from {
                    return None;
                }
                near = 8.0;
            }
            let off = (node.v - self.wanted(&node)).clamp(-12.0, 12.0);
            node.cost += self.dt_s * (2.0 * near + 0.03 * off * off + 4.0 * over * over) + effort;
            if self.is_end(&node) && best.is_none_or(|b| node.cost < b.0) {
                *best = Some((node.cost, idx, a, j));
            }
        }
        node.cell = ((node.s.max(0.0) / CELL.0) as u64) << 32 | (node.v / CELL.1) as u64;
        let reachable = self.targets.is_empty()
            || self.targets.iter().any(|t| t.is_near(node.k as i64, node.s, node.v, self.dt_s));
        reachable.then_some(node)
    }

    fn wanted(&self, node: &Node) -> f64 {
        self.targets
            .first()
            .and_then(|t| t.pace_mps(node.s, node.k as i64, self.dt_s))
            .unwrap_or(self.wanted_mps)
    }

    fn is_end(&self, node: &Node) -> bool {
        if self.targets.is_empty() {
            return node.k == self.n;
        }
        self.targets.iter().any(|t| t.holds(node.k as i64, node.s, node.v))
    }

    fn limit_at(&self, s: f64) -> f64 {
        let idx = (s / STEP_M).max(0.0) as usize;
        self.limit_mps.get(idx).or(self.limit_mps.last()).copied().unwrap_or(f64::INFINITY)
    }

    fn accelerations_mps2(&self) -> &'static [f64] {
        if self.is_brisk { &ACCELERATIONS_MPS2 } else { &ACCELERATIONS_MPS2[..N_CALM] }
    }

    /// Nodes kept of a layer: fewer if there are many layers, so that the whole stays bounded.
    fn beam(&self) -> usize {
        let n_short = STRETCH_S.2 as f64;
        let rest_s = (self.n as f64 * self.dt_s - n_short * STRETCH_S.0).max(0.0);
        let n_layers = n_short + (rest_s / STRETCH_S.1).ceil();
        let most = BEAM.2 as f64 / (n_layers * N_CALM as f64);
        (most as usize).clamp(BEAM.1, BEAM.0)
    }

    fn unwind(&self, nodes: &[Node], last: u32) -> Vec<f64> {
        let mut stretches = Vec::new();
        let mut idx = last;
        while nodes[idx as usize].parent != u32::MAX {
            let node = &nodes[idx as usize];
            stretches.push((node.a, node.k - nodes[node.parent as usize].k));
            idx = node.parent;
        }
        stretches.reverse();
        stretches.into_iter().flat_map(|(a, n)| std::iter::repeat_n(a, n)).collect()
    }
}

/// Keeps the cheapest node of each cell; if those are more than `beam`, half of it the cheapest,
/// the rest spread over what is left.
fn thin(fresh: &mut Vec<Node>, beam: usize) {
    fresh.sort_unstable_by(|a, b| a.cell.cmp(&b.cell).then(a.cost.total_cmp(&b.cost)));
    fresh.dedup_by(|b, a| a.cell == b.cell);
    if fresh.len() > beam {
        fresh.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        let half = beam / 2;
        let stride = (fresh.len() - half).div_ceil(half).max(1);
        let mut i = 0;
        fresh.retain(|_| {
            i += 1;
            i <= half || (i - 1 - half).is_multiple_of(stride)
        });
    }
}
