//! The scout: where no proposal leads to the goal, a search over places, headings, speeds and wheels, layer
//! by layer of time, forwards and backwards, spread over cycles.
//!
//! It begins where the plan in force will have led when it is done, keeps one state of each cell, and of
//! too many those nearest to the goal by the [`Compass`] and a selection of the others (a beam search; the
//! layers are those of Hsu, Kindel, Latombe and Rock's "motion planning in state x time", 2002).

use super::compass::Compass;
use super::forecast::{Future, View};
use super::geometry::{Body, ahead};
use super::goal::Goals;
use super::road::Road;
use super::vehicle::{Gear, Input, State, Vehicle, bounded_in, step_in};

/// Work of one simulated step, in nodes of the speed search.
const STEP_WORK: u64 = 2;
/// Time that is simulated at once, s; what is found is rolled out step by step.
const COARSE_S: f64 = 0.3;
/// Time between layers, and that for long ways, s; what is a long way, s.
const LAYER_S: (f64, f64, f64) = (0.3, 0.5, 8.0);
/// Cells in which one state is kept: place, m, heading, rad, speed, m/s, wheels, rad; of place so much more
/// for each m/s, m. They are for a beam of such a width; a narrower one has larger cells.
const CELL: (f64, f64, f64, f64) = (0.4, 0.08, 0.9, 0.2);
const CELL_MORE_M: f64 = 0.05;
const CELL_WIDTH: f64 = 60.0;
/// Most inputs tried from a state.
const INPUTS: usize = 18;
/// Slower than this it may turn back, m/s.
const SLOW_MPS: f64 = 1.6;
/// Share of the grip that steering is planned with, m/s2.
const BEND_MPS2: f64 = 9.0;
/// Time that a forecast touched later than it forbids counts for, s.
const SOFT_S: f32 = 0.3;

/// What a scout needs to know in a cycle.
pub(super) struct Scene<'a> {
    pub(super) road: &'a Road,
    pub(super) vehicle: &'a Vehicle,
    pub(super) goals: &'a Goals,
    pub(super) compass: &'a Compass,
    pub(super) dt_s: f64,
    pub(super) now: i64,
    /// Others whose futures were handed over; else those of the forecast made at the beginning count.
    pub(super) known: Option<View<'a>>,
    pub(super) slack_m: f64,
}

/// A search under way.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Where its way begins, and when.
    pub(super) root: State,
    pub(super) from_step: i64,
    last_step: i64,
    /// Steps until which the forecast forbids.
    hard_until: i64,
    stride: usize,
    /// Steps that are simulated at once.
    coarse: usize,
    width: usize,
    forecasts: Vec<Future>,
    begun_at: i64,
    layers: Vec<Vec<Node>>,
    fresh: Vec<(u64, Node)>,
    next: usize,
}

/// What came of a cycle's work.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Progress {
    /// Not done yet.
    Going,
    /// No way.
    Vain,
    /// States and inputs from the root to the goal.
    Found(Vec<State>, Vec<Input>),
}

#[derive(Clone, Copy, Debug)]
struct Node {
    state: State,
    rank_s: f32,
    soft_s: f32,
    parent: u32,
    gear: Gear,
    input: Input,
}

enum Stretch {
    Blocked,
    Reached(usize),
    Free(State, f32),
}

impl Job {
    /// Work of a search over so many steps, at most.
    pub(super) fn work(left: i64, dt_s: f64, width: usize) -> u64 {
        let (stride, coarse) = strides(left, dt_s);
        let per_node = (INPUTS * stride.div_ceil(coarse)) as u64 * STEP_WORK;
        width as u64 * per_node * (left.max(1) as usize).div_ceil(stride) as u64
    }

    /// A search from a state at a step to a last step that keeps so many states of a layer.
    pub(super) fn new(
        (root, from_step): (State, i64),
        (now, last_step, hard_until): (i64, i64, i64),
        forecasts: Vec<Future>,
        dt_s: f64,
        width: usize,
    ) -> Self {
        let (stride, coarse) = strides(last_step - from_step, dt_s);
        let node = Node {
            state: root,
            rank_s: 0.0,
            soft_s: 0.0,
            parent: u32::MAX,
            gear: Gear::Forward,
            input: Input::default(),
        };
        Self {
            root,
            from_step,
            last_step,
            hard_until,
            stride,
            coarse,
            width,
            forecasts,
            begun_at: now,
            layers: vec![vec![node]],
            fresh: Vec::new(),
            next: 0,
        }
    }

