//! Where vehicles and their stops are, in square cells.

use super::tour::apart;

/// A stop (order number, or `u32::MAX` for a vehicle itself) and its vehicle.
type Mark = (u32, u32);

/// Rings of cells that are searched at most.
const RINGS_MAX: i32 = 12;

pub(super) struct Grid {
    origin: (f64, f64),
    side_m: f64,
    n: (i32, i32),
    cells: Vec<Vec<(Mark, (f64, f64))>>,
}

impl Grid {
    /// A grid over these points, with cells of a few vehicles each.
    pub fn new(points: impl Iterator<Item = (f64, f64)> + Clone, n_vehicles: usize) -> Self {
        let most = |f: fn((f64, f64)) -> f64, at: f64| points.clone().map(f).fold(at, f64::max);
        let (x_max, y_max) = (most(|p| p.0, f64::MIN), most(|p| p.1, f64::MIN));
        let (x_min, y_min) = (-most(|p| -p.0, f64::MIN), -most(|p| -p.1, f64::MIN));
        let (width, height) = ((x_max - x_min).max(1.0), (y_max - y_min).max(1.0));
        let n_cells = (n_vehicles as f64 * 2.0).clamp(1.0, 1e6);
        let side_m = (width * height / n_cells).sqrt().max(width.max(height) / 2000.0).max(1.0);
        let n = ((width / side_m) as i32 + 1, (height / side_m) as i32 + 1);
        let cells = vec![Vec::new(); n.0 as usize * n.1 as usize];
        Self { origin: (x_min, y_min), side_m, n, cells }
    }

    fn column(&self, at: (f64, f64)) -> (i32, i32) {
        let of = |value: f64, origin: f64, n: i32| {
            (((value - origin) / self.side_m) as i32).clamp(0, n - 1)
        };
        (of(at.0, self.origin.0, self.n.0), of(at.1, self.origin.1, self.n.1))
    }

    fn cell(&self, column: (i32, i32)) -> usize {
        column.1 as usize * self.n.0 as usize + column.0 as usize
    }

    pub fn add(&mut self, at: (f64, f64), mark: Mark) {
        let cell = self.cell(self.column(at));
        self.cells[cell].push((mark, at));
    }

    pub fn remove(&mut self, at: (f64, f64), mark: Mark) {
        let cell = self.cell(self.column(at));
        if let Some(idx) = self.cells[cell].iter().position(|m| m.0 == mark) {
            self.cells[cell].swap_remove(idx);
        }
    }

    /// Appends about the `n` nearest marks, nearest first.
    pub fn near(&self, at: (f64, f64), n: usize, out: &mut Vec<Mark>) {
        let (cx, cy) = self.column(at);
        let mut found: Vec<(f64, Mark)> = Vec::new();
        for ring in 0..RINGS_MAX {
            for y in cy - ring..=cy + ring {
                for x in cx - ring..=cx + ring {
                    let is_edge = (x - cx).abs() == ring || (y - cy).abs() == ring;
                    let is_in = (0..self.n.0).contains(&x) && (0..self.n.1).contains(&y);
                    if !is_edge || !is_in {
                        continue;
                    }
                    let marks = &self.cells[self.cell((x, y))];
                    found.extend(marks.iter().map(|(m, p)| (apart(*p, at), *m)));
                }
            }
            if found.len() >= 2 * n {
                break;
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        out.extend(found.into_iter().take(n).map(|f| f.1));
    }
}
