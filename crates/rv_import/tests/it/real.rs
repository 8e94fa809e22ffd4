//! Real extracts: the bundled one always, others where they are at hand.

use std::collections::VecDeque;
use std::path::Path;

use rv_base::{EdgeId, Meters};
use rv_import::{ImportOptions, ImportReport, build_city};
use rv_map::{AreaKind, City, DriveSide, Mode, TileIndex};

pub const MONACO: &[u8] = include_bytes!("../../../../data/monaco/monaco.osm.pbf");

fn build(name: &str, bytes: &[u8]) -> (City, ImportReport) {
    let (city, report) = build_city(bytes, &ImportOptions::named(name)).unwrap();
    check_city(name, &city);
    (city, report)
}

/// What must hold for every city.
fn check_city(name: &str, city: &City) {
    assert_eq!(city.validate(), Ok(()), "{name}");
    let graph = &city.graph;
    for mode in Mode::ALL {
        assert!(is_strongly_connected(city, mode), "{name} {mode:?}");
    }
    let is_van = |edge: EdgeId| graph.edge(edge).modes.contains(Mode::Van);
    assert!(city.places.iter().all(|p| is_van(p.stop.edge)), "{name}");
    assert!(city.facilities.iter().all(|f| is_van(f.stop.edge)), "{name}");
    // Where both directions are open, vans stop on the side of the door.
    let (mut n_right, mut n_both) = (0, 0);
    for place in &city.places {
        let edge = graph.edge(place.stop.edge);
        if edge.reverse.is_some_and(is_van) {
            n_both += 1;
            n_right +=
                usize::from(side_of(city, place.stop.edge, place.position) == city.drive_side);
        }
    }
    assert!(n_right * 100 >= n_both * 97, "{name}: {n_right} of {n_both}");
}

/// Breadth-first search there and back: shares nothing with the importer's components.
fn is_strongly_connected(city: &City, mode: Mode) -> bool {
    let graph = &city.graph;
    let open: Vec<_> = graph.edges.iter().filter(|e| e.modes.contains(mode)).collect();
    let Some(first) = open.first() else { return true };
    let reached = |is_back: bool| {
        let mut next = vec![Vec::new(); graph.n_junctions()];
        for edge in &open {
            let (from, to) = if is_back { (edge.head, edge.tail) } else { (edge.tail, edge.head) };
            next[from.idx()].push(to);
        }
        let mut seen = vec![false; graph.n_junctions()];
        let mut queue = VecDeque::from([first.tail]);
        seen[first.tail.idx()] = true;
        while let Some(junction) = queue.pop_front() {
            for &to in &next[junction.idx()] {
                if !std::mem::replace(&mut seen[to.idx()], true) {
                    queue.push_back(to);
                }
            }
        }
        seen
    };
    let (there, back) = (reached(false), reached(true));
    open.iter().all(|e| [e.tail, e.head].iter().all(|j| there[j.idx()] && back[j.idx()]))
}

/// The side of the nearest part of an edge on which a point lies.
fn side_of(city: &City, edge: EdgeId, p: rv_base::LatLon) -> DriveSide {
    let frame = rv_base::LocalFrame::at(p);
    let points: Vec<_> = city.graph.polyline(edge).iter().map(|q| frame.to_local(*q)).collect();
    let part =
        points.windows(2).min_by(|a, b| distance_to_origin(a).total_cmp(&distance_to_origin(b)));
    let [a, b] = part.unwrap() else { unreachable!() };
    let cross = a.x_m * b.y_m - a.y_m * b.x_m;
    // The origin is left of a line from a to b if they turn counter-clockwise around it.
    if cross > 0.0 { DriveSide::Left } else { DriveSide::Right }
}

