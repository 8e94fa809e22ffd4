//! How long it takes to the goal from a pose, with nobody about and wheels that turn at once.
//!
//! A best-first search from the poses of the goal backwards towards the start and beyond, over arcs forwards and backwards that stay on
//! the road; one pose is kept of each cell (as the non-holonomic heuristic of Dolgov, Thrun, Montemerlo and
//! Diebel 2010, but with the road in it and for this goal). Made once for a goal, like a route.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rv_base::Point2;

use super::geometry::{distance_m, wrapped_rad};
use super::goal::{Goal, Goals};
use super::road::Road;
use super::vehicle::{Gear, State, Vehicle};

/// Angles of the wheels, rad.
const WHEELS_RAD: [f64; 9] = [0.0, 0.06, -0.06, 0.2, -0.2, 0.5, -0.5, 1.0, -1.0];
/// Speed forwards if the vehicle is no faster at the start, and backwards, m/s; what a bend allows, m/s2.
const FAST_MPS: f64 = 15.0;
const BACK_MPS: f64 = 4.0;
const BEND_MPS2: f64 = 8.0;
/// Beyond how much more time than from the start nothing is looked at: a share, and s.
const BEYOND: (f64, f64) = (1.3, 3.0);
/// Most cells of the plane.
const PLANE_MAX: f64 = 4e6;
/// Most points of the goal along an axis.
const SEEDS_MAX: f64 = 400.0;
const NONE: u32 = u32::MAX;

/// How finely poses are told apart, and how many are looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompassGrain {
    /// Smallest edge of a cell, m.
    pub cell_m: f64,
    /// Directions.
    pub n_headings: usize,
    /// Most poses.
    pub poses_max: usize,
}

impl CompassGrain {
    /// For most roads.
    pub const WIDE: Self = Self { cell_m: 0.5, n_headings: 60, poses_max: 400_000 };
    /// For narrow bends.
    pub const NARROW: Self = Self { cell_m: 0.25, n_headings: 120, poses_max: 400_000 };
    /// For a search without haste.
    pub const FINE: Self = Self { cell_m: 0.2, n_headings: 150, poses_max: 20_000_000 };
}

/// The table.
#[derive(Clone, Debug)]
pub struct Compass {
    origin: Point2,
    cell_m: f64,
    nx: usize,
    ny: usize,
    n_headings: usize,
    /// Of each cell of the plane the number of its block of directions.
    blocks: Vec<u32>,
    rest_s: Vec<f32>,
    /// True if the goal is anywhere.
    is_free: bool,
}

/// A pose taken up.
struct Met {
    rear: Point2,
    heading_rad: f64,
    slot: usize,
    cost_s: f32,
}

/// Where a table is to lead from, and in what time.
struct From<'a> {
    start: &'a State,
    fast_mps: f64,
    horizon_s: f64,
}

impl From<'_> {
    /// The least time from the start to a place, s.
    fn least_s(&self, p: Point2) -> f64 {
        distance_m(p, self.start.rear) / self.fast_mps
    }
}

impl Compass {
    /// The table for a vehicle that starts somewhere and has some seconds' time.
    pub fn new(
        road: &Road,
        vehicle: &Vehicle,
        goals: &Goals,
        start: &State,
        horizon_s: f64,
        grain: CompassGrain,
    ) -> Self {
        let fast_mps = start.speed_mps.max(FAST_MPS);
        let reach_m = fast_mps * horizon_s + 30.0;
        let side = |f: fn(&Point2) -> f64| (f(&start.rear) - reach_m, f(&start.rear) + reach_m);
        let (x, y) = (side(|p| p.x_m), side(|p| p.y_m));
        let area_m2 = (x.1 - x.0) * (y.1 - y.0);
        let cell_m = grain.cell_m.max((area_m2 / PLANE_MAX).sqrt());
        let (nx, ny) = (((x.1 - x.0) / cell_m) as usize + 1, ((y.1 - y.0) / cell_m) as usize + 1);
        let mut compass = Self {
            origin: Point2 { x_m: x.0, y_m: y.0 },
            cell_m,
            nx,
            ny,
            n_headings: grain.n_headings.max(4),
            blocks: Vec::new(),
            rest_s: Vec::new(),
            is_free: goals.any_of.iter().any(|g| g.rings.is_empty()),
        };
        if !compass.is_free {
            compass.blocks = vec![NONE; nx * ny];
            let from = From { start, fast_mps, horizon_s };
            compass.fill(road, vehicle, goals, &from, grain.poses_max);
        }
        compass
    }

