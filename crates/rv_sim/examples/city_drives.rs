//! Drives through a city without the whole binary, for whoever works on the urban driver: every
//! contact with the seconds before it, where rough moments come from, and what calls waited for.
//!
//! `city_drives CITY SEED FIRST N [--law NAME] [--human] [--rough] [--log FROM_S TO_S]`

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rv_driver::law::TrafficLaw;
use rv_driver::trajectory::{State, wrapped_rad};
use rv_map::City;
use rv_map::city_lanes::CityLanes;
use rv_sim::Weather;
use rv_sim::plant::PlantKind;
use rv_sim::urban::{
    Busy, CycleTimes, Drive, DriveSetup, Ends, HubFindings, Moment, Route, SensorModel, Walls,
    drive,
};

/// What rough moments of one cause come to: seconds, strongest along, across, and jerk.
type Rough = BTreeMap<String, (f64, f64, f64, f64)>;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| args.iter().any(|a| a == name);
    let after = |name: &str, k: usize| {
        args.iter().position(|a| a == name).and_then(|i| args.get(i + k)).cloned()
    };
    let number = |k: usize| args.get(k).and_then(|a| a.parse::<u64>().ok());
    let (Some(path), Some(seed), Some(first), Some(n)) =
        (args.first(), number(1), number(2), number(3))
    else {
        eprintln!(
            "usage: city_drives CITY SEED FIRST N [--law NAME] [--human] [--rough] [--log FROM TO]"
        );
        std::process::exit(2);
    };
    let city = std::fs::read(path).ok().and_then(|bytes| City::from_file_bytes(&bytes).ok());
    let Some(city) = city.map(Arc::new) else {
        eprintln!("{path} is no city file");
        std::process::exit(2);
    };
    let lanes = Arc::new(CityLanes::build(&city));
    let walls = Arc::new(Walls::of(&city, &lanes.frame));
    let law = after("--law", 1).unwrap_or_else(|| "vienna".into());
    let setup = DriveSetup {
        city,
        lanes,
        law: TrafficLaw::named(&law).unwrap_or_else(|| TrafficLaw::shipped().remove(0)),
        busy: Busy::USUAL,
        length_m: after("--length-m", 1).and_then(|m| m.parse().ok()).unwrap_or(3000.0),
        seed,
        sensors: Some(SensorModel::USUAL),
        weather: Weather::Dry,
        walls,
        with_human: has("--human"),
        plant: match () {
            () if has("--single-track") => PlantKind::SingleTrack,
            () if has("--drift") => PlantKind::Drift,
            () => PlantKind::Kinematic,
        },
        ends: if has("--hubs") { Ends::Hub } else { Ends::Lane },
        route: if has("--turn-back") { Route::TurnsBack } else { Route::Onwards },
    };
    let span = after("--log", 1).zip(after("--log", 2));
    let span = span.and_then(|(a, b)| Some((a.parse::<f64>().ok()?, b.parse::<f64>().ok()?)));
    let tells_rough = has("--rough");
    let began = Instant::now();
    let next = AtomicU64::new(first);
    let threads = after("--threads", 1).and_then(|t| t.parse().ok()).unwrap_or(2_usize);
    let mut done: Vec<(Drive, Rough)> = std::thread::scope(|scope| {
        let run = || {
            let mut mine = Vec::new();
            loop {
                let k = next.fetch_add(1, Ordering::Relaxed);
                if k >= first + n {
                    return mine;
                }
                mine.extend(one(&setup, k, span, tells_rough));
            }
        };
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        all.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
    });
    done.sort_by_key(|d| d.0.number);
    sum_up(&done, began.elapsed());
}

