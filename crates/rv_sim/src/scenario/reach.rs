//! Is there a way at all? A search that knows everybody's future and has all the time it wants.
//!
//! It shares the vehicle's equations with the planner, and the compass (what is left to the goal with
//! nobody about), but no lanes, no lines and no forecasts. Layer by layer of time it keeps one state of each cell of place, heading, speed and wheels,
//! forwards and backwards, and tries the same few inputs from each. What it finds is a solution. If it
//! runs out of states without ever having dropped one for want of room, there is none at this grain, which
//! is strong evidence but no proof; [`Reach::Impossible`] is a proof.

use rv_driver::trajectory::{
    Body, Compass, CompassGrain, Gear, Input, State, Vehicle, bounded_in, step_in,
};

use super::{Scene, known};

/// Air kept to edges and others, m: other geometry than ours is to find the same.
const AIR_M: f64 = 0.01;
/// Slower than this the wheels may be turned a long way, m/s.
const SLOW_MPS: f64 = 1.6;
/// Cell of speed, m/s, and of the wheels, rad.
const SPEED_CELL_MPS: f64 = 0.8;
const WHEEL_CELL_RAD: f64 = 0.16;
/// Most steps that are looked ahead.
const STEPS_MAX: i64 = 1200;

/// How finely and how widely to search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReachOptions {
    /// Most states kept of a layer.
    pub width: usize,
    /// Time between layers, s.
    pub layer_s: f64,
    /// Edge of a cell of place, m.
    pub cell_m: f64,
    /// Cell of heading, rad.
    pub heading_rad: f64,
}

impl ReachOptions {
    /// For a width and a horizon: shorter layers and finer cells for short drives.
    pub fn new(width: usize, horizon_s: f64) -> Self {
        let layer_s = if horizon_s > 9.0 { 0.4 } else { 0.2 };
        Self { width, layer_s, cell_m: 0.35, heading_rad: 0.07 }
    }
}

/// What the search came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Reach {
    /// States of a valid solution, one for each step, the first the start.
    Found(Vec<State>),
    /// There can be none, and why.
    Impossible(&'static str),
    /// Every state that can be reached, as far as they are told apart, was looked at.
    Exhausted {
        /// States looked at.
        n_states: u64,
    },
    /// Not found, but states were dropped for want of room.
    CutOff {
        /// States looked at.
        n_states: u64,
    },
}

/// Looks for a valid solution of a scene. Work is bounded by layers times width times 35 inputs.
pub fn reach(scene: &Scene<'_>, options: &ReachOptions) -> Reach {
    if scene.goals.any_of.is_empty() {
        return Reach::Impossible("it states no goal");
    }
    let own = scene.start.body(&scene.vehicle);
    if !scene.road.is_clear(&own) {
        return Reach::Impossible("it begins across an edge of the road");
    }
    let at_start = scene.others.iter().filter_map(|o| o.at(scene.first_step));
    if at_start.into_iter().any(|(body, _)| own.overlaps(&body)) {
        return Reach::Impossible("it begins in contact");
    }
    let Some(last) = scene.goals.last_step().filter(|l| *l >= scene.first_step) else {
        return Reach::Impossible("its time is over before it begins");
    };
    Search::new(scene, last.min(scene.first_step + STEPS_MAX), options).run()
}

#[derive(Clone, Copy, Debug)]
struct Node {
    state: State,
    rest_s: f32,
    parent: u32,
    /// What was wanted since the parent.
    input: Input,
    gear: Gear,
}

struct Search<'a> {
    scene: &'a Scene<'a>,
    options: &'a ReachOptions,
    compass: Compass,
    /// Everybody, step by step from the start.
    others: Vec<Vec<Body>>,
    n_steps: usize,
    stride: usize,
    n_states: u64,
    is_cut: bool,
}

