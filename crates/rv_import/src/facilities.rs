//! Hubs, stations, lockers and charging places: those in the data, and as many more as a city of
//! this size should have, spread by a seeded rule.

use rv_base::{EdgeId, LatLon, LocalFrame, Meters, Point2, Rng};
use rv_map::{Facility, FacilityKind, Mode, Place, RoadKind, SnapQuery};

use crate::areas;
use crate::options::ImportOptions;
use crate::places::Snapper;
use crate::raw::{RawMap, Tags, short};
use crate::report::ImportReport;

/// Rounds of Lloyd's algorithm (1982); it settles in a few on street maps.
const N_ROUNDS: usize = 12;
/// Places that the rule looks at; a larger city is sampled.
const N_SAMPLES_MAX: usize = 20_000;
const STOP_RADIUS: Meters = Meters(300.0);
/// A placed facility may move this far to a suitable street.
const PLACED_RADIUS: Meters = Meters(1_500.0);

/// Finds and places all facilities: hubs, stations, lockers, chargers, mapped before placed.
pub(crate) fn find(
    raw: &RawMap,
    places: &[Place],
    snapper: &Snapper<'_>,
    options: &ImportOptions,
    report: &mut ImportReport,
) -> Vec<Facility> {
    let mut facilities = mapped(raw, snapper);
    report.kept.n_mapped_facilities = facilities.len();
    let rule = &options.facilities;
    let wanted = [
        (FacilityKind::Hub, rule.places_per_hub, 1),
        (FacilityKind::Station, rule.places_per_station, 2),
        (FacilityKind::Locker, rule.places_per_locker, 3),
        (FacilityKind::Charger, rule.places_per_charger, 2),
    ];
    for (kind, places_per, n_min) in wanted {
        let n_wanted = (places.len() as f64 / places_per.max(1.0)).round() as usize;
        let there: Vec<LatLon> =
            facilities.iter().filter(|f| f.kind == kind).map(|f| f.position).collect();
        let n_missing = n_wanted.clamp(n_min, 5_000).saturating_sub(there.len());
        let label = format!("{kind:?}");
        let mut rng = Rng::from_seed(options.seed).fork("facilities").fork(&label);
        for centre in spread(places, &there, n_missing, &mut rng) {
            facilities.extend(placed(kind, centre, &facilities, snapper));
        }
    }
    report.kept.n_placed_facilities = facilities.len() - report.kept.n_mapped_facilities;
    facilities.sort_by_key(|f| (f.kind, !f.is_mapped));
    facilities
}

fn mapped(raw: &RawMap, snapper: &Snapper<'_>) -> Vec<Facility> {
    let nodes = raw.node_tags.iter().map(|(n, tags)| (raw.positions[*n as usize], tags));
    let ways = raw.ways.iter().filter(|w| w.is_ring()).map(|way| {
        let points = raw.points_of(way);
        (areas::area_and_centre(&points[..points.len() - 1]).1, &way.tags)
    });
    let mut facilities: Vec<Facility> = Vec::new();
    for (position, tags) in nodes.chain(ways) {
        let Some(kind) = kind_of(tags) else { continue };
        let Ok(stop) = snapper.stop(position, tags.get("addr:street"), STOP_RADIUS) else {
            continue;
        };
        let near = |f: &&Facility| f.kind == kind && f.position.distance_to(position).0 < 15.0;
        if facilities.iter().rev().take(2_000).any(|f| near(&f)) {
            continue;
        }
        let name = ["name", "operator", "brand"].iter().find_map(|key| tags.get(key));
        let name = name.map_or_else(|| usual_name(kind, facilities.len() + 1), short);
        let n_slots = tags
            .get("capacity")
            .and_then(|v| v.parse::<u16>().ok())
            .filter(|n| (1..=2_000).contains(n))
            .unwrap_or(usual_slots(kind));
        facilities.push(Facility { kind, name, position, stop, n_slots, is_mapped: true });
    }
    facilities
}

fn kind_of(tags: &Tags) -> Option<FacilityKind> {
    if tags.get("access").is_some_and(|v| v == "private" || v == "no") {
        return None;
    }
    match tags.get("amenity")? {
        "parcel_locker" => Some(FacilityKind::Locker),
        "vending_machine" => tags
            .get("vending")
            .filter(|v| v.contains("parcel_pickup") || v.contains("parcel_mail_in"))
            .map(|_| FacilityKind::Locker),
        "post_office" => Some(FacilityKind::Station),
        "post_depot" => Some(FacilityKind::Hub),
        // A bicycle's socket charges no van.
        "charging_station" if tags.is("motorcar", "no") || tags.is("bicycle", "yes") => None,
        "charging_station" => Some(FacilityKind::Charger),
        _ => None,
    }
}

