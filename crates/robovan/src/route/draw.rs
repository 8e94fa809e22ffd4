//! `robovan route draw`: how routing sees a map, as pictures.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use rv_base::{EdgeId, LatLon, LocalFrame, Point2};
use rv_map::{DriveSide, RoadGraph};
use rv_route::{Climb, Conditions, Metric, Route, Scratch};

use super::world::{self, World, WorldArgs};
use crate::output::{self, error_with_hint};

/// Arguments of `robovan route draw`.
#[derive(Args)]
pub(crate) struct DrawArgs {
    #[command(flatten)]
    world: WorldArgs,
    /// What to draw
    #[arg(long, value_enum)]
    what: What,
    /// Middle of the picture [default: of the map]
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true, value_parser = world::lat_lon)]
    at: Option<LatLon>,
    /// From the middle to the nearest side of the picture, m [default: the whole map; 60 for turns]
    #[arg(long, value_name = "M")]
    radius_m: Option<f64>,
    /// Start of a way, for search and zones
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true, value_parser = world::lat_lon, requires = "to")]
    from: Option<LatLon>,
    /// End of a way, for search and zones
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true, value_parser = world::lat_lon, requires = "from")]
    to: Option<LatLon>,
    /// The picture, SVG
    #[arg(long, value_name = "FILE.svg")]
    svg: PathBuf,
}

/// What a picture shows.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The road graph: junctions, and an arrow for each direction that the class may drive
    Roads,
    /// The turn-expanded network: a dot for each state, a curve for each turn
    Turns,
    /// The order of the hierarchy: the roads that cut the map apart first are the most important
    Order,
    /// What a search looks at between --from and --to: the way up from both ends, and its shortcuts
    Search,
    /// What the permits forbid and what is closed, and the way round it between --from and --to
    Zones,
}

const WIDTH_PX: f64 = 1_200.0;

pub(crate) fn run(args: &DrawArgs) -> anyhow::Result<ExitCode> {
    let world = World::load(&args.world)?;
    if args.radius_m.is_some_and(|m| !(m >= 5.0 && m.is_finite())) {
        return Err(error_with_hint("this radius makes no sense", "give at least 5 m"));
    }
    let way = match args.from.zip(args.to) {
        None if matches!(args.what, What::Search | What::Zones) => {
            let hint = "name both ends of a way with --from and --to";
            return Err(error_with_hint("this picture shows a way", hint));
        }
        None => None,
        Some((from, to)) => {
            let ends = world.place(from, None).and_then(|from| Ok((from, world.place(to, None)?)));
            let (from, to) = match ends {
                Ok((from, to)) => (from.position(), to.position()),
                Err(refusal) => return refusal.answer(false),
            };
            match world.metric.route(&mut Scratch::default(), from, to) {
                Ok(route) => Some(route),
                Err(error) => return world.refusal(error).answer(false),
            }
        }
    };
    let radius_m = args.radius_m.or((args.what == What::Turns).then_some(60.0));
    let mut paper = Paper::of(&world, args.at, radius_m);
    match args.what {
        What::Roads => paper.roads(&world),
        What::Turns => paper.turns(&world),
        What::Order => paper.order(&world),
        What::Search => paper.search(&world, way.as_ref()),
        What::Zones => paper.zones(&world, way.as_ref()),
    }
    crate::city::write_whole(&args.svg, paper.finish(&world.city.attribution).as_bytes())?;
    output::note(&format!("wrote {}", args.svg.display()));
    Ok(ExitCode::SUCCESS)
}

/// A picture in the making: metres around the middle of the view, north up.
struct Paper {
    frame: LocalFrame,
    half_m: [f64; 2],
    px_per_m: f64,
    side: DriveSide,
    svg: String,
    legend: Vec<(&'static str, String)>,
}

impl Paper {
    fn of(world: &World, at: Option<LatLon>, radius_m: Option<f64>) -> Self {
        let (south_west, north_east) = world.city.bounds;
        let middle = at.unwrap_or_else(|| {
            let mean = |a: i32, b: i32| a.midpoint(b);
            let lat = mean(south_west.lat_e7(), north_east.lat_e7());
            let lon = mean(south_west.lon_e7(), north_east.lon_e7());
            LatLon::from_e7(lat, lon).expect("between two positions lies a position")
        });
        let frame = LocalFrame::at(middle);
        let half_m = match radius_m {
            Some(radius_m) => [radius_m * 4.0 / 3.0, radius_m],
            None => {
                let corner = frame.to_local(north_east);
                [corner.x_m.abs().max(10.0), corner.y_m.abs().max(10.0)]
            }
        };
        let px_per_m = WIDTH_PX / (2.0 * half_m[0]);
        let side = world.city.drive_side;
        Self { frame, half_m, px_per_m, side, svg: String::new(), legend: Vec::new() }
    }

