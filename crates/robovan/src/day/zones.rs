//! What jams and permits did to the ways that vans drove.

use std::fmt::Write as _;

use rv_base::{EdgeId, LatLon, Seconds, Timestamp};
use rv_map::City;
use rv_rules::Polygon;
use rv_sim::day::{DayConfig, DayResult};
use serde::Serialize;

/// Width of a picture, in its own units.
const WIDTH: f64 = 480.0;

/// An area that a permit closes or a jam slows for a part of the day, and how it was driven through.
#[derive(Serialize)]
pub(crate) struct AreaUse {
    name: String,
    /// `permit` or `jam`.
    kind: &'static str,
    /// How many times as long its roads took; absent for a permit.
    #[serde(skip_serializing_if = "Option::is_none")]
    factor: Option<f64>,
    n_edges: usize,
    /// Hours of the day, as drawn, in which it was in force; fractions of hours count.
    hours_in_force: f64,
    hours_else: f64,
    /// Pieces of road in the area that vans came onto, by the hour.
    entered_per_hour_in_force: f64,
    entered_per_hour_else: f64,
    /// The same for all roads of the city, to compare: orders come and go with the hour.
    all_per_hour_in_force: f64,
    all_per_hour_else: f64,
    #[serde(skip)]
    edges: Vec<bool>,
    #[serde(skip)]
    counts: [Vec<u32>; 2],
}

/// Every area of a day's permits and traffic that is in force for a part of the day only.
pub(crate) fn areas(city: &City, config: &DayConfig, result: &DayResult) -> Vec<AreaUse> {
    let offset = config.fleet.utc_offset_s;
    let mut found = Vec::new();
    let forbidden = config.fleet.permits.iter().flat_map(|permit| &permit.forbidden);
    for area in forbidden {
        let Some(polygon) = Polygon::new(&area.outline) else { continue };
        let is_in_force = |at: Timestamp| area.hours.contains_hour((at + offset).hour_of_week());
        let edges = edges_of(city, |line| polygon.touches(line));
        found.push(AreaUse::of(&area.name, None, edges, city, result, is_in_force));
    }
    for (idx, jam) in config.twin.traffic.jams.iter().enumerate() {
        let mut edges = vec![false; city.graph.n_edges()];
        for edge in &jam.edges {
            edges[edge.idx()] = true;
        }
        let name = format!("jam {}", idx + 1);
        let is_in_force = |at: Timestamp| (jam.from..jam.until).contains(&at);
        found.push(AreaUse::of(&name, Some(jam.factor), edges, city, result, is_in_force));
    }
    found.retain(|area| area.hours_in_force > 0.0 && area.hours_else > 0.0);
    found
}

fn edges_of(city: &City, is_in: impl Fn(&[LatLon]) -> bool) -> Vec<bool> {
    let edges = (0..city.graph.n_edges()).map(EdgeId::from_idx);
    edges.map(|edge| is_in(&city.graph.polyline(edge))).collect()
}

impl AreaUse {
    fn of(
        name: &str,
        factor: Option<f64>,
        edges: Vec<bool>,
        city: &City,
        result: &DayResult,
        is_in_force: impl Fn(Timestamp) -> bool,
    ) -> Self {
        // The history has a row every five minutes.
        let mut hours = [0.0; 2];
        for pair in result.history.windows(2) {
            let span = pair[1].at - pair[0].at;
            let middle = pair[0].at + Seconds(span.0 / 2.0);
            hours[usize::from(is_in_force(middle))] += span.0 / 3600.0;
        }
        let mut counts = [0, 1].map(|_| vec![0_u32; city.graph.n_edges()]);
        let (mut within, mut all) = ([0_u64; 2], [0_u64; 2]);
        for part in result.driven.iter().flat_map(|(_, driven)| driven) {
            let when = usize::from(is_in_force(part.entered));
            counts[when][part.edge.idx()] += 1;
            all[when] += 1;
            within[when] += u64::from(edges[part.edge.idx()]);
        }
        let rate = |n: [u64; 2], when: usize| n[when] as f64 / hours[when].max(1e-9);
        Self {
            name: name.to_owned(),
            kind: if factor.is_some() { "jam" } else { "permit" },
            factor,
            n_edges: edges.iter().filter(|is_in| **is_in).count(),
            hours_in_force: hours[1],
            hours_else: hours[0],
            entered_per_hour_in_force: rate(within, 1),
            entered_per_hour_else: rate(within, 0),
            all_per_hour_in_force: rate(all, 1),
            all_per_hour_else: rate(all, 0),
            edges,
            counts,
        }
    }

