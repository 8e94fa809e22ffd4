use std::fs::File;
use std::path::Path;

use proptest::prelude::*;

use super::*;

const LANE: &str = r#"<lanelet id="1">
  <leftBound><point><x>0</x><y>4</y></point><point><x>50</x><y>4</y></point></leftBound>
  <rightBound><point><x>0</x><y>0</y></point><point><x>50</x><y>0</y></point></rightBound>
  <successor ref="9"/><trafficLightRef ref="7"/><trafficSignRef ref="8"/></lanelet>
  <trafficSign id="8"><trafficSignElement><trafficSignID>274</trafficSignID>
  <additionalValue>13.9</additionalValue></trafficSignElement></trafficSign>
  <trafficLight id="7"><cycle><cycleElement><duration>30</duration><color>red</color>
  </cycleElement></cycle></trafficLight>"#;

const PROBLEM: &str = r#"<planningProblem id="5"><initialState>
  <position><point><x>1</x><y>2</y></point></position><orientation><exact>0</exact></orientation>
  <time><exact>0</exact></time><velocity><exact>10</exact></velocity></initialState>
  <goalState><position><lanelet ref="1"/></position>
  <time><intervalStart>10</intervalStart><intervalEnd>20</intervalEnd></time>
  <velocity><intervalStart>5</intervalStart><intervalEnd>9</intervalEnd></velocity></goalState>
  </planningProblem>"#;

fn scenario(head: &str, body: &str) -> String {
    format!("<commonRoad {head}>{body}</commonRoad>")
}

const HEAD: &str = r#"commonRoadVersion="2020a" timeStepSize="0.1" benchmarkID="X""#;

#[test]
fn a_small_scenario_is_read_whole() {
    let obstacle = r#"<dynamicObstacle id="3"><type>car</type><shape><rectangle><length>4</length>
      <width>2</width></rectangle></shape><initialState><position><point><x>10</x><y>2</y></point>
      </position><orientation><exact>1.5707963267948966</exact></orientation>
      <time><exact>0</exact></time><velocity><exact>3</exact></velocity></initialState>
      </dynamicObstacle>"#;
    let text = scenario(HEAD, &format!("{LANE}{obstacle}{PROBLEM}"));
    let scenario = read_scenario(text.as_bytes()).unwrap();
    assert_eq!(scenario.warnings, ["lanelet 1: unknown successor"]);
    assert_eq!(scenario.map.lanes[0].speed_limit.unwrap().0, 13.9);
    assert_eq!(scenario.map.lanes[0].signals[0].cycle[0].1, Seconds(3.0));
    let Shape::Polygon(ring) = &scenario.obstacles[0].states[0].shapes[0] else { panic!() };
    assert!((ring[0].x_m - 9.0).abs() < 1e-9 && (ring[0].y_m - 4.0).abs() < 1e-9, "{ring:?}");
    let goal = &scenario.problems[0].goals[0];
    assert_eq!(
        (goal.steps, goal.lanes.clone(), goal.speed_mps),
        ((10, 20), vec![0], Some((5.0, 9.0)))
    );
}

