//! Manoeuvres: random scenes planned, driven, and judged by geometry that shares nothing with the
//! planner.

use rv_driver::manoeuvre::Options;
use rv_sim::plant::PlantKind;
use rv_sim::urban::usual_van;
use rv_sim::yard::{Kind, Outcome, Scene, Walk, drive, plan};

fn driven(kind: Kind, seed: u64, plant: PlantKind) -> Outcome {
    let vehicle = usual_van();
    drive(&Scene::by_lot(kind, seed, &vehicle), &vehicle, &Options::VAN, plant)
}

#[test]
fn random_scenes_of_every_kind_are_driven_to_their_goals_and_nothing_is_touched() {
    for kind in Kind::ALL.into_iter().filter(|k| *k != Kind::Sealed) {
        let outcomes: Vec<Outcome> =
            (1..=12).map(|seed| driven(kind, seed, PlantKind::Kinematic)).collect();
        let n_planned = outcomes.iter().filter(|o| o.planned.is_some()).count();
        assert!(n_planned >= 11, "{kind:?}: {n_planned} of 12");
        for o in outcomes.iter().filter(|o| o.planned.is_some()) {
            assert!(o.is_fine(), "{}: {:?} {:?}", o.name, o.verdict, o.planned);
            assert_eq!(o.n_refused, 0, "{}", o.name);
        }
    }
}

#[test]
fn a_vehicle_that_answers_late_follows_them_backwards_too() {
    for plant in [PlantKind::SingleTrack, PlantKind::Drift] {
        for kind in [Kind::Bay, Kind::Kerb, Kind::Hub, Kind::Turn] {
            for seed in 1..=3 {
                let o = driven(kind, seed, plant);
                assert!(o.is_fine(), "{} {plant:?}: {:?} {:?}", o.name, o.verdict, o.tracking);
                assert!(o.tracking.n_cycles > 100 && o.tracking.beside_max_m < 0.08, "{}", o.name);
            }
        }
    }
}

#[test]
fn what_cannot_be_done_is_said_to_be_so() {
    let vehicle = usual_van();
    for seed in 1..=5 {
        let scene = Scene::by_lot(Kind::Sealed, seed, &vehicle);
        assert!(plan(&scene, &vehicle, &Options::VAN).is_err(), "{}", scene.name);
    }
}

#[test]
fn the_same_question_gives_the_same_drive() {
    let (a, b) = (driven(Kind::Hub, 2, PlantKind::Drift), driven(Kind::Hub, 2, PlantKind::Drift));
    assert!(!a.states.is_empty() && a.states == b.states && a.plan == b.plan);
}

/// A scene whose van backs into a bay for most of its way, and where it is when it does.
fn backing() -> (Scene, Outcome) {
    let vehicle = usual_van();
    (1..40)
        .map(|seed| Scene::by_lot(Kind::Bay, seed, &vehicle))
        .map(|s| (drive(&s, &vehicle, &Options::VAN, PlantKind::SingleTrack), s))
        .find(|(o, _)| o.states.iter().filter(|s| s.speed_mps < -0.3).count() > 40)
        .map(|(o, s)| (s, o))
        .expect("some goals are nose out")
}

#[test]
fn a_reversing_van_waits_for_somebody_who_walks_behind_it() {
    let vehicle = usual_van();
    let (scene, alone) = backing();
    // Somebody crosses two metres behind its tail just as it backs.
    let k = alone.states.iter().position(|s| s.speed_mps < -0.3).expect("it backs");
    let at = alone.states[k + 15];
    let (sin, cos) = at.heading_rad.sin_cos();
    let behind = (at.rear.x_m - 2.0 * cos, at.rear.y_m - 2.0 * sin);
    let mut scene = scene;
    scene.walks.push(Walk {
        ends_m: [
            behind.0 - 6.0 * sin,
            behind.1 + 6.0 * cos,
            behind.0 + 6.0 * sin,
            behind.1 - 6.0 * cos,
        ],
        from_s: k as f64 * 0.1 - 3.0,
        speed_mps: 1.2,
        pause_s: 4.0,
    });
    let o = drive(&scene, &vehicle, &Options::VAN, PlantKind::SingleTrack);
    assert!(o.is_fine() && o.n_people_touched == 0, "{:?}", o.verdict);
    assert!(o.waited_s > 2.0 && o.time_s > alone.time_s + 2.0, "{} {}", o.waited_s, o.time_s);
    assert!(o.people_least_m.is_some_and(|m| m > 0.2), "{:?}", o.people_least_m);
}

#[test]
fn people_in_the_way_are_never_touched() {
    let vehicle = usual_van();
    for kind in [Kind::Bay, Kind::Kerb, Kind::Turn, Kind::Hub] {
        for seed in 1..=4 {
            let scene = Scene::by_lot(kind, seed, &vehicle).with_people(6, seed);
            let o = drive(&scene, &vehicle, &Options::VAN, PlantKind::SingleTrack);
            assert!(o.is_fine(), "{} {:?} {:?}", o.name, o.verdict, o.people_least_m);
        }
    }
}

#[test]
fn scenes_go_to_json_and_back_and_bad_ones_are_refused() {
    let vehicle = usual_van();
    let scene = Scene::by_lot(Kind::Echelon, 3, &vehicle).with_people(2, 3);
    let text = serde_json::to_string(&scene).expect("it has a form");
    let back: Scene = serde_json::from_str(&text).expect("it is one");
    let back = back.checked().expect("it is fine");
    assert_eq!((back.solids.len(), back.walks.len()), (scene.solids.len(), 2));
    assert!((back.goal.x_m - scene.goal.x_m).abs() < 1e-9);
    let mut bad = back;
    bad.solids[0].length_m = f64::NAN;
    assert!(bad.checked().is_err_and(|e| e.to_string().contains("solid 0")));
    assert!(serde_json::from_str::<Scene>("{\"name\":\"x\",\"wals\":[]}").is_err());
}
