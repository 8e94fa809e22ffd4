//! Tests of the monitor: each fault by name, random corruption, gaps, stops and trucks.

use proptest::prelude::*;

use super::*;

fn rules() -> Rules {
    Rules {
        response_s: 0.5,
        age_max_s: 0.3,
        grip_mps2: 11.5,
        speed_max_mps: 40.0,
        ..Rules::van(0.1)
    }
}

fn straight(speed_mps: f64, n: usize) -> Vec<Pose> {
    (0..n)
        .map(|i| Pose {
            at_s: i as f64 * 0.1,
            centre: Point2 { x_m: speed_mps * i as f64 * 0.1, y_m: 0.0 },
            heading_rad: 0.0,
            speed_mps,
        })
        .collect()
}

fn case<'a>(plan: &'a [Pose], others: &'a [Track<'a>]) -> Case<'a> {
    let now = straight(10.0, 1)[0];
    Case {
        now,
        half_m: (2.25, 0.8),
        plan,
        others,
        edges: &[],
        aside: &[],
        age_s: 0.1,
        lead: None,
        outside: None,
    }
}

fn standing_at(x_m: f64, y_m: f64) -> Pose {
    Pose { at_s: 0.0, centre: Point2 { x_m, y_m }, heading_rad: 1.0, speed_mps: 0.0 }
}

#[test]
fn a_good_plan_passes_and_each_fault_is_named() {
    let plan = straight(10.0, 20);
    assert_eq!(judge(&rules(), &case(&plan, &[])), Verdict::Pass);
    let stop = |c: Case<'_>| match judge(&rules(), &c) {
        Verdict::Stop(reason) => reason,
        Verdict::Pass => panic!("let through"),
    };
    assert_eq!(stop(Case { age_s: 0.4, ..case(&plan, &[]) }), Reason::Stale);
    assert_eq!(stop(case(&plan[..1], &[])), Reason::Empty);
    assert_eq!(stop(case(&plan[3..], &[])), Reason::Jump);
    let edge = [(Point2 { x_m: 12.0, y_m: -9.0 }, Point2 { x_m: 12.0, y_m: 9.0 })];
    assert_eq!(stop(Case { edges: &edge, ..case(&plan, &[]) }), Reason::Edge);
    let poses = [standing_at(14.0, 1.0)];
    let others = [Track { half_m: (2.0, 1.0), poses: &poses }];
    assert_eq!(stop(case(&plan, &others)), Reason::Contact);
    let lead = Some(Lead { gap_m: 5.0, speed_mps: 2.0 });
    assert_eq!(stop(Case { lead, ..case(&plan, &[]) }), Reason::TooNear);
    let outside = Some(Outside::Weather);
    assert_eq!(stop(Case { outside, ..case(&plan, &[]) }), Reason::Outside(Outside::Weather));
    let mut wild = plan.clone();
    wild[5].heading_rad = 1.5;
    assert_eq!(stop(case(&wild, &[])), Reason::Infeasible);
}

#[test]
fn a_plan_that_leaves_no_way_to_stop_is_refused_and_the_stop_held_is_driven() {
    let mut monitor = Monitor::new(rules());
    let plan = straight(10.0, 10);
    let first = monitor.cycle(&case(&plan, &[]));
    assert_eq!((first.verdict, first.drive), (Verdict::Pass, Drive::Plan));
    assert!(first.has_verified_stop && monitor.held_stop().last().unwrap().speed_mps == 0.0);
    // The plan ends short of the wall, but nothing that follows it can stop in time.
    let wall = [Pose { heading_rad: 0.0, ..standing_at(11.0, 0.0) }];
    let others = [Track { half_m: (1.0, 1.0), poses: &wall }];
    let now = monitor.cycle(&case(&plan[..8], &others));
    assert_eq!(now.verdict, Verdict::Stop(Reason::NoStop));
    let Drive::Stop { acceleration_mps2, .. } = now.drive else { panic!("{now:?}") };
    assert!(acceleration_mps2 <= -rules().braking_min_mps2 && !now.hazard_lights());
}

