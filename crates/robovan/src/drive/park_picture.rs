//! Manoeuvres drawn: what stands about, the outlines swept, forwards blue and backwards orange.

use std::fmt::Write as _;

use rv_driver::trajectory::{State, Vehicle};
use rv_sim::yard::{Outcome, Scene};

/// Edge of a panel and height of its caption, px.
const PANEL: f64 = 380.0;
const CAPTION: f64 = 40.0;
const COLUMNS: usize = 3;
/// Way between outlines drawn, m.
const EVERY_M: f64 = 0.6;

pub(super) fn sheet(vehicle: &Vehicle, drawn: &[(&Scene, &Outcome)]) -> String {
    let columns = COLUMNS.min(drawn.len().max(1));
    let rows = drawn.len().div_ceil(columns).max(1);
    let (w, h) = (PANEL * columns as f64, (PANEL + CAPTION) * rows as f64);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{w}' height='{h}' viewBox='0 0 {w} {h}' \
         font-family='sans-serif' font-size='12'><rect width='100%' height='100%' fill='white'/>\n"
    );
    for (i, (scene, outcome)) in drawn.iter().enumerate() {
        let (x, y) = ((i % columns) as f64 * PANEL, (i / columns) as f64 * (PANEL + CAPTION));
        let _ = write!(
            svg,
            "<clipPath id='c{i}'><rect x='{x}' y='{y}' width='{:.0}' height='{PANEL}'/></clipPath>\
             <g clip-path='url(#c{i})'>",
            PANEL - 8.0
        );
        panel(&mut svg, vehicle, scene, outcome, (x, y));
        let _ = writeln!(svg, "</g>");
        caption(&mut svg, outcome, x + 8.0, y + PANEL + 14.0);
    }
    svg + "</svg>\n"
}

