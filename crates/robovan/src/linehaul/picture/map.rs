//! Map of a plan: hubs where they are, lanes as wide as the freight on them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{ClockFace, Scene, amount, begin_svg, escaped, fill_colour, text};

const WIDTH_PX: f64 = 1_400.0;
const HEIGHT_PX_MAX: f64 = 1_600.0;
const MARGIN_PX: f64 = 60.0;
const TOP_PX: f64 = 50.0;
/// Widest lane and largest hub.
const LANE_PX_MAX: f64 = 14.0;
const HUB_PX_MAX: f64 = 16.0;
/// Up to so many lanes all are drawn strongly; of more, those with much freight stand out.
const STRONG_LANES_MAX: usize = 150;
/// Most names on a map of many hubs.
const NAMES_MAX: usize = 40;
/// How far both directions of a lane bow apart, as a share of its length.
const BOW: f64 = 0.06;
/// Rough width of a letter, as a share of its height.
const LETTER: f64 = 0.6;

/// What goes over one lane in all.
#[derive(Default)]
struct Flow {
    freight: f64,
    room: f64,
    n_trucks: u32,
    n_empty: u32,
    is_marked: bool,
}

/// Draws the map.
pub(in super::super) fn draw(scene: &Scene) -> String {
    let low = scene
        .hubs
        .iter()
        .fold((f64::INFINITY, f64::INFINITY), |low, hub| (low.0.min(hub.x), low.1.min(hub.y)));
    let high = scene.hubs.iter().fold((f64::NEG_INFINITY, f64::NEG_INFINITY), |high, hub| {
        (high.0.max(hub.x), high.1.max(hub.y))
    });
    let (width, height) = ((high.0 - low.0).max(1e-9), (high.1 - low.1).max(1e-9));
    let scale = ((WIDTH_PX - 2.0 * MARGIN_PX) / width)
        .min((HEIGHT_PX_MAX - TOP_PX - 2.0 * MARGIN_PX) / height);
    let height_px = height * scale + 2.0 * MARGIN_PX + TOP_PX;
    let left_px = (WIDTH_PX - width * scale) / 2.0;
    let at: Vec<(f64, f64)> = scene
        .hubs
        .iter()
        .map(|hub| {
            (left_px + (hub.x - low.0) * scale, TOP_PX + MARGIN_PX + (high.1 - hub.y) * scale)
        })
        .collect();
    let flows = flows(scene);
    let mut svg = begin_svg(WIDTH_PX, height_px);
    lanes(&mut svg, scene, &flows, &at);
    hubs(&mut svg, scene, &at);
    legend(&mut svg, scene, &flows, scale, height_px);
    svg + "</svg>\n"
}

fn flows(scene: &Scene) -> BTreeMap<(usize, usize), Flow> {
    let mut flows: BTreeMap<(usize, usize), Flow> = BTreeMap::new();
    for (d, drive) in scene.drives.iter().enumerate() {
        let flow = flows.entry((drive.from, drive.to)).or_default();
        flow.freight += drive.freight;
        flow.room += drive.room;
        flow.is_marked |= scene.marked_drives().contains(&d);
        if drive.freight > 0.0 {
            flow.n_trucks += drive.n_trucks;
        } else {
            flow.n_empty += drive.n_trucks;
        }
    }
    flows
}

fn lanes(
    svg: &mut String,
    scene: &Scene,
    flows: &BTreeMap<(usize, usize), Flow>,
    at: &[(f64, f64)],
) {
    let most = flows.values().map(|f| f.freight).fold(1e-9, f64::max);
    let mut rows: Vec<(&(usize, usize), &Flow)> = flows.iter().collect();
    // Wide lanes below, thin ones and the marked way on top.
    rows.sort_by(|a, b| {
        (a.1.is_marked.cmp(&b.1.is_marked))
            .then(b.1.freight.total_cmp(&a.1.freight))
            .then(a.0.cmp(b.0))
    });
    let is_faded = scene.marked.is_some();
    let is_dense = flows.len() > STRONG_LANES_MAX;
    for (&(from, to), flow) in rows {
        let ((x0, y0), (x1, y1)) = (at[from], at[to]);
        let (middle_x, middle_y) =
            ((x0 + x1) / 2.0 - (y1 - y0) * BOW, (y0 + y1) / 2.0 + (x1 - x0) * BOW);
        let path = format!("M{x0:.1} {y0:.1}Q{middle_x:.1} {middle_y:.1} {x1:.1} {y1:.1}");
        let names = (&scene.hubs[from].name, &scene.hubs[to].name);
        let empties = match flow.n_empty {
            0 => String::new(),
            n => format!(", {n} drive(s) without freight"),
        };
        let title = escaped(&format!(
            "{} to {}: {} truck(s), {} of {}{empties}",
            names.0,
            names.1,
            flow.n_trucks,
            amount(flow.freight, scene.unit),
            amount(flow.room, scene.unit)
        ));
        let weight = flow.freight / most;
        let opacity = match (is_faded && !flow.is_marked, is_dense) {
            (true, _) => 0.15,
            (false, true) if !flow.is_marked => 0.12 + 0.68 * weight,
            (false, _) => 0.8,
        };
        if flow.freight > 0.0 {
            let share = flow.freight / flow.room.max(1e-9);
            let colour = if flow.is_marked { "#c026d3".to_owned() } else { fill_colour(share) };
            let wide = (lane_px(weight, is_dense)).max(0.5);
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"{wide:.1}\" fill=\"none\" \
                 stroke-opacity=\"{opacity:.2}\"><title>{title}</title></path>"
            );
        }
        if flow.n_empty > 0 {
            let wide = 0.8 + 0.25 * f64::from(flow.n_empty).sqrt();
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" stroke=\"#dc2626\" stroke-width=\"{wide:.1}\" fill=\"none\" \
                 stroke-dasharray=\"5 4\" stroke-opacity=\"{:.2}\"><title>{title}</title></path>",
                opacity.max(0.3)
            );
        }
    }
}