    /// Where a position is drawn.
    fn at(&self, p: LatLon) -> Point2 {
        let local = self.frame.to_local(p);
        Point2 {
            x_m: (local.x_m + self.half_m[0]) * self.px_per_m,
            y_m: (self.half_m[1] - local.y_m) * self.px_per_m,
        }
    }

    fn is_in_view(&self, graph: &RoadGraph, edge: EdgeId) -> bool {
        let edge = graph.edge(edge);
        [edge.tail, edge.head].iter().any(|junction| {
            let p = self.frame.to_local(graph.junctions[junction.idx()]);
            p.x_m.abs() <= 1.1 * self.half_m[0] && p.y_m.abs() <= 1.1 * self.half_m[1]
        })
    }

    /// A line, moved to the side of the road where traffic keeps, as part of a path.
    fn path(&self, line: &[LatLon], aside_px: f64) -> String {
        let mut points: Vec<Point2> = line.iter().map(|p| self.at(*p)).collect();
        if aside_px != 0.0 && points.len() > 1 {
            points =
                aside(&points, if self.side == DriveSide::Right { aside_px } else { -aside_px });
        }
        let mut out = String::new();
        for (idx, p) in points.iter().enumerate() {
            let _ = write!(out, "{}{:.1} {:.1}", if idx == 0 { "M" } else { "L" }, p.x_m, p.y_m);
        }
        out
    }

    fn stroke(&mut self, d: &str, colour: &str, width_px: f64, more: &str) {
        if !d.is_empty() {
            let _ = writeln!(
                self.svg,
                "<path d=\"{d}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width_px}\" {more}/>"
            );
        }
    }

    fn dot(&mut self, p: Point2, radius_px: f64, colour: &str) {
        let _ = writeln!(
            self.svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius_px}\" fill=\"{colour}\" stroke=\"#fff\" \
             stroke-width=\"0.6\"/>",
            p.x_m, p.y_m
        );
    }

    fn explain(&mut self, colour: &'static str, words: impl Into<String>) {
        self.legend.push((colour, words.into()));
    }

    /// All roads in view, once for both directions, as a background.
    fn background(&mut self, graph: &RoadGraph, width_px: f64) {
        let mut d = String::new();
        for edge in (0..graph.n_edges()).map(EdgeId::from_idx) {
            let is_second = graph.edge(edge).reverse.is_some_and(|reverse| reverse < edge);
            if !is_second && self.is_in_view(graph, edge) {
                d += &self.path(&graph.polyline(edge), 0.0);
            }
        }
        self.stroke(&d, "#d6d3cb", width_px, "stroke-linecap=\"round\"");
    }

    fn roads(&mut self, world: &World) {
        let graph = &world.city.graph;
        let (mut open, mut shut, mut arrows) = (String::new(), String::new(), String::new());
        let is_large = self.px_per_m > 0.5;
        for edge in (0..graph.n_edges()).map(EdgeId::from_idx) {
            if !self.is_in_view(graph, edge) {
                continue;
            }
            let line = graph.polyline(edge);
            let d = self.path(&line, if is_large { 3.0 } else { 0.0 });
            if world.metric.check_edge(edge).is_err() {
                shut += &d;
                continue;
            }
            open += &d;
            if is_large {
                arrows += &self.arrow(&line, 3.0);
            }
        }
        self.stroke(&shut, "#d6b4a0", 1.2, "");
        self.stroke(&open, "#1d4ed8", 1.4, "");
        let _ = writeln!(self.svg, "<path d=\"{arrows}\" fill=\"#1d4ed8\"/>");
        if is_large {
            for (junction, is_signal) in graph.junctions.iter().zip(&graph.is_signal) {
                let colour = if *is_signal { "#dc2626" } else { "#111827" };
                let p = self.at(*junction);
                if p.x_m > 0.0 && p.x_m < WIDTH_PX {
                    self.dot(p, 3.0, colour);
                }
            }
            self.explain("#111827", "junction");
            self.explain("#dc2626", "junction with a signal");
        }
        let class = world.metric.class().name.clone();
        self.explain("#1d4ed8", format!("edge, one for each direction that a {class} may drive"));
        self.explain("#d6b4a0", format!("not for a {class}"));
    }

