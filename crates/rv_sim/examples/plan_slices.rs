//! How long the slices of plans take that are made bit by bit, over scenes of every kind: the least of
//! some repetitions of each slice, as other processes may interrupt any of them.
//!
//! `plan_slices UNITS SEEDS`

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::time::Instant;

use rv_driver::manoeuvre::{Options, Search};
use rv_sim::urban::usual_van;
use rv_sim::yard::{Kind, Scene};

const REPETITIONS: usize = 5;

fn main() {
    let number = |k: usize| std::env::args().nth(k).and_then(|a| a.parse::<u32>().ok());
    let (Some(units), Some(seeds)) = (number(1).filter(|u| *u > 0), number(2)) else {
        eprintln!("usage: plan_slices UNITS SEEDS");
        std::process::exit(2);
    };
    println!(
        "kind       slices of {units} units: median, p99.9, longest us; slices of a plan: mean, most"
    );
    for kind in Kind::ALL {
        let plans: Vec<Vec<f64>> =
            (1..=u64::from(seeds)).map(|seed| slices_us(kind, seed, units)).collect();
        let mut took_us: Vec<f64> = plans.iter().flatten().copied().collect();
        took_us.sort_by(f64::total_cmp);
        let at = |share: f64| took_us[((took_us.len() - 1) as f64 * share) as usize];
        println!(
            "{:10} {:8.0} {:8.0} {:8.0}   {:6.1} {:5}",
            kind.word(),
            at(0.5),
            at(0.999),
            at(1.0),
            took_us.len() as f64 / plans.len().max(1) as f64,
            plans.iter().map(Vec::len).max().unwrap_or_default()
        );
    }
}

/// What each slice of a scene's plan takes, us.
fn slices_us(kind: Kind, seed: u64, units: u32) -> Vec<f64> {
    let vehicle = usual_van();
    let scene = Scene::by_lot(kind, seed, &vehicle);
    let (start, goal) = scene.ends(&vehicle);
    let ground = scene.ground();
    let mut least_us: Vec<f64> = Vec::new();
    for _ in 0..REPETITIONS {
        let mut n = 0;
        let mut began = Instant::now();
        let mut search = Search::new(&vehicle, &ground, &start, &goal, &Options::VAN);
        loop {
            let has_ended = search.work(units).is_some();
            let took_us = began.elapsed().as_secs_f64() * 1e6;
            match least_us.get_mut(n) {
                Some(least) => *least = least.min(took_us),
                None => least_us.push(took_us),
            }
            n += 1;
            if has_ended {
                break;
            }
            began = Instant::now();
        }
    }
    least_us
}
