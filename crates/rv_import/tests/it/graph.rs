//! What becomes of ways, barriers and turn restrictions.

use rv_import::{ImportError, WarningKind};
use rv_map::{Mode, ModeSet};

use crate::town::{STREET, Town, crossroads, letters};

#[test]
fn streets_meet_at_junctions_and_bend_elsewhere() {
    let town = crossroads()
        .with_node('x', 130.0, 30.0, vec![])
        .with_node('y', 160.0, 0.0, vec![])
        .with_node('Z', 200.0, 0.0, vec![])
        .with_way(6, "ExyZ", vec![STREET]);
    let (city, _) = town.build();
    let graph = &city.graph;
    assert_eq!(graph.n_junctions(), 6);
    assert_eq!(graph.n_edges(), 18);
    let bent = graph.edges.iter().find(|e| e.n_shape == 2).unwrap();
    let expected = 30.0_f64.hypot(30.0) * 2.0 + 40.0;
    assert!((bent.length.0 - expected).abs() < 0.5, "{}", bent.length);
    assert!(graph.edges.iter().all(|e| e.reverse.is_some()));
}

#[test]
fn where_nothing_meets_any_more_is_no_junction() {
    // The way to D is closed, so the ring only bends at b.
    let town = crossroads()
        .with_node('b', -50.0, 50.0, vec![])
        .with_node('D', -80.0, 80.0, vec![])
        .with_way(5, "WbNESW", vec![STREET])
        .with_way(6, "bD", vec![("highway", "service"), ("access", "private")]);
    let (city, report) = town.build();
    assert_eq!(city.graph.n_junctions(), 5);
    assert_eq!(report.dropped.n_closed_pieces, 1);
    assert!((report.dropped.closed_m - 30.0 * 2.0_f64.sqrt()).abs() < 0.5);
}

#[test]
fn no_edge_ends_where_it_starts_and_none_has_no_length() {
    let town = crossroads()
        .with_node('p', 140.0, 0.0, vec![])
        .with_node('q', 140.0, 40.0, vec![])
        .with_node('Q', 140.0, 40.0, vec![])
        .with_way(6, "EpqQE", vec![STREET]);
    let (city, report) = town.build();
    assert!(city.graph.edges.iter().all(|e| e.tail != e.head && e.length.0 > 0.0));
    assert_eq!(city.graph.n_junctions(), 6);
    assert_eq!(report.dropped.n_zero_length, 1);
}

#[test]
fn what_vans_cannot_leave_is_left_out_and_reported() {
    let town = crossroads()
        .with_node('T', 200.0, 0.0, vec![])
        .with_node('U', 300.0, 0.0, vec![])
        .with_node('V', 300.0, 90.0, vec![])
        .with_way(6, "ET", vec![STREET, ("oneway", "yes")])
        .with_way(7, "UV", vec![STREET]);
    let (city, report) = town.build();
    assert_eq!(report.dropped.n_cut_off_pieces, 2);
    assert!((report.dropped.cut_off_m - 190.0).abs() < 1.0);
    // On foot one may return from T; the island UV is gone for all.
    let edges = town.edges(&city.graph);
    assert!(edges.contains(&"ET:rf".to_owned()) && edges.contains(&"TE:rf".to_owned()));
    assert!(!edges.iter().any(|e| e.contains('U')));
}

#[test]
fn each_mode_has_one_connected_part() {
    let town = crossroads()
        .with_node('F', -200.0, 0.0, vec![])
        .with_way(6, "WF", vec![("highway", "footway")])
        .with_way(2, "CE", vec![STREET, ("oneway", "-1")]);
    let (city, _) = town.build();
    let edges = town.edges(&city.graph);
    assert!(edges.contains(&"WF:rf".to_owned()));
    assert!(edges.contains(&"CE:rf".to_owned()) && edges.contains(&"EC:cvtrbf".to_owned()));
}

