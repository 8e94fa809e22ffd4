//! Permits on a small street: three junctions in a row, both directions.
#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use rv_base::{
    EdgeId, HourSet, JunctionId, LatLon, Meters, MetersPerSecond, PermitId, RoadId, Seconds,
    Timestamp,
};
use rv_map::{Edge, ModeSet, Road, RoadGraph, RoadKind, Surface};
use rv_model::{Permit, PermitArea, VehicleKind};
use rv_rules::{NotCovered, PermitError, PermitIndex};

const VAN: VehicleKind = VehicleKind::Van;

fn at(lon_e7: i32) -> LatLon {
    LatLon::from_e7(0, lon_e7).unwrap()
}

/// Edges 0: a->b, 1: b->a, 2: b->c, 3: c->b; a, b, c at longitude 0, 1000, 2000.
fn street() -> RoadGraph {
    let edge = |tail: u32, head: u32, reverse: u32| Edge {
        tail: JunctionId(tail),
        head: JunctionId(head),
        length: Meters(11.0),
        road: RoadId(0),
        first_shape: 0,
        n_shape: 0,
        is_forward: tail < head,
        modes: ModeSet::ALL,
        reverse: Some(EdgeId(reverse)),
    };
    RoadGraph {
        junctions: vec![at(0), at(1000), at(2000)],
        is_signal: vec![false; 3],
        first_out: vec![0, 1, 3, 4],
        edges: vec![edge(0, 1, 1), edge(1, 0, 0), edge(1, 2, 3), edge(2, 1, 2)],
        shape_points: vec![],
        roads: vec![Road {
            source_id: 1,
            name: "Street".into(),
            kind: RoadKind::Residential,
            speed_limit: MetersPerSecond(8.0),
            n_lanes: (1, 1),
            surface: Surface::Paved,
            is_roundabout: false,
            is_destination_only: false,
            is_tunnel: false,
            is_bridge: false,
            width_max: None,
            height_max: None,
            mass_max: None,
        }],
        rises_permille: vec![],
        forbidden: vec![],
    }
}

fn area(west_e7: i32, east_e7: i32, hours: HourSet) -> PermitArea {
    let corner = |lat, lon| LatLon::from_e7(lat, lon).unwrap();
    PermitArea {
        name: "area".into(),
        outline: vec![
            corner(-500, west_e7),
            corner(-500, east_e7),
            corner(500, east_e7),
            corner(500, west_e7),
        ],
        hours,
    }
}

fn permit(id: u32, allowed: Vec<PermitArea>, forbidden: Vec<PermitArea>) -> Permit {
    Permit {
        id: PermitId(id),
        name: "permit".into(),
        kinds: vec![VAN],
        allowed,
        forbidden,
        hours: HourSet::ALWAYS,
    }
}

fn covered(index: &PermitIndex, permits: &[PermitId], hour: u32) -> Vec<u32> {
    let set = index.edges(permits, VAN, hour);
    assert_eq!(set.len(), (0..4).filter(|e| set.contains(EdgeId(*e))).count());
    (0..4).filter(|e| set.contains(EdgeId(*e))).collect()
}

#[test]
fn an_edge_across_the_border_is_neither_allowed_nor_spared() {
    let west = permit(0, vec![area(-100, 1500, HourSet::ALWAYS)], vec![]);
    let not_east = permit(1, vec![], vec![area(1500, 2500, HourSet::ALWAYS)]);
    let index = PermitIndex::new(&street(), &[west, not_east], Seconds::ZERO).unwrap();
    assert_eq!(covered(&index, &[PermitId(0)], 0), [0, 1]);
    assert_eq!(covered(&index, &[PermitId(1)], 0), [0, 1]);
    assert_eq!(covered(&index, &[], 0), [0, 1, 2, 3]);
    let now = Timestamp::ZERO;
    assert_eq!(
        index.covers(&[PermitId(1)], VAN, EdgeId(2), now),
        Err(NotCovered::Forbidden(PermitId(1)))
    );
    assert_eq!(index.covers(&[PermitId(0)], VAN, EdgeId(2), now), Err(NotCovered::Uncovered));
    // Held together, what one forbids stays forbidden though neither covers it anyway.
    assert_eq!(covered(&index, &[PermitId(0), PermitId(1)], 0), [0, 1]);
}

#[test]
fn hours_are_the_citys_own() {
    let by_day = permit(0, vec![], vec![area(900, 2500, HourSet::daily(9, 17))]);
    let index = PermitIndex::new(&street(), &[by_day], Seconds(8.0 * 3600.0)).unwrap();
    // 1970-01-01 00:59:59 UTC is 08:59:59 in a city eight hours ahead.
    let held = [PermitId(0)];
    let before = Timestamp::from_secs(3599);
    assert_eq!(index.covers(&held, VAN, EdgeId(2), before), Ok(()));
    assert!(index.covers(&held, VAN, EdgeId(2), before + Seconds(1.0)).is_err());
    let hour = index.hour_of_week(before);
    assert_eq!(hour % 24, 8);
    assert_eq!(index.hours_unchanged(&held, VAN, hour), 1);
    assert_eq!(index.hours_unchanged(&held, VAN, hour + 1), 8);
    assert_eq!(index.hours_unchanged(&[], VAN, hour), 168);
}

#[test]
fn other_kinds_and_unknown_permits_cover_nothing() {
    let index = PermitIndex::new(&street(), &[permit(0, vec![], vec![])], Seconds::ZERO).unwrap();
    assert!(index.edges(&[PermitId(0)], VehicleKind::Truck, 0).is_empty());
    assert!(index.edges(&[PermitId(9)], VAN, 0).is_empty());
}

#[test]
fn broken_permits_are_named() {
    let mut line = permit(3, vec![area(0, 10, HourSet::ALWAYS)], vec![]);
    line.allowed[0].outline.truncate(2);
    assert_eq!(
        PermitIndex::new(&street(), &[line], Seconds::ZERO).unwrap_err(),
        PermitError::Outline { permit: PermitId(3), area: "area".into() }
    );
    let twice = [permit(3, vec![], vec![]), permit(3, vec![], vec![])];
    assert_eq!(
        PermitIndex::new(&street(), &twice, Seconds::ZERO).unwrap_err(),
        PermitError::DuplicateId(PermitId(3))
    );
}