    /// A small triangle in the middle of a line, in its direction.
    fn arrow(&self, line: &[LatLon], aside_px: f64) -> String {
        let points: Vec<Point2> = line.iter().map(|p| self.at(*p)).collect();
        let sign = if self.side == DriveSide::Right { 1.0 } else { -1.0 };
        let points = aside(&points, sign * aside_px);
        let at = points.len() / 2;
        let (a, b) = (points[at - 1], points[at]);
        let (dx, dy) = (b.x_m - a.x_m, b.y_m - a.y_m);
        let length = dx.hypot(dy);
        if length < 6.0 {
            return String::new();
        }
        let (ux, uy) = (dx / length, dy / length);
        let (x, y) = ((a.x_m + b.x_m) / 2.0, (a.y_m + b.y_m) / 2.0);
        format!(
            "M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z",
            x + 5.0 * ux,
            y + 5.0 * uy,
            x - 3.0 * ux - 3.0 * uy,
            y - 3.0 * uy + 3.0 * ux,
            x - 3.0 * ux + 3.0 * uy,
            y - 3.0 * uy - 3.0 * ux
        )
    }

    fn turns(&mut self, world: &World) {
        let graph = &world.city.graph;
        let network = world.metric.network();
        self.background(graph, 22.0);
        let spot = |paper: &Self, state: u32| -> Point2 {
            let line = graph.polyline(network.edge_of(state));
            let sign = if paper.side == DriveSide::Right { 1.0 } else { -1.0 };
            let mut points: Vec<Point2> = line.iter().map(|p| paper.at(*p)).collect();
            points = aside(&points, sign * 6.0);
            // A state beyond its edge's own stands a little ahead of it.
            let own = network.states_of(network.edge_of(state)).position(|s| s == state);
            along(&points, 34.0 + 16.0 * own.unwrap_or(0) as f64)
        };
        let mut seen: BTreeMap<u32, bool> = BTreeMap::new();
        let (mut usual, mut around) = (String::new(), String::new());
        for (from, to, _) in world.metric.open_arcs() {
            let (a, b) = (network.edge_of(from), network.edge_of(to));
            if !self.is_in_view(graph, a) && !self.is_in_view(graph, b) {
                continue;
            }
            for state in [from, to] {
                let is_own = network.states_of(network.edge_of(state)).next() == Some(state);
                seen.insert(state, is_own);
            }
            let (start, end) = (spot(self, from), spot(self, to));
            let bend = self.at(graph.junctions[graph.edge(a).head.idx()]);
            let d = format!(
                "M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}",
                start.x_m, start.y_m, bend.x_m, bend.y_m, end.x_m, end.y_m
            );
            if graph.edge(a).reverse == Some(b) { around += &d } else { usual += &d }
        }
        self.stroke(&usual, "#1d4ed8", 1.2, "marker-end=\"url(#a)\"");
        self.stroke(&around, "#a855f7", 1.2, "stroke-dasharray=\"3 2\"");
        let mut forbidden = String::new();
        for path in &graph.forbidden {
            let is_bound = path.modes.contains(world.metric.class().mode);
            if is_bound && path.edges.iter().any(|edge| self.is_in_view(graph, *edge)) {
                let mut line = Vec::new();
                for (idx, edge) in path.edges.iter().enumerate() {
                    let part = graph.polyline(*edge);
                    let n = part.len();
                    // Of the first and the last edge only what lies at the junction.
                    let points = match idx {
                        0 => &part[n.saturating_sub(2)..],
                        _ if idx + 1 == path.edges.len() => &part[..n.min(2)],
                        _ => &part[..],
                    };
                    line.extend_from_slice(points);
                }
                forbidden += &self.path(&line, 0.0);
            }
        }
        self.stroke(&forbidden, "#dc2626", 2.5, "stroke-dasharray=\"7 4\" stroke-opacity=\"0.8\"");
        for (state, is_own) in seen {
            let p = spot(self, state);
            self.dot(p, 5.0, if is_own { "#111827" } else { "#ea580c" });
        }
        self.explain("#111827", "state: an edge that has just been entered");
        self.explain("#ea580c", "state that also remembers the edges before");
        self.explain("#1d4ed8", "arc: the edge and the turn into the next");
        self.explain("#a855f7", "turning round, where there is nowhere else to go");
        self.explain("#dc2626", "restriction: no arc");
    }

