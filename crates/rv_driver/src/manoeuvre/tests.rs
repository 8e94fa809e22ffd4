//! Scenes small enough to reason about; random ones of every kind are driven in `rv_sim`.

use proptest::prelude::*;

use super::*;
use crate::trajectory::State;

fn pose(x_m: f64, y_m: f64, heading_rad: f64) -> RearPose {
    RearPose { rear: Point2 { x_m, y_m }, heading_rad }
}

fn walls(lines: &[[f64; 4]]) -> Ground {
    let p = |x_m, y_m| Point2 { x_m, y_m };
    Ground {
        walls: lines.iter().map(|l| (p(l[0], l[1]), p(l[2], l[3]))).collect(),
        solids: Vec::new(),
    }
}

fn planned(ground: &Ground, start: RearPose, goal: RearPose) -> Result<Plan, Failure> {
    plan(&Vehicle::VAN, ground, &start, &goal, &Options::VAN)
}

#[test]
fn with_nothing_about_it_drives_straight_on() {
    let plan = planned(&Ground::default(), pose(0.0, 0.0, 0.0), pose(8.0, 0.0, 0.0)).expect("free");
    assert_eq!((plan.runs.len(), plan.n_changes, plan.runs[0].gear), (1, 0, Gear::Forward));
    assert!((plan.length_m - 8.0).abs() < 0.01, "{}", plan.length_m);
}

#[test]
fn a_street_too_narrow_to_turn_in_takes_three_moves() {
    // Between kerbs 5.6 m apart; a turning circle would take more than 7.
    let ground = walls(&[[-20.0, 0.0, 20.0, 0.0], [-20.0, 5.6, 20.0, 5.6]]);
    let pi = std::f64::consts::PI;
    let plan = planned(&ground, pose(0.0, 1.2, 0.0), pose(-2.0, 4.4, pi)).expect("it can turn");
    assert!((2..=4).contains(&plan.n_changes), "{}", plan.n_changes);
    // Wheels turn within a run no faster than the way allows, and it ends where it shall.
    let end = plan.runs.last().and_then(|r| r.points.last()).expect("it has points").pose;
    let (off_m, turned) = end.off(&plan.goal);
    assert!(off_m < 0.005 && turned < 0.002, "{off_m} {turned}");
    for run in &plan.runs {
        for w in run.points.windows(2) {
            let way_m = w[1].s_m - w[0].s_m;
            let rate = (w[1].steering_rad - w[0].steering_rad).abs() / way_m * w[1].speed_mps;
            assert!(rate <= 0.61, "{rate} rad/s");
        }
    }
}

#[test]
fn what_cannot_be_is_told_apart() {
    let free = Ground::default();
    let nan = pose(f64::NAN, 0.0, 0.0);
    let start = pose(0.0, 0.0, 0.0);
    assert_eq!(planned(&free, start, nan), Err(Failure::BadInput));
    assert_eq!(planned(&free, start, pose(90.0, 0.0, 0.0)), Err(Failure::TooFar));
    let wall = walls(&[[7.0, -5.0, 7.0, 5.0]]);
    assert_eq!(planned(&wall, start, pose(6.0, 0.0, 0.0)), Err(Failure::GoalTouches));
    assert_eq!(planned(&wall, pose(6.5, 0.0, 0.0), start), Err(Failure::StartTouches));
    // A goal within four walls.
    let cell = walls(&[
        [5.0, -3.0, 12.0, -3.0],
        [12.0, -3.0, 12.0, 3.0],
        [12.0, 3.0, 5.0, 3.0],
        [5.0, 3.0, 5.0, -3.0],
    ]);
    assert_eq!(planned(&cell, start, pose(8.0, 0.0, 0.0)), Err(Failure::Enclosed));
    // Wholly within something solid no wall is touched.
    let block = Ground {
        solids: vec![Body {
            centre: Point2 { x_m: 8.0, y_m: 0.0 },
            heading_rad: 0.0,
            half_length_m: 6.0,
            half_width_m: 6.0,
        }],
        ..Ground::default()
    };
    assert_eq!(
        planned(&block, pose(-3.0, 0.0, 0.0), pose(8.0, 0.0, 0.0)),
        Err(Failure::GoalTouches)
    );
}

#[test]
fn work_is_bounded_and_the_cut_off_says_so() {
    let ground = walls(&[[-20.0, 0.0, 20.0, 0.0], [-20.0, 4.8, 20.0, 4.8]]);
    let few = Options { expansions_max: 6, ..Options::VAN };
    let pi = std::f64::consts::PI;
    let found = plan(&Vehicle::VAN, &ground, &pose(0.0, 1.1, 0.0), &pose(0.0, 3.7, pi), &few);
    let Err(Failure::CutOff { n_expansions }) = found else { panic!("there is a plan") };
    assert!(n_expansions <= 6, "{n_expansions}");
}

