//! What stands about, made ready for many questions: is a pose free, how far is it on foot.
//!
//! All of it goes on a bit at a time: a [`Field`] keeps an account of the work done with it, in units of
//! about ten nanoseconds, and what takes long is told up to where on that account it may go.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rv_base::Point2;

use super::{Failure, Ground, RearPose};
use crate::trajectory::{Body, Vehicle, ahead};

/// Edge of a cell of the clearance grid, m.
const CELL_M: f64 = 0.25;
/// Edge of a cell for which the walls near are listed, m.
const BLOCK_M: f64 = 1.0;
/// Ground looked at beyond start and goal, m, and at most so much along a side, m.
const MARGIN_M: f64 = 11.0;
const SIDE_MAX_M: f64 = 64.0;
/// Clearance is told up to this, m.
const CLEAR_MAX_M: f64 = 3.0;
/// Most walls and sides of solids.
const WALLS_MAX: usize = 4000;

type Wall = (Point2, Point2);

/// Work of some steps, in units: a wall looked at for a pose, what comes before that, a cell taken up on
/// the way to a place.
const WALL: u64 = 1;
const POSE: u64 = 6;
const CELL: u64 = 10;

/// Ground with its clearances.
#[derive(Clone, Debug)]
pub(super) struct Field {
    vehicle: Vehicle,
    solids: Vec<Body>,
    walls: Vec<Wall>,
    origin: Point2,
    nx: usize,
    ny: usize,
    /// Distance from each cell's middle to the nearest wall, m, row by row.
    clear_m: Vec<f32>,
    blocks_x: usize,
    blocks_y: usize,
    /// Walls that a vehicle whose centre is in a block may touch: from where to where in `near`.
    blocks: Vec<(u32, u32)>,
    near: Vec<u16>,
    radius_m: f64,
    /// Most air that is ever asked for, m.
    air_max_m: f64,
    /// The wall and the row around it from which measuring goes on.
    measured: (usize, usize),
    /// Work done with it so far, units.
    done: Cell<u64>,
}

/// Distances around all walls to a place, found nearest first.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    /// For each cell, m; infinite where nothing comes from.
    pub(super) least_m: Vec<f32>,
    open: BinaryHeap<Reverse<(u32, usize)>>,
}

impl Field {
    /// Ground that is yet to be made ready.
    pub(super) fn new(
        vehicle: &Vehicle,
        ground: &Ground,
        ends: [&RearPose; 2],
        air_max_m: f64,
    ) -> Result<Self, Failure> {
        let radius_m = vehicle.length_m.hypot(vehicle.width_m) / 2.0;
        let low = |f: fn(&Point2) -> f64| f(&ends[0].rear).min(f(&ends[1].rear)) - MARGIN_M;
        let high = |f: fn(&Point2) -> f64| f(&ends[0].rear).max(f(&ends[1].rear)) + MARGIN_M;
        let origin = Point2 { x_m: low(|p| p.x_m), y_m: low(|p| p.y_m) };
        let (wide_m, deep_m) = (high(|p| p.x_m) - origin.x_m, high(|p| p.y_m) - origin.y_m);
        if wide_m > SIDE_MAX_M || deep_m > SIDE_MAX_M {
            return Err(Failure::TooFar);
        }
        let mut walls: Vec<Wall> = ground.walls.clone();
        for solid in &ground.solids {
            let c = corners(solid);
            walls.extend((0..4).map(|i| (c[i], c[(i + 1) % 4])));
        }
        if walls.len() > WALLS_MAX {
            return Err(Failure::TooMuch);
        }
        let cells = |m: f64, edge_m: f64| (m / edge_m).ceil() as usize + 1;
        let (nx, ny) = (cells(wide_m, CELL_M), cells(deep_m, CELL_M));
        Ok(Self {
            vehicle: *vehicle,
            solids: ground.solids.clone(),
            walls,
            origin,
            nx,
            ny,
            clear_m: vec![CLEAR_MAX_M as f32; nx * ny],
            blocks_x: cells(wide_m, BLOCK_M),
            blocks_y: cells(deep_m, BLOCK_M),
            blocks: Vec::new(),
            near: Vec::new(),
            radius_m,
            air_max_m,
            measured: (0, 0),
            done: Cell::new(0),
        })
    }

    /// Work done with it so far, units.
    pub(super) fn done(&self) -> u64 {
        self.done.get()
    }

