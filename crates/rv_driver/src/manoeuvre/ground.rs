//! What stands about, made ready for many questions: is a pose free, how far is it on foot.

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

/// Ground with its clearances.
#[derive(Debug)]
pub(super) struct Field<'a> {
    vehicle: Vehicle,
    solids: &'a [Body],
    walls: Vec<Wall>,
    origin: Point2,
    nx: usize,
    ny: usize,
    /// Distance from each cell's middle to the nearest wall, m, row by row.
    clear_m: Vec<f32>,
    blocks_x: usize,
    /// Walls that a vehicle whose centre is in a block may touch: from where to where in `near`.
    blocks: Vec<(u32, u32)>,
    near: Vec<u16>,
    radius_m: f64,
    /// Most air that is ever asked for, m.
    air_max_m: f64,
}

impl<'a> Field<'a> {
    pub(super) fn new(
        vehicle: &Vehicle,
        ground: &'a Ground,
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
        let mut field = Self {
            vehicle: *vehicle,
            solids: &ground.solids,
            walls,
            origin,
            nx: cells(wide_m, CELL_M),
            ny: cells(deep_m, CELL_M),
            clear_m: Vec::new(),
            blocks_x: cells(wide_m, BLOCK_M),
            blocks: Vec::new(),
            near: Vec::new(),
            radius_m,
            air_max_m,
        };
        field.measure();
        field.list_walls(cells(deep_m, BLOCK_M));
        Ok(field)
    }

    /// Distances to the nearest wall, wall by wall over the cells around it.
    fn measure(&mut self) {
        self.clear_m = vec![CLEAR_MAX_M as f32; self.nx * self.ny];
        for (a, b) in &self.walls {
            let range = |p: f64, q: f64, from: f64, n: usize| {
                let low = ((p.min(q) - CLEAR_MAX_M - from) / CELL_M).floor().max(0.0) as usize;
                let high = ((p.max(q) + CLEAR_MAX_M - from) / CELL_M).ceil().max(0.0) as usize;
                low.min(n)..high.min(n)
            };
            for iy in range(a.y_m, b.y_m, self.origin.y_m, self.ny) {
                for ix in range(a.x_m, b.x_m, self.origin.x_m, self.nx) {
                    let middle = middle(self.origin, ix, iy, CELL_M);
                    let cell = &mut self.clear_m[iy * self.nx + ix];
                    *cell = cell.min(distance_m(middle, *a, *b) as f32);
                }
            }
        }
    }

    fn list_walls(&mut self, blocks_y: usize) {
        let reach_m = self.radius_m + self.air_max_m + BLOCK_M * 0.71;
        for iy in 0..blocks_y {
            for ix in 0..self.blocks_x {
                let middle = middle(self.origin, ix, iy, BLOCK_M);
                let from = self.near.len() as u32;
                if self.clearance_m(middle) < reach_m + CELL_M {
                    let near = self.walls.iter().enumerate();
                    let near = near.filter(|(_, w)| distance_m(middle, w.0, w.1) <= reach_m);
                    self.near.extend(near.map(|(i, _)| i as u16));
                }
                self.blocks.push((from, self.near.len() as u32));
            }
        }
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
        let centre = ahead(pose.rear, pose.heading_rad, self.vehicle.rear_axle_m);
        let Some(cell) = self.cell(centre) else { return false };
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
        let body = self.body(pose).grown(air_m);
        let turned = body.heading_rad.sin_cos();
        self.near[*from as usize..*to as usize].iter().all(|i| {
            let (a, b) = self.walls[usize::from(*i)];
            !body.touches_along(turned, a, b)
        })
    }

    /// As [`Field::is_free`], and not within a solid.
    pub(super) fn is_free_end(&self, pose: &RearPose, air_m: f64) -> bool {
        let body = self.body(pose);
        self.is_free(pose, air_m) && self.solids.iter().all(|solid| !solid.overlaps(&body))
    }

    fn body(&self, pose: &RearPose) -> Body {
        Body {
            centre: ahead(pose.rear, pose.heading_rad, self.vehicle.rear_axle_m),
            heading_rad: pose.heading_rad,
            half_length_m: self.vehicle.length_m / 2.0,
            half_width_m: self.vehicle.width_m / 2.0,
        }
    }

    /// Distance to a point around all walls for a disc a little less wide than the vehicle, m, for
    /// each cell; infinite where it cannot come from.
    pub(super) fn ways_to(&self, to: Point2) -> Vec<f32> {
        let mut least = vec![f32::INFINITY; self.clear_m.len()];
        let Some(root) = self.cell(to) else { return least };
        // A disc is kept out only where it surely touches, whatever the place within a cell.
        let narrow_m = (self.vehicle.width_m / 2.0 - CELL_M * 0.71) as f32;
        let mut open = BinaryHeap::new();
        least[root] = 0.0;
        open.push(Reverse((0_u32, root)));
        while let Some(Reverse((mm, cell))) = open.pop() {
            let here = least[cell];
            if mm > (here * 1000.0) as u32 {
                continue;
            }
            let (ix, iy) = (cell % self.nx, cell / self.nx);
            for dy in -1_isize..=1 {
                for dx in -1_isize..=1 {
                    let (Some(jx), Some(jy)) =
                        (ix.checked_add_signed(dx), iy.checked_add_signed(dy))
                    else {
                        continue;
                    };
                    if jx >= self.nx || jy >= self.ny || (dx == 0 && dy == 0) {
                        continue;
                    }
                    let next = jy * self.nx + jx;
                    let share = if dx != 0 && dy != 0 { std::f32::consts::SQRT_2 } else { 1.0 };
                    let step = share * CELL_M as f32;
                    if self.clear_m[next] >= narrow_m && here + step < least[next] {
                        least[next] = here + step;
                        open.push(Reverse(((least[next] * 1000.0) as u32, next)));
                    }
                }
            }
        }
        least
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
