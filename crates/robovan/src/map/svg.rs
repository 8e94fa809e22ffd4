//! A lane map as a picture: strips by use, borders, middle lines with their direction, stop lines.

use std::fmt::Write as _;

use rv_base::Point2;
use rv_map::lanes::{Lane, LaneMap, LaneUse, Sign};

const WIDTH_PX: f64 = 1_600.0;
const MARGIN_PX: f64 = 20.0;
/// No picture is higher than this many times its width.
const HEIGHT_SHARE_MAX: f64 = 2.0;

/// Draws a map.
pub(super) fn draw(map: &LaneMap) -> String {
    let (low, high) = super::bounds(map);
    let (width_m, height_m) = ((high.x_m - low.x_m).max(1.0), (high.y_m - low.y_m).max(1.0));
    let inner_px = WIDTH_PX - 2.0 * MARGIN_PX;
    let scale = (inner_px / width_m).min(inner_px * HEIGHT_SHARE_MAX / height_m);
    let height_px = height_m * scale + 2.0 * MARGIN_PX;
    let at = |p: &Point2| {
        (MARGIN_PX + (p.x_m - low.x_m) * scale, MARGIN_PX + (high.y_m - p.y_m) * scale)
    };
    let path = |line: &[Point2], is_closed: bool| {
        let mut out = String::new();
        for (i, p) in line.iter().enumerate() {
            let (x, y) = at(p);
            let _ = write!(out, "{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" });
        }
        out + if is_closed { "Z" } else { "" }
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH_PX:.0}\" \
         height=\"{height_px:.0}\" viewBox=\"0 0 {WIDTH_PX:.0} {height_px:.0}\">\n\
         <defs><marker id=\"a\" viewBox=\"0 0 6 6\" refX=\"5\" refY=\"3\" markerWidth=\"5\" \
         markerHeight=\"5\" orient=\"auto\"><path d=\"M0 0L6 3L0 6Z\" fill=\"#1d4ed8\"/></marker>\
         </defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#f3f1ec\"/>\n"
    );
    // Crossings lie on top of the lanes they cross.
    let (crossings, lanes): (Vec<&Lane>, Vec<&Lane>) =
        map.lanes.iter().partition(|lane| lane.use_by == LaneUse::Crossing);
    for lane in lanes.iter().chain(&crossings) {
        let (ring, fill) = (path(&lane.ring(), true), colour(lane));
        let _ = writeln!(
            svg,
            "<path d=\"{ring}\" fill=\"{fill}\" fill-opacity=\"0.7\" stroke=\"#fff\" \
             stroke-width=\"0.8\"/>"
        );
    }
    for lane in lanes.iter().filter(|lane| lane.use_by != LaneUse::Foot) {
        let n = ((lane.length().0 / 3.0) as usize).min(200) + 2;
        let _ = writeln!(
            svg,
            "<path d=\"{}\" fill=\"none\" stroke=\"#1d4ed8\" stroke-width=\"0.7\" \
             stroke-opacity=\"0.6\" marker-end=\"url(#a)\"/>",
            path(&lane.centre(n), false)
        );
    }
    for lane in &map.lanes {
        let Some((a, b)) = lane.stop_line else { continue };
        let stroke = match lane.sign {
            _ if !lane.signals.is_empty() => "#dc2626",
            Some(Sign::Stop) => "#7c2d12",
            Some(Sign::Yield) => "#ea580c",
            _ => "#111827",
        };
        let _ = writeln!(
            svg,
            "<path d=\"{}\" stroke=\"{stroke}\" stroke-width=\"2.5\"/>",
            path(&[a, b], false)
        );
    }
    svg + "</svg>\n"
}

fn colour(lane: &Lane) -> &'static str {
    match lane.use_by {
        LaneUse::Motor if !lane.conflicts.is_empty() => "#b9bec7",
        LaneUse::Motor => "#cfd3da",
        LaneUse::Bus => "#fde68a",
        LaneUse::Bicycle => "#fca5a5",
        LaneUse::Foot => "#e7d8c4",
        LaneUse::Crossing => "#fbbf24",
        LaneUse::Rail => "#a8a29e",
    }
}
