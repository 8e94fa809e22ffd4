//! The report as one HTML page that needs nothing else.

use std::fmt::Write as _;

use rv_map::City;
use rv_sim::day::{DayResult, HistoryRow};

use super::report::Report;
use super::svg::{Series, bars, lines};

/// Width of the map picture, in its own units.
const MAP_WIDTH: f64 = 1000.0;

/// Classes of how often an edge was driven: from so many times on, with so strong a line.
const CLASSES: [(u32, &str, f64); 4] =
    [(1, "#9ecae1", 0.8), (5, "#4292c6", 1.1), (20, "#08519c", 1.5), (80, "#e07a1f", 2.0)];

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;\
    padding:0 1rem;color:#1d2733;background:#fbfbf9}h1{margin-bottom:0}h2{margin:2rem 0 .4rem;\
    font-size:1.1rem}.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));\
    gap:.7rem;margin:1.2rem 0}.tiles div{background:#fff;border:1px solid #e3e3dc;\
    border-radius:8px;padding:.6rem .8rem}.tiles b{display:block;font-size:1.35rem}\
    .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(440px,1fr));gap:1rem}\
    svg{width:100%;background:#fff;border:1px solid #e3e3dc;border-radius:8px}\
    text{font:11px system-ui,sans-serif;fill:#5b6570}.grid{stroke:#ecece6;fill:none}\
    .line{fill:none;stroke-width:1.8}.legend span{margin-right:1rem}.legend i{display:inline-block;\
    width:.8rem;height:.8rem;margin-right:.3rem;border-radius:2px}p{margin:.3rem 0}\
    table{border-collapse:collapse}td{padding:.15rem .8rem .15rem 0}code{word-break:break-all}";

/// The whole page.
pub(crate) fn page(report: &Report, city: &City, result: &DayResult) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>A day in {0}</title><style>{STYLE}</style></head>\
         <body><h1>A day in {0}</h1><p>{1} vans, {2} parcels, {3} hours, seed {4}, robovan {5}{6}\
         </p>",
        escape(&report.city),
        report.vans,
        report.parcels,
        report.hours,
        report.seed,
        report.version,
        if report.is_partial { ", stopped early" } else { "" }
    );
    html.push_str(&tiles(report));
    html.push_str("<div class=\"plots\">");
    plots(&mut html, report, result);
    html.push_str("</div><h2>Streets driven</h2>");
    html.push_str(&map(city, result));
    let _ = write!(html, "<p>Map data {}</p>", escape(&city.attribution));
    if !report.areas.is_empty() {
        html.push_str("<h2>Traffic and permits in the ways driven</h2>");
        html.extend(report.areas.iter().map(|area| area.to_html(city)));
    }
    html.push_str(&checks(report));
    html.push_str("</body></html>\n");
    html
}

fn tiles(report: &Report) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let of_accepted = |n: u64| percent(n as f64 / report.accepted.max(1) as f64);
    let tiles = [
        (
            "delivered",
            format!("{} <small>{}</small>", report.delivered, of_accepted(report.delivered)),
        ),
        ("on time", percent(report.on_time_share)),
        ("cost a parcel", format!("{:.2} {}", report.cost_per_parcel, escape(&report.currency))),
        ("parcels a van", format!("{:.0}", report.parcels_per_van)),
        ("driven", format!("{:.0} km", report.km)),
        ("energy", format!("{:.0} kWh", report.kwh)),
        ("returned", report.returned.to_string()),
        ("refused", report.refused.to_string()),
        ("tickets", report.tickets.to_string()),
    ];
    let mut html = "<div class=\"tiles\">".to_owned();
    for (name, value) in tiles {
        let _ = write!(html, "<div><b>{value}</b>{name}</div>");
    }
    html + "</div>"
}

fn plots(html: &mut String, report: &Report, result: &DayResult) {
    let hour = |row: &HistoryRow| {
        let first = &result.history[0];
        f64::from(first.at.second_of_day()) / 3600.0 + (row.at - first.at).0 / 3600.0
    };
    let line = |name, value: &dyn Fn(&HistoryRow) -> f64| Series {
        name,
        points: result.history.iter().map(|row| (hour(row), value(row))).collect(),
    };
    let mut plot = |title: &str, svg: String| {
        let _ = write!(html, "<section><h2>{title}</h2>{svg}</section>");
    };
    plot(
        "Orders",
        lines(
            &[
                line("delivered", &|row| row.n_delivered as f64),
                line("open", &|row| row.n_pending as f64),
            ],
            None,
            "",
        ),
    );
    let on_time = |row: &HistoryRow| {
        if row.n_delivered == 0 { 1.0 } else { row.n_on_time as f64 / row.n_delivered as f64 }
    };
    plot("Delivered inside the window", lines(&[line("share", &on_time)], Some(1.0), "%"));
    plot(
        "Vans",
        lines(
            &[
                line("driving", &|row| row.n_driving as f64),
                line("at a stop", &|row| row.n_serving as f64),
                line("charging", &|row| row.n_charging as f64),
                line("stopped", &|row| row.n_trouble as f64),
            ],
            Some(report.vans as f64),
            "",
        ),
    );
    plot(
        "Energy in the batteries, kWh",
        lines(
            &[
                line("mean", &|row| row.stored_mean.0 / 1000.0),
                line("lowest", &|row| row.stored_min.0 / 1000.0),
            ],
            None,
            "",
        ),
    );
    plot("Deliveries by hour", bars_by_hour(result));
    plot("Share of the day that a van drives", utilisation(result));
}