#[test]
fn a_parker_stops_for_somebody_in_its_way_and_goes_on() {
    let vehicle = Vehicle::VAN;
    let plan =
        planned(&Ground::default(), pose(0.0, 0.0, 0.0), pose(-9.0, 0.0, 0.0)).expect("free");
    assert_eq!(plan.runs[0].gear, Gear::Reverse);
    let mut parker = Parker::new(vehicle, plan, 0.1);
    let mut state = State::default();
    let other = |y_m: f64| Other {
        id: 4,
        body: Body {
            centre: Point2 { x_m: -5.0, y_m },
            heading_rad: 0.0,
            half_length_m: 0.3,
            half_width_m: 0.3,
        },
        velocity_mps: (0.0, 0.0),
        walks: true,
    };
    let (mut has_waited, mut nearest_m, mut last) = (false, f64::INFINITY, 0.0);
    for k in 0..400 {
        let others = [other(if k < 200 { 0.1 } else { 9.0 })];
        let aims = Aims {
            state,
            acceleration_mps2: (state.speed_mps - last) * 10.0,
            others: &others,
            cap_mps: 2.0,
            is_settled: true,
        };
        last = state.speed_mps;
        let step = parker.cycle(&aims);
        has_waited |= step.wait == Wait::Other(4);
        state = crate::trajectory::step_in(&vehicle, step.gear, &state, step.input, 0.1);
        if k < 200 {
            nearest_m = nearest_m.min(state.rear.x_m - vehicle.tail_m() + 5.0 - 0.3);
        }
        if step.is_done {
            break;
        }
    }
    assert!(has_waited && nearest_m > 0.4, "{nearest_m}");
    assert!((state.rear.x_m + 9.0).abs() < 0.02 && state.speed_mps == 0.0, "{state:?}");
}

/// The answer with so much work at a time, and the most that was done at once beyond that, units.
fn in_slices(mut search: Search, units: u32) -> (Result<Plan, Failure>, u64) {
    let (mut over, mut done) = (0, 0);
    loop {
        let answer = search.work(units).cloned();
        if let Some(answer) = answer {
            return (answer, over);
        }
        over = over.max((search.done() - done).saturating_sub(u64::from(units)));
        done = search.done();
    }
}

#[test]
fn a_plan_made_bit_by_bit_is_the_same_and_no_bit_is_large() {
    let ground = walls(&[[-20.0, 0.0, 20.0, 0.0], [-20.0, 5.0, 20.0, 5.0]]);
    let (start, goal) = (pose(0.0, 1.2, 0.0), pose(-2.0, 3.8, std::f64::consts::PI));
    let search = || Search::new(&Vehicle::VAN, &ground, &start, &goal, &Options::VAN);
    let whole = search().finish();
    assert!(whole.is_ok());
    for units in [1, 700, 40_000] {
        let (answer, over) = in_slices(search(), units);
        assert_eq!(format!("{answer:?}"), format!("{whole:?}"));
        assert!(over < 30_000, "{over} units more than {units}");
    }
    // Asked again it is the same, and costs nothing.
    let mut search = search();
    while search.work(100_000).is_none() {}
    assert_eq!(search.work(0), Some(&whole));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever stands about, also without size or in heaps: an answer, the same twice, that ends where it
    /// shall with wheels that the vehicle has.
    #[test]
    fn any_ground_gets_an_answer(
        lines in proptest::collection::vec((-9.0..9.0_f64, -9.0..9.0_f64, -6.0..6.0_f64, -6.0..6.0_f64), 0..10),
        solids in proptest::collection::vec((-9.0..9.0_f64, -9.0..9.0_f64, -4.0..4.0_f64, 0.0..2.0_f64), 0..6),
        goal in (-9.0..9.0_f64, -9.0..9.0_f64, -7.0..7.0_f64),
        units in 1..200_000_u32,
    ) {
        let p = |x_m, y_m| Point2 { x_m, y_m };
        let ground = Ground {
            walls: lines.iter().map(|l| (p(l.0, l.1), p(l.0 + l.2.trunc(), l.1 + l.3.trunc()))).collect(),
            solids: solids
                .iter()
                .map(|s| Body {
                    centre: p(s.0, s.1),
                    heading_rad: s.2,
                    half_length_m: s.3,
                    half_width_m: (s.3 - 1.0).max(0.0),
                })
                .collect(),
        };
        let few = Options { expansions_max: 400, ..Options::VAN };
        let (start, goal) = (pose(0.0, 0.0, 0.0), pose(goal.0, goal.1, goal.2));
        let answer = || plan(&Vehicle::VAN, &ground, &start, &goal, &few);
        let found = answer();
        prop_assert!(found == answer());
        let search = Search::new(&Vehicle::VAN, &ground, &start, &goal, &few);
        let (sliced, _) = in_slices(search, units);
        prop_assert_eq!(format!("{sliced:?}"), format!("{found:?}"));
        let Ok(plan) = found else { return Ok(()) };
        let points = || plan.runs.iter().flat_map(|r| &r.points);
        if let Some(last) = points().last() {
            let (off_m, turned) = last.pose.off(&goal);
            prop_assert!(off_m < 0.005 && turned < 0.005, "{off_m} {turned}");
        }
        prop_assert!(points().all(|p| p.steering_rad.abs() <= 0.6 && p.speed_mps.is_finite()));
        prop_assert!(plan.n_expansions <= 400 && plan.time_s.is_finite());
    }
}
