//! Numbers that are none, empty scenes and absurd sizes: nothing panics, and what comes out are
//! numbers within what the vehicle can do.

use proptest::prelude::*;
use rv_base::Point2;
use rv_driver::cruise::{Own, Seen as Other};
use rv_driver::monitor::{Case, Drive, Lead, Monitor, Pose, Rules, Track, Verdict};
use rv_driver::trajectory::{
    Body, Future, Goal, Goals, Outlook, Planner, PlannerOptions, Road, Seen, State, Vehicle, View,
};
use rv_map::lanes::LaneMap;

use crate::{straight_cruise, straight_road};

/// Usual numbers, and those that break careless code.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => -60.0..260.0_f64,
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
        1 => prop_oneof![Just(1e300), Just(-1e300), Just(1e-300), Just(0.0), Just(-0.0)],
        1 => -1e7..1e7_f64,
    ]
}

fn point() -> impl Strategy<Value = Point2> {
    (number(), number()).prop_map(|(x_m, y_m)| Point2 { x_m, y_m })
}

fn body() -> impl Strategy<Value = Body> {
    (point(), number(), number(), number()).prop_map(|(centre, heading_rad, l, w)| Body {
        centre,
        heading_rad,
        half_length_m: l,
        half_width_m: w,
    })
}

fn state() -> impl Strategy<Value = State> {
    let usual = (0.0..200.0_f64, -1.0..1.0_f64, 0.0..30.0_f64).prop_map(|(x_m, y_m, v)| State {
        rear: Point2 { x_m, y_m },
        speed_mps: v,
        ..State::default()
    });
    let wild = (point(), number(), number(), number()).prop_map(|(rear, heading_rad, v, s)| {
        State { rear, heading_rad, speed_mps: v, steering_rad: s }
    });
    prop_oneof![2 => usual, 1 => wild]
}

fn seen() -> impl Strategy<Value = Seen> {
    (any::<i64>(), body(), number(), number(), number(), any::<(bool, bool)>()).prop_map(
        |(id, body, speed_mps, acceleration_mps2, yaw_rate_radps, (is_static, keeps_lane))| Seen {
            id,
            body,
            speed_mps,
            acceleration_mps2,
            yaw_rate_radps,
            is_static,
            keeps_lane,
        },
    )
}

fn pose() -> impl Strategy<Value = Pose> {
    (number(), point(), number(), number()).prop_map(|(at_s, centre, heading_rad, speed_mps)| {
        Pose { at_s, centre, heading_rad, speed_mps }
    })
}

fn goals() -> impl Strategy<Value = Goals> {
    let ring = proptest::collection::vec(point(), 0..5);
    let goal = (proptest::collection::vec(ring, 0..3), any::<(i8, i8)>(), number(), number())
        .prop_map(|(rings, (a, b), low, high)| Goal {
            steps: (i64::from(a), i64::from(b)),
            rings,
            speed_mps: Some((low, high)),
            ..Goal::default()
        });
    proptest::collection::vec(goal, 0..3).prop_map(|any_of| Goals { any_of })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_input_panics_the_planner(
        goals in goals(),
        states in proptest::collection::vec(state(), 1..5),
        others in proptest::collection::vec(seen(), 0..5),
        bodies in proptest::collection::vec(proptest::option::of(body()), 0..6),
        (has_road, at) in (any::<bool>(), any::<i8>()),
    ) {
        let road =
            if has_road { straight_road(300.0) } else { Road::build(&LaneMap { lanes: Vec::new() }) };
        let vehicle = Vehicle::commonroad(2).unwrap();
        let mut planner = Planner::new(vehicle, goals, PlannerOptions::for_step(0.1));
        let futures = [Future { id: 1, bodies }];
        for (i, state) in states.iter().enumerate() {
            let now = i64::from(at) + i as i64 * 3;
            let outlook = if i % 2 == 0 {
                Outlook::Seen(&others)
            } else {
                Outlook::Known(View { futures: &futures, now: i })
            };
            let cycle = planner.cycle(&road, now, state, outlook);
            if state.is_finite() {
                prop_assert!(cycle.input.acceleration_mps2.is_finite(), "{:?} {state:?}", cycle.input);
                prop_assert!(cycle.input.steering_rate_radps.is_finite(), "{:?}", cycle.input);
            }
        }
    }

    #[test]
    fn no_input_panics_the_monitor(
        plans in proptest::collection::vec(proptest::collection::vec(pose(), 0..8), 1..4),
        now in pose(),
        theirs in proptest::collection::vec(pose(), 0..6),
        edges in proptest::collection::vec((point(), point()), 0..4),
        aside in proptest::collection::vec(point(), 0..5),
        (age_s, half_m, lead) in (number(), (number(), number()), proptest::option::of((number(), number()))),
    ) {
        let mut monitor = Monitor::new(Rules::van(0.1));
        let others = [Track { half_m, poses: &theirs }, Track { half_m: (2.0, 1.0), poses: &[] }];
        for plan in &plans {
            let decision = monitor.cycle(&Case {
                now,
                half_m,
                plan,
                others: &others,
                edges: &edges,
                aside: &aside,
                age_s,
                lead: lead.map(|(gap_m, speed_mps)| Lead { gap_m, speed_mps }),
                outside: None,
            });
            if let Drive::Stop { acceleration_mps2, .. } = decision.drive {
                prop_assert!(acceleration_mps2.is_finite() && acceleration_mps2 <= 2.0);
            }
            let all = plan.iter().chain([&now]).chain(&theirs);
            let is_odd = |p: &Pose| ![p.at_s, p.centre.x_m, p.centre.y_m, p.heading_rad, p.speed_mps]
                .iter()
                .all(|x| x.is_finite());
            if all.into_iter().any(is_odd) {
                prop_assert!(decision.verdict != Verdict::Pass, "{decision:?}");
            }
        }
    }

    #[test]
    fn no_input_panics_the_cruise(
        at in point(),
        (heading_rad, speed_mps, acceleration_mps2) in (number(), number(), number()),
        theirs in proptest::collection::vec((body(), number(), number(), number(), any::<bool>()), 0..6),
        (set_mps, half_m, sides_m) in (number(), number(), (number(), number())),
    ) {
        let mut cruise = straight_cruise(200.0);
        let own = Own { at, heading_rad, speed_mps, acceleration_mps2 };
        let others: Vec<Other> = theirs
            .iter()
            .map(|(b, vx, vy, a, is_vulnerable)| Other {
                centre: b.centre,
                heading_rad: b.heading_rad,
                half_m: (b.half_length_m, b.half_width_m),
                velocity_mps: (*vx, *vy),
                acceleration_mps2: *a,
                is_vulnerable: *is_vulnerable,
            })
            .collect();
        for _ in 0..2 {
            let command = cruise.cycle(&own, &others, set_mps, half_m, sides_m);
            prop_assert!(command.acceleration_mps2.is_finite(), "{command:?}");
            prop_assert!(command.curvature_1pm.is_finite(), "{command:?}");
        }
    }
}