#[test]
fn refused_for_long_it_ends_the_journey_and_stands_until_released() {
    let mut monitor = Monitor::new(rules());
    let mut now = straight(10.0, 1)[0];
    let mut stages = Vec::new();
    for _ in 0..80 {
        let d = monitor.cycle(&Case { now, ..case(&[], &[]) });
        let Drive::Stop { acceleration_mps2, curvature_1pm } = d.drive else { panic!("{d:?}") };
        assert!(curvature_1pm.abs() < 1e-9);
        let after = (now.speed_mps + acceleration_mps2 * 0.1).max(0.0);
        now.centre.x_m += (now.speed_mps + after) / 2.0 * 0.1;
        now.speed_mps = after;
        if stages.last() != Some(&d.stage) {
            stages.push(d.stage);
        }
    }
    let why = Reason::Empty;
    assert_eq!(stages, [Stage::Bridging, Stage::MinimalRisk(why), Stage::Standing(why)]);
    // A good plan alone does not set it free.
    let plan: Vec<Pose> = (0..5).map(|i| Pose { at_s: f64::from(i) * 0.1, ..now }).collect();
    let d = monitor.cycle(&Case { now, ..case(&plan, &[]) });
    assert_eq!((d.stage, d.hazard_lights()), (Stage::Standing(why), true));
    monitor.release();
    assert_eq!(monitor.cycle(&Case { now, ..case(&plan, &[]) }).drive, Drive::Plan);
}

#[test]
fn outside_its_domain_it_pulls_over_to_the_shoulder() {
    let shoulder: Vec<Point2> =
        (0..60).map(|i| Point2 { x_m: f64::from(i) * 5.0, y_m: -3.5 }).collect();
    for rules in [Rules::van(0.1), Rules::truck(0.1)] {
        let mut monitor = Monitor::new(rules);
        let mut now = straight(20.0, 1)[0];
        let mut last = None;
        for _ in 0..400 {
            let c =
                Case { now, aside: &shoulder, outside: Some(Outside::Sensors), ..case(&[], &[]) };
            let d = monitor.cycle(&c);
            let Drive::Stop { acceleration_mps2, curvature_1pm } = d.drive else { panic!("{d:?}") };
            assert!(d.has_verified_stop && d.hazard_lights() && acceleration_mps2 > -3.0, "{d:?}");
            let after = (now.speed_mps + acceleration_mps2 * 0.1).max(0.0);
            let step_m = (now.speed_mps + after) / 2.0 * 0.1;
            now.heading_rad += curvature_1pm * step_m;
            now.centre.x_m += step_m * now.heading_rad.cos();
            now.centre.y_m += step_m * now.heading_rad.sin();
            now.speed_mps = after;
            last = Some(d.stage);
        }
        assert_eq!(last, Some(Stage::Standing(Reason::Outside(Outside::Sensors))));
        assert!((now.centre.y_m + 3.5).abs() < 0.3 && now.heading_rad.abs() < 0.05, "{now:?}");
    }
}

#[test]
fn a_loaded_truck_stands_after_525_feet() {
    let rules = Rules::truck(0.1);
    let mps = 65.0 * 0.447_04;
    let stop_m = mps * rules.brake_lag_s + mps * mps / (2.0 * rules.braking_min_mps2);
    assert!((stop_m - 525.0 * 0.3048).abs() < 0.5, "{stop_m}");
}