fn distance_to_origin(part: &[rv_base::Point2]) -> f64 {
    let (a, b) = (part[0], part[1]);
    let (dx, dy) = (b.x_m - a.x_m, b.y_m - a.y_m);
    let share = (-(a.x_m * dx + a.y_m * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (a.x_m + share * dx).hypot(a.y_m + share * dy)
}

#[test]
fn monaco_is_what_it_is_known_to_be() {
    let (city, report) = build("monaco", MONACO);
    let input = report.input;
    assert_eq!(input.n_nodes, 30_626);
    assert_eq!(input.n_road_ways, 2_852);
    assert_eq!(input.n_turn_restrictions, 44);
    // 1,256 ways and 30 relations.
    assert_eq!(input.n_buildings, 1_286);
    assert_eq!(city.drive_side, DriveSide::Right);
    assert_eq!(city.attribution, "© OpenStreetMap contributors");
    assert!(report.kept.n_turn_restrictions >= 35, "{report:?}");
    assert!(report.kept.van_road_m > 50_000.0);
    assert!(report.dropped.cut_off_m < 0.2 * report.kept.van_road_m);
    assert!(city.places.len() > 1_000 && !report.are_places_made_up);
    assert!(city.graph.roads.iter().any(|r| r.is_roundabout));
    // The harbour is sea, the palace is not.
    let is_sea = |lat, lon| {
        let p = rv_base::LatLon::from_degrees(lat, lon).unwrap();
        let in_ring = |ring: &Vec<rv_base::LatLon>| {
            let next = ring.iter().cycle().skip(1);
            let crossings = ring.iter().zip(next).filter(|(a, b)| {
                (a.lat_deg() > lat) != (b.lat_deg() > lat)
                    && lon
                        < a.lon_deg()
                            + (lat - a.lat_deg()) / (b.lat_deg() - a.lat_deg())
                                * (b.lon_deg() - a.lon_deg())
            });
            crossings.count() % 2 == 1
        };
        let water = city.areas.iter().filter(|a| a.kind == AreaKind::Water);
        p.lat_e7() != 0
            && water.into_iter().any(|a| in_ring(&a.rings[0]) && !a.rings[1..].iter().any(in_ring))
    };
    assert!(is_sea(43.7350, 7.4260) && is_sea(43.7320, 7.4400));
    assert!(!is_sea(43.7315, 7.4203) && !is_sea(43.7396, 7.4270));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (first, report) = build("monaco", MONACO);
    let (second, again) = build("monaco", MONACO);
    assert_eq!(first.to_file_bytes(), second.to_file_bytes());
    assert_eq!(report, again);
    assert_eq!(City::from_file_bytes(&first.to_file_bytes()), Ok(first));
}

#[test]
fn a_report_is_json() {
    let (_, report) = build("monaco", MONACO);
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    assert_eq!(json["input"]["n_nodes"], 30_626);
    assert_eq!(json["warnings"][0]["kind"], "condition_ignored");
}

#[test]
fn every_extract_at_hand_makes_a_city() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/osm");
    // Name, least length of road for vans in km, side.
    let expected = [
        ("andorra.osm.pbf", 450.0, DriveSide::Right),
        ("baltimore.osm.pbf", 500.0, DriveSide::Right),
        ("bayfront_singapore.osm.pbf", 3.0, DriveSide::Left),
        ("berlin-siegessaeule.osm.gz", 0.5, DriveSide::Right),
        ("columbus.osm.pbf", 3_500.0, DriveSide::Right),
        ("Helsinki.osm.pbf", 20.0, DriveSide::Right),
        ("liechtenstein-latest.osm.pbf", 350.0, DriveSide::Right),
        ("london.osm.pbf", 50.0, DriveSide::Left),
        ("macau-roads.json.gz", 120.0, DriveSide::Left),
        ("monaco.osm.pbf", 280.0, DriveSide::Right),
        ("munchen.osm.pbf", 40.0, DriveSide::Right),
        ("portland-central-filtered.osm.pbf", 700.0, DriveSide::Right),
        ("shanghai.osm", 60.0, DriveSide::Right),
        ("taipei-junction.osm.gz", 1.0, DriveSide::Right),
    ];
    for (name, van_km_min, side) in expected {
        let Ok(bytes) = std::fs::read(folder.join(name)) else {
            println!("left out: {name} is not in ../shared/data/osm");
            continue;
        };
        let (city, report) = build(name, &bytes);
        assert!(report.kept.van_road_m >= van_km_min * 1000.0, "{name} {report:?}");
        assert_eq!(city.drive_side, side, "{name}");
        assert!(!city.places.is_empty() && !city.facilities.is_empty(), "{name}");
        let far = city.places.iter().filter(|p| {
            let line = city.graph.polyline(p.stop.edge);
            line.iter().all(|q| q.distance_to(p.position) > Meters(3_000.0))
        });
        assert_eq!(far.count(), 0, "{name}");
        let (x, y) = TileIndex::tile_at(14, city.graph.junctions[0]);
        assert!(!TileIndex::new(&city).tile(14, x, y).is_empty(), "{name}");
    }
}
