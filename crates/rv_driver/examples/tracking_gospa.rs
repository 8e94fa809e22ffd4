//! Tracks among noise, misses and false detections, measured by GOSPA beside the raw detections.
//!
//! `cargo run --release -p rv_driver --example tracking_gospa -- SEEDS` drives 12 cars (two stand, two
//! creep), 4 bicycles and 4 people through 30 s each: 10 frames a second, 10 % missed, 0.2 to 0.35 m of
//! noise, two false detections a frame, frames 0.1 s late.

#![expect(clippy::print_stdout, reason = "a program that people run")]

use rv_base::{Point2, Rng};
use rv_driver::tracking::gospa::gospa;
use rv_driver::tracking::{Class, Detection, Tracker, TrackerOptions};

const CUT_OFF_M: f64 = 3.0;
const STEP_S: f64 = 0.1;
const FRAMES: usize = 300;

struct Thing {
    from: Point2,
    heading_rad: f64,
    speed_mps: f64,
    turning_radps: f64,
    class: Class,
    half_m: (f64, f64),
}

impl Thing {
    fn at(&self, t_s: f64) -> (Point2, f64) {
        let (v, w, h) = (self.speed_mps, self.turning_radps, self.heading_rad);
        let by = |x: f64| if w.abs() < 1e-6 { v * t_s } else { v / w * x };
        let (dx, dy) = if w.abs() < 1e-6 {
            (v * t_s * h.cos(), v * t_s * h.sin())
        } else {
            (by((h + w * t_s).sin() - h.sin()), by(h.cos() - (h + w * t_s).cos()))
        };
        (Point2 { x_m: self.from.x_m + dx, y_m: self.from.y_m + dy }, h + w * t_s)
    }
}

fn things(rng: &mut Rng) -> Vec<Thing> {
    let mut out = Vec::new();
    for i in 0..20 {
        let (class, half_m, speed_mps) = match i {
            0 | 1 => (Class::Car, (2.2, 0.9), 0.0),
            2 | 3 => (Class::Car, (2.2, 0.9), rng.range(0.6, 1.8)),
            4..12 => (Class::Car, (2.2, 0.9), rng.range(3.0, 14.0)),
            12..16 => (Class::Bicycle, (0.9, 0.3), rng.range(2.0, 6.0)),
            _ => (Class::Pedestrian, (0.3, 0.3), rng.range(0.7, 1.6)),
        };
        out.push(Thing {
            from: Point2 { x_m: rng.range(-80.0, 80.0), y_m: rng.range(-80.0, 80.0) },
            heading_rad: rng.range(-3.1, 3.1),
            speed_mps,
            turning_radps: if rng.chance(0.4) { rng.range(-0.2, 0.2) } else { 0.0 },
            class,
            half_m,
        });
    }
    out
}

fn main() {
    let seeds = std::env::args().nth(1).and_then(|a| a.parse::<u64>().ok()).unwrap_or(20);
    let (mut raw, mut tracked, mut missed, mut wrong, mut n) = (0.0, 0.0, 0, 0, 0_usize);
    for seed in 0..seeds {
        let mut rng = Rng::from_seed(seed);
        let things = things(&mut rng);
        let mut tracker = Tracker::new(TrackerOptions::USUAL);
        let mut told = Vec::new();
        for k in 0..FRAMES {
            let t_s = k as f64 * STEP_S;
            let mut frame: Vec<Detection> = Vec::new();
            for thing in &things {
                let (at, heading_rad) = thing.at(t_s);
                let sigma_m = rng.range(0.2, 0.35);
                let noise = (rng.normal(0.0, sigma_m), rng.normal(0.0, sigma_m));
                if rng.chance(0.9) {
                    frame.push(Detection {
                        centre: Point2 { x_m: at.x_m + noise.0, y_m: at.y_m + noise.1 },
                        heading_rad: heading_rad + rng.normal(0.0, 0.05),
                        half_m: thing.half_m,
                        class: if rng.chance(0.9) { thing.class } else { Class::Unknown },
                        sigma_m,
                        is_emergency: false,
                    });
                }
            }
            for _ in 0..2 {
                frame.push(Detection {
                    centre: Point2 { x_m: rng.range(-90.0, 90.0), y_m: rng.range(-90.0, 90.0) },
                    heading_rad: rng.range(-3.1, 3.1),
                    half_m: (2.2, 0.9),
                    class: Class::Car,
                    sigma_m: 0.3,
                    is_emergency: false,
                });
            }
            tracker.take(t_s, &frame, &|_| true);
            // It is used when the next frame is taken.
            let now_s = t_s + STEP_S;
            tracker.told(now_s, &mut told);
            if k < 20 {
                continue;
            }
            let truth: Vec<Point2> = things.iter().map(|thing| thing.at(now_s).0).collect();
            let seen: Vec<Point2> = frame.iter().map(|d| d.centre).collect();
            let tracks: Vec<Point2> = told.iter().map(|track| track.centre).collect();
            let found = gospa(&truth, &tracks, CUT_OFF_M);
            raw += gospa(&truth, &seen, CUT_OFF_M).distance_m;
            tracked += found.distance_m;
            (missed, wrong, n) = (missed + found.n_missed, wrong + found.n_false, n + 1);
        }
    }
    let n = n.max(1) as f64;
    println!(
        "{seeds} seeds, 20 things: GOSPA (cut-off {CUT_OFF_M} m) of tracks {:.2} m, of raw detections {:.2} m; \
         a frame: {:.3} missed, {:.3} false",
        tracked / n,
        raw / n,
        missed as f64 / n,
        wrong as f64 / n
    );
}