#[test]
fn a_domain_is_left_through_each_of_its_gates() {
    let domain = Domain {
        speed_max_mps: 15.0,
        rain_max_mmph: 10.0,
        visibility_min_m: 100.0,
        wind_max_mps: 17.0,
        sensors_out_max: 1,
        place_sd_max_m: 0.3,
    };
    let fine = Readings::FINE;
    let outside = |readings: Readings, v: f64| domain.outside(&readings, v);
    assert_eq!(outside(fine, 15.0), None);
    assert_eq!(outside(fine, 17.0), Some(Outside::Speed));
    assert_eq!(outside(Readings { rain_mmph: 11.0, ..fine }, 9.0), Some(Outside::Weather));
    assert_eq!(outside(Readings { visibility_m: f64::NAN, ..fine }, 9.0), Some(Outside::Weather));
    assert_eq!(outside(Readings { is_permitted: false, ..fine }, 9.0), Some(Outside::Permit));
    assert_eq!(outside(Readings { is_known_road: false, ..fine }, 9.0), Some(Outside::Road));
    assert_eq!(outside(Readings { sensors_out: 2, ..fine }, 9.0), Some(Outside::Sensors));
    assert_eq!(outside(Readings { place_sd_m: 1.0, ..fine }, 9.0), Some(Outside::Place));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Random corruption of a plan: what passes is finite, can be followed, and touches nothing
    /// by a test of its own (points of the outline within the other).
    #[test]
    fn nothing_unsafe_gets_through(
        at in 0_usize..20, field in 0_usize..5, kind in 0_usize..4, size in -50.0..50.0_f64,
        hx in -5.0..25.0_f64, hy in -4.0..4.0_f64, heading in -3.0..3.0_f64,
    ) {
        let mut plan = straight(10.0, 20);
        let slot = match field {
            0 => &mut plan[at].at_s,
            1 => &mut plan[at].centre.x_m,
            2 => &mut plan[at].centre.y_m,
            3 => &mut plan[at].heading_rad,
            _ => &mut plan[at].speed_mps,
        };
        *slot = match kind { 0 => f64::NAN, 1 => f64::INFINITY, 2 => *slot + size, _ => *slot };
        let poses = [Pose { heading_rad: heading, ..standing_at(hx, hy) }];
        let others = [Track { half_m: (2.0, 1.0), poses: &poses }];
        if judge(&rules(), &case(&plan, &others)) == Verdict::Pass {
            let h = &poses[0];
            for (i, p) in plan.iter().enumerate() {
                prop_assert!(p.centre.x_m.is_finite() && p.speed_mps.is_finite());
                prop_assert!((p.centre.x_m - i as f64).abs() < 3.0, "{p:?}");
                for (l, w) in [(2.25, 0.8), (-2.25, 0.8), (2.25, -0.8), (-2.25, -0.8), (0.0, 0.0)] {
                    let (s, c) = p.heading_rad.sin_cos();
                    let (x, y) = (p.centre.x_m + l * c - w * s, p.centre.y_m + l * s + w * c);
                    let (dx, dy) = (x - h.centre.x_m, y - h.centre.y_m);
                    let (s, c) = h.heading_rad.sin_cos();
                    let inside = (dx * c + dy * s).abs() < 2.0 && (dy * c - dx * s).abs() < 1.0;
                    prop_assert!(!inside);
                }
            }
        }
    }

    /// A follower that keeps the gap and brakes as assumed never reaches one that brakes hard.
    #[test]
    fn the_gap_suffices(v in 0.0..40.0_f64, lead in 0.0..40.0_f64) {
        let r = rules();
        let (mut gap, mut own, mut front) = (rss_gap_m(&r, v, lead) + 0.01, v, lead);
        let dt = 0.001;
        for i in 0..30_000 {
            let speeds_up = f64::from(i) * dt < r.response_s;
            let a = if speeds_up { r.acceleration_max_mps2 } else { -r.braking_min_mps2 };
            let (own_was, front_was) = (own, front);
            own = (own + a * dt).clamp(0.0, r.speed_max_mps);
            front = (front - r.braking_max_mps2 * dt).max(0.0);
            gap += ((front + front_was) - (own + own_was)) / 2.0 * dt;
            prop_assert!(gap > 0.0, "{gap} at {i}");
        }
    }
}