    /// Goes on until it is done or so much more work has been.
    pub(super) fn go_on(&mut self, scene: &Scene<'_>, work: &mut u64, work_max: u64) -> Progress {
        loop {
            let layer = self.layers.len() - 1;
            let k = self.from_step + (layer * self.stride) as i64;
            let n = self.stride.min((self.last_step - k).max(0) as usize);
            while n > 0 && self.next < self.layers[layer].len() {
                if *work >= work_max {
                    return Progress::Going;
                }
                let node = self.layers[layer][self.next];
                let (inputs, n_inputs) = inputs(scene, &node.state, n);
                for (gear, input) in inputs.into_iter().take(n_inputs) {
                    match self.stretch(scene, &node.state, k, n, (gear, input), work) {
                        Stretch::Blocked => {}
                        Stretch::Reached(steps) => {
                            let last = (gear, input, steps);
                            if let Some(found) = self.rolled_out(scene, self.next, last, work) {
                                return found;
                            }
                        }
                        Stretch::Free(state, soft_s) => {
                            let (rest_s, soft_s) =
                                (scene.compass.rest_s(&state), node.soft_s + soft_s);
                            let left_s = (self.last_step - k) as f64 * scene.dt_s;
                            if f64::from(rest_s) * 0.35 > left_s + 0.3 {
                                continue;
                            }
                            let parent = self.next as u32;
                            let rank_s = rest_s + soft_s;
                            let node = Node { state, rank_s, soft_s, parent, gear, input };
                            self.fresh.push((cell(&state, self.width), node));
                        }
                    }
                }
                self.next += 1;
            }
            let fresh = thin(&mut self.fresh, self.width);
            *work += fresh.len() as u64 / 4;
            if fresh.is_empty() {
                return Progress::Vain;
            }
            self.layers.push(fresh);
            self.next = 0;
        }
    }

    fn stretch(
        &self,
        scene: &Scene<'_>,
        from: &State,
        k: i64,
        n: usize,
        (gear, input): (Gear, Input),
        work: &mut u64,
    ) -> Stretch {
        let (mut s, mut soft_s) = (*from, 0.0);
        let view = self.view(scene);
        let mut j = 0;
        while j < n {
            let by = self.coarse.min(n - j);
            j += by;
            *work += STEP_WORK;
            s = coarsely(scene, &s, gear, input, by as f64 * scene.dt_s);
            match self.touch(scene, view, &s, k + j as i64) {
                Some(true) => return Stretch::Blocked,
                Some(false) => soft_s += SOFT_S,
                None => {}
            }
            if scene.goals.is_reached(scene.vehicle, &s, k + j as i64) {
                return Stretch::Reached(j);
            }
        }
        Stretch::Free(s, soft_s)
    }

    fn view<'v>(&'v self, scene: &Scene<'v>) -> View<'v> {
        scene.known.unwrap_or(View {
            futures: &self.forecasts,
            now: (scene.now - self.begun_at).max(0) as usize,
        })
    }

    /// True if a state touches an edge or, by a forecast that forbids, somebody; false if by one that only
    /// costs.
    fn touch(&self, scene: &Scene<'_>, view: View<'_>, s: &State, step: i64) -> Option<bool> {
        let body = s.body(scene.vehicle);
        if !scene.road.is_clear(&body.grown(0.01)) {
            return Some(true);
        }
        let at = view.now + (step - scene.now).max(0) as usize;
        touches(&body.grown(scene.slack_m), view.futures, at).then_some(step <= self.hard_until)
    }

    /// The way from the root to a node of the last layer and on from there, step by step, if it holds so.
    fn rolled_out(
        &self,
        scene: &Scene<'_>,
        idx: usize,
        last: (Gear, Input, usize),
        work: &mut u64,
    ) -> Option<Progress> {
        let mut stretches = vec![last];
        let mut at = idx;
        for layer in self.layers.iter().skip(1).rev() {
            let node = &layer[at];
            stretches.push((node.gear, node.input, self.stride));
            at = node.parent as usize;
        }
        let (mut states, mut inputs) = (vec![self.root], Vec::new());
        let (mut s, mut step) = (self.root, self.from_step);
        let view = self.view(scene);
        for (gear, input, n) in stretches.into_iter().rev() {
            for _ in 0..n {
                *work += STEP_WORK;
                inputs.push(bounded_in(scene.vehicle, gear, &s, input, scene.dt_s));
                s = after(scene, &s, gear, input, scene.dt_s);
                states.push(s);
                step += 1;
                if self.touch(scene, view, &s, step) == Some(true) {
                    return None;
                }
            }
        }
        let is_reached = scene.goals.is_reached(scene.vehicle, &s, step);
        is_reached.then_some(Progress::Found(states, inputs))
    }
}

/// Steps between layers, and steps that are simulated at once.
fn strides(left: i64, dt_s: f64) -> (usize, usize) {
    let left = left.max(1) as usize;
    let layer_s = if left as f64 * dt_s > LAYER_S.2 { LAYER_S.1 } else { LAYER_S.0 };
    let of = |s: f64| ((s / dt_s).round() as usize).clamp(1, left);
    (of(layer_s), of(COARSE_S))
}

fn touches(body: &Body, futures: &[Future], at: usize) -> bool {
    futures.iter().any(|f| f.bodies.get(at).is_some_and(|b| b.is_some_and(|b| body.overlaps(&b))))
}

