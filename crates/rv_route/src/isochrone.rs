//! The outline of what is within reach.
//!
//! The ground within some distance of a reached road counts as reached. Its border is found on a
//! grid: each grid point knows how far the nearest reached road is, and where that passes the
//! margin between two points there runs the border (marching squares). Points of the border are
//! right to a small part of a grid cell.

use std::collections::BTreeMap;

use rv_base::{LatLon, LocalFrame, Meters, Point2};
use rv_map::RoadGraph;

use crate::route::Reached;

/// How an outline is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutlineOptions {
    /// So far from a reached road the ground counts as reached; at least one metre. It is widened
    /// where the area is so large that the grid would pass its limit.
    pub margin: Meters,
    /// Holes of less than this diameter are filled.
    pub hole_min: Meters,
}

impl OutlineOptions {
    /// For a city: what lies within a short walk of the road.
    pub const CITY: Self = Self { margin: Meters(60.0), hole_min: Meters(250.0) };
}

/// An area with holes. Rings are closed (first point = last), the outer one counter-clockwise and
/// holes clockwise, as GeoJSON wants them.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    /// Its border.
    pub outer: Vec<LatLon>,
    /// What is left out.
    pub holes: Vec<Vec<LatLon>>,
}

/// Grid points at most.
const POINTS_MAX: f64 = 1_500_000.0;
/// Grid cells of a margin.
const CELLS_OF_MARGIN: f64 = 2.0;

/// The ground within reach, as polygons that do not touch each other, the largest first.
pub fn outline(graph: &RoadGraph, reached: &[Reached], options: OutlineOptions) -> Vec<Polygon> {
    let Some(first) = reached.first() else { return Vec::new() };
    let frame = LocalFrame::at(first.line(graph)[0]);
    let lines: Vec<Vec<[f64; 2]>> = reached
        .iter()
        .map(|edge| {
            let line = edge.line(graph).into_iter().map(|p| frame.to_local(p));
            line.map(|p| [p.x_m, p.y_m]).collect()
        })
        .collect();
    let grid = Grid::around(&lines, options.margin.0.max(1.0));
    let field = grid.distances(&lines);
    let rings = grid.rings(&field);
    let on_earth = |ring: &Ring| -> Vec<LatLon> {
        // Beyond a pole or the date line there is no ground to name.
        let to_earth = |p: &[f64; 2]| frame.to_world(Point2 { x_m: p[0], y_m: p[1] }).ok();
        let mut line: Vec<LatLon> = ring.points.iter().filter_map(to_earth).collect();
        line.extend(line.first().copied());
        line
    };
    let mut outer: Vec<&Ring> = rings.iter().filter(|ring| ring.area_m2 > 0.0).collect();
    outer.sort_by(|a, b| b.area_m2.total_cmp(&a.area_m2));
    let mut polygons: Vec<Polygon> =
        outer.iter().map(|ring| Polygon { outer: on_earth(ring), holes: Vec::new() }).collect();
    let hole_m2 = options.hole_min.0 * options.hole_min.0 * std::f64::consts::FRAC_PI_4;
    for hole in rings.iter().filter(|ring| ring.area_m2 < -hole_m2) {
        // Of all that surround it, the smallest.
        let around = outer.iter().rposition(|ring| ring.contains(hole.points[0]));
        if let Some(around) = around {
            polygons[around].holes.push(on_earth(hole));
        }
    }
    polygons
}

/// A square grid; points lie at whole multiples of `step_m` from the corner.
struct Grid {
    corner: [f64; 2],
    step_m: f64,
    margin_m: f64,
    n: [usize; 2],
}

struct Ring {
    points: Vec<[f64; 2]>,
    /// More than zero for an outer ring.
    area_m2: f64,
}

