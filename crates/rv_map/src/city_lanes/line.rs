//! Lines of lanes: places along them, feet of points, and which pass near a point.

use rv_base::Point2;

use super::CityLaneId;

/// Edge of a cell of the grid, m.
const CELL_M: f64 = 30.0;

/// The foot of a point on a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// The lane.
    pub lane: CityLaneId,
    /// Distance along it, m.
    pub s_m: f64,
    /// Distance of the point to the left of it, m.
    pub beside_m: f64,
    /// Heading of the lane there, rad.
    pub heading_rad: f64,
}

pub(super) fn at(line: &[[f32; 3]], s_m: f64) -> (Point2, f64) {
    let i = match line.iter().rposition(|p| f64::from(p[2]) <= s_m) {
        Some(i) => i.min(line.len() - 2),
        None => 0,
    };
    let ([ax, ay, a_s], [bx, by, b_s]) = (line[i].map(f64::from), line[i + 1].map(f64::from));
    let (dx, dy, ds) = (bx - ax, by - ay, (b_s - a_s).max(1e-6));
    let t = (s_m - a_s) / ds;
    (Point2 { x_m: ax + t * dx, y_m: ay + t * dy }, dy.atan2(dx))
}

pub(super) fn foot(lane: CityLaneId, line: &[[f32; 3]], p: Point2) -> Spot {
    let mut best = (f64::INFINITY, Spot { lane, s_m: 0.0, beside_m: 0.0, heading_rad: 0.0 });
    let n = line.len() - 1;
    for i in 0..n {
        let ([ax, ay, a_s], [bx, by, _]) = (line[i].map(f64::from), line[i + 1].map(f64::from));
        let (dx, dy) = (bx - ax, by - ay);
        let length_m = dx.hypot(dy).max(1e-6);
        let (px, py) = (p.x_m - ax, p.y_m - ay);
        let along = (px * dx + py * dy) / length_m;
        // Only the ends go on straight.
        let low = if i == 0 { f64::NEG_INFINITY } else { 0.0 };
        let high = if i + 1 == n { f64::INFINITY } else { length_m };
        let held = along.clamp(low, high);
        let side = (py * dx - px * dy) / length_m;
        let away = (along - held).hypot(side);
        if away < best.0 {
            let beside_m = away.copysign(side);
            let heading_rad = dy.atan2(dx);
            best = (away, Spot { lane, s_m: a_s + held, beside_m, heading_rad });
        }
    }
    best.1
}

/// Distance from a point to the nearest part of a line, m.
pub(super) fn distance_m(line: &[[f32; 3]], p: Point2) -> f64 {
    let piece = |w: &[[f32; 3]]| {
        let ([ax, ay, _], [bx, by, _]) = (w[0].map(f64::from), w[1].map(f64::from));
        let (dx, dy) = (bx - ax, by - ay);
        let (px, py) = (p.x_m - ax, p.y_m - ay);
        let t = ((px * dx + py * dy) / (dx * dx + dy * dy).max(1e-9)).clamp(0.0, 1.0);
        (px - t * dx).hypot(py - t * dy)
    };
    line.windows(2).map(piece).fold(f64::INFINITY, f64::min)
}

/// Lanes by the cells that they touch.
#[derive(Clone, Debug, Default)]
pub(super) struct LaneGrid {
    origin: (f64, f64),
    n: (usize, usize),
    first: Vec<u32>,
    lanes: Vec<CityLaneId>,
}

impl LaneGrid {
    pub(super) fn build<'a>(lines: impl Iterator<Item = &'a [[f32; 3]]> + Clone) -> Self {
        let (mut lo, mut hi) =
            ((f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        for p in lines.clone().flatten() {
            let (x, y) = (f64::from(p[0]), f64::from(p[1]));
            lo = (lo.0.min(x), lo.1.min(y));
            hi = (hi.0.max(x), hi.1.max(y));
        }
        if lo.0 > hi.0 {
            return Self { first: vec![0], ..Self::default() };
        }
        let n = (((hi.0 - lo.0) / CELL_M) as usize + 1, ((hi.1 - lo.1) / CELL_M) as usize + 1);
        let mut grid = Self { origin: lo, n, first: vec![0; n.0 * n.1 + 1], lanes: Vec::new() };
        let mut touched: Vec<(u32, CityLaneId)> = Vec::new();
        for (i, line) in lines.enumerate() {
            let from = touched.len();
            for pair in line.windows(2) {
                let [a, b] = [pair[0].map(f64::from), pair[1].map(f64::from)];
                let steps = ((b[0] - a[0]).hypot(b[1] - a[1]) / (CELL_M / 3.0)) as usize + 1;
                for k in 0..=steps {
                    let t = k as f64 / steps as f64;
                    let cell = grid.cell(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]));
                    let entry = (cell as u32, CityLaneId(i as u32));
                    if !touched[from..].contains(&entry) {
                        touched.push(entry);
                    }
                }
            }
        }
        touched.sort_unstable();
        for (cell, _) in &touched {
            grid.first[*cell as usize + 1] += 1;
        }
        for i in 1..grid.first.len() {
            grid.first[i] += grid.first[i - 1];
        }
        grid.lanes = touched.into_iter().map(|t| t.1).collect();
        grid
    }

    fn cell(&self, x: f64, y: f64) -> usize {
        let at = |v: f64, o: f64, n: usize| (((v - o) / CELL_M).max(0.0) as usize).min(n - 1);
        at(y, self.origin.1, self.n.1) * self.n.0 + at(x, self.origin.0, self.n.0)
    }

    /// Calls `each` once for every lane that may pass within a distance of a point.
    pub(super) fn near(&self, p: Point2, within_m: f64, mut each: impl FnMut(CityLaneId)) {
        if self.lanes.is_empty() {
            return;
        }
        let reach_m = within_m + CELL_M / 3.0;
        let low = self.cell(p.x_m - reach_m, p.y_m - reach_m);
        let high = self.cell(p.x_m + reach_m, p.y_m + reach_m);
        let mut seen: Vec<CityLaneId> = Vec::new();
        for row in low / self.n.0..=high / self.n.0 {
            for col in low % self.n.0..=high % self.n.0 {
                let cell = row * self.n.0 + col;
                for id in &self.lanes[self.first[cell] as usize..self.first[cell + 1] as usize] {
                    if !seen.contains(id) {
                        seen.push(*id);
                        each(*id);
                    }
                }
            }
        }
    }
}