fn sum_up(done: &[(Drive, Rough)], took: Duration) {
    let (mut times, mut hubs) = (CycleTimes::default(), HubFindings::default());
    for (d, _) in done {
        times.add(&d.times);
        hubs.add(&d.hubs);
    }
    println!(
        "turned {}, could not {}; parked at the kerb {} of {}; {hubs:?}; cycles: median {:.0}, p99.9 {:.0}, longest {:.0} us",
        done.iter().map(|d| d.0.n_turned).sum::<u32>(),
        done.iter().filter(|d| d.0.could_not_turn).count(),
        done.iter().filter(|d| d.0.is_parked).count(),
        done.len(),
        times.at_share(0.5),
        times.at_share(0.999),
        times.longest_us()
    );
    let mut rough = Rough::new();
    let (mut km, mut time_s, mut rough_s, mut calls, mut fault, mut contacts) =
        (0.0, 0.0, 0.0, 0, 0, 0);
    let (mut red, mut stop, mut emergency_s, mut off_m) = (0, 0, 0.0, 0.0);
    let mut both = [0.0; 4];
    for (d, r) in done {
        let f = &d.found;
        km += f.driven_m / 1000.0;
        (time_s, rough_s) = (time_s + f.time_s, rough_s + f.rough_s);
        (calls, fault, contacts) =
            (calls + f.calls, fault + f.contacts_at_fault, contacts + f.contacts);
        (red, stop, emergency_s) =
            (red + f.red_lights, stop + f.stop_signs, emergency_s + f.emergency_s);
        off_m += f.outside_permit_m;
        if let (true, Some(h)) = (d.is_arrived, d.human.filter(|h| h.is_arrived)) {
            for (sum, x) in
                both.iter_mut().zip([f.driven_m, f.time_s - d.parking_s, h.driven_m, h.time_s])
            {
                *sum += x;
            }
        }
        if !d.is_arrived || !d.contacts.is_empty() || f.red_lights + f.stop_signs > 0 {
            println!(
                "drive {}: {:?} after {:.0} s, red {} stop {}, {:?}",
                d.number, d.stuck_on, f.time_s, f.red_lights, f.stop_signs, d.contacts
            );
        }
        for (cause, (s, a, c, j)) in r {
            let all = rough.entry(cause.clone()).or_default();
            *all = (all.0 + s, all.1.max(*a), all.2.max(*c), all.3.max(*j));
        }
    }
    let mut rough: Vec<_> = rough.into_iter().collect();
    rough.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
    for (cause, (s, a, c, j)) in rough {
        println!("{s:8.1} s  along {a:5.2}  across {c:5.2}  jerk {j:6.2}  {cause}");
    }
    println!(
        "{km:.1} km, {} drives; at fault {fault} of {contacts}; red {red}, stop signs {stop}, outside {off_m:.0} m; calls {calls} = {:.2} per 100 km; \
         {:.2} m/s, {:.1} % of {:.2}; rough {:.3} %, emergencies {:.2} %; {:.1} s",
        done.len(),
        f64::from(calls) / km * 100.0,
        km * 1000.0 / time_s,
        both[0] / both[1] / (both[2] / both[3]) * 100.0,
        both[2] / both[3],
        rough_s / time_s * 100.0,
        emergency_s / time_s * 100.0,
        took.as_secs_f64(),
    );
}