fn caption(svg: &mut String, o: &Outcome, x: f64, y: f64) {
    let what = match (&o.planned, &o.verdict) {
        (None, _) => o.failure.clone().unwrap_or_default(),
        (Some(p), None) => format!("{:.1} m, {} changes of direction", p.length_m, p.n_changes),
        (Some(p), Some(v)) => format!(
            "{:.1} m, {} changes, {:.0} s; ends {:.1} cm, {:.2}° off{}",
            p.length_m,
            p.n_changes,
            o.time_s,
            v.end_off_m * 100.0,
            v.end_turned_rad.to_degrees(),
            if v.touched.is_empty() { "" } else { "; TOUCHED" },
        ),
    };
    let _ = writeln!(
        svg,
        "<text x='{x}' y='{y}' font-weight='bold'>{}</text><text x='{x}' y='{}'>{what}</text>",
        escaped(&o.name),
        y + 15.0
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn panel(
    svg: &mut String,
    vehicle: &Vehicle,
    scene: &Scene,
    outcome: &Outcome,
    (x, y): (f64, f64),
) {
    // What was driven, and some metres around.
    let mut points = vec![(scene.start.x_m, scene.start.y_m), (scene.goal.x_m, scene.goal.y_m)];
    points.extend(outcome.states.iter().map(|s| (s.rear.x_m, s.rear.y_m)));
    let low = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).fold(f64::INFINITY, f64::min);
    let high = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).fold(f64::NEG_INFINITY, f64::max);
    let (x0, x1, y0, y1) = (low(|p| p.0), high(|p| p.0), low(|p| p.1), high(|p| p.1));
    let span_m = (x1 - x0).max(y1 - y0) + 9.0;
    let (cx, cy) = ((x0 + x1) / 2.0, (y0 + y1) / 2.0);
    let scale = (PANEL - 8.0) / span_m;
    let px = |p: (f64, f64)| {
        (x + (PANEL - 8.0) / 2.0 + (p.0 - cx) * scale, y + PANEL / 2.0 - (p.1 - cy) * scale)
    };
    let _ = write!(svg, "<rect x='{x}' y='{y}' width='100%' height='{PANEL}' fill='#f7f7f5'/>");
    let polygon = |svg: &mut String, corners: &[(f64, f64)], style: &str| {
        let points: Vec<String> =
            corners.iter().map(|c| px(*c)).map(|(a, b)| format!("{a:.1},{b:.1}")).collect();
        let _ = write!(svg, "<polygon points='{}' {style}/>", points.join(" "));
    };
    for s in &scene.solids {
        let corners = rectangle((s.x_m, s.y_m), s.heading_rad, s.length_m / 2.0, s.width_m / 2.0);
        polygon(svg, &corners, "fill='#c9ccd1' stroke='#8d929a'");
    }
    for w in &scene.walls {
        let [ax, ay, bx, by] = w.ends_m;
        let ((ax, ay), (bx, by)) = (px((ax, ay)), px((bx, by)));
        let _ = write!(
            svg,
            "<line x1='{ax:.1}' y1='{ay:.1}' x2='{bx:.1}' y2='{by:.1}' stroke='#333' stroke-width='2.5'/>"
        );
    }
    for w in &scene.walks {
        let [ax, ay, bx, by] = w.ends_m;
        let ((ax, ay), (bx, by)) = (px((ax, ay)), px((bx, by)));
        let _ = write!(
            svg,
            "<line x1='{ax:.1}' y1='{ay:.1}' x2='{bx:.1}' y2='{by:.1}' stroke='#a3c' \
             stroke-dasharray='3 4'/><circle cx='{ax:.1}' cy='{ay:.1}' r='3' fill='#a3c'/>"
        );
    }
    let outline = |s: &State| {
        let c = s.centre(vehicle);
        let (l, w) = (vehicle.length_m / 2.0, vehicle.width_m / 2.0);
        rectangle((c.x_m, c.y_m), s.heading_rad, l, w)
    };
    let (mut way_m, mut drawn_m) = (0.0, 0.0);
    for pair in outcome.states.windows(2) {
        way_m += pair[0].rear.distance_to(pair[1].rear).0;
        if way_m - drawn_m > EVERY_M {
            drawn_m = way_m;
            let hue = if pair[1].speed_mps < 0.0 { "#e07b1a" } else { "#2f6fd0" };
            let style = format!("fill='none' stroke='{hue}' stroke-opacity='0.35'");
            polygon(svg, &outline(&pair[1]), &style);
        }
    }
    for pair in outcome.states.windows(2) {
        let hue = if pair[1].speed_mps < 0.0 { "#e07b1a" } else { "#2f6fd0" };
        let (a, b) =
            (px((pair[0].rear.x_m, pair[0].rear.y_m)), px((pair[1].rear.x_m, pair[1].rear.y_m)));
        let _ = write!(
            svg,
            "<line x1='{:.1}' y1='{:.1}' x2='{:.1}' y2='{:.1}' stroke='{hue}' stroke-width='2'/>",
            a.0, a.1, b.0, b.1
        );
    }
    for (place, style) in [
        (&scene.start, "fill='none' stroke='#2a8f4d' stroke-width='2'"),
        (
            &scene.goal,
            "fill='#2a8f4d' fill-opacity='0.18' stroke='#2a8f4d' stroke-width='2' stroke-dasharray='5 3'",
        ),
    ] {
        let (l, w) = (vehicle.length_m / 2.0, vehicle.width_m / 2.0);
        polygon(svg, &rectangle((place.x_m, place.y_m), place.heading_rad, l, w), style);
        // Its nose.
        let nose = |share: f64, aside: f64| {
            let (sin, cos) = place.heading_rad.sin_cos();
            (
                place.x_m + share * l * cos - aside * w * sin,
                place.y_m + share * l * sin + aside * w * cos,
            )
        };
        polygon(svg, &[nose(0.9, 0.0), nose(0.5, 0.6), nose(0.5, -0.6)], "fill='#2a8f4d'");
    }
}

fn rectangle(at: (f64, f64), heading_rad: f64, l: f64, w: f64) -> [(f64, f64); 4] {
    let (sin, cos) = heading_rad.sin_cos();
    [(l, w), (-l, w), (-l, -w), (l, -w)]
        .map(|(x, y)| (at.0 + x * cos - y * sin, at.1 + x * sin + y * cos))
}