    /// Time to go from a state, s; infinite where no way is known.
    pub fn rest_s(&self, state: &State) -> f32 {
        if self.is_free {
            return 0.0;
        }
        let Some((x, y, h)) = self.place(state.rear, state.heading_rad) else {
            return f32::INFINITY;
        };
        // Neighbours, too: a cell knows only the pose that was kept of it.
        let mut best = f32::INFINITY;
        for (dx, dy) in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)] {
            let (Some(x), Some(y)) = (x.checked_add_signed(dx), y.checked_add_signed(dy)) else {
                continue;
            };
            if x >= self.nx || y >= self.ny || self.blocks[y * self.nx + x] == NONE {
                continue;
            }
            let block = self.blocks[y * self.nx + x] as usize * self.n_headings;
            for dh in [0, 1, self.n_headings - 1] {
                best = best.min(self.rest_s[block + (h + dh) % self.n_headings]);
            }
        }
        best
    }

    fn fill(
        &mut self,
        road: &Road,
        vehicle: &Vehicle,
        goals: &Goals,
        from: &From<'_>,
        poses_max: usize,
    ) {
        let mut poses: Vec<Met> = Vec::new();
        let mut open: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
        for goal in &goals.any_of {
            for state in self.seeds(road, vehicle, goal) {
                self.meet(0.0, &state, from, &mut poses, &mut open);
            }
        }
        let length_m = self.cell_m * 1.3;
        let (mut most_s, mut is_met) = (f32::INFINITY, false);
        while let Some(Reverse((whole, i))) = open.pop() {
            let Met { rear, heading_rad, slot, cost_s } = poses[i as usize];
            if self.rest_s[slot] < cost_s {
                continue;
            }
            // Times of at least zero order like their bits.
            if f32::from_bits(whole) > most_s || poses.len() > poses_max {
                break;
            }
            if !is_met && distance_m(rear, from.start.rear) < 2.0 * self.cell_m {
                let at_start_s = self.rest_s(from.start);
                is_met = at_start_s.is_finite();
                most_s = at_start_s * BEYOND.0 as f32 + BEYOND.1 as f32;
            }
            for gear in [Gear::Forward, Gear::Reverse] {
                for wheel_rad in WHEELS_RAD {
                    let bend =
                        wheel_rad.min(vehicle.steering_max_rad).tan() / vehicle.wheelbase_m();
                    let fast = from.fast_mps.min((BEND_MPS2 / bend.abs().max(1e-6)).sqrt());
                    let mps = if gear == Gear::Forward { fast } else { fast.min(BACK_MPS) };
                    // Where it came from, had it driven here in this gear.
                    let (rear, heading_rad) =
                        moved(rear, heading_rad, bend, -gear.sign() * length_m);
                    let cost_s = cost_s + (length_m / mps) as f32;
                    // Whoever is there cannot have come from the start in time.
                    let faster = 1.0 + 5.0 * from.horizon_s.min(5.0) / from.fast_mps;
                    if from.least_s(rear) / faster + 0.3 * f64::from(cost_s) > from.horizon_s {
                        continue;
                    }
                    let state = State { rear, heading_rad, ..State::default() };
                    if self.is_better(cost_s, &state) && road.is_clear(&state.body(vehicle)) {
                        self.meet(cost_s, &state, from, &mut poses, &mut open);
                    }
                }
            }
        }
    }

    fn is_better(&self, cost_s: f32, state: &State) -> bool {
        self.place(state.rear, state.heading_rad).is_some_and(|(x, y, h)| {
            let block = self.blocks[y * self.nx + x];
            block == NONE || cost_s < self.rest_s[block as usize * self.n_headings + h]
        })
    }

    fn meet(
        &mut self,
        cost_s: f32,
        state: &State,
        from: &From<'_>,
        poses: &mut Vec<Met>,
        open: &mut BinaryHeap<Reverse<(u32, u32)>>,
    ) {
        let Some((x, y, h)) = self.place(state.rear, state.heading_rad) else { return };
        let cell = y * self.nx + x;
        if self.blocks[cell] == NONE {
            self.blocks[cell] = (self.rest_s.len() / self.n_headings) as u32;
            self.rest_s.resize(self.rest_s.len() + self.n_headings, f32::INFINITY);
        }
        let slot = self.blocks[cell] as usize * self.n_headings + h;
        if cost_s < self.rest_s[slot] {
            self.rest_s[slot] = cost_s;
            let whole_s = cost_s + from.least_s(state.rear) as f32;
            open.push(Reverse((whole_s.to_bits(), poses.len() as u32)));
            poses.push(Met { rear: state.rear, heading_rad: state.heading_rad, slot, cost_s });
        }
    }

    /// Poses of a goal.
    fn seeds(&self, road: &Road, vehicle: &Vehicle, goal: &Goal) -> Vec<State> {
        let mut out = Vec::new();
        let end = Point2 {
            x_m: self.origin.x_m + self.nx as f64 * self.cell_m,
            y_m: self.origin.y_m + self.ny as f64 * self.cell_m,
        };
        for ring in &goal.rings {
            let side = |f: fn(&Point2) -> f64| {
                let lo = ring.iter().map(f).fold(f64::INFINITY, f64::min).max(f(&self.origin));
                let hi = ring.iter().map(f).fold(f64::NEG_INFINITY, f64::max).min(f(&end));
                let n = ((hi - lo) / (0.7 * self.cell_m)).ceil().clamp(2.0, SEEDS_MAX);
                (0..=n as usize).map(move |i| lo + (hi - lo) * (i as f64 + 0.01) / (n + 0.02))
            };
            for x_m in side(|p| p.x_m) {
                for y_m in side(|p| p.y_m) {
                    let at = Point2 { x_m, y_m };
                    if !goal.holds_ring(at) {
                        continue;
                    }
                    for h in 0..self.n_headings {
                        let turn = (h as f64 + 0.5) / self.n_headings as f64;
                        let heading_rad = wrapped_rad(turn * std::f64::consts::TAU);
                        let state = State::at_centre(vehicle, at, heading_rad, 0.0);
                        if goal.holds_heading(heading_rad, 0.0)
                            && road.is_clear(&state.body(vehicle))
                        {
                            out.push(state);
                        }
                    }
                }
            }
        }
        out
    }

    fn place(&self, p: Point2, heading_rad: f64) -> Option<(usize, usize, usize)> {
        let x = (p.x_m - self.origin.x_m) / self.cell_m;
        let y = (p.y_m - self.origin.y_m) / self.cell_m;
        let turn = heading_rad.rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU;
        let h = (turn * self.n_headings as f64) as usize % self.n_headings;
        let is_in = x >= 0.0 && y >= 0.0 && x < self.nx as f64 && y < self.ny as f64;
        is_in.then_some((x as usize, y as usize, h))
    }
}