#[test]
fn one_that_stands_because_others_are_in_its_way_waits_and_goes_on_when_they_have_gone() {
    let mut monitor = Monitor::new(rules());
    let now = straight(0.0, 1)[0];
    let go: Vec<Pose> = (0..20)
        .map(|i| {
            let t = f64::from(i) * 0.1;
            let centre = Point2 { x_m: 0.5 * t * t, y_m: 0.0 };
            Pose { at_s: t, centre, heading_rad: 0.0, speed_mps: t }
        })
        .collect();
    let poses = [standing_at(3.0, 0.5)];
    let others = [Track { half_m: (2.0, 1.0), poses: &poses }];
    for _ in 0..200 {
        let decision = monitor.cycle(&Case { now, ..case(&go, &others) });
        assert_eq!(decision.verdict, Verdict::Stop(Reason::Contact));
        assert_eq!(decision.stage, Stage::Bridging, "waiting ends no journey");
    }
    let decision = monitor.cycle(&Case { now, ..case(&go, &[]) });
    assert_eq!((decision.verdict, decision.stage), (Verdict::Pass, Stage::Driving));
}

#[test]
fn to_stay_is_let_through_whoever_comes_and_to_move_into_them_is_not() {
    let now = straight(0.0, 1)[0];
    let stay = straight(0.0, 10);
    let comes: Vec<Pose> = (0..10)
        .map(|i| {
            let centre = Point2 { x_m: 8.0 - 5.0 * f64::from(i) * 0.1, y_m: 0.0 };
            let at_s = f64::from(i) * 0.1;
            Pose { at_s, centre, heading_rad: std::f64::consts::PI, speed_mps: 5.0 }
        })
        .collect();
    let others = [Track { half_m: (2.0, 1.0), poses: &comes }];
    assert_eq!(judge(&rules(), &Case { now, ..case(&stay, &others) }), Verdict::Pass);
    let drives = straight(3.0, 10);
    let moving = Case { now: straight(3.0, 1)[0], ..case(&drives, &others) };
    assert_eq!(judge(&rules(), &moving), Verdict::Stop(Reason::Contact));
}

#[test]
fn the_straight_rest_of_a_bent_stop_is_driven_straight() {
    // Ten metres of a bend, then straight on.
    let bend_1pm = 0.02;
    let pose = |s_m: f64| Pose {
        at_s: s_m / 10.0,
        centre: Point2 {
            x_m: (bend_1pm * s_m).sin() / bend_1pm,
            y_m: (1.0 - (bend_1pm * s_m).cos()) / bend_1pm,
        },
        heading_rad: bend_1pm * s_m,
        speed_mps: 10.0,
    };
    let poses: Vec<Pose> = (0..=10).map(|i| pose(f64::from(i))).collect();
    let line = Line::through(&poses[0], &poses, 60.0);
    for short_m in [0.2, 0.06, 0.04, 0.02, 0.0] {
        let mut now = pose(10.0 - short_m);
        let mut rest = line.rest_from(&now);
        // From cycle to cycle it is what is left that counts.
        for _ in 0..3 {
            let (sin, cos) = now.heading_rad.sin_cos();
            now.centre.x_m += cos;
            now.centre.y_m += sin;
            rest = rest.rest_from(&now);
        }
        assert!(rest.bend_at(&now).abs() < 1e-9, "{short_m}: {}", rest.bend_at(&now));
        assert!(rest.steer(&now).abs() < 2e-3, "{short_m}: {}", rest.steer(&now));
    }
}