impl<'a> Search<'a> {
    fn new(scene: &'a Scene<'a>, last: i64, options: &'a ReachOptions) -> Self {
        let n_steps = (last - scene.first_step) as usize;
        let futures = known(scene, last);
        let others = (0..=n_steps)
            .map(|k| futures.iter().filter_map(|f| f.bodies.get(k).copied().flatten()).collect())
            .collect();
        Self {
            scene,
            options,
            compass: compass(scene, n_steps as f64 * scene.options.dt_s),
            others,
            n_steps,
            stride: ((options.layer_s / scene.options.dt_s).round() as usize).max(1),
            n_states: 0,
            is_cut: false,
        }
    }

    fn run(mut self) -> Reach {
        let start = self.scene.start;
        if self.scene.goals.is_reached(&self.scene.vehicle, &start, self.scene.first_step) {
            return Reach::Found(vec![start]);
        }
        let root = Node {
            state: start,
            rest_s: self.compass.rest_s(&start),
            parent: u32::MAX,
            input: Input::default(),
            gear: Gear::Forward,
        };
        let mut layers = vec![vec![root]];
        let mut k = 0;
        while k < self.n_steps {
            let n = self.stride.min(self.n_steps - k);
            let mut fresh: Vec<(u64, Node)> = Vec::new();
            let from = layers.last().map_or(&[][..], |l| &l[..]);
            for (idx, node) in from.iter().enumerate() {
                for (gear, input) in self.inputs(&node.state) {
                    self.n_states += 1;
                    match self.stretch(&node.state, k, n, gear, input) {
                        Stretch::Blocked => {}
                        Stretch::Reached(steps) => {
                            return Reach::Found(self.unwind(&layers, idx, (gear, input, steps)));
                        }
                        Stretch::Free(state) => {
                            let rest_s = self.compass.rest_s(&state);
                            // Slower than half as fast as the compass thinks, and still hopeless.
                            let left_s =
                                (self.n_steps - k - n) as f64 * self.scene.options.dt_s + 0.3;
                            if f64::from(rest_s) * 0.35 > left_s {
                                continue;
                            }
                            let parent = idx as u32;
                            let node = Node { state, rest_s, parent, input, gear };
                            fresh.push((self.cell(&state), node));
                        }
                    }
                }
            }
            k += n;
            let layer = self.thin(fresh);
            if layer.is_empty() {
                break;
            }
            layers.push(layer);
        }
        let n_states = self.n_states;
        if self.is_cut { Reach::CutOff { n_states } } else { Reach::Exhausted { n_states } }
    }

