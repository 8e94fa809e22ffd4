//! Tests of the player: a small scenario of our own, and esmini's traces if they are there.
#![allow(clippy::print_stderr, reason = "says which shared files were there")]

use std::path::{Path, PathBuf};

use super::disk::{Bundle, Kind};
use super::drive::{DriveLimits, Who, drive};
use super::reference::REFERENCES;
use super::trace::Trace;
use super::*;

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/openscenario").join(name)
}

fn play(
    bundle: &Bundle,
    set: &[(String, String)],
    step_s: f64,
    most_s: f64,
) -> (Trace, Vec<Touch>) {
    let scenario = bundle.scenario(set).unwrap();
    let roads = bundle.roads(&scenario).unwrap();
    let mut player = Player::new(&scenario, &roads).unwrap();
    let mut trace = Trace::of(&player);
    trace.note(&player);
    while !player.is_over() && player.time_s() < most_s {
        player.step(step_s, None).unwrap();
        if !player.is_over() {
            trace.note(&player);
        }
    }
    assert!(player.faults().is_empty(), "{:?}", player.faults());
    (trace, player.touches().to_vec())
}

#[test]
fn a_car_cuts_in_and_brakes_to_a_stand() {
    let bundle = Bundle::load(&own("cut_in.xosc")).unwrap();
    let (trace, touches) = play(&bundle, &[], 0.05, 60.0);
    let at = |who: usize, s: f64| trace.movers[who].1[(s / 0.05).round() as usize].unwrap();
    // Lane 1 to lane 2 within 3 s from 2 s on, braking at 5.2 m/s2 from 4 s on.
    assert!((at(1, 2.0).at.y_m + 1.75).abs() < 1e-9);
    assert!((at(1, 3.55).at.y_m + 3.5).abs() < 0.1, "{:?}", at(1, 3.55));
    assert!((at(1, 5.2).at.y_m + 5.25).abs() < 1e-9);
    let v = 40.0 / 3.6;
    assert!((at(1, 4.0).speed_mps - v).abs() < 1e-9);
    assert!((at(1, 5.05).speed_mps - (v - 5.2)).abs() < 0.3, "{:?}", at(1, 5.05));
    assert_eq!(at(1, 6.5).speed_mps, 0.0);
    // Nobody drives the ego: it runs into the car.
    assert_eq!(touches.len(), 1);
    assert!((touches[0].a, touches[0].b) == (0, 1) && touches[0].at_s < 8.0, "{touches:?}");
}

#[test]
fn the_driver_avoids_what_nobody_would() {
    let bundle = Bundle::load(&own("cut_in.xosc")).unwrap();
    let scenario = bundle.scenario(&[]).unwrap();
    let roads = bundle.roads(&scenario).unwrap();
    let limits = DriveLimits { until_s: 60.0, keeps_trace: true };
    let run = |who: Who| drive(&scenario, &roads, who, limits, None).unwrap();
    let ours = run(Who::Driver);
    assert!(ours.contact.is_none() && ours.is_over && ours.n_cycles > 50, "{:?}", ours.contact);
    assert!(ours.hardest_mps2 <= 8.5 + 1e-6 && ours.log.len() == ours.n_cycles);
    assert_eq!(ours, run(Who::Driver));
    assert!(run(Who::Nobody).contact.is_some());
    for kind in REFERENCES {
        let reference = run(Who::Reference(kind));
        assert!(reference.contact.is_none(), "{kind:?}: {:?}", reference.contact);
    }
}

#[test]
fn none_of_the_75_cut_ins_ends_in_a_contact_that_a_reference_driver_avoids() {
    let Ok(Kind::Variations(bundle, variations)) = Kind::load(&own("cut_in_variation.xosc")) else {
        panic!("no variations");
    };
    let limits = DriveLimits { until_s: 60.0, keeps_trace: false };
    let (mut ours, mut theirs) = (0, [0; 4]);
    for i in 0..variations.len() {
        let scenario = bundle.scenario(&variations.get(i)).unwrap();
        let roads = bundle.roads(&scenario).unwrap();
        let hits =
            |who: Who| drive(&scenario, &roads, who, limits, None).unwrap().contact.is_some();
        let rivals = REFERENCES.map(|kind| hits(Who::Reference(kind)));
        let hit = hits(Who::Driver);
        ours += usize::from(hit);
        theirs.iter_mut().zip(rivals).for_each(|(n, hit)| *n += usize::from(hit));
        assert!(!hit || rivals.iter().all(|r| *r), "{:?} {rivals:?}", variations.get(i));
    }
    assert!(ours <= 25 && theirs.iter().all(|n| *n >= ours), "{ours} {theirs:?}");
}