    /// Notes work done, units.
    pub(super) fn spend(&self, units: u64) {
        self.done.set(self.done.get() + units);
    }

    /// Makes it ready until so much work is done; true once it is ready.
    pub(super) fn prepare(&mut self, until: u64) -> bool {
        while self.done() < until && self.measured.0 < self.walls.len() {
            self.measure_row();
        }
        if self.measured.0 < self.walls.len() {
            return false;
        }
        while self.done() < until && self.blocks.len() < self.blocks_x * self.blocks_y {
            self.list_walls();
        }
        self.blocks.len() == self.blocks_x * self.blocks_y
    }

    /// Distances to a wall in one row of the cells around it.
    fn measure_row(&mut self) {
        let (wall, row) = self.measured;
        let (a, b) = self.walls[wall];
        let range = |p: f64, q: f64, from: f64, n: usize| {
            let low = ((p.min(q) - CLEAR_MAX_M - from) / CELL_M).floor().max(0.0) as usize;
            let high = ((p.max(q) + CLEAR_MAX_M - from) / CELL_M).ceil().max(0.0) as usize;
            low.min(n)..high.min(n)
        };
        let columns = range(a.x_m, b.x_m, self.origin.x_m, self.nx);
        let rows = range(a.y_m, b.y_m, self.origin.y_m, self.ny);
        self.spend(1 + columns.len() as u64);
        let iy = rows.start + row;
        if iy >= rows.end || columns.is_empty() {
            self.measured = (wall + 1, 0);
            return;
        }
        for ix in columns {
            let middle = middle(self.origin, ix, iy, CELL_M);
            let cell = &mut self.clear_m[iy * self.nx + ix];
            *cell = cell.min(distance_m(middle, a, b) as f32);
        }
        self.measured = (wall, row + 1);
    }

    /// Lists the walls near the next block.
    fn list_walls(&mut self) {
        let reach_m = self.radius_m + self.air_max_m + BLOCK_M * 0.71;
        let (ix, iy) = (self.blocks.len() % self.blocks_x, self.blocks.len() / self.blocks_x);
        let middle = middle(self.origin, ix, iy, BLOCK_M);
        let from = self.near.len() as u32;
        self.spend(POSE);
        if self.clearance_m(middle) < reach_m + CELL_M {
            let near = self.walls.iter().enumerate();
            let near = near.filter(|(_, w)| distance_m(middle, w.0, w.1) <= reach_m);
            self.near.extend(near.map(|(i, _)| i as u16));
            self.spend(self.walls.len() as u64 * WALL);
        }
        self.blocks.push((from, self.near.len() as u32));
    }

    /// A point as seen from a corner of the ground, m.
    pub(super) fn within(&self, p: Point2) -> (f64, f64) {
        (p.x_m - self.origin.x_m, p.y_m - self.origin.y_m)
    }

    /// Cell of a point, if within the ground looked at.
    pub(super) fn cell(&self, p: Point2) -> Option<usize> {
        let (x, y) = (p.x_m - self.origin.x_m, p.y_m - self.origin.y_m);
        if x < 0.0 || y < 0.0 {
            return None;
        }
        let (ix, iy) = ((x / CELL_M) as usize, (y / CELL_M) as usize);
        (ix < self.nx && iy < self.ny).then_some(iy * self.nx + ix)
    }

    /// Distance from a point to the nearest wall, m, to half a cell; nothing outside.
    pub(super) fn clearance_m(&self, p: Point2) -> f64 {
        self.cell(p).map_or(0.0, |c| f64::from(self.clear_m[c]))
    }

    /// True if the vehicle at a pose keeps so much air to every wall.
    pub(super) fn is_free(&self, pose: &RearPose, air_m: f64) -> bool {
        let (sin, cos) = pose.heading_rad.sin_cos();
        let axle_m = self.vehicle.rear_axle_m;
        let centre =
            Point2 { x_m: pose.rear.x_m + axle_m * cos, y_m: pose.rear.y_m + axle_m * sin };
        let Some(cell) = self.cell(centre) else { return false };
        self.spend(POSE);
        let clear_m = f64::from(self.clear_m[cell]);
        if clear_m - CELL_M * 0.71 > self.radius_m + air_m {
            return true;
        }
        if clear_m + CELL_M * 0.71 < self.vehicle.width_m / 2.0 {
            return false;
        }
        let (x, y) = (centre.x_m - self.origin.x_m, centre.y_m - self.origin.y_m);
        let block = (y / BLOCK_M) as usize * self.blocks_x + (x / BLOCK_M) as usize;
        let Some((from, to)) = self.blocks.get(block) else { return false };
        let body = self.body(centre, pose.heading_rad).grown(air_m);
        self.spend(POSE + u64::from(to - from) * WALL);
        self.near[*from as usize..*to as usize].iter().all(|i| {
            let (a, b) = self.walls[usize::from(*i)];
            !body.touches_along((sin, cos), a, b)
        })
    }