fn bars_by_hour(result: &DayResult) -> String {
    let mut counts: Vec<u64> = Vec::new();
    let mut labels = Vec::new();
    for pair in result.history.windows(2) {
        let hour = pair[1].at.second_of_day() / 3600;
        let label = format!("{hour:02}");
        if labels.last() != Some(&label) {
            labels.push(label);
            counts.push(0);
        }
        if let Some(count) = counts.last_mut() {
            *count += pair[1].n_delivered - pair[0].n_delivered;
        }
    }
    bars(&counts, &labels)
}

/// How many vans drive which share of the time.
fn utilisation(result: &DayResult) -> String {
    let span_s = match (result.history.first(), result.history.last()) {
        (Some(first), Some(last)) => (last.at - first.at).0.max(1.0),
        _ => return String::new(),
    };
    let mut counts = vec![0_u64; 10];
    for (_, driven) in &result.driven {
        let driven_s: f64 = driven.iter().map(|part| (part.left - part.entered).0).sum();
        counts[((driven_s / span_s * 10.0) as usize).min(9)] += 1;
    }
    let labels: Vec<String> = (0..10).map(|i| format!("{}%", i * 10)).collect();
    bars(&counts, &labels)
}

/// Driven edges, stronger where more vans came.
fn map(city: &City, result: &DayResult) -> String {
    let graph = &city.graph;
    let mut counts = vec![0_u32; graph.n_edges()];
    for part in result.driven.iter().flat_map(|(_, driven)| driven) {
        counts[part.edge.idx()] += 1;
    }
    // Both directions are one line on the picture.
    for idx in 0..graph.n_edges() {
        if let Some(reverse) = graph.edges[idx].reverse
            && reverse.idx() > idx
        {
            counts[idx] += std::mem::take(&mut counts[reverse.idx()]);
        }
    }
    let (south_west, north_east) = city.bounds;
    let lon_share = ((south_west.lat_deg() + north_east.lat_deg()) / 2.0).to_radians().cos();
    let width_deg = (north_east.lon_deg() - south_west.lon_deg()).max(1e-6) * lon_share;
    let scale = MAP_WIDTH / width_deg;
    let height = ((north_east.lat_deg() - south_west.lat_deg()) * scale).clamp(50.0, 3000.0);
    let mut svg = format!("<svg viewBox=\"0 0 {MAP_WIDTH} {height:.0}\" role=\"img\">");
    for (class, (from, colour, width)) in CLASSES.iter().enumerate() {
        let below = CLASSES.get(class + 1).map_or(u32::MAX, |next| next.0);
        let mut path = String::new();
        for (idx, _) in counts.iter().enumerate().filter(|(_, n)| (*from..below).contains(n)) {
            for (i, point) in graph.polyline(rv_base::EdgeId::from_idx(idx)).iter().enumerate() {
                let x = (point.lon_deg() - south_west.lon_deg()) * lon_share * scale;
                let y = (north_east.lat_deg() - point.lat_deg()) * scale;
                let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' });
            }
        }
        let _ = write!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
        );
    }
    svg + "</svg>"
}

fn checks(report: &Report) -> String {
    let mut html = "<h2>Checks over the ledger</h2><table>".to_owned();
    let rows = [
        ("orders asked for", report.orders.to_string()),
        ("accepted", report.accepted.to_string()),
        (
            "delivered, returned, cancelled",
            format!("{}, {}, {}", report.delivered, report.returned, report.cancelled),
        ),
        ("lost", report.lost.to_string()),
        ("twice", report.duplicated.to_string()),
        ("contradictions", report.audit_violations.to_string()),
        ("driven outside permits", format!("{:.0} m", report.permit_metres_outside)),
        ("records", report.ledger_records.to_string()),
        ("ledger", format!("<code>{}</code>", report.ledger_sha256)),
        (
            "wall, CPU, memory",
            format!(
                "{:.1} s, {:.1} s, {:.0} MB",
                report.wall_s,
                report.cpu_s,
                report.rss_bytes_max as f64 / 1e6
            ),
        ),
    ];
    for (name, value) in rows {
        let _ = write!(html, "<tr><td>{name}</td><td>{value}</td></tr>");
    }
    html.push_str("</table>");
    for example in &report.audit_examples {
        let _ = write!(html, "<p>{}</p>", escape(example));
    }
    html
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
