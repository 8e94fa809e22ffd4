//! Drives through a city without the whole binary, for whoever works on the urban driver: a row of
//! figures, and every drive that touched somebody or did not arrive.
//!
//! `city_drives CITY SEED FIRST N [--law NAME] [--human] [--length-m M] [--hubs] [--turn-back]
//! [--single-track | --drift]
//! [--threads N] [--rough] [--lost] [--log FROM_S TO_S]`
//!
//! `--rough` lists where rough moments come from, `--lost` where time was lost against the
//! human-like driver, `--log` all of a span of time.

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
    Busy, CycleTimes, Drive, DriveSetup, Ends, HUMAN_STEP_M, HubFindings, Moment, Route,
    SensorModel, Walls, drive,
};

/// What is told beyond the row.
#[derive(Clone, Copy)]
struct Tells {
    rough: bool,
    lost: bool,
    log_s: Option<(f64, f64)>,
}

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
            "usage: city_drives CITY SEED FIRST N [--law NAME] [--human] [--hubs] [--rough] [--lost] [--log FROM TO]"
        );
        std::process::exit(2);
    };
    let city = std::fs::read(path).ok().and_then(|bytes| City::from_file_bytes(&bytes).ok());
    let Some(city) = city.map(Arc::new) else {
        eprintln!("{path} is no city file");
        std::process::exit(2);
    };
    let law = after("--law", 1).unwrap_or_else(|| "vienna".into());
    let Some(law) = TrafficLaw::named(&law) else {
        eprintln!("no law is named {law}");
        std::process::exit(2);
    };
    let lanes = Arc::new(CityLanes::build(&city));
    let walls = Arc::new(Walls::of(&city, &lanes.frame));
    let setup = DriveSetup {
        city,
        lanes,
        law,
        busy: Busy::USUAL,
        length_m: after("--length-m", 1).and_then(|m| m.parse().ok()).unwrap_or(3000.0),
        seed,
        sensors: Some(SensorModel::USUAL),
        weather: Weather::Dry,
        walls,
        with_human: has("--human") || has("--lost"),
        plant: match () {
            () if has("--single-track") => PlantKind::SingleTrack,
            () if has("--drift") => PlantKind::Drift,
            () => PlantKind::Kinematic,
        },
        ends: if has("--hubs") { Ends::Hub } else { Ends::Lane },
        route: if has("--turn-back") { Route::TurnsBack } else { Route::Onwards },
    };
    let span = after("--log", 1).zip(after("--log", 2));
    let log_s = span.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let tells = Tells { rough: has("--rough"), lost: has("--lost"), log_s };
    let began = Instant::now();
    let next = AtomicU64::new(first);
    let threads = after("--threads", 1).and_then(|t| t.parse().ok()).unwrap_or(2_usize);
    let mut done: Vec<(Drive, Watched)> = std::thread::scope(|scope| {
        let run = || {
            let mut mine = Vec::new();
            loop {
                let k = next.fetch_add(1, Ordering::Relaxed);
                if k >= first + n {
                    return mine;
                }
                mine.extend(one(&setup, k, tells));
            }
        };
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        all.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
    });
    done.sort_by_key(|d| d.0.number);
    let drives: Vec<&Drive> = done.iter().map(|d| &d.0).collect();
    if has("--hubs") || has("--turn-back") {
        tell_manoeuvres(&drives);
    }
    sum_up(&drives, began.elapsed());
    if tells.rough {
        tell_rough(&done);
    }
    if tells.lost {
        tell_lost(&done);
    }
}

/// What was turned and parked, and how long cycles took.
fn tell_manoeuvres(drives: &[&Drive]) {
    let (mut times, mut hubs) = (CycleTimes::default(), HubFindings::default());
    for d in drives {
        times.add(&d.times);
        hubs.add(&d.hubs);
    }
    println!(
        "turned {}, could not {}; parked at the kerb {} of {}; {hubs:?}; cycles: median {:.0}, \
         p99.9 {:.0}, longest {:.0} us",
        drives.iter().map(|d| d.n_turned).sum::<u32>(),
        drives.iter().filter(|d| d.could_not_turn).count(),
        drives.iter().filter(|d| d.is_parked).count(),
        drives.len(),
        times.at_share(0.5),
        times.at_share(0.999),
        times.longest_us()
    );
}

