//! Platoons of trucks: nobody touches anybody, and swings do not grow.

use rv_driver::truck::Brakes;
use rv_sim::platoon::{Manoeuvre, PlatoonRun, run};

fn usual(manoeuvre: Manoeuvre, seed: u64) -> PlatoonRun {
    PlatoonRun {
        brakes: vec![Brakes::LOADED; 6],
        speed_mps: 80.0 / 3.6,
        manoeuvre,
        link_delay_s: 0.1,
        link_loss: 0.02,
        link_fails_at_s: None,
        duration_s: 60.0,
        seed,
    }
}

#[test]
fn nobody_touches_when_the_first_brakes_fully_and_the_link_fails_at_any_moment() {
    for seed in 0..20 {
        let after_s = [f64::INFINITY, -8.0, -0.3, 0.0, 0.2][seed as usize % 5];
        let brakes = |i: u64| Brakes {
            braking_max_mps2: [3.055, 4.5, 3.6, 5.5][((seed + i) % 4) as usize],
            ..Brakes::LOADED
        };
        let outcome = run(&PlatoonRun {
            brakes: (0..6).map(brakes).collect(),
            link_fails_at_s: Some(20.0 + after_s),
            ..usual(Manoeuvre::Brake { at_s: 20.0 }, seed)
        });
        assert_eq!(outcome.n_contacts, 0, "seed {seed}: {:?}", outcome.gap_least_m);
        // Without a link the last ones may still be closing up to the gap of standing trucks.
        let last = outcome.speeds_mps.last().unwrap();
        assert!(last[0] == 0.0 && last.iter().all(|v| *v < 2.0), "seed {seed}: {last:?}");
    }
}

#[test]
fn a_loaded_truck_stands_after_525_feet() {
    let speed_mps = 65.0 * 0.44704;
    let outcome = run(&PlatoonRun { speed_mps, ..usual(Manoeuvre::Brake { at_s: 5.0 }, 1) });
    let feet = outcome.stopping_distance_m.unwrap() / 0.3048;
    assert!((feet - 525.0).abs() < 5.0, "{feet}");
}

#[test]
fn swings_do_not_grow_from_truck_to_truck() {
    for period_s in [6.0, 10.0, 20.0, 40.0] {
        let wave = Manoeuvre::Wave { period_s, by_mps: 0.08 * period_s };
        let outcome = run(&PlatoonRun { duration_s: 240.0, ..usual(wave, 3) });
        let swing = &outcome.swing_mps;
        for pair in swing.windows(2) {
            assert!(pair[1] <= pair[0] * 1.02 + 0.02, "{period_s} s: {swing:?}");
        }
        assert_eq!((outcome.n_contacts, outcome.n_emergencies), (0, 0));
        assert!(outcome.jerk_max_mps3 <= 2.0 + 1e-9, "{}", outcome.jerk_max_mps3);
    }
}

#[test]
fn the_same_seed_drives_the_same() {
    let wave = Manoeuvre::Wave { period_s: 12.0, by_mps: 1.0 };
    assert_eq!(run(&usual(wave, 7)), run(&usual(wave, 7)));
    assert_ne!(run(&usual(wave, 7)).gaps_m, run(&usual(wave, 8)).gaps_m);
}