impl Grid {
    fn around(lines: &[Vec<[f64; 2]>], margin_m: f64) -> Self {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for point in lines.iter().flatten() {
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let extent = [high[0] - low[0], high[1] - low[1]];
        let step_m = (margin_m / CELLS_OF_MARGIN)
            .max((extent[0] * extent[1] / POINTS_MAX).sqrt())
            .max((extent[0] + extent[1]) / POINTS_MAX.sqrt() / 4.0);
        let margin_m = margin_m.max(CELLS_OF_MARGIN * step_m);
        // The outermost points lie outside for certain.
        let rim_m = margin_m + step_m;
        let n = [0, 1].map(|axis| ((extent[axis] + 2.0 * rim_m) / step_m).ceil() as usize + 1);
        Self { corner: [low[0] - rim_m, low[1] - rim_m], step_m, margin_m, n }
    }

    fn at(&self, x: usize, y: usize) -> usize {
        y * self.n[0] + x
    }

    /// How far within the margin of the nearest line each point is, m; below zero outside.
    fn distances(&self, lines: &[Vec<[f64; 2]>]) -> Vec<f32> {
        let far = self.margin_m + self.step_m;
        let mut square = vec![(far * far) as f32; self.n[0] * self.n[1]];
        for pair in lines.iter().flat_map(|line| line.windows(2)) {
            let [a, b] = [pair[0], pair[1]];
            let range = |axis: usize| {
                let (low, high) = (a[axis].min(b[axis]) - far, a[axis].max(b[axis]) + far);
                let cell = |m: f64| ((m - self.corner[axis]) / self.step_m).max(0.0) as usize;
                cell(low)..(cell(high) + 1).min(self.n[axis])
            };
            for y in range(1) {
                for x in range(0) {
                    let known = &mut square[y * self.n[0] + x];
                    *known = known.min(square_to(self.point(x, y), a, b) as f32);
                }
            }
        }
        square.iter().map(|square| self.margin_m as f32 - square.sqrt()).collect()
    }

    fn point(&self, x: usize, y: usize) -> [f64; 2] {
        [self.corner[0] + x as f64 * self.step_m, self.corner[1] + y as f64 * self.step_m]
    }

    /// The border, with what is inside on the left.
    fn rings(&self, field: &[f32]) -> Vec<Ring> {
        // A crossing is named by the grid point at its lower or left end, and its direction.
        let mut next: BTreeMap<usize, usize> = BTreeMap::new();
        for y in 0..self.n[1] - 1 {
            for x in 0..self.n[0] - 1 {
                self.cross(field, x, y, &mut next);
            }
        }
        let mut rings = Vec::new();
        while let Some((start, mut at)) = next.pop_first() {
            let mut points = vec![self.crossing(field, start)];
            while at != start {
                points.push(self.crossing(field, at));
                at = next.remove(&at).expect("a border ends nowhere");
            }
            let area_m2 = area_m2(&points);
            rings.push(Ring { points, area_m2 });
        }
        rings
    }

    /// The pieces of the border in the cell above and to the right of a point.
    fn cross(&self, field: &[f32], x: usize, y: usize, next: &mut BTreeMap<usize, usize>) {
        let corners = [self.at(x, y), self.at(x + 1, y), self.at(x + 1, y + 1), self.at(x, y + 1)];
        let is_in = corners.map(|at| field[at] > 0.0);
        // Sides in the order of the corners they start from, counter-clockwise.
        let sides = [2 * corners[0], 2 * corners[1] + 1, 2 * corners[3], 2 * corners[0] + 1];
        let enters: Vec<usize> = (0..4).filter(|c| !is_in[*c] && is_in[(c + 1) % 4]).collect();
        let leaves: Vec<usize> = (0..4).filter(|c| is_in[*c] && !is_in[(c + 1) % 4]).collect();
        let is_saddle = enters.len() == 2;
        let middle: f32 = corners.iter().map(|at| field[*at]).sum();
        for enter in &enters {
            // Going round the cell, what is inside follows the side where it is entered. In a
            // saddle with its middle inside, both parts are one, and the border goes back.
            let step = |leave: &&usize| (**leave + 4 - enter) % 4;
            let leave = if is_saddle && middle > 0.0 {
                leaves.iter().max_by_key(step)
            } else {
                leaves.iter().min_by_key(step)
            };
            if let Some(leave) = leave {
                next.insert(sides[*leave], sides[*enter]);
            }
        }
    }

    /// Where the border passes between two points.
    fn crossing(&self, field: &[f32], name: usize) -> [f64; 2] {
        let (first, is_up) = (name / 2, name % 2 == 1);
        let second = first + if is_up { self.n[0] } else { 1 };
        let (a, b) = (f64::from(field[first]), f64::from(field[second]));
        let share = (a / (a - b)).clamp(0.0, 1.0) * self.step_m;
        let [x, y] = self.point(first % self.n[0], first / self.n[0]);
        if is_up { [x, y + share] } else { [x + share, y] }
    }
}

impl Ring {
    fn contains(&self, point: [f64; 2]) -> bool {
        let mut inside = false;
        let mut before = self.points[self.points.len() - 1];
        for p in &self.points {
            if (p[1] > point[1]) != (before[1] > point[1]) {
                let x =
                    before[0] + (point[1] - before[1]) / (p[1] - before[1]) * (p[0] - before[0]);
                inside ^= point[0] < x;
            }
            before = *p;
        }
        inside
    }
}

/// Square of the distance from a point to a stretch.
fn square_to(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let (px, py) = (p[0] - a[0], p[1] - a[1]);
    let square = dx * dx + dy * dy;
    let share = if square > 0.0 { ((px * dx + py * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
    (px - share * dx).powi(2) + (py - share * dy).powi(2)
}

fn area_m2(points: &[[f64; 2]]) -> f64 {
    let mut before = points[points.len() - 1];
    let mut twice = 0.0;
    for p in points {
        twice += before[0] * p[1] - p[0] * before[1];
        before = *p;
    }
    twice / 2.0
}

#[cfg(test)]
mod tests {
    use rv_base::Seconds;

    use super::*;
    use crate::oracle::Case;
    use crate::{Reach, Scratch};

    /// Whether a point lies in one of the polygons.
    fn is_within(polygons: &[Polygon], frame: &LocalFrame, point: LatLon) -> bool {
        let plane = |ring: &[LatLon]| -> Vec<[f64; 2]> {
            ring.iter().map(|p| frame.to_local(*p)).map(|p| [p.x_m, p.y_m]).collect()
        };
        let is_in = |ring: &[LatLon]| {
            let p = frame.to_local(point);
            Ring { points: plane(ring), area_m2: 0.0 }.contains([p.x_m, p.y_m])
        };
        polygons.iter().any(|p| is_in(&p.outer) && !p.holes.iter().any(|hole| is_in(hole)))
    }

    #[test]
    fn an_outline_holds_what_is_near_reached_roads_and_nothing_else() {
        let mut n_checked = [0, 0];
        for seed in 0..10 {
            let mut case = Case::of_size(seed, 14, 14);
            let metric = case.metric();
            let start = case.positions(1)[0];
            let reach = Reach { time: Seconds(150.0), energy: None };
            let found = metric.reachable(&mut Scratch::default(), start, reach);
            let Ok(reached) = found else { continue };
            let options = OutlineOptions { margin: Meters(25.0), hole_min: Meters::ZERO };
            let polygons = outline(&case.graph, &reached, options);
            assert!(!polygons.is_empty());
            let first = reached[0].line(&case.graph)[0];
            let frame = LocalFrame::at(first);
            let lines: Vec<Vec<LatLon>> = reached.iter().map(|r| r.line(&case.graph)).collect();
            for point in lines.iter().flatten() {
                assert!(is_within(&polygons, &frame, *point), "seed {seed}");
            }
            for _ in 0..100 {
                let around = frame.to_local(lines[case.rng.below(lines.len())][0]);
                let mut m = || case.rng.range(-60.0, 60.0);
                let at = Point2 { x_m: around.x_m + m(), y_m: around.y_m + m() };
                let plane = |p: LatLon| {
                    let p = frame.to_local(p);
                    [p.x_m, p.y_m]
                };
                let far = lines
                    .iter()
                    .flat_map(|line| line.windows(2))
                    .map(|pair| square_to([at.x_m, at.y_m], plane(pair[0]), plane(pair[1])).sqrt());
                let far_m = far.fold(f64::INFINITY, f64::min);
                // A grid cell is half a margin; within a good part of it the border is open.
                if (far_m - 25.0).abs() > 5.0 {
                    let is_in = is_within(&polygons, &frame, frame.to_world(at).unwrap());
                    assert_eq!(is_in, far_m < 25.0, "seed {seed}: {far_m}");
                    n_checked[usize::from(is_in)] += 1;
                }
            }
            for polygon in &polygons {
                for ring in polygon.holes.iter().chain([&polygon.outer]) {
                    assert!(ring.len() >= 4 && ring.first() == ring.last());
                }
            }
        }
        assert!(n_checked.iter().all(|n| *n > 100), "{n_checked:?}");
    }

    #[test]
    fn nothing_reached_has_no_outline_and_a_spot_has_a_round_one() {
        let mut case = Case::of_size(1, 5, 5);
        assert_eq!(outline(&case.graph, &[], OutlineOptions::CITY), []);
        let at = case.positions(1)[0];
        let spot =
            Reached { edge: at.edge, cost: crate::Cost::ZERO, from: at.offset, until: at.offset };
        let found = outline(&case.graph, &[spot], OutlineOptions::CITY);
        assert_eq!(found.len(), 1);
        assert!(found[0].holes.is_empty() && found[0].outer.len() > 8);
    }
}
