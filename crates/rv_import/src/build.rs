//! The import from first byte to finished city.

use std::io::Read;

use rv_base::{EdgeId, LatLon};
use rv_map::{City, Mode, SnapIndex};

use crate::error::ImportError;
use crate::options::ImportOptions;
use crate::places::{self, Snapper};
use crate::raw::{Collector, RawMap};
use crate::report::{ImportReport, InputCounts, Warnings};
use crate::roads::{self, Roads};
use crate::{basemap, buildings, facilities, osm, side, turns};

/// What every map made from OpenStreetMap must show (opendatacommons.org/licenses/odbl).
const ATTRIBUTION: &str = "© OpenStreetMap contributors";

/// Builds a city from OSM PBF, OSM XML or Overpass JSON, plain or gzipped.
///
/// The input is read once. The result depends on nothing but input and options.
pub fn build_city(
    input: impl Read,
    options: &ImportOptions,
) -> Result<(City, ImportReport), ImportError> {
    let mut warnings = Warnings::default();
    let mut report = ImportReport::default();
    let mut collector = Collector::new(&options.limits, &mut warnings);
    report.format = osm::read(input, &options.limits, &mut collector)?.to_owned();
    let raw = collector.finish();
    report.remark = raw.remark.clone();
    report.input = count_input(&raw);

    let mut roads = roads::build(&raw, &mut report.dropped, &mut warnings)?;
    let (forbidden, n_bound) = turns::resolve(&raw, &roads, &mut report.dropped, &mut warnings);
    report.kept.n_turn_restrictions = n_bound;
    report.kept.n_forbidden_paths = forbidden.len();
    roads.graph.forbidden = forbidden;

    let bounds = bounds_of(&raw, &roads);
    let middle = LatLon::from_e7(
        bounds.0.lat_e7().midpoint(bounds.1.lat_e7()),
        bounds.0.lon_e7().midpoint(bounds.1.lon_e7()),
    )
    .expect("a mean of positions is a position");
    let drive_side = options.drive_side.unwrap_or_else(|| side::drive_side_at(middle));
    let buildings = buildings::find(&raw);
    let index = SnapIndex::new(&roads.graph);
    let snapper = Snapper::new(&roads.graph, &index, drive_side);
    let places = places::find(&raw, &buildings, &snapper, options, &mut report);
    let facilities = facilities::find(&raw, &places, &snapper, options, &mut report);

    let base_map = basemap::draw(&raw, &buildings, roads.left_out, bounds, &mut warnings);

    let city = City {
        name: options.name.clone(),
        attribution: ATTRIBUTION.to_owned(),
        bounds,
        drive_side,
        graph: roads.graph,
        places,
        facilities,
        areas: base_map.areas,
        lines: base_map.lines,
        labels: base_map.labels,
        marks: roads.marks,
    };
    count_kept(&city, &mut report);
    report.warnings = warnings.into_list();
    Ok((city, report))
}

/// The box that the file states, if it fits the roads, else the box around the roads.
fn bounds_of(raw: &RawMap, roads: &Roads) -> (LatLon, LatLon) {
    let points = || roads.graph.junctions.iter().chain(&roads.graph.shape_points);
    let range = |of: fn(&LatLon) -> i32| {
        let (low, high) = (points().map(of).min(), points().map(of).max());
        low.zip(high).unwrap_or((0, 0))
    };
    let ((south, north), (west, east)) = (range(|p| p.lat_e7()), range(|p| p.lon_e7()));
    let corner = |lat, lon| LatLon::from_e7(lat, lon).expect("both come from positions");
    // A file cut out of a larger one may still state the larger one's box, or any other.
    let fits = |(low, high): &(LatLon, LatLon)| {
        let overlap = |low: i32, high: i32, from: i32, to: i32| {
            let common = i64::from(high.min(to)) - i64::from(low.max(from));
            let wider = (i64::from(high) - i64::from(low)).max(i64::from(to) - i64::from(from));
            3 * common > wider
        };
        overlap(low.lat_e7(), high.lat_e7(), south, north)
            && overlap(low.lon_e7(), high.lon_e7(), west, east)
    };
    raw.bounds.filter(fits).unwrap_or_else(|| (corner(south, west), corner(north, east)))
}

fn count_input(raw: &RawMap) -> InputCounts {
    let tagged = || {
        let nodes = raw.node_tags.iter().map(|(_, tags)| tags);
        nodes.chain(raw.ways.iter().map(|w| &w.tags)).chain(raw.relations.iter().map(|r| &r.tags))
    };
    InputCounts {
        n_nodes: raw.node_ids.len(),
        n_ways: raw.ways.len(),
        n_relations: raw.relations.len(),
        n_road_ways: raw.ways.iter().filter(|w| w.tags.get("highway").is_some()).count(),
        n_buildings: raw.ways.iter().filter(|w| buildings::is_building(&w.tags)).count()
            + raw.relations.iter().filter(|r| buildings::is_building(&r.tags)).count(),
        n_turn_restrictions: raw
            .relations
            .iter()
            .filter(|r| turns::is_restriction(&r.tags))
            .count(),
        n_addresses: tagged().filter(|tags| places::address_of(tags).is_some()).count(),
    }
}

fn count_kept(city: &City, report: &mut ImportReport) {
    let graph = &city.graph;
    let kept = &mut report.kept;
    kept.n_junctions = graph.n_junctions();
    kept.n_edges = graph.n_edges();
    let is_van = |id: EdgeId| graph.edge(id).modes.contains(Mode::Van);
    let van_edges = (0..graph.n_edges()).map(EdgeId::from_idx).filter(|id| is_van(*id));
    kept.n_van_edges = van_edges.clone().count();
    kept.van_road_m = van_edges
        .filter(|id| {
            graph.edge(*id).reverse.is_none_or(|reverse| *id < reverse || !is_van(reverse))
        })
        .map(|id| graph.edge(id).length.0)
        .sum();
    kept.n_areas = city.areas.len();
    kept.n_lines = city.lines.len();
    kept.n_labels = city.labels.len();
}