/// Numbers of a scenario are changed at random, to odd ones too: it is played, driven or refused,
/// and nobody is ever at no finite place.
#[test]
fn odd_numbers_are_played_or_refused() {
    let text = std::fs::read_to_string(own("cut_in.xosc")).unwrap();
    let folder = std::env::temp_dir().join(format!("rv_odd_{}", std::process::id()));
    std::fs::create_dir_all(folder.join("catalogs")).unwrap();
    for name in ["motorway.xodr", "catalogs/vehicles.xosc"] {
        std::fs::copy(own(name), folder.join(name)).unwrap();
    }
    let quotes: Vec<usize> = text.match_indices("=\"").map(|(at, _)| at + 2).collect();
    let mut rng = rv_base::Rng::from_seed(1);
    let odd = ["0", "-1", "1e9", "-1e9", "1e-9", "NaN", "inf", "", "3.7", "${1/3}", "Ego", "true"];
    let mut n_played = 0;
    for case in 0..150 {
        let at = quotes[rng.below(quotes.len())];
        let end = at + text[at..].find('"').unwrap();
        let value = odd[rng.below(odd.len())];
        let path = folder.join(format!("odd{case}.xosc"));
        std::fs::write(&path, format!("{}{value}{}", &text[..at], &text[end..])).unwrap();
        let Ok(bundle) = Bundle::load(&path) else { continue };
        let Ok(scenario) = bundle.scenario(&[]) else { continue };
        let Ok(roads) = bundle.roads(&scenario) else { continue };
        let Ok(mut player) = Player::new(&scenario, &roads) else { continue };
        while !player.is_over() && player.time_s() < 15.0 {
            player.step(0.05, None).unwrap();
        }
        assert!(player.movers().iter().all(|m| m.pose.at.x_m.is_finite()), "case {case}");
        let limits = DriveLimits { until_s: 15.0, keeps_trace: false };
        if drive(&scenario, &roads, Who::Driver, limits, None).is_ok() {
            n_played += 1;
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(n_played > 30, "{n_played}");
}

#[test]
fn steps_that_are_none_are_refused() {
    let bundle = Bundle::load(&own("cut_in.xosc")).unwrap();
    let scenario = bundle.scenario(&[]).unwrap();
    let roads = bundle.roads(&scenario).unwrap();
    let mut player = Player::new(&scenario, &roads).unwrap();
    for step in [0.0, -0.1, f64::NAN, f64::INFINITY, 2.0] {
        assert!(matches!(player.step(step, None), Err(PlayError::Step(_))), "{step}");
    }
}

#[test]
fn lanes_and_roads_that_are_not_there_are_errors() {
    let text = std::fs::read_to_string(own("cut_in.xosc")).unwrap();
    let folder = std::env::temp_dir().join(format!("rv_play_{}", std::process::id()));
    std::fs::create_dir_all(folder.join("catalogs")).unwrap();
    for name in ["motorway.xodr", "catalogs/vehicles.xosc"] {
        std::fs::copy(own(name), folder.join(name)).unwrap();
    }
    for (from, to, says) in [
        ("laneId=\"-2\"", "laneId=\"-9\"", "lane -9"),
        ("roadId=\"1\"", "roadId=\"7\"", "road `7`"),
    ] {
        let path = folder.join("odd.xosc");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let bundle = Bundle::load(&path).unwrap();
        let scenario = bundle.scenario(&[]).unwrap();
        let roads = bundle.roads(&scenario).unwrap();
        let error = Player::new(&scenario, &roads).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn traces_are_those_of_esmini() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let golden = data.join("esmini_golden");
    if !golden.is_dir() {
        eprintln!("left out: ../shared/data/esmini_golden is not there");
        return;
    }
    let places = [
        "alks_r157/logical_scenarios/concrete_scenarios",
        "euroncap/OpenSCENARIO/NCAP/CA-FC_2026",
        "euroncap/OpenSCENARIO/NCAP/AEB_C2C_2023",
        "euroncap/OpenSCENARIO/NCAP/AEB_VRU_2023",
    ];
    let mut n = 0;
    let mut off = Vec::new();
    for place in places {
        let mut files: Vec<PathBuf> = std::fs::read_dir(data.join(place))
            .unwrap()
            .filter_map(|e| Some(e.ok()?.path()))
            .filter(|p| p.extension().is_some_and(|e| e == "xosc"))
            .collect();
        files.sort();
        for file in files {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let Ok(csv) = std::fs::read(golden.join(format!("{name}.csv.gz"))) else { continue };
            let theirs = Trace::read_csv(&csv).unwrap();
            let Ok(Kind::Scenario(bundle)) = Kind::load(&file) else { panic!("{name}") };
            let (ours, _) = play(&bundle, &[], 0.05, 300.0);
            n += 1;
            let steps = ours.times_s.len().abs_diff(theirs.times_s.len());
            for d in ours.differences(&theirs) {
                if d.largest_m >= 0.05 || steps > 1 {
                    off.push(format!(
                        "{name} {d:?} steps {} {}",
                        ours.times_s.len(),
                        theirs.times_s.len()
                    ));
                }
            }
        }
    }
    assert!(off.is_empty(), "{n} traces\n{}", off.join("\n"));
    assert_eq!(n, 38);
}
