//! Lanes of a square of streets.

use rv_base::{EdgeId, Seconds};

use super::{CityLaneKind, CityLanes};
use crate::lanes::Aspect;
use crate::testing::square_city;

#[test]
fn every_driven_edge_has_lanes_beside_its_line_and_every_lane_leads_on() {
    let city = square_city();
    let lanes = CityLanes::build(&city);
    for i in 0..city.graph.n_edges() {
        let id = EdgeId::from_idx(i);
        let is_driven = city.graph.edge(id).modes.0 & crate::ModeSet::MOTOR.0 != 0;
        assert_eq!(lanes.of_edge(id).len() > 0, is_driven, "edge {i}");
    }
    for (i, lane) in lanes.lanes().iter().enumerate() {
        let id = super::CityLaneId(i as u32);
        assert!(lane.length_m > 0.0 && lane.stop_m <= lane.length_m);
        assert!(!lanes.next(id).is_empty(), "lane {i} leads nowhere");
        // Each lane begins where those before it end.
        for before in lanes.before(id) {
            let end = lanes.at(*before, f64::from(lanes.lane(*before).length_m)).0;
            assert!(end.distance_to(lanes.at(id, 0.0).0).0 < 0.5);
        }
        // The middle of a lane is its own foot.
        let (p, _) = lanes.at(id, f64::from(lane.length_m) / 2.0);
        assert!(lanes.foot(id, p).beside_m.abs() < 0.05);
    }
}

#[test]
fn traffic_keeps_to_its_side() {
    let lanes = CityLanes::build(&square_city());
    let two_way = lanes.lanes().iter().enumerate().find(|(_, l)| l.oncoming.is_some()).unwrap();
    let id = super::CityLaneId(two_way.0 as u32);
    let (p, _) = lanes.at(id, 5.0);
    let other = two_way.1.oncoming.unwrap();
    assert!(lanes.foot(other, p).beside_m > 1.0, "the other direction runs on the left");
}

#[test]
fn conflicts_are_mutual_and_signals_never_show_green_to_both() {
    let lanes = CityLanes::build(&square_city());
    for (i, lane) in lanes.lanes().iter().enumerate() {
        let id = super::CityLaneId(i as u32);
        for c in lanes.conflicts(id) {
            assert!(lanes.conflicts(c.other).iter().any(|o| o.other == id));
            assert!(matches!(lane.kind, CityLaneKind::Turn { .. }));
        }
    }
    for (i, plan) in lanes.signals().iter().enumerate() {
        for t in 0..200 {
            let at = Seconds(f64::from(t) * 0.7);
            let both = [0, 1].map(|g| lanes.aspect((i as u32, g), at));
            assert!(both.contains(&Aspect::Red), "{plan:?} at {at}: {both:?}");
        }
    }
}

#[test]
fn lanes_that_lie_ahead_are_around_though_not_beside() {
    let lanes = CityLanes::build(&square_city());
    let id = super::CityLaneId(0);
    // Twenty metres before its start, in line with it.
    let (p, _) = lanes.at(id, -20.0);
    let (mut beside, mut around) = (Vec::new(), Vec::new());
    lanes.near(p, 15.0, &mut beside);
    assert!(beside.iter().all(|s| s.lane != id));
    lanes.around(p, 25.0, &mut around);
    assert!(around.contains(&id) && around.is_sorted());
    lanes.around(p, 15.0, &mut around);
    assert!(!around.contains(&id));
}

#[test]
fn what_is_mapped_lies_on_the_lanes_of_the_road_it_is_on() {
    use crate::{RoadMark, RoadMarkKind};
    let mut city = square_city();
    let plain = CityLanes::build(&city);
    let edge = EdgeId(0);
    let length = city.graph.edge(edge).length;
    let at = |share: f64| rv_base::RoadPosition { edge, offset: length * share };
    city.marks = vec![
        RoadMark { at: at(0.5), kind: RoadMarkKind::Crosswalk },
        RoadMark { at: at(0.9), kind: RoadMarkKind::Stop },
    ];
    let lanes = CityLanes::build(&city);
    for id in lanes.of_edge(edge) {
        let lane = lanes.lane(id);
        assert_eq!(lane.sign, super::Sign::Stop);
        let half_m = f64::from(lane.length_m) / 2.0;
        let marks = lanes.crosswalks_of(id);
        assert!(marks.iter().any(|m| (f64::from(m.at_m) - half_m).abs() < 6.0), "{marks:?}");
    }
    // Where crosswalks are mapped, none is made up but at lights.
    let made_up = |l: &CityLanes| l.crosswalks().iter().filter(|c| c.signal.is_none()).count();
    assert!(made_up(&lanes) <= made_up(&plain).max(1));
    assert!(lanes.lanes().iter().all(|l| l.stop_m <= l.length_m && l.stop_m > 0.0));
}