/// Width of a lane with so much of the most that any lane carries.
fn lane_px(weight: f64, is_dense: bool) -> f64 {
    if is_dense { LANE_PX_MAX * 0.5 * weight } else { LANE_PX_MAX * weight.sqrt() }
}

fn hubs(svg: &mut String, scene: &Scene, at: &[(f64, f64)]) {
    let handled = scene.handled();
    let most = handled.iter().copied().fold(1e-9, f64::max);
    let mut by_size: Vec<usize> = (0..at.len()).collect();
    by_size.sort_by(|&a, &b| handled[b].total_cmp(&handled[a]).then(a.cmp(&b)));
    let radius = |hub: usize| 3.0 + HUB_PX_MAX * (handled[hub] / most).sqrt() * 0.8;
    for &hub in &by_size {
        let (x, y) = at[hub];
        let title = escaped(&format!(
            "{}: {} loaded and unloaded",
            scene.hubs[hub].name,
            amount(handled[hub], scene.unit)
        ));
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\" fill=\"#fbbf24\" stroke=\"#78350f\" \
             stroke-width=\"1\"><title>{title}</title></circle>",
            radius(hub)
        );
    }
    // Names of the largest hubs first, each where it covers no other name.
    let size = if at.len() <= NAMES_MAX { 14.0 } else { 11.0 };
    let mut taken: Vec<[f64; 4]> = Vec::new();
    for &hub in by_size.iter().take(NAMES_MAX) {
        let name = &scene.hubs[hub].name;
        let (wide, (x, y)) = (name.chars().count() as f64 * size * LETTER, at[hub]);
        let r = radius(hub) + 3.0;
        let spots = [
            (x + r, y + size * 0.35),
            (x - r - wide, y + size * 0.35),
            (x - wide / 2.0, y - r),
            (x - wide / 2.0, y + r + size),
        ];
        let free = spots.into_iter().find(|&(x, y)| {
            let spot = [x, y - size, x + wide, y];
            x > 0.0
                && x + wide < WIDTH_PX
                && taken
                    .iter()
                    .all(|t| spot[2] < t[0] || t[2] < spot[0] || spot[3] < t[1] || t[3] < spot[1])
        });
        if let Some((x, y)) = free {
            taken.push([x, y - size, x + wide, y]);
            let style = "fill=\"#111827\" paint-order=\"stroke\" stroke=\"#fff\" \
                         stroke-width=\"3\"";
            text(svg, (x, y), size, style, name);
        }
    }
}

fn legend(
    svg: &mut String,
    scene: &Scene,
    flows: &BTreeMap<(usize, usize), Flow>,
    scale: f64,
    height_px: f64,
) {
    let most = flows.values().map(|f| f.freight).fold(0.0, f64::max);
    let mut x = 20.0;
    for (share, what) in [(1.0, amount(most, scene.unit)), (0.25, amount(most / 4.0, scene.unit))] {
        let wide = lane_px(share, flows.len() > STRONG_LANES_MAX);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} 24h40\" stroke=\"#2563eb\" stroke-width=\"{wide:.1}\"/>"
        );
        text(svg, (x + 48.0, 28.0), 12.0, "fill=\"#374151\"", &what);
        x += 70.0 + what.chars().count() as f64 * 7.0;
    }
    for (share, what) in [(0.1, "nearly empty"), (0.5, "half full"), (1.0, "full")] {
        let colour = fill_colour(share);
        let _ = writeln!(svg, "<path d=\"M{x:.1} 24h40\" stroke=\"{colour}\" stroke-width=\"6\"/>");
        text(svg, (x + 48.0, 28.0), 12.0, "fill=\"#374151\"", what);
        x += 70.0 + what.chars().count() as f64 * 7.0;
    }
    if flows.values().any(|flow| flow.n_empty > 0) {
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} 24h40\" stroke=\"#dc2626\" stroke-width=\"2\" \
             stroke-dasharray=\"5 4\"/>"
        );
        text(svg, (x + 48.0, 28.0), 12.0, "fill=\"#374151\"", "without freight");
    }
    if scene.clock == ClockFace::Week {
        // A round length of 100 to 250 pixels.
        let metres = 100.0 / scale;
        let magnitude = 10_f64.powf(metres.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * magnitude);
        let length = round.into_iter().find(|&l| l >= metres).unwrap_or(metres);
        let y = height_px - 20.0;
        let _ = writeln!(
            svg,
            "<path d=\"M20 {:.1}v6h{:.1}v-6\" stroke=\"#111827\" fill=\"none\"/>",
            y - 6.0,
            length * scale
        );
        let style = "fill=\"#111827\"";
        text(svg, (28.0 + length * scale, y), 12.0, style, &format!("{:.0} km", length / 1000.0));
    }
}