    /// The best of each cell; if these are too many, half of them the nearest to the goal, the others
    /// spread over the rest.
    fn thin(&mut self, mut fresh: Vec<(u64, Node)>) -> Vec<Node> {
        fresh.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then(a.1.rest_s.total_cmp(&b.1.rest_s)).then(a.1.parent.cmp(&b.1.parent))
        });
        fresh.dedup_by_key(|f| f.0);
        let mut layer: Vec<Node> = fresh.into_iter().map(|f| f.1).collect();
        if layer.len() > self.options.width {
            self.is_cut = true;
            layer.sort_by(|a, b| a.rest_s.total_cmp(&b.rest_s));
            let half = self.options.width / 2;
            let every = (layer.len() - half).div_ceil(half).max(1);
            let mut i = 0;
            layer.retain(|_| {
                i += 1;
                i <= half || (i - half).is_multiple_of(every)
            });
        }
        layer
    }

    fn cell(&self, s: &State) -> u64 {
        let o = self.options;
        let of =
            |x: f64, cell: f64, n: u64| ((x / cell).floor() as i64).rem_euclid(n as i64) as u64;
        let turn = s.heading_rad.rem_euclid(std::f64::consts::TAU);
        let mut key = of(s.rear.x_m, o.cell_m, 1 << 16);
        key = key << 16 | of(s.rear.y_m, o.cell_m, 1 << 16);
        key = key << 10 | of(turn, o.heading_rad, 1 << 10);
        key = key << 9 | of(s.speed_mps, SPEED_CELL_MPS, 1 << 9);
        key << 6 | of(s.steering_rad, WHEEL_CELL_RAD, 1 << 6)
    }

    /// What is tried from a state.
    fn inputs(&self, s: &State) -> Vec<(Gear, Input)> {
        let rate = self.scene.vehicle.steering_rate_max_radps;
        let slow = s.speed_mps.abs() < SLOW_MPS;
        let layer_s = self.stride as f64 * self.scene.options.dt_s;
        let mut out = Vec::with_capacity(40);
        let mut add = |gear: Gear, acceleration_mps2: f64, rates: &[f64]| {
            for share in rates {
                let steering_rate_radps = share * rate;
                out.push((gear, Input { steering_rate_radps, acceleration_mps2 }));
            }
        };
        if slow {
            for to_mps in [-3.0, -1.3, -0.5, 0.0, 0.5, 1.3, 3.0] {
                let acceleration = (to_mps - s.speed_mps) / layer_s;
                let is_back = s.speed_mps < 0.0 || s.speed_mps == 0.0 && to_mps < 0.0;
                let gear = if is_back { Gear::Reverse } else { Gear::Forward };
                add(gear, acceleration.clamp(-9.0, 9.0), &[0.0, -1.0, 1.0, -0.5, 0.5]);
            }
        } else {
            let gear = if s.speed_mps < 0.0 { Gear::Reverse } else { Gear::Forward };
            for acceleration in [0.0, -1.5, 1.5, -4.5, 4.5, -10.0, 10.0] {
                add(gear, acceleration, &[0.0, -1.0, 1.0, -0.4, 0.4]);
            }
        }
        out
    }

    fn stretch(&self, from: &State, k: usize, n: usize, gear: Gear, input: Input) -> Stretch {
        let (vehicle, first) = (&self.scene.vehicle, self.scene.first_step);
        let mut s = *from;
        for j in 1..=n {
            s = self.after(&s, gear, input);
            let body = s.body(vehicle);
            if self.others[k + j].iter().any(|o| body.grown(AIR_M).overlaps(o))
                || !self.scene.road.is_clear(&body.grown(AIR_M))
            {
                return Stretch::Blocked;
            }
            if self.scene.goals.is_reached(vehicle, &s, first + (k + j) as i64) {
                return Stretch::Reached(j);
            }
        }
        Stretch::Free(s)
    }

    fn after(&self, s: &State, gear: Gear, input: Input) -> State {
        let (vehicle, dt_s): (&Vehicle, f64) = (&self.scene.vehicle, self.scene.options.dt_s);
        step_in(vehicle, gear, s, bounded_in(vehicle, gear, s, input, dt_s), dt_s)
    }

    /// All states up to a node, and after it so many steps.
    fn unwind(&self, layers: &[Vec<Node>], idx: usize, last: (Gear, Input, usize)) -> Vec<State> {
        let mut stretches = vec![last];
        let mut at = idx;
        for layer in (1..layers.len()).rev() {
            let node = &layers[layer][at];
            stretches.push((node.gear, node.input, self.stride));
            at = node.parent as usize;
        }
        let mut states = vec![self.scene.start];
        let mut s = self.scene.start;
        for (gear, input, n) in stretches.into_iter().rev() {
            for _ in 0..n {
                s = self.after(&s, gear, input);
                states.push(s);
            }
        }
        states
    }
}

/// The compass, finer where a coarse one knows no way from the start.
fn compass(scene: &Scene<'_>, horizon_s: f64) -> Compass {
    let of = |grain| {
        let (road, vehicle) = (scene.road, &scene.vehicle);
        Compass::new(road, vehicle, &scene.goals, &scene.start, horizon_s, grain)
    };
    let wide = of(CompassGrain { poses_max: CompassGrain::FINE.poses_max, ..CompassGrain::WIDE });
    if wide.rest_s(&scene.start).is_finite() { wide } else { of(CompassGrain::FINE) }
}

enum Stretch {
    Blocked,
    Reached(usize),
    Free(State),
}