    fn order(&mut self, world: &World) {
        const LEVELS: [(&str, f64); 6] = [
            ("#d6d3cb", 0.6),
            ("#a3b18a", 0.9),
            ("#3a86ff", 1.5),
            ("#8338ec", 2.2),
            ("#ff9f1c", 3.2),
            ("#d00000", 5.0),
        ];
        let graph = &world.city.graph;
        let network = world.metric.network();
        let mut paths = vec![String::new(); LEVELS.len()];
        let bounds = [120, 80, 50, 25, 10];
        for state in 0..network.n_states() as u32 {
            let edge = network.edge_of(state);
            let depth = network.depth_of(state);
            if self.is_in_view(graph, edge) {
                let level = bounds.iter().filter(|bound| depth < **bound).count();
                paths[level] += &self.path(&graph.polyline(edge), 0.0);
            }
        }
        for (d, (colour, width_px)) in paths.iter().zip(LEVELS) {
            self.stroke(d, colour, width_px, "stroke-linecap=\"round\"");
        }
        let most = network.n_depths();
        for (level, bound) in bounds.iter().enumerate().rev() {
            let words = format!("fewer than {bound} of at most {most} nodes above it");
            self.explain(LEVELS[level + 1].0, words);
        }
    }

    fn search(&mut self, world: &World, way: Option<&Route>) {
        let Some(way) = way else { return };
        let graph = &world.city.graph;
        let network = world.metric.network();
        self.background(graph, 0.8);
        let middle = |paper: &Self, state: u32| {
            let line = graph.polyline(network.edge_of(state));
            let points: Vec<Point2> = line.iter().map(|p| paper.at(*p)).collect();
            along(&points, length_px(&points) / 2.0)
        };
        let ends = [
            (way.from.edge, "#1d4ed8", Climb::FromStart),
            (way.to.edge, "#c2410c", Climb::FromEnd),
        ];
        let mut n_arcs = 0;
        for (edge, colour, climb) in ends {
            let Some(start) = network.states_of(edge).next() else { continue };
            let mut d = String::new();
            let climbed = network.ancestors(start);
            for state in &climbed {
                let here = middle(self, *state);
                for (other, _) in world.metric.shortcuts(*state, climb) {
                    let there = middle(self, other);
                    n_arcs += 1;
                    let _ = write!(
                        d,
                        "M{:.1} {:.1}L{:.1} {:.1}",
                        here.x_m, here.y_m, there.x_m, there.y_m
                    );
                }
            }
            self.stroke(&d, colour, 0.5, "stroke-opacity=\"0.25\"");
            for state in climbed {
                let p = middle(self, state);
                self.dot(p, 3.0, colour);
            }
        }
        self.stroke(&self.path(&way.line(graph), 0.0), "#15803d", 3.0, "");
        self.explain("#1d4ed8", "nodes and shortcuts on the way up from the start");
        self.explain("#c2410c", "nodes and shortcuts on the way up from the end");
        let (n, s) = (network.n_states(), way.time().0);
        self.explain(
            "#15803d",
            format!("the way, {s:.0} s; {n_arcs} shortcuts looked at, {n} states"),
        );
    }

