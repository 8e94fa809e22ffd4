//! Routes as a picture.

use std::fmt::Write as _;

use rv_model::dispatch::Plan;

use super::Loaded;

/// Side of the picture, px.
const SIDE_PX: f64 = 1000.0;

/// Draws the routes as SVG; `None` if the problem has no coordinates.
pub fn plot_svg(loaded: &Loaded, plan: &Plan) -> Option<String> {
    let points = &loaded.points;
    let fold = |f: fn(f64, f64) -> f64, start: f64, of: fn(&(f64, f64)) -> f64| {
        points.iter().map(of).fold(start, f)
    };
    points.first()?;
    let (left, right) = (fold(f64::min, f64::MAX, |p| p.0), fold(f64::max, f64::MIN, |p| p.0));
    let (low, high) = (fold(f64::min, f64::MAX, |p| p.1), fold(f64::max, f64::MIN, |p| p.1));
    let scale = (SIDE_PX - 40.0) / (right - left).max(high - low).max(1e-9);
    let at = |location: u32| {
        let (x, y) = points[location as usize];
        (20.0 + (x - left) * scale, 20.0 + (high - y) * scale)
    };
    let (width, height) = ((right - left) * scale + 40.0, (high - low) * scale + 40.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fbfaf7\"/>\n"
    );
    for (idx, route) in plan.routes.iter().enumerate() {
        let vehicle = &loaded.problem.vehicles()[route.vehicle as usize];
        let start = loaded.problem.start_location(vehicle);
        let stops = route.tasks().map(|t| loaded.location(t));
        let line: Vec<String> = std::iter::once(start)
            .chain(stops)
            .chain(vehicle.end)
            .map(|l| format!("{:.1},{:.1}", at(l).0, at(l).1))
            .collect();
        // The golden angle keeps the hues of neighbouring routes apart.
        let hue = (idx as f64 * 137.5) % 360.0;
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"hsl({hue:.0} 65% 42%)\" \
             stroke-width=\"1.6\" stroke-linejoin=\"round\" opacity=\"0.85\"/>",
            line.join(" ")
        );
        for task in route.tasks() {
            let (x, y) = at(loaded.location(task));
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.2\" fill=\"hsl({hue:.0} 65% 32%)\"/>"
            );
        }
    }
    for out in &plan.unassigned {
        let task = rv_model::dispatch::Task::Serve(out.order);
        let (x, y) = at(loaded.location(task));
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#d00\"/>");
    }
    for depot in loaded.problem.depots() {
        let (x, y) = at(depot.location);
        let _ = writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"12\" height=\"12\" fill=\"#222\"/>",
            x - 6.0,
            y - 6.0
        );
    }
    svg.push_str("</svg>\n");
    Some(svg)
}