    /// How many times as much of the fleet's driving lies in the area while it is in force.
    fn share(&self) -> f64 {
        let share = |n: f64, all: f64| if all > 0.0 { n / all } else { 0.0 };
        share(self.entered_per_hour_in_force, self.all_per_hour_in_force)
            / share(self.entered_per_hour_else, self.all_per_hour_else).max(1e-9)
    }

    pub(crate) fn to_text(&self) -> String {
        let what = match self.factor {
            Some(factor) => format!("roads take {factor} times as long"),
            None => "closed to vans".to_owned(),
        };
        format!(
            "{} ({what}): {:.0} roads entered an hour, {:.0} in the other hours; its share of all \
             driving is {:.2} times that of the other hours",
            self.name,
            self.entered_per_hour_in_force,
            self.entered_per_hour_else,
            self.share()
        )
    }

    /// What was driven around the area while it was in force, and in the other hours.
    pub(crate) fn to_html(&self, city: &City) -> String {
        let mut html =
            format!("<p>{}</p><div class=\"plots\">", super::html::escape(&self.to_text()));
        for (when, title) in [(1, "in force"), (0, "the other hours")] {
            let hours = if when == 1 { self.hours_in_force } else { self.hours_else };
            let _ = write!(
                html,
                "<section><h2>{}, {hours:.1} h</h2>{}</section>",
                title,
                self.map(city, &self.counts[when], hours)
            );
        }
        html + "</div>"
    }

    fn map(&self, city: &City, counts: &[u32], hours: f64) -> String {
        let graph = &city.graph;
        let ids = || (0..graph.n_edges()).map(EdgeId::from_idx);
        let inner = || ids().filter(|edge| self.edges[edge.idx()]);
        let points = || inner().flat_map(|edge| graph.polyline(edge));
        let range = |of: fn(&LatLon) -> f64| {
            points().map(|p| of(&p)).fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)))
        };
        let ((south, north), (west, east)) = (range(|p| p.lat_deg()), range(|p| p.lon_deg()));
        if south > north {
            return String::new();
        }
        // The area and as much again around it.
        let lon_share = ((south + north) / 2.0).to_radians().cos();
        let half = (0.75 * (north - south)).max(0.75 * (east - west) * lon_share).max(1e-4);
        let (lat, lon) = ((south + north) / 2.0, (west + east) / 2.0);
        let scale = WIDTH / (2.0 * half);
        let path = |edge: EdgeId| {
            let mut d = String::new();
            for (idx, p) in graph.polyline(edge).iter().enumerate() {
                let x = (p.lon_deg() - lon) * lon_share * scale + WIDTH / 2.0;
                let y = (lat - p.lat_deg()) * scale + WIDTH / 2.0;
                if !(-WIDTH..2.0 * WIDTH).contains(&x) || !(-WIDTH..2.0 * WIDTH).contains(&y) {
                    return String::new();
                }
                let _ = write!(d, "{}{x:.1} {y:.1}", if idx == 0 { 'M' } else { 'L' });
            }
            d
        };
        let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {WIDTH}\" role=\"img\">");
        let mut stroke = |d: &str, colour: &str, width: f64| {
            let _ = write!(
                svg,
                "<path d=\"{d}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
            );
        };
        let ground = if self.factor.is_some() { "#fde2b3" } else { "#f8c9c4" };
        stroke(&inner().map(path).collect::<String>(), ground, 7.0);
        stroke(&ids().map(path).collect::<String>(), "#dcdcd4", 0.7);
        for (from, below, colour, width) in [
            (0.0, 0.5, "#9ecae1", 1.0),
            (0.5, 2.0, "#4292c6", 1.6),
            (2.0, 8.0, "#08519c", 2.4),
            (8.0, f64::INFINITY, "#e07a1f", 3.4),
        ] {
            let rate = |edge: &EdgeId| f64::from(counts[edge.idx()]) / hours.max(1e-9);
            let class = ids().filter(|e| counts[e.idx()] > 0 && (from..below).contains(&rate(e)));
            stroke(&class.map(path).collect::<String>(), colour, width);
        }
        svg + "</svg>"
    }
}