#[test]
fn a_bollard_stops_vans_and_leaves_both_sides_reachable() {
    let town = crossroads().with_node('b', 50.0, 0.0, vec![("barrier", "bollard")]).with_way(
        2,
        "CbE",
        vec![STREET],
    );
    let (city, _) = town.build();
    let edges = town.edges(&city.graph);
    assert!(edges.contains(&"Cb:cvtrbf".to_owned()), "{edges:?}");
    assert!(edges.contains(&"E?:cvtrbf".to_owned()));
    assert!(edges.contains(&"b?:rbf".to_owned()) && edges.contains(&"?b:rbf".to_owned()));
    let closed = city.graph.edges.iter().filter(|e| !e.modes.contains(Mode::Van));
    assert!(closed.map(|e| e.length.0).all(|m| m < 3.0));
}

#[test]
fn turn_restrictions_by_kind_and_vehicle() {
    #[track_caller]
    fn check(town: &Town, expected: &[&str]) {
        let (city, report) = town.build();
        assert_eq!(town.forbidden(&city.graph), expected);
        assert_eq!(report.kept.n_forbidden_paths, expected.len());
        assert_eq!(report.kept.n_turn_restrictions, usize::from(!expected.is_empty()));
    }
    let c = [("node", i64::from(u32::from('C')))];
    let turn = |from, to, tags| crossroads().with_turn(from, &c, to, tags);
    check(&turn(1, 3, vec![("restriction", "no_left_turn")]), &["WCN:cvtb"]);
    check(
        &turn(1, 3, vec![("restriction", "no_left_turn"), ("except", "bicycle;psv")]),
        &["WCN:cvt"],
    );
    check(&turn(1, 3, vec![("restriction:hgv", "no_left_turn")]), &["WCN:t"]);
    check(&turn(1, 3, vec![("restriction:bus", "no_left_turn")]), &[]);
    check(
        &turn(1, 2, vec![("restriction", "only_straight_on")]),
        &["WCN:cvtb", "WCS:cvtb", "WCW:cvtb"],
    );
    check(&turn(1, 1, vec![("restriction", "no_u_turn")]), &["WCW:cvtb"]);
    check(&turn(1, 5, vec![("restriction", "no_left_turn")]), &[]);
    let conditional = turn(1, 3, vec![("restriction:conditional", "no_left_turn @ (07:00-09:00)")]);
    check(&conditional, &[]);
    let (_, report) = conditional.build();
    assert_eq!(report.warnings[0].kind, WarningKind::ConditionIgnored);
}

#[test]
fn turn_restrictions_over_ways() {
    // West to centre, centre to east (split at m), east to the ring: no return by the ring.
    let town = crossroads()
        .with_node('m', 50.0, 0.0, vec![])
        .with_node('M', 50.0, 50.0, vec![])
        .with_way(2, "CmE", vec![STREET])
        .with_way(7, "mM", vec![STREET])
        .with_way(5, "WNE", vec![STREET])
        .with_way(6, "ESW", vec![STREET]);
    let no = town.clone().with_turn(1, &[("way", 2)], 5, vec![("restriction", "no_left_turn")]);
    let (city, _) = no.build();
    assert_eq!(no.forbidden(&city.graph), ["WCmEN:cvtb"]);
    let only = town.with_turn(1, &[("way", 2)], 5, vec![("restriction", "only_left_turn")]);
    let (city, _) = only.build();
    let expected =
        ["WCN:cvtb", "WCS:cvtb", "WCW:cvtb", "WCmC:cvtb", "WCmES:cvtb", "WCmEm:cvtb", "WCmM:cvtb"];
    assert_eq!(only.forbidden(&city.graph), expected);
}

