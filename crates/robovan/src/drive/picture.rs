//! A scenario as a picture: road, others, the way driven, and the goal.

use std::fmt::Write as _;

use rv_base::Point2;
use rv_driver::trajectory::{Body, Road, State, Vehicle};
use rv_import::commonroad::{Problem, Shape};
use rv_sim::scenario::{Driven, Recorded};

/// Size of a picture, px.
const SIZE: f64 = 420.0;

/// Draws a strip: the scene with where everyone was at five moments, darker the later.
pub(super) fn strip(
    road: &Road,
    others: &[Recorded],
    vehicle: &Vehicle,
    problem: &Problem,
    driven: &Driven,
) -> String {
    let way: Vec<Point2> = driven.states.iter().map(|s| s.centre(vehicle)).collect();
    let view = View::around(&way, problem);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{SIZE}\" height=\"{SIZE}\" \
         viewBox=\"0 0 {SIZE} {SIZE}\"><rect width=\"100%\" height=\"100%\" fill=\"#eef0ea\"/>"
    );
    for lane in &road.map().lanes {
        let ring = lane.ring();
        if ring.iter().any(|p| view.sees(*p)) {
            view.polygon(&mut out, &ring, "#d3d5d9", "#fff", 1.0);
        }
    }
    for goal in &problem.goals {
        for region in &goal.regions {
            match region {
                Shape::Polygon(ring) => view.polygon(&mut out, ring, "#f4c542", "none", 0.45),
                Shape::Circle { centre, radius_m } => {
                    let (x, y) = view.at(*centre);
                    let r = radius_m * view.scale;
                    let _ = write!(
                        out,
                        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\" fill=\"#f4c542\" \
                         fill-opacity=\"0.45\"/>"
                    );
                }
            }
        }
    }
    let n = driven.states.len();
    let moments: Vec<usize> = (0..5).map(|i| i * (n - 1) / 4).collect();
    for (i, at) in moments.iter().enumerate() {
        let opacity = 0.15 + 0.17 * i as f64;
        for other in others {
            let Some((body, _)) = other.at(problem.step + *at as i64) else { continue };
            if view.sees(body.centre) {
                view.polygon(&mut out, &corners(&body), "#2b5a9e", "none", opacity);
            }
        }
    }
    for (i, at) in moments.iter().enumerate() {
        let state: &State = &driven.states[*at];
        let body = corners(&state.body(vehicle));
        view.polygon(&mut out, &body, "#c8372d", "none", 0.25 + 0.18 * i as f64);
    }
    let points: Vec<String> = way
        .iter()
        .map(|p| {
            let (x, y) = view.at(*p);
            format!("{x:.1},{y:.1}")
        })
        .collect();
    let _ = write!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#7a1510\" stroke-width=\"1.2\"/></svg>",
        points.join(" ")
    );
    out
}

struct View {
    centre: Point2,
    scale: f64,
}

impl View {
    fn around(way: &[Point2], problem: &Problem) -> Self {
        let mut points = way.to_vec();
        for goal in problem.goals.iter().filter(|g| g.lanes.is_empty()) {
            for region in &goal.regions {
                match region {
                    Shape::Polygon(ring) => points.extend(ring),
                    Shape::Circle { centre, .. } => points.push(*centre),
                }
            }
        }
        let fold = |f: fn(f64, f64) -> f64, get: fn(&Point2) -> f64, start: f64| {
            points.iter().map(get).fold(start, f)
        };
        let (x0, x1) = (
            fold(f64::min, |p| p.x_m, f64::INFINITY),
            fold(f64::max, |p| p.x_m, f64::NEG_INFINITY),
        );
        let (y0, y1) = (
            fold(f64::min, |p| p.y_m, f64::INFINITY),
            fold(f64::max, |p| p.y_m, f64::NEG_INFINITY),
        );
        let span_m = (x1 - x0).max(y1 - y0).max(20.0) + 24.0;
        Self { centre: Point2 { x_m: (x0 + x1) / 2.0, y_m: (y0 + y1) / 2.0 }, scale: SIZE / span_m }
    }

    fn at(&self, p: Point2) -> (f64, f64) {
        (
            SIZE / 2.0 + (p.x_m - self.centre.x_m) * self.scale,
            SIZE / 2.0 - (p.y_m - self.centre.y_m) * self.scale,
        )
    }

    fn sees(&self, p: Point2) -> bool {
        let (x, y) = self.at(p);
        (-SIZE..2.0 * SIZE).contains(&x) && (-SIZE..2.0 * SIZE).contains(&y)
    }

    fn polygon(&self, out: &mut String, ring: &[Point2], fill: &str, stroke: &str, opacity: f64) {
        out.push_str("<polygon points=\"");
        for p in ring {
            let (x, y) = self.at(*p);
            let _ = write!(out, "{x:.1},{y:.1} ");
        }
        let _ = write!(
            out,
            "\" fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"0.6\" fill-opacity=\"{opacity:.2}\"/>"
        );
    }
}

fn corners(body: &Body) -> Vec<Point2> {
    let (sin, cos) = body.heading_rad.sin_cos();
    [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)]
        .iter()
        .map(|(a, b)| {
            let (x, y) = (a * body.half_length_m, b * body.half_width_m);
            Point2 {
                x_m: body.centre.x_m + x * cos - y * sin,
                y_m: body.centre.y_m + x * sin + y * cos,
            }
        })
        .collect()
}
