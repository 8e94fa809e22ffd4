//! A picture of a city, to look at what an import made.

use std::fmt::Write as _;

use rv_base::{EdgeId, LatLon};
use rv_map::{AreaKind, City, FacilityKind, LabelKind, LineKind, Mode, RoadKind};

const WIDTH_PX: f64 = 1_600.0;

/// Draws areas, lines, roads, delivery points, facilities and names.
pub(super) fn draw(city: &City) -> String {
    let paper = Paper::of(city);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH_PX:.0}\" height=\"{h:.0}\" \
         viewBox=\"0 0 {WIDTH_PX:.0} {h:.0}\" font-family=\"sans-serif\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#f3f1ec\"/>\n",
        h = paper.height_px
    );
    draw_areas(city, &paper, &mut svg);
    draw_lines(city, &paper, &mut svg);
    draw_roads(city, &paper, &mut svg);
    for place in &city.places {
        let (x, y) = paper.at(place.position);
        let r = 0.8 + f64::from(place.weight).sqrt() / 12.0;
        let _ =
            writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\" fill=\"#c2410c\"/>");
    }
    for facility in &city.facilities {
        let (x, y) = paper.at(facility.position);
        let colour = match facility.kind {
            FacilityKind::Hub => "#111827",
            FacilityKind::Station => "#1d4ed8",
            FacilityKind::Locker => "#7e22ce",
            FacilityKind::Charger => "#15803d",
        };
        let _ = writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"9\" height=\"9\" fill=\"{colour}\" \
             stroke=\"#fff\"/>",
            x - 4.5,
            y - 4.5
        );
    }
    draw_labels(city, &paper, &mut svg);
    let _ = writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{:.0}\" font-size=\"13\" text-anchor=\"end\" fill=\"#444\">{}</text>\n\
         </svg>",
        WIDTH_PX - 8.0,
        paper.height_px - 8.0,
        escaped(&city.attribution)
    );
    svg
}

/// Where things are drawn: equirectangular, north up.
struct Paper {
    north_west: LatLon,
    px_per_lon_deg: f64,
    px_per_lat_deg: f64,
    height_px: f64,
}

impl Paper {
    fn of(city: &City) -> Self {
        let (low, high) = city.bounds;
        let width_deg = (high.lon_deg() - low.lon_deg()).max(1e-6);
        let middle = ((low.lat_deg() + high.lat_deg()) / 2.0).to_radians();
        let px_per_lon_deg = WIDTH_PX / width_deg;
        let px_per_lat_deg = px_per_lon_deg / middle.cos().max(0.05);
        let height_px = ((high.lat_deg() - low.lat_deg()) * px_per_lat_deg).clamp(100.0, 6_000.0);
        let north_west = LatLon::from_e7(high.lat_e7(), low.lon_e7()).unwrap_or(high);
        Self { north_west, px_per_lon_deg, px_per_lat_deg, height_px }
    }

    fn at(&self, p: LatLon) -> (f64, f64) {
        (
            (p.lon_deg() - self.north_west.lon_deg()) * self.px_per_lon_deg,
            (self.north_west.lat_deg() - p.lat_deg()) * self.px_per_lat_deg,
        )
    }

    fn path(&self, points: &[LatLon], end: &str) -> String {
        let mut path = String::new();
        for (i, &p) in points.iter().enumerate() {
            let (x, y) = self.at(p);
            let _ = write!(path, "{}{x:.1},{y:.1}", if i == 0 { 'M' } else { 'L' });
        }
        path + end
    }
}