fn usual_name(kind: FacilityKind, number: usize) -> String {
    let word = match kind {
        FacilityKind::Hub => "Hub",
        FacilityKind::Station => "Station",
        FacilityKind::Locker => "Locker",
        FacilityKind::Charger => "Charger",
    };
    format!("{word} {number}")
}

fn usual_slots(kind: FacilityKind) -> u16 {
    match kind {
        FacilityKind::Hub => 40,
        FacilityKind::Station => 4,
        FacilityKind::Locker => 60,
        FacilityKind::Charger => 4,
    }
}

/// Sets a facility near `centre`, on a through street where a van may stand.
fn placed(
    kind: FacilityKind,
    centre: LatLon,
    others: &[Facility],
    snapper: &Snapper<'_>,
) -> Option<Facility> {
    let query = SnapQuery { mode: Mode::Van, radius: PLACED_RADIUS, heading: None, n_max: 48 };
    let mut snaps = snapper.index.nearest(snapper.graph, centre, &query);
    snaps.retain(|snap| snapper.is_served(snap.position.edge));
    let handicap = |edge: EdgeId| {
        let road = snapper.graph.road_of(edge);
        let is_short = snapper.graph.edge(edge).length < Meters(30.0);
        let by_kind = match road.kind {
            RoadKind::Secondary | RoadKind::Tertiary | RoadKind::Unclassified => 0.0,
            RoadKind::Primary | RoadKind::Residential => 100.0,
            _ => 300.0,
        };
        let closed = if road.is_destination_only || road.is_roundabout { 500.0 } else { 0.0 };
        Meters(by_kind + closed + if is_short { 100.0 } else { 0.0 })
    };
    let snap = snapper.index.best_stop(snapper.graph, &snaps, snapper.side, handicap)?;
    let number = others.iter().filter(|f| f.kind == kind).count() + 1;
    Some(Facility {
        kind,
        name: usual_name(kind, number),
        position: snap.point,
        stop: snap.position,
        n_slots: usual_slots(kind),
        is_mapped: false,
    })
}

/// Spreads `n` points over the places by weight, away from those already there: seeding after
/// k-means++ (Arthur and Vassilvitskii 2007), then Lloyd's rounds in which the given points stay.
fn spread(places: &[Place], there: &[LatLon], n: usize, rng: &mut Rng) -> Vec<LatLon> {
    if n == 0 || places.is_empty() {
        return Vec::new();
    }
    let step = places.len().div_ceil(N_SAMPLES_MAX);
    let frame = LocalFrame::at(places[0].position);
    let samples: Vec<(Point2, f64)> = places
        .iter()
        .step_by(step)
        .map(|p| (frame.to_local(p.position), f64::from(p.weight.clamp(1, 50))))
        .collect();
    let mut centres: Vec<Point2> = there.iter().map(|&p| frame.to_local(p)).collect();
    let n_fixed = centres.len();
    let square = |a: Point2, b: Point2| (a.x_m - b.x_m).powi(2) + (a.y_m - b.y_m).powi(2);
    let mut nearest_2: Vec<f64> = samples
        .iter()
        .map(|(p, _)| {
            centres.iter().map(|c| square(*p, *c)).fold(f64::INFINITY, f64::min).min(1e12)
        })
        .collect();
    for _ in 0..n {
        let total: f64 = samples.iter().zip(&nearest_2).map(|((_, w), d)| w * d).sum();
        let mut left = rng.unit() * total;
        let drawn = samples.iter().zip(&nearest_2).position(|((_, w), d)| {
            left -= w * d;
            left < 0.0
        });
        let centre = samples[drawn.unwrap_or(samples.len() - 1)].0;
        centres.push(centre);
        for ((p, _), d) in samples.iter().zip(&mut nearest_2) {
            *d = d.min(square(*p, centre));
        }
    }
    // With many centres the rounds cost more than they move.
    let n_rounds = N_ROUNDS.min(40_000_000 / (samples.len() * centres.len()).max(1));
    for _ in 0..n_rounds {
        let mut sums = vec![(0.0, 0.0, 0.0); centres.len()];
        for (p, weight) in &samples {
            let by_distance =
                |a: &usize, b: &usize| square(*p, centres[*a]).total_cmp(&square(*p, centres[*b]));
            let nearest = (0..centres.len()).min_by(by_distance).unwrap_or(0);
            let sum = &mut sums[nearest];
            *sum = (sum.0 + weight * p.x_m, sum.1 + weight * p.y_m, sum.2 + weight);
        }
        for (centre, (x, y, weight)) in centres.iter_mut().zip(sums).skip(n_fixed) {
            if weight > 0.0 {
                *centre = Point2 { x_m: x / weight, y_m: y / weight };
            }
        }
    }
    centres[n_fixed..].iter().filter_map(|&c| frame.to_world(c).ok()).collect()
}