#[test]
fn faults_are_named() {
    let error = |text: &str| read_scenario(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error("<osm/>"), "the root element is <osm>, not <commonRoad>");
    assert_eq!(
        error(&scenario(r#"commonRoadVersion="1066" timeStepSize="0.1""#, "")),
        "version `1066` of the format is not supported"
    );
    assert_eq!(
        error(&scenario(r#"commonRoadVersion="2018b" timeStepSize="0""#, "")),
        "<commonRoad timeStepSize> holds `0`, not a time step above 0 s and up to 10 s"
    );
    let lane = LANE.replace("<x>50</x>", "<x>NaN</x>");
    assert_eq!(error(&scenario(HEAD, &lane)), "<x> holds `NaN`, not a finite number");
    let lane =
        LANE.replace("<rightBound>", "<wrongBound>").replace("</rightBound>", "</wrongBound>");
    assert_eq!(error(&scenario(HEAD, &lane)), "<lanelet> lacks `rightBound`");
    assert!(error("<commonRoad").starts_with("broken XML"));
    assert!(error("<commonRoad><a>").starts_with("the file ends"));
    let deep = "<a>".repeat(100);
    assert_eq!(error(&deep), "more than 64 nested elements");
}

#[test]
fn what_is_odd_is_named_and_the_rest_is_read() {
    let warnings = |text: &str| read_scenario(text.as_bytes()).unwrap().warnings;
    let second = LANE
        .replace("id=\"1\"", "id=\"9\"")
        .replace("<x>50</x>", "<x>90</x>")
        .replace("<x>0</x>", "<x>53</x>")
        .replace("<successor ref=\"9\"/>", "<adjacentLeft ref=\"77\" drivingDir=\"same\"/>");
    let lights = LANE.find("<trafficSign id").unwrap();
    let text = scenario(
        HEAD,
        &format!("{LANE}{}{PROBLEM}", &second[..second.len() - LANE.len() + lights]),
    );
    let found = warnings(&text);
    assert!(found.contains(&"lanelet 9: unknown adjacentLeft".to_owned()), "{found:?}");
    assert!(
        found.contains(&"lanelet 1: its successor 9 begins 3.0 m from its end".to_owned()),
        "{found:?}"
    );
    let far = PROBLEM
        .replace(
            "<lanelet ref=\"1\"/>",
            "<circle><center><x>900</x><y>2</y></center><radius>2</radius></circle>",
        )
        .replace("<x>1</x>", "<x>-100</x>");
    let found = warnings(&scenario(HEAD, &format!("{LANE}{far}")));
    assert!(found.contains(&"problem 5 begins outside of the road".to_owned()), "{found:?}");
    assert!(
        found.contains(&"problem 5: its goal lies outside of the road".to_owned()),
        "{found:?}"
    );
    let dark = LANE.replace("trafficLight id=\"7\"", "trafficLight id=\"70\"");
    let found = warnings(&scenario(HEAD, &format!("{dark}{PROBLEM}")));
    assert!(found.contains(&"lanelet 1: unknown light".to_owned()), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever is changed, cut out, doubled or replaced by an odd number, reading ends with a
    /// scenario or an error.
    #[test]
    fn no_input_panics(
        changes in proptest::collection::vec(
            (0_usize..9_000, 0_u8..5, any::<u8>(), 1_usize..300, 0_usize..8), 1..5),
    ) {
        let odd = ["NaN", "inf", "-1e308", "0", "-1", "9223372036854775807", "", "1e-320"];
        let mut bytes = scenario(HEAD, &format!("{LANE}{PROBLEM}")).into_bytes();
        for (at, kind, byte, n, number) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at % bytes.len();
            let end = (at + n).min(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
                3 => bytes.truncate(end),
                _ => {
                    let Some(from) = bytes[at..].iter().position(u8::is_ascii_digit) else { continue };
                    let from = at + from;
                    let until = bytes[from..]
                        .iter()
                        .position(|b| !b.is_ascii_digit())
                        .map_or(bytes.len(), |n| from + n);
                    bytes.splice(from..until, odd[number].bytes());
                }
            }
        }
        let _ = read_scenario(&bytes[..]);
    }
}

#[test]
fn a_solution_names_models_and_costs() {
    let problem = SolutionProblem {
        problem_id: 4,
        model: VehicleModel::Ks,
        vehicle_type: 2,
        cost: "SM1".to_owned(),
        states: vec![SolutionState::default()],
    };
    let one = write_solution("A", "2018b", std::slice::from_ref(&problem));
    assert!(one.contains("benchmark_id=\"KS2:SM1:A:2018b\""), "{one}");
    assert!(one.contains("<ksState><x>0</x><y>0</y><steeringAngle>0</steeringAngle>"), "{one}");
    let two = write_solution("A", "2020a", &[problem.clone(), problem]);
    assert!(two.contains("benchmark_id=\"[KS2,KS2]:[SM1,SM1]:A:2020a\""), "{two}");
}

#[test]
fn the_real_scenarios_are_read() {
    let mut n = 0;
    for folder in ["2018b", "2020a"] {
        let folder =
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/commonroad"))
                .join(folder);
        let Ok(files) = std::fs::read_dir(&folder) else {
            println!("no scenarios at {}", folder.display());
            return;
        };
        let mut paths: Vec<_> = files.map(|f| f.unwrap().path()).collect();
        paths.sort();
        for path in paths.iter().step_by(12) {
            let scenario = read_scenario(File::open(path).unwrap())
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert!(!scenario.map.lanes.is_empty() && !scenario.problems.is_empty());
            n += 1;
        }
    }
    assert!(n > 15, "{n}");
}