fn one(
    setup: &DriveSetup,
    k: u64,
    span: Option<(f64, f64)>,
    tells_rough: bool,
) -> Option<(Drive, Rough)> {
    let mut rough = Rough::new();
    let mut last: Option<(f64, f64, f64, String)> = None;
    let mut last_a = 0.0;
    let began = Instant::now();
    let drive = drive(setup, k, &|| began.elapsed(), &mut |m| {
        let (v, heading) = (m.van.speed_mps, m.van.heading_rad);
        if let Some((v0, h0, at0, why)) = last.take() {
            let along = (v - v0) / 0.1;
            let turn = heading - h0;
            let across = turn.sin().atan2(turn.cos()) / 0.1 * v;
            let jerk = (along - last_a) / 0.1;
            last_a = along;
            let is_rough = along.hypot(across) > 2.0 || jerk.abs() > 2.0;
            if is_rough {
                let kind = if along.abs() > 2.0 {
                    "along "
                } else if across.abs() > 2.0 {
                    "across"
                } else if jerk.abs() > 2.0 {
                    "jerk  "
                } else {
                    "both  "
                };
                let why =
                    format!("{kind} {why}{}", if m.in_emergency { " (emergency)" } else { "" });
                if tells_rough && !m.in_emergency {
                    println!(
                        "  {k} {at0:.1} v {v0:.2} a {along:.2} lat {across:.2} jerk {jerk:.1} {why}"
                    );
                }
                let r = rough.entry(why).or_default();
                *r = (r.0 + 0.1, r.1.max(along.abs()), r.2.max(across.abs()), r.3.max(jerk.abs()));
            }
        }
        let why = format!("{:?}", m.decision.reason).replace(|c: char| c.is_ascii_digit(), "");
        // Time lost against the speed that limits and bends allow.
        let state = State::at_centre(m.driver.vehicle(), m.van.at, heading, v);
        let cap_mps = m.driver.way().cap_mps(m.driver.place(&state).0).max(1.0);
        rough.entry(format!("lost {why}")).or_default().0 +=
            0.1 * (1.0 - v.max(0.0) / cap_mps).max(0.0);
        last = Some((v, heading, m.at_s, why));
        if span.is_some_and(|s| (s.0..s.1).contains(&m.at_s)) {
            tell(m);
        }
    })?;
    Some((drive, rough))
}

/// A moment in full: the van along its way, and those near it in its own frame.
fn tell(m: &Moment<'_>) {
    let vehicle = m.driver.vehicle();
    let state = State::at_centre(vehicle, m.van.at, m.van.heading_rad, m.van.speed_mps);
    let (s_m, d_m) = m.driver.place(&state);
    println!(
        "{:.1} s {s_m:.1} d {d_m:.2} v {:.2} a {:.2} -> {:.2} {:?} ok {} emergency {} stuck {:.0}",
        m.at_s,
        m.van.speed_mps,
        m.van.acceleration_mps2,
        m.decision.acceleration_mps2,
        m.decision.reason,
        m.decision.is_let_through,
        m.in_emergency,
        m.driver.stuck_s(m.now_s),
    );
    for (lane, aspect) in m.signals {
        println!("      light of {} {aspect:?}", lane.0);
    }
    let (sin, cos) = m.van.heading_rad.sin_cos();
    let relative = |p: rv_base::Point2| {
        let (dx, dy) = (p.x_m - m.van.at.x_m, p.y_m - m.van.at.y_m);
        (dx * cos + dy * sin, dy * cos - dx * sin)
    };
    for t in m.tracks {
        let (x, y) = relative(t.centre);
        if x.abs() < 40.0 && y.abs() < 12.0 {
            println!(
                "      track {} {:?} x {x:.1} y {y:.1} turn {:.2} v {:.1} a {:.1} half {:.1} {:.1} stood {:.0}",
                t.id,
                t.class,
                wrapped_rad(t.heading_rad - m.van.heading_rad),
                t.speed_mps,
                t.acceleration_mps2,
                t.half_m.0,
                t.half_m.1,
                t.stood_s
            );
        }
    }
    for t in m.things {
        let (x, y) = relative(t.at);
        if x.abs() < 40.0 && y.abs() < 12.0 {
            let minds = m.world.minds(t.id).map(|(minds, lane, s_m, d_m, next)| {
                let next = next.map_or(0, |n| n.0);
                format!("on {} at {s_m:.1} d {d_m:.2}, then {next}: {minds:?}", lane.0)
            });
            println!(
                "      truth {} {:?} x {x:.1} y {y:.1} turn {:.2} v {:.1} a {:.1} stood {:.0} {}",
                t.id,
                t.class,
                wrapped_rad(t.heading_rad - m.van.heading_rad),
                t.speed_mps,
                t.acceleration_mps2,
                t.stood_s,
                minds.unwrap_or_default(),
            );
        }
    }
}