/// Drives what the monitor says from 5 m/s on, with plans that never brake, to a stand.
fn stopped(others: &[Track<'_>]) -> Vec<f64> {
    let mut monitor = Monitor::new(rules());
    let mut now = straight(5.0, 1)[0];
    let mut all = Vec::new();
    while now.speed_mps > 0.0 && all.len() < 200 {
        let on =
            |p: Pose| Pose { centre: Point2 { x_m: p.centre.x_m + now.centre.x_m, y_m: 0.0 }, ..p };
        let n = (160.0 / now.speed_mps).ceil() as usize;
        let plan: Vec<Pose> = straight(now.speed_mps, n.min(2000)).into_iter().map(on).collect();
        let a = match monitor.cycle(&Case { now, ..case(&plan, others) }).drive {
            Drive::Stop { acceleration_mps2, .. } => acceleration_mps2,
            Drive::Plan => 0.0,
        };
        let after = (now.speed_mps + a * 0.1).max(0.0);
        now.centre.x_m += (now.speed_mps + after) / 2.0 * 0.1;
        all.push((after - now.speed_mps) / 0.1);
        now.speed_mps = after;
    }
    all
}

fn wall_at(x_m: f64) -> [Pose; 1] {
    [Pose { heading_rad: 0.0, ..standing_at(x_m, 0.0) }]
}

fn jerk_max(accelerations: &[f64]) -> f64 {
    let steps = accelerations.windows(2).map(|w| (w[1] - w[0]).abs() / 0.1);
    steps.fold(accelerations[0].abs() / 0.1, f64::max)
}

#[test]
fn a_stop_is_as_hard_as_it_must_be_and_fades_to_a_stand() {
    let mut hardest = Vec::new();
    for gap_m in [11.5, 6.0, 3.5] {
        let wall = wall_at(2.25 + gap_m + 1.0);
        let others = [Track { half_m: (1.0, 1.0), poses: &wall }];
        let driven = stopped(&others);
        let way_m: f64 = driven
            .iter()
            .scan(5.0, |v, a| {
                *v += a * 0.1;
                Some(*v * 0.1)
            })
            .sum();
        assert!(way_m < gap_m, "{way_m} of {gap_m} m");
        hardest.push((driven.iter().fold(0.0_f64, |m, a| m.max(-a)), jerk_max(&driven)));
    }
    // With room for it nobody notices; without, brakes build up as fast as they can and no faster.
    assert!(hardest[0].0 <= 2.0 + 1e-6 && hardest[0].1 <= 3.0, "{hardest:?}");
    assert!(hardest[0].0 < hardest[1].0 && hardest[1].0 < hardest[2].0, "{hardest:?}");
    assert!(hardest[2].0 > 3.0 && hardest[2].1 <= 40.0 + 1e-6, "{hardest:?}");
}

#[test]
fn where_every_stop_ends_in_somebodys_way_it_drives_on_first() {
    // One comes across, behind the vehicle if that goes on, into it if it brakes.
    let crosses: Vec<Pose> = (0..40)
        .map(|i| Pose {
            at_s: f64::from(i) * 0.1,
            centre: Point2 { x_m: 7.6, y_m: 13.2 - 10.0 * f64::from(i) * 0.1 },
            heading_rad: -std::f64::consts::FRAC_PI_2,
            speed_mps: 10.0,
        })
        .collect();
    let others = [Track { half_m: (2.0, 1.0), poses: &crosses }];
    let plan = straight(10.0, 20);
    let mut monitor = Monitor::new(rules());
    let decision = monitor.cycle(&case(&plan, &others));
    assert_eq!(decision.verdict, Verdict::Pass, "the plan passes before the other comes");
    let stop = monitor.held_stop();
    let (first, last) = (stop[0], stop[stop.len() - 1]);
    assert!(last.speed_mps <= 0.0 && last.centre.x_m > 12.0, "{last:?}");
    assert!(
        first.speed_mps == 10.0 && stop[8].speed_mps > 9.5,
        "it drives on first: {:?}",
        stop[8]
    );
    // Stops that begin at once do not save it.
    let abrupt = Rules { stops: Stops::Abrupt, ..rules() };
    let decision = Monitor::new(abrupt).cycle(&case(&plan, &others));
    assert_eq!(decision.verdict, Verdict::Stop(Reason::NoStop));
}
