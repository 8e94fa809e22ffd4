//! Memory stays where it is, however long one drives: allocations are counted over blocks of cycles.

use allocation_counter::{AllocationInfo, measure};
use rv_base::Point2;
use rv_driver::cruise::{Own, Seen as Other};
use rv_driver::monitor::{Case, Monitor, Pose, Rules, Track};
use rv_driver::trajectory::{
    Body, Goals, Outlook, Planner, PlannerOptions, Seen, State, Vehicle, step,
};

use crate::{straight_cruise, straight_road};

const BLOCKS: usize = 8;

/// Runs blocks of work; after the first two, memory held must not grow and a block must not take
/// more than the second one did.
fn check_steady(what: &str, held_bytes_max: i64, mut block: impl FnMut(usize)) {
    let mut measured: Vec<AllocationInfo> = Vec::with_capacity(BLOCKS);
    for i in 0..BLOCKS {
        measured.push(measure(|| block(i)));
    }
    let later = &measured[2..];
    let held: i64 = later.iter().map(|m| m.bytes_current).sum();
    assert!(held <= held_bytes_max, "{what}: {held} bytes more are held: {measured:?}");
    for m in later {
        let bound = measured[1].bytes_total * 3 / 2 + 4096;
        assert!(m.bytes_total <= bound, "{what}: a cycle takes more and more: {measured:?}");
        assert!(m.bytes_max <= measured[1].bytes_max * 3 / 2 + 4096, "{what}: {measured:?}");
    }
}

#[test]
fn the_planner_holds_no_more_after_thousands_of_cycles() {
    let road = straight_road(12_000.0);
    let vehicle = Vehicle::commonroad(2).unwrap();
    let options = PlannerOptions::for_step(0.1);
    let mut planner = Planner::new(vehicle, Goals::default(), options);
    let mut state =
        State { rear: Point2 { x_m: 20.0, y_m: 0.0 }, speed_mps: 12.0, ..State::default() };
    let mut lead_m = 60.0;
    let mut now = 0_i64;
    check_steady("planner", 64 << 10, |_| {
        for _ in 0..500 {
            // Somebody ahead who is now faster, now slower.
            let lead_mps = 10.0 + 4.0 * (now as f64 * 0.01).sin();
            lead_m += lead_mps * 0.1;
            let body = |x_m: f64, y_m: f64| Body {
                centre: Point2 { x_m, y_m },
                heading_rad: 0.0,
                half_length_m: 2.3,
                half_width_m: 0.9,
            };
            let seen = |id, body, speed_mps| Seen {
                id,
                body,
                speed_mps,
                acceleration_mps2: 0.0,
                yaw_rate_radps: 0.0,
                is_static: false,
                keeps_lane: true,
            };
            let others = [
                seen(1, body(lead_m, 0.0), lead_mps),
                seen(2, body(state.rear.x_m + 30.0 - (now % 80) as f64, 3.6), 5.0),
            ];
            let cycle = planner.cycle(&road, now, &state, Outlook::Seen(&others));
            state = step(&vehicle, &state, cycle.input, 0.1);
            now += 1;
        }
    });
    assert!(state.rear.x_m > 500.0, "it has driven: {state:?}");
}

#[test]
fn cruise_and_monitor_hold_no_more_after_thousands_of_cycles() {
    let mut cruise = straight_cruise(10_000.0);
    let mut monitor = Monitor::new(Rules::van(0.1));
    let mut own = Own {
        at: Point2 { x_m: 5.0, y_m: 0.0 },
        heading_rad: 0.0,
        speed_mps: 14.0,
        acceleration_mps2: 0.0,
    };
    let mut k = 0_u32;
    check_steady("cruise and monitor", 4 << 10, |_| {
        for _ in 0..600 {
            // One after another cuts in from the side.
            let phase = f64::from(k % 100) * 0.1;
            let other = Other {
                centre: Point2 {
                    x_m: own.at.x_m + 40.0 - 4.0 * phase,
                    y_m: (3.5 - phase * 0.5).max(0.5),
                },
                heading_rad: -0.05,
                half_m: (2.3, 0.9),
                velocity_mps: (10.0, -0.5),
                acceleration_mps2: 0.0,
                is_vulnerable: false,
            };
            let command = cruise.cycle(&own, &[other], 14.0, 1.75, (5.0, 5.0));
            let pose = |(at_s, centre, heading_rad, speed_mps)| Pose {
                at_s,
                centre,
                heading_rad,
                speed_mps,
            };
            let plan: Vec<Pose> =
                cruise.preview(&own, &command, 0.0).into_iter().map(pose).collect();
            let poses = cruise.expected(|at_s, centre, heading_rad, speed_mps| {
                pose((at_s, centre, heading_rad, speed_mps))
            });
            let tracks: Vec<Track<'_>> = poses
                .iter()
                .zip(cruise.sizes())
                .map(|(poses, half_m)| Track { half_m, poses })
                .collect();
            let _ = monitor.cycle(&Case {
                now: plan[0],
                half_m: (2.5, 1.0),
                plan: &plan,
                others: &tracks,
                edges: &[],
                aside: &[],
                age_s: 0.1,
                lead: None,
                outside: None,
            });
            own.speed_mps = (own.speed_mps + command.acceleration_mps2 * 0.1).clamp(3.0, 20.0);
            own.at.x_m += own.speed_mps * 0.1;
            k += 1;
        }
    });
}

#[test]
fn the_counter_sees_what_grows() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let grown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        check_steady("a list", 4 << 10, |_| kept.push(vec![0; 1000]));
    }));
    assert!(grown.is_err());
}