fn draw_areas(city: &City, paper: &Paper, svg: &mut String) {
    let order =
        [AreaKind::Bare, AreaKind::Green, AreaKind::Water, AreaKind::Paved, AreaKind::Building];
    for kind in order {
        let fill = match kind {
            AreaKind::Bare => "#e8e0cf",
            AreaKind::Green => "#cfe3c0",
            AreaKind::Water => "#a9cbe2",
            AreaKind::Paved => "#e6e3dd",
            AreaKind::Building => "#d6cfc4",
        };
        for area in city.areas.iter().filter(|area| area.kind == kind) {
            let path: String = area.rings.iter().map(|ring| paper.path(ring, "Z")).collect();
            let _ = writeln!(svg, "<path d=\"{path}\" fill=\"{fill}\" fill-rule=\"evenodd\"/>");
        }
    }
}

fn draw_lines(city: &City, paper: &Paper, svg: &mut String) {
    for line in &city.lines {
        let style = match line.kind {
            LineKind::Rail => "stroke=\"#8a8a8a\" stroke-width=\"1.2\" stroke-dasharray=\"5 3\"",
            LineKind::Waterway => "stroke=\"#a9cbe2\" stroke-width=\"1.5\"",
            LineKind::Path => "stroke=\"#d9b8a0\" stroke-width=\"0.7\" stroke-dasharray=\"2 1.5\"",
            LineKind::Street => "stroke=\"#d8d2c8\" stroke-width=\"1.4\"",
            LineKind::Coastline => "stroke=\"#7da7c4\" stroke-width=\"1\"",
            LineKind::Border => "stroke=\"#a78bba\" stroke-width=\"1.5\" stroke-dasharray=\"8 4\"",
        };
        let path = paper.path(&line.points, "");
        let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" {style}/>");
    }
}

fn draw_roads(city: &City, paper: &Paper, svg: &mut String) {
    let mut edges: Vec<EdgeId> = (0..city.graph.n_edges())
        .map(EdgeId::from_idx)
        .filter(|id| city.graph.edge(*id).reverse.is_none_or(|reverse| *id < reverse))
        .collect();
    edges.sort_by_key(|id| std::cmp::Reverse(city.graph.road_of(*id).kind));
    for id in edges {
        let (edge, road) = (city.graph.edge(id), city.graph.road_of(id));
        let reverse = edge.reverse.map(|r| city.graph.edge(r).modes).unwrap_or_default();
        let is_van = edge.modes.union(reverse).contains(Mode::Van);
        let width = match road.kind {
            RoadKind::Motorway | RoadKind::Trunk | RoadKind::Primary => 4.0,
            RoadKind::Secondary | RoadKind::Tertiary => 3.0,
            RoadKind::Unclassified | RoadKind::Residential | RoadKind::LivingStreet => 2.2,
            RoadKind::Service | RoadKind::Pedestrian => 1.4,
            RoadKind::Track | RoadKind::Cycleway | RoadKind::Footway => 0.8,
        };
        let colour = match road.kind {
            _ if !is_van => "#c8a68c",
            RoadKind::Motorway | RoadKind::Trunk => "#d97757",
            RoadKind::Primary => "#e8a33d",
            RoadKind::Secondary | RoadKind::Tertiary => "#ecc864",
            _ => "#ffffff",
        };
        let opacity = if road.is_tunnel { 0.35 } else { 1.0 };
        let path = paper.path(&city.graph.polyline(id), "");
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" \
             stroke-linecap=\"round\" stroke-opacity=\"{opacity}\"/>"
        );
    }
}

fn draw_labels(city: &City, paper: &Paper, svg: &mut String) {
    for label in &city.labels {
        let (size, colour) = match label.kind {
            LabelKind::City => (22, "#222"),
            LabelKind::Quarter => (15, "#444"),
            LabelKind::Water => (10, "#2b5d80"),
            LabelKind::Green => (9, "#3d6b2f"),
            LabelKind::Spot => (7, "#666"),
        };
        let (x, y) = paper.at(label.position);
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{colour}\" \
             text-anchor=\"middle\" stroke=\"#fff\" stroke-width=\"2\" paint-order=\"stroke\">{}\
             </text>",
            escaped(&label.text)
        );
    }
}

fn escaped(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    plain.fold(String::new(), |mut out, c| {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
        out
    })
}