    fn zones(&mut self, world: &World, way: Option<&Route>) {
        let graph = &world.city.graph;
        self.background(graph, 1.0);
        let free = Metric::build(
            world.metric.network().clone(),
            world.metric.class(),
            Conditions::default(),
            0,
        );
        let (mut forbidden, mut closed) = (String::new(), String::new());
        for edge in (0..graph.n_edges()).map(EdgeId::from_idx) {
            if !self.is_in_view(graph, edge) || free.check_edge(edge).is_err() {
                continue;
            }
            match world.metric.check_edge(edge) {
                Err(rv_route::RouteError::NotPermitted(_)) => {
                    forbidden += &self.path(&graph.polyline(edge), 0.0);
                }
                Err(rv_route::RouteError::Closed(_)) => {
                    closed += &self.path(&graph.polyline(edge), 0.0);
                }
                _ => {}
            }
        }
        self.stroke(&forbidden, "#fca5a5", 2.0, "");
        self.stroke(&closed, "#f59e0b", 4.0, "");
        let Some(way) = way else { return };
        if let Ok(direct) = free.route(&mut Scratch::default(), way.from, way.to) {
            let d = self.path(&direct.line(graph), 0.0);
            self.stroke(&d, "#6b7280", 3.0, "stroke-dasharray=\"8 5\"");
            let words = format!("without permits and closures: {:.0} s", direct.time().0);
            self.explain("#6b7280", words);
        }
        self.stroke(&self.path(&way.line(graph), 0.0), "#1d4ed8", 3.5, "");
        self.explain("#1d4ed8", format!("with them: {:.0} s", way.time().0));
        self.explain("#fca5a5", "roads that the permits forbid");
        self.explain("#f59e0b", "closed");
    }

    fn finish(self, attribution: &str) -> String {
        let height_px = 2.0 * self.half_m[1] * self.px_per_m;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH_PX:.0}\" \
             height=\"{height_px:.0}\" viewBox=\"0 0 {WIDTH_PX:.0} {height_px:.0}\" \
             font-family=\"sans-serif\">\n<defs><marker id=\"a\" viewBox=\"0 0 6 6\" refX=\"9\" \
             refY=\"3\" markerWidth=\"6\" markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0L6 3L0 \
             6Z\" fill=\"#1d4ed8\"/></marker></defs>\n<rect width=\"100%\" height=\"100%\" \
             fill=\"#f8f7f4\"/>\n"
        );
        out += &self.svg;
        let n = self.legend.len() as f64;
        let _ = writeln!(
            out,
            "<rect x=\"10\" y=\"10\" width=\"460\" height=\"{:.0}\" fill=\"#fff\" \
             fill-opacity=\"0.9\" rx=\"4\"/>",
            20.0 * n + 12.0
        );
        for (idx, (colour, words)) in self.legend.iter().enumerate() {
            let y = 20.0 * idx as f64 + 20.0;
            let _ = writeln!(
                out,
                "<rect x=\"20\" y=\"{y:.0}\" width=\"18\" height=\"10\" fill=\"{colour}\"/>\n\
                 <text x=\"46\" y=\"{:.0}\" font-size=\"14\" fill=\"#222\">{words}</text>",
                y + 10.0
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"{:.0}\" font-size=\"12\" text-anchor=\"end\" \
             fill=\"#444\">{}</text>\n</svg>",
            WIDTH_PX - 8.0,
            height_px - 8.0,
            attribution.replace('&', "&amp;").replace('<', "&lt;")
        );
        out
    }
}

/// A line moved to its right, px.
fn aside(points: &[Point2], right_px: f64) -> Vec<Point2> {
    let n = points.len();
    let moved = |idx: usize| {
        let (a, b) = (points[idx.saturating_sub(1)], points[(idx + 1).min(n - 1)]);
        let (dx, dy) = (b.x_m - a.x_m, b.y_m - a.y_m);
        let length = dx.hypot(dy).max(1e-9);
        // Down is positive on paper, so the right of east is down.
        let p = points[idx];
        Point2 { x_m: p.x_m - dy / length * right_px, y_m: p.y_m + dx / length * right_px }
    };
    (0..n).map(moved).collect()
}

fn length_px(points: &[Point2]) -> f64 {
    points.windows(2).map(|pair| pair[0].distance_to(pair[1]).0).sum()
}

/// The point so far along a line, or in the middle of a shorter one.
fn along(points: &[Point2], at_px: f64) -> Point2 {
    let mut left = at_px.min(length_px(points) / 2.0);
    for pair in points.windows(2) {
        let length = pair[0].distance_to(pair[1]).0;
        if left <= length && length > 0.0 {
            let share = left / length;
            let between = |a: f64, b: f64| a + (b - a) * share;
            return Point2 {
                x_m: between(pair[0].x_m, pair[1].x_m),
                y_m: between(pair[0].y_m, pair[1].y_m),
            };
        }
        left -= length;
    }
    points[points.len() - 1]
}