/// The drives to look at, and the row of all.
fn sum_up(drives: &[&Drive], took: Duration) {
    for d in drives {
        let f = &d.found;
        if !d.is_arrived || !d.contacts.is_empty() || f.red_lights + f.stop_signs > 0 {
            println!(
                "drive {}: {} after {:.0} s, red lights {}, stop signs {}, {:?}",
                d.number,
                d.stuck_on.as_deref().unwrap_or("arrived"),
                f.time_s,
                f.red_lights,
                f.stop_signs,
                d.contacts
            );
        }
    }
    let sum = |of: &dyn Fn(&Drive) -> f64| drives.iter().map(|d| of(d)).sum::<f64>();
    let most = |of: &dyn Fn(&Drive) -> f64| drives.iter().map(|d| of(d)).fold(0.0, f64::max);
    let (km, time_s) = (sum(&|d| d.found.driven_m) / 1000.0, sum(&|d| d.found.time_s));
    println!(
        "{km:.1} km; at fault {} of {} contacts; red lights {}, stop signs {}; outside permit {:.0} m; \
         calls {} = {:.2} per 100 km; arrived {} of {}; {:.2} m/s{}; rough {:.3} %, at most {:.1} m/s2 \
         and {:.0} m/s3; emergencies {:.2} %; {:.0} s",
        sum(&|d| f64::from(d.found.contacts_at_fault)),
        sum(&|d| f64::from(d.found.contacts)),
        sum(&|d| f64::from(d.found.red_lights)),
        sum(&|d| f64::from(d.found.stop_signs)),
        sum(&|d| d.found.outside_permit_m),
        sum(&|d| f64::from(d.found.calls)),
        sum(&|d| f64::from(d.found.calls)) / km * 100.0,
        drives.iter().filter(|d| d.is_arrived).count(),
        drives.len(),
        km * 1000.0 / time_s,
        beside_human(drives),
        sum(&|d| d.found.rough_s) / time_s * 100.0,
        most(&|d| d.found.both_max_mps2),
        most(&|d| d.found.jerk_max_mps3),
        sum(&|d| d.found.emergency_s) / time_s * 100.0,
        took.as_secs_f64(),
    );
}

/// The share of the human-like driver's speed on ways that both drove to their end.
fn beside_human(drives: &[&Drive]) -> String {
    let mut sums = [0.0; 4];
    for d in drives.iter().filter(|d| d.is_arrived) {
        let Some(h) = d.human.filter(|h| h.is_arrived) else { continue };
        let f = &d.found;
        let these = [f.driven_m, f.time_s - d.parking_s, h.driven_m, h.time_s];
        sums.iter_mut().zip(these).for_each(|(sum, x)| *sum += x);
    }
    let human_mps = sums[2] / sums[3];
    match human_mps.is_finite() {
        true => format!(" = {:.1} % of {human_mps:.2}", sums[0] / sums[1] / human_mps * 100.0),
        false => String::new(),
    }
}

/// What was seen of one drive.
#[derive(Default)]
struct Watched {
    /// Of rough moments by cause: seconds, strongest along, across, and jerk.
    rough: BTreeMap<String, (f64, f64, f64, f64)>,
    /// Time by reason in each step of the way, s.
    spent: Vec<BTreeMap<String, f64>>,
    /// Speed, heading, time and reason of the last moment, and the acceleration before.
    last: Option<(f64, f64, f64, String)>,
    last_a: f64,
}

