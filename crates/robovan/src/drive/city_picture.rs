//! Moments of a drive through a city, drawn: lanes, others, what the van plans and why.

use std::fmt::Write as _;
use std::time::Duration;

use rv_base::Point2;
use rv_driver::tracking::Class;
use rv_map::city_lanes::{CityLaneKind, CityLanes};
use rv_map::lanes::Aspect;
use rv_sim::urban::{self, DriveSetup, Moment};

/// Edge of a panel, px, and how much of the world it shows, m.
const PANEL: f64 = 300.0;
const SPAN_M: f64 = 64.0;
const COLUMNS: usize = 4;

/// Draws twelve moments of a drive: at a change of what the van waits for, spread over the drive.
pub(super) fn strip(setup: &DriveSetup, number: u64) -> String {
    // First pass: when it gave which reason.
    let mut changes: Vec<(f64, String)> = Vec::new();
    let zero = || Duration::ZERO;
    let done = urban::drive(setup, number, &zero, &mut |m| {
        let name = reason_name(m);
        if changes.last().is_none_or(|c| c.1 != name && m.at_s - c.0 > 1.0) {
            changes.push((m.at_s, name));
        }
    });
    let mut times: Vec<f64> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (at_s, name) in &changes {
        let often = seen.iter().filter(|s| *s == name).count();
        let most = if name == "Manoeuvres" { 6 } else { 2 };
        if often < most && times.last().is_none_or(|t| at_s - t > 3.0) {
            times.push(at_s + 0.8);
            seen.push(name);
        }
    }
    times.truncate(12);
    let rows = times.len().div_ceil(COLUMNS).max(1);
    let (w, h) = (PANEL * COLUMNS as f64, (PANEL + 24.0) * rows as f64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" \
         viewBox=\"0 0 {w} {h}\" font-family=\"sans-serif\" font-size=\"13\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    );
    let mut next = 0;
    urban::drive(setup, number, &zero, &mut |m| {
        if next < times.len() && m.at_s >= times[next] {
            panel(&mut out, next, &setup.lanes, m);
            next += 1;
        }
    });
    let _ = done;
    out.push_str("</svg>\n");
    out
}

fn reason_name(m: &Moment<'_>) -> String {
    let words = format!("{:?}", m.decision.reason);
    words.split('(').next().unwrap_or_default().to_owned()
}

struct View {
    centre: Point2,
    x_px: f64,
    y_px: f64,
}

impl View {
    fn at(&self, p: Point2) -> (f64, f64) {
        let scale = PANEL / SPAN_M;
        (
            self.x_px + PANEL / 2.0 + (p.x_m - self.centre.x_m) * scale,
            self.y_px + PANEL / 2.0 - (p.y_m - self.centre.y_m) * scale,
        )
    }

    fn sees(&self, p: Point2) -> bool {
        (p.x_m - self.centre.x_m).abs() < SPAN_M * 0.8
            && (p.y_m - self.centre.y_m).abs() < SPAN_M * 0.8
    }

    fn line(&self, out: &mut String, points: impl Iterator<Item = Point2>, style: &str) {
        out.push_str("<polyline fill=\"none\" points=\"");
        for p in points {
            let (x, y) = self.at(p);
            let _ = write!(out, "{x:.1},{y:.1} ");
        }
        let _ = write!(out, "\" {style}/>");
    }

    fn body(&self, out: &mut String, at: Point2, heading: f64, (l, w): (f64, f64), style: &str) {
        let (s, c) = heading.sin_cos();
        out.push_str("<polygon points=\"");
        for (x, y) in [(l, w), (-l, w), (-l, -w), (l, -w)] {
            let p = Point2 { x_m: at.x_m + x * c - y * s, y_m: at.y_m + x * s + y * c };
            let (x, y) = self.at(p);
            let _ = write!(out, "{x:.1},{y:.1} ");
        }
        let _ = write!(out, "\" {style}/>");
    }
}

fn panel(out: &mut String, idx: usize, lanes: &CityLanes, m: &Moment<'_>) {
    let (col, row) = (idx % COLUMNS, idx / COLUMNS);
    let (x_px, y_px) = (col as f64 * PANEL, row as f64 * (PANEL + 24.0));
    // The van somewhat back from the middle.
    let ahead = SPAN_M * 0.2;
    let centre = Point2 {
        x_m: m.van.at.x_m + ahead * m.van.heading_rad.cos(),
        y_m: m.van.at.y_m + ahead * m.van.heading_rad.sin(),
    };
    let view = View { centre, x_px, y_px };
    let _ = write!(
        out,
        "<svg x=\"{x_px}\" y=\"{y_px}\" width=\"{PANEL}\" height=\"{PANEL}\" \
         viewBox=\"{x_px} {y_px} {PANEL} {PANEL}\"><rect x=\"{x_px}\" y=\"{y_px}\" \
         width=\"{PANEL}\" height=\"{PANEL}\" fill=\"#e9ece4\"/>"
    );
    let mut spots = Vec::new();
    lanes.near(centre, SPAN_M * 0.75, &mut spots);
    let line =
        |id| lanes.line(id).iter().map(|p| Point2 { x_m: f64::from(p[0]), y_m: f64::from(p[1]) });
    for spot in &spots {
        let width = f64::from(lanes.lane(spot.lane).width_m) * PANEL / SPAN_M;
        let style =
            format!("stroke=\"#c9ccd2\" stroke-width=\"{width:.1}\" stroke-linecap=\"round\"");
        view.line(out, line(spot.lane), &style);
    }
    for spot in &spots {
        if matches!(lanes.lane(spot.lane).kind, CityLaneKind::Road { .. }) {
            view.line(
                out,
                line(spot.lane),
                "stroke=\"#fff\" stroke-width=\"0.7\" stroke-dasharray=\"3 5\"",
            );
        }
    }
    for cross in lanes.crosswalks().iter().filter(|c| view.sees(c.from)) {
        let style = "stroke=\"#fff\" stroke-width=\"12\" stroke-dasharray=\"2.5 2.5\" stroke-opacity=\"0.8\"";
        view.line(out, [cross.from, cross.to].into_iter(), style);
    }
    for (lane, aspect) in m.signals {
        let (p, h) = lanes.at(*lane, f64::from(lanes.lane(*lane).stop_m));
        let colour = match aspect {
            Aspect::Red | Aspect::RedYellow => "#d33",
            Aspect::Yellow => "#e8a400",
            Aspect::Green => "#2a2",
            Aspect::Off => "#888",
        };
        view.body(out, p, h, (0.4, 1.5), &format!("fill=\"{colour}\""));
    }
    for (a, b) in m.walls.iter().filter(|w| view.sees(w.0) && view.sees(w.1)) {
        view.line(out, [*a, *b].into_iter(), "stroke=\"#444\" stroke-width=\"2\"");
    }
    let way = m.driver.manoeuvre_line();
    view.line(out, way, "stroke=\"#0a8f3c\" stroke-width=\"1\" stroke-dasharray=\"4 3\"");
    for t in m.things.iter().filter(|t| view.sees(t.at)) {
        let colour = match t.class {
            Class::Pedestrian | Class::Animal => "#c2185b",
            Class::Bicycle | Class::Scooter => "#7b3fb5",
            Class::Static | Class::WetCement | Class::DryingCrops | Class::Pothole => "#a3752c",
            _ if t.stood_s > 600.0 => "#8a94a3",
            _ => "#2b5a9e",
        };
        let half = (t.half_m.0.max(0.4), t.half_m.1.max(0.4));
        view.body(
            out,
            t.at,
            t.heading_rad,
            half,
            &format!("fill=\"{colour}\" fill-opacity=\"0.55\""),
        );
    }
    for t in m.tracks.iter().filter(|t| view.sees(t.centre)) {
        view.body(
            out,
            t.centre,
            t.heading_rad,
            t.half_m,
            "fill=\"none\" stroke=\"#111\" stroke-width=\"0.8\"",
        );
    }
    let plan = m.driver.plan().iter().map(|p| p.centre);
    view.line(out, plan, "stroke=\"#0a8f3c\" stroke-width=\"3\" stroke-opacity=\"0.8\"");
    let half = m.van.half_m;
    view.body(
        out,
        m.van.at,
        m.van.heading_rad,
        half,
        "fill=\"#e4572e\" stroke=\"#000\" stroke-width=\"0.7\"",
    );
    out.push_str("</svg>");
    let _ = write!(
        out,
        "<text x=\"{:.0}\" y=\"{:.0}\">{:.1} s  {:.1} m/s  {}</text>",
        x_px + 6.0,
        y_px + PANEL + 16.0,
        m.at_s,
        m.van.speed_mps,
        escaped(&format!("{:?}", m.decision.reason)),
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