/// A pose after a way along an arc.
fn moved(rear: Point2, heading_rad: f64, bend_1pm: f64, way_m: f64) -> (Point2, f64) {
    let turn = bend_1pm * way_m;
    let chord_m = if turn.abs() < 1e-6 { way_m } else { 2.0 * (turn / 2.0).sin() / bend_1pm };
    let (sin, cos) = (heading_rad + turn / 2.0).sin_cos();
    (Point2 { x_m: rear.x_m + chord_m * cos, y_m: rear.y_m + chord_m * sin }, heading_rad + turn)
}

#[cfg(test)]
mod tests {
    use rv_map::lanes::{Lane, LaneMap};

    use super::*;

    #[test]
    fn it_knows_ways_back_and_where_none_leads() {
        let border = |y_m: f64| (0..13).map(|i| Point2 { x_m: f64::from(i) * 10.0, y_m }).collect();
        let lane = Lane { left: border(1.75), right: border(-1.75), ..Lane::default() };
        let road = Road::build(&LaneMap { lanes: vec![lane] });
        let vehicle = Vehicle::commonroad(2).unwrap();
        let ring = [(36.0, -1.0), (44.0, -1.0), (44.0, 1.0), (36.0, 1.0)];
        let ring = ring.map(|(x_m, y_m)| Point2 { x_m, y_m }).to_vec();
        let goal = Goal {
            steps: (0, 100),
            rings: vec![ring],
            heading_rad: Some((-0.2, 0.2)),
            ..Goal::default()
        };
        let goals = Goals { any_of: vec![goal] };
        let at = |x_m: f64, heading_rad: f64| {
            State::at_centre(&vehicle, Point2 { x_m, y_m: 0.0 }, heading_rad, 0.0)
        };
        let start = at(60.0, 0.0);
        let compass = Compass::new(&road, &vehicle, &goals, &start, 10.0, CompassGrain::WIDE);
        // 16 m back at walking pace, 16 m on at up to 15 m/s, there already.
        let (back, on) = (compass.rest_s(&start), compass.rest_s(&at(20.0, 0.0)));
        assert!((3.5..4.5).contains(&back), "{back}");
        assert!((0.7..1.4).contains(&on), "{on}");
        assert_eq!(compass.rest_s(&at(40.0, 0.0)), 0.0);
        // A lane of 3.5 m is too narrow to turn around in.
        assert!(compass.rest_s(&at(60.0, std::f64::consts::PI)).is_infinite());
    }
}