impl Watched {
    fn note(&mut self, k: u64, m: &Moment<'_>, tells: Tells) {
        if tells.log_s.is_some_and(|s| (s.0..s.1).contains(&m.at_s)) {
            tell(m);
        }
        if !tells.rough && !tells.lost {
            return;
        }
        let why = format!("{:?}", m.decision.reason).replace(|c: char| c.is_ascii_digit(), "");
        if tells.lost {
            let (v, heading) = (m.van.speed_mps, m.van.heading_rad);
            let state = State::at_centre(m.driver.vehicle(), m.van.at, heading, v);
            let step = (m.driver.place(&state).0.max(0.0) / HUMAN_STEP_M) as usize;
            self.spent.resize(self.spent.len().max(step + 1), BTreeMap::new());
            *self.spent[step].entry(why.clone()).or_default() += 0.1;
        }
        if tells.rough {
            self.note_rough(k, m, why);
        }
    }

    fn note_rough(&mut self, k: u64, m: &Moment<'_>, why: String) {
        let (v, heading) = (m.van.speed_mps, m.van.heading_rad);
        let Some((v0, h0, at0, cause)) = self.last.replace((v, heading, m.at_s, why)) else {
            return;
        };
        let along = (v - v0) / 0.1;
        let across = wrapped_rad(heading - h0) / 0.1 * v;
        let jerk = (along - self.last_a) / 0.1;
        self.last_a = along;
        let kind = match () {
            () if m.in_emergency => return,
            () if along.abs() > 2.0 => "along ",
            () if across.abs() > 2.0 => "across",
            () if jerk.abs() > 2.0 => "jerk  ",
            () if along.hypot(across) > 2.0 => "both  ",
            () => return,
        };
        println!(
            "  {k} {at0:.1} v {v0:.2} a {along:.2} lat {across:.2} jerk {jerk:.1} {kind} {cause}"
        );
        let r = self.rough.entry(format!("{kind} {cause}")).or_default();
        *r = (r.0 + 0.1, r.1.max(along.abs()), r.2.max(across.abs()), r.3.max(jerk.abs()));
    }
}

fn one(setup: &DriveSetup, k: u64, tells: Tells) -> Option<(Drive, Watched)> {
    let mut watched = Watched::default();
    let began = Instant::now();
    let drive = drive(setup, k, &|| began.elapsed(), &mut |m| watched.note(k, m, tells))?;
    Some((drive, watched))
}

fn tell_rough(done: &[(Drive, Watched)]) {
    let mut all: BTreeMap<&str, (f64, f64, f64, f64)> = BTreeMap::new();
    for (cause, (s, a, c, j)) in done.iter().flat_map(|d| &d.1.rough) {
        let sum = all.entry(cause).or_default();
        *sum = (sum.0 + s, sum.1.max(*a), sum.2.max(*c), sum.3.max(*j));
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
    for (cause, (s, a, c, j)) in all {
        println!("{s:8.1} s  along {a:5.2}  across {c:5.2}  jerk {j:6.2}  {cause}");
    }
}

/// Time spent by reason, and how much of it the human-like driver did not spend there, s a drive.
fn tell_lost(done: &[(Drive, Watched)]) {
    let mut all: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    let mut n = 0.0;
    let both =
        |d: &Drive| d.is_arrived && d.n_rerouted == 0 && d.human.is_some_and(|h| h.is_arrived);
    for (drive, watched) in done.iter().filter(|d| both(&d.0)) {
        n += 1.0;
        let mut before_s = 0.0;
        for (step, spent) in watched.spent.iter().enumerate() {
            let human_s = drive.human_passed_s.get(step).map_or(0.0, |s| f64::from(*s) - before_s);
            before_s += human_s;
            let van_s: f64 = spent.values().sum();
            for (why, s) in spent {
                let sum = all.entry(why).or_default();
                *sum = (sum.0 + s, sum.1 + s - human_s * s / van_s);
            }
        }
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
    for (why, (spent_s, lost_s)) in all {
        println!("{:8.2} s spent, {:8.2} s lost a drive  {why}", spent_s / n, lost_s / n);
    }
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
