//! Safe distances of random states: reads lines of numbers, writes the three distances of each.
//!
//! `tools/rss_check.py` writes the lines and compares the answers with another implementation.
//! The numbers of a line, comma-separated: for each of two parties speed, top speed, response,
//! acceleration, braking (least, most, least when in its right); then for each speed across,
//! acceleration across, braking across, sway.

use std::io::{BufRead, Write};

use rv_driver::monitor::rss::{Across, Along, beside_m, same_way_m, towards_m};

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let n: Vec<f64> = line.split(',').filter_map(|w| w.trim().parse().ok()).collect();
        let Some([same, towards, beside]) = distances(&n) else { continue };
        writeln!(out, "{same:.9},{towards:.9},{beside:.9}")?;
    }
    out.flush()
}

/// Same way (the first is in front), towards each other (the first is in its right), and beside
/// each other (the first is on the left).
fn distances(n: &[f64]) -> Option<[f64; 3]> {
    let along = |n: &[f64]| Along {
        speed_mps: n[0],
        speed_max_mps: n[1],
        response_s: n[2],
        acceleration_max_mps2: n[3],
        braking_min_mps2: n[4],
        braking_max_mps2: n[5],
        braking_min_correct_mps2: n[6],
    };
    let across = |n: &[f64], response_s: f64| Across {
        speed_mps: n[0],
        response_s,
        acceleration_max_mps2: n[1],
        braking_min_mps2: n[2],
        sway_m: n[3],
    };
    let n = n.get(..22)?;
    let (a, b) = (along(&n[..7]), along(&n[7..14]));
    let (left, right) = (across(&n[14..18], a.response_s), across(&n[18..22], b.response_s));
    Some([same_way_m(&b, &a), towards_m(&a, &b), beside_m(&left, &right)])
}