#[test]
fn a_restriction_without_its_members_is_a_warning() {
    let c = i64::from(u32::from('C'));
    let town = crossroads()
        .with_turn(1, &[("node", 7_777)], 3, vec![("restriction", "no_left_turn")])
        .with_turn(88, &[("node", c)], 3, vec![("restriction", "no_left_turn")]);
    let (_, report) = town.build();
    assert_eq!(report.input.n_turn_restrictions, 2);
    assert_eq!(report.dropped.n_turn_restrictions, 2);
    let warning = report.warnings.iter().find(|w| w.kind == WarningKind::RestrictionBroken);
    assert_eq!(warning.unwrap().examples, [900, 901]);
}

#[test]
fn signals_mark_the_junction_they_stand_before() {
    let town = crossroads()
        .with_node('s', -15.0, 0.0, vec![("highway", "traffic_signals")])
        .with_way(1, "WsC", vec![STREET]);
    let (city, _) = town.build();
    let marked = city.graph.is_signal.iter().filter(|is_signal| **is_signal);
    assert_eq!(marked.count(), 1);
    let at = city.graph.is_signal.iter().position(|is_signal| *is_signal).unwrap();
    assert!(city.graph.junctions[at].distance_to(crate::town::position(0.0, 0.0)).0 < 0.1);
}

#[test]
fn a_map_without_roads_or_without_a_network_is_an_error() {
    let mut town = crossroads();
    for (_, _, tags) in &mut town.ways {
        *tags = vec![("waterway", "river")];
    }
    assert!(matches!(town.try_build(), Err(ImportError::NoRoads)));
    for (_, _, tags) in &mut town.ways {
        *tags = vec![("highway", "footway")];
    }
    assert!(matches!(town.try_build(), Err(ImportError::NoVanNetwork { n_roads: 5 })));
    assert_eq!(letters(ModeSet::MOTOR), "cvt");
}

#[test]
fn crosswalks_signs_and_kept_lanes_are_read_for_the_directions_that_they_bind() {
    use rv_map::RoadMarkKind::{AllWayStop, BusLane, Crosswalk, CycleLane, GiveWay, Stop};
    let town = crossroads()
        .with_node('z', -60.0, 0.0, vec![("highway", "crossing"), ("crossing", "uncontrolled")])
        .with_node('u', -50.0, 0.0, vec![("highway", "crossing"), ("crossing", "unmarked")])
        .with_node('s', -12.0, 0.0, vec![("highway", "stop")])
        .with_node('g', 12.0, 0.0, vec![("highway", "give_way"), ("direction", "backward")])
        .with_node('a', 0.0, 12.0, vec![("highway", "stop"), ("stop", "all")])
        .with_way(1, "WzusC", vec![STREET, ("cycleway:right", "lane")])
        .with_way(2, "CgE", vec![STREET])
        .with_way(3, "NaC", vec![STREET, ("busway", "lane")]);
    let (city, _) = town.build();
    let centre = crate::town::position(0.0, 0.0);
    let is_centre =
        |j: rv_base::JunctionId| city.graph.junctions[j.idx()].distance_to(centre).0 < 0.1;
    let told: Vec<_> = city
        .marks
        .iter()
        .map(|m| (m.kind, is_centre(city.graph.edge(m.at.edge).head), m.at.offset.0.round()))
        .collect();
    let count = |kind| told.iter().filter(|t| t.0 == kind).count();
    // The crosswalk binds both directions, the unmarked crossing none.
    assert_eq!(count(Crosswalk), 2);
    assert!(told.contains(&(Crosswalk, true, 40.0)) && told.contains(&(Crosswalk, false, 60.0)));
    // Signs bind those who come to the junction.
    assert!(told.contains(&(Stop, true, 88.0)) && count(Stop) == 1, "{told:?}");
    assert!(told.contains(&(GiveWay, true, 88.0)) && count(GiveWay) == 1, "{told:?}");
    assert!(told.contains(&(AllWayStop, true, 88.0)) && count(AllWayStop) == 1, "{told:?}");
    assert_eq!((count(CycleLane), count(BusLane)), (1, 2));
}