    /// As [`Field::is_free`], and not within a solid.
    pub(super) fn is_free_end(&self, pose: &RearPose, air_m: f64) -> bool {
        let centre = ahead(pose.rear, pose.heading_rad, self.vehicle.rear_axle_m);
        let body = self.body(centre, pose.heading_rad);
        self.is_free(pose, air_m) && self.solids.iter().all(|solid| !solid.overlaps(&body))
    }

    fn body(&self, centre: Point2, heading_rad: f64) -> Body {
        Body {
            centre,
            heading_rad,
            half_length_m: self.vehicle.length_m / 2.0,
            half_width_m: self.vehicle.width_m / 2.0,
        }
    }
}

impl Ways {
    /// For a disc a little less wide than the vehicle, all of them yet to be found.
    pub(super) fn to(field: &Field, place: Point2) -> Self {
        let mut ways =
            Self { least_m: vec![f32::INFINITY; field.clear_m.len()], open: BinaryHeap::new() };
        if let Some(root) = field.cell(place) {
            ways.least_m[root] = 0.0;
            ways.open.push(Reverse((0, root)));
        }
        ways
    }

    /// Goes on until so much work is done; true once all are found.
    pub(super) fn find(&mut self, field: &Field, until: u64) -> bool {
        while field.done() < until {
            let Some(Reverse((mm, cell))) = self.open.pop() else { return true };
            field.spend(CELL);
            if mm <= (self.least_m[cell] * 1000.0) as u32 {
                self.take_up(field, cell);
            }
        }
        self.open.is_empty()
    }

    /// Looks on from a cell to its eight neighbours.
    fn take_up(&mut self, field: &Field, cell: usize) {
        // A disc is kept out only where it surely touches, whatever the place within a cell.
        let narrow_m = (field.vehicle.width_m / 2.0 - CELL_M * 0.71) as f32;
        let here = self.least_m[cell];
        let (ix, iy) = (cell % field.nx, cell / field.nx);
        for dy in -1_isize..=1 {
            for dx in -1_isize..=1 {
                let (Some(jx), Some(jy)) = (ix.checked_add_signed(dx), iy.checked_add_signed(dy))
                else {
                    continue;
                };
                if jx >= field.nx || jy >= field.ny || (dx == 0 && dy == 0) {
                    continue;
                }
                let next = jy * field.nx + jx;
                let share = if dx != 0 && dy != 0 { std::f32::consts::SQRT_2 } else { 1.0 };
                let step = share * CELL_M as f32;
                if field.clear_m[next] >= narrow_m && here + step < self.least_m[next] {
                    self.least_m[next] = here + step;
                    self.open.push(Reverse(((self.least_m[next] * 1000.0) as u32, next)));
                }
            }
        }
    }
}

fn middle(origin: Point2, ix: usize, iy: usize, edge_m: f64) -> Point2 {
    Point2 {
        x_m: origin.x_m + (ix as f64 + 0.5) * edge_m,
        y_m: origin.y_m + (iy as f64 + 0.5) * edge_m,
    }
}

fn corners(body: &Body) -> [Point2; 4] {
    let (s, c) = body.heading_rad.sin_cos();
    let (l, w) = (body.half_length_m, body.half_width_m);
    [(l, w), (-l, w), (-l, -w), (l, -w)].map(|(x, y)| Point2 {
        x_m: body.centre.x_m + x * c - y * s,
        y_m: body.centre.y_m + x * s + y * c,
    })
}

/// Distance from a point to a segment, m.
pub(super) fn distance_m(p: Point2, a: Point2, b: Point2) -> f64 {
    let (dx, dy) = (b.x_m - a.x_m, b.y_m - a.y_m);
    let length2 = dx * dx + dy * dy;
    let t = if length2 > 0.0 {
        (((p.x_m - a.x_m) * dx + (p.y_m - a.y_m) * dy) / length2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (p.x_m - a.x_m - t * dx).hypot(p.y_m - a.y_m - t * dy)
}