fn after(scene: &Scene<'_>, s: &State, gear: Gear, input: Input, dt_s: f64) -> State {
    let input = bounded_in(scene.vehicle, gear, s, input, dt_s);
    step_in(scene.vehicle, gear, s, input, dt_s)
}

/// As [`after`], by the arc of the wheels' angle in the middle of the step: fast, and within centimetres.
fn coarsely(scene: &Scene<'_>, s: &State, gear: Gear, input: Input, dt_s: f64) -> State {
    let vehicle = scene.vehicle;
    let input = bounded_in(vehicle, gear, s, input, dt_s);
    let by_mps = input.acceleration_mps2 * dt_s;
    let speed_mps = match gear {
        Gear::Forward => (s.speed_mps + by_mps).max(0.0),
        Gear::Reverse => (s.speed_mps + by_mps).min(0.0),
    };
    let way_m = (s.speed_mps + speed_mps) / 2.0 * dt_s;
    let turned_rad = input.steering_rate_radps * dt_s;
    let turn = way_m * (s.steering_rad + turned_rad / 2.0).tan() / vehicle.wheelbase_m();
    State {
        rear: ahead(s.rear, s.heading_rad + turn / 2.0, way_m * (1.0 - turn * turn / 24.0)),
        heading_rad: s.heading_rad + turn,
        speed_mps,
        steering_rad: s.steering_rad + turned_rad,
    }
}

/// What is tried from a state, and how many of these there are.
fn inputs(scene: &Scene<'_>, s: &State, n: usize) -> ([(Gear, Input); INPUTS], usize) {
    let mut out = [(Gear::Forward, Input::default()); INPUTS];
    let mut len = 0;
    let layer_s = n as f64 * scene.dt_s;
    let v = s.speed_mps;
    let rate = scene.vehicle.steering_rate_max_radps;
    let mut add = |gear: Gear, acceleration_mps2: f64, rates: &[f64]| {
        for share in rates {
            let steering_rate_radps = share * rate;
            if let Some(slot) = out.get_mut(len) {
                *slot = (gear, Input { steering_rate_radps, acceleration_mps2 });
                len += 1;
            }
        }
    };
    if v.abs() < SLOW_MPS {
        for to_mps in [1.3, 3.0, 0.0, -1.3, -3.0, 0.5] {
            let is_back = v < 0.0 || v == 0.0 && to_mps < 0.0;
            let gear = if is_back { Gear::Reverse } else { Gear::Forward };
            add(gear, ((to_mps - v) / layer_s).clamp(-9.0, 9.0), &[0.0, -1.0, 1.0]);
        }
    } else {
        let gear = if v < 0.0 { Gear::Reverse } else { Gear::Forward };
        // As far as the wheels may be turned at this speed, within a layer.
        let most_rad = (BEND_MPS2 * scene.vehicle.wheelbase_m() / (v * v)).atan();
        let r = (0.7 * most_rad / (rate * layer_s)).min(1.0);
        for acceleration in [0.0, -2.5, 2.5] {
            add(gear, acceleration, &[0.0, -r, r, -r / 3.0, r / 3.0]);
        }
        add(gear, -8.0, &[0.0]);
        add(gear, 8.0, &[0.0]);
    }
    (out, len)
}

/// The best of each cell; of too many, half the nearest to the goal, the others spread over the rest.
fn thin(fresh: &mut Vec<(u64, Node)>, width: usize) -> Vec<Node> {
    fresh.sort_unstable_by(|a, b| {
        let (x, y) = (&a.1, &b.1);
        a.0.cmp(&b.0).then(x.rank_s.total_cmp(&y.rank_s)).then(x.parent.cmp(&y.parent))
    });
    fresh.dedup_by_key(|f| f.0);
    let mut layer: Vec<Node> = fresh.drain(..).map(|f| f.1).collect();
    if layer.len() > width {
        layer.sort_by(|a, b| a.rank_s.total_cmp(&b.rank_s));
        let half = (width / 2).max(1);
        let every = (layer.len() - half).div_ceil(half).max(1);
        let mut i = 0;
        layer.retain(|_| {
            i += 1;
            i <= half || (i - half).is_multiple_of(every)
        });
    }
    layer
}

fn cell(s: &State, width: usize) -> u64 {
    let of = |x: f64, cell: f64, n: i64| ((x / cell).floor() as i64).rem_euclid(n) as u64;
    let turn = s.heading_rad.rem_euclid(std::f64::consts::TAU);
    let scale = (CELL_WIDTH / width.max(1) as f64).cbrt().max(1.0);
    let place_m = scale * (CELL.0 + CELL_MORE_M * (s.speed_mps.abs() / 4.0).floor() * 4.0);
    let mut key = of(s.rear.x_m, place_m, 1 << 16);
    key = key << 16 | of(s.rear.y_m, place_m, 1 << 16);
    key = key << 10 | of(turn, scale * CELL.1, 1 << 10);
    key = key << 9 | of(s.speed_mps, scale * CELL.2, 1 << 9);
    key << 6 | of(s.steering_rad, scale * CELL.3, 1 << 6)
}
