//! Tests of the reader on a scenario of our own, whole and broken.

use proptest::prelude::*;

use super::*;

const SCENARIO: &str = include_str!("../../../../data/openscenario/cut_in.xosc");
const CATALOG: &str = include_str!("../../../../data/openscenario/catalogs/vehicles.xosc");

struct Disk;

impl Files for Disk {
    fn file(&mut self, path: &str) -> Result<Vec<u8>, String> {
        match path {
            "catalogs/vehicles.xosc" => Ok(CATALOG.as_bytes().to_vec()),
            _ => Err("no such file".to_owned()),
        }
    }

    fn folder(&mut self, path: &str) -> Result<Vec<String>, String> {
        match path {
            "catalogs" => Ok(vec!["catalogs/vehicles.xosc".to_owned()]),
            _ => Err("no such folder".to_owned()),
        }
    }
}

fn read(text: &str) -> Result<Scenario, OpenScenarioError> {
    Template::read(text.as_bytes(), &mut Disk)?.scenario(&[])
}

#[test]
fn a_scenario_is_read_with_its_catalog_and_parameters() {
    let template = Template::read(SCENARIO.as_bytes(), &mut Disk).unwrap();
    let set = [("ego_kph".to_owned(), "72".to_owned())];
    let scenario = template.scenario(&set).unwrap();
    assert_eq!(scenario.entities.len(), 2);
    assert_eq!((scenario.entities[1].length_m, scenario.entities[1].width_m), (4.5, 1.8));
    let speed = scenario.init.iter().find_map(|deed| match &deed.action {
        Action::Speed(SpeedTarget::Absolute(v), _) => Some(*v),
        _ => None,
    });
    assert_eq!(speed, Some(20.0));
    assert!(scenario.unsupported.is_empty(), "{:?}", scenario.unsupported);
    assert!(scenario.outside_constraints.is_empty());
    let set = [("ego_kph".to_owned(), "-72".to_owned())];
    assert_eq!(template.scenario(&set).unwrap().outside_constraints, ["ego_kph"]);
}

#[test]
fn what_is_not_played_is_named_and_counted() {
    let odd = SCENARIO
        .replace("<TeleportAction>", "<TelepathyAction>")
        .replace("</TeleportAction>", "</TelepathyAction>")
        .replace("<SimulationTimeCondition", "<MoonCondition");
    let scenario = read(&odd).unwrap();
    assert_eq!(scenario.unsupported.get("TelepathyAction"), Some(&2));
    assert!(scenario.unsupported.contains_key("MoonCondition"), "{:?}", scenario.unsupported);
}

#[test]
fn references_that_lead_nowhere_are_errors_that_say_so() {
    let check = |from: &str, to: &str, says: &str| {
        let text = SCENARIO.replace(from, to);
        assert_ne!(text, SCENARIO, "{from}");
        let error = read(&text).unwrap_err();
        assert!(error.to_string().contains(says), "{from}: {error}");
        assert!(!error.hint().is_empty());
    };
    check("entryName=\"car\"", "entryName=\"ufo\"", "ufo");
    check("entityRef=\"Other\"", "entityRef=\"Nobody\"", "Nobody");
    check("path=\"catalogs\"", "path=\"elsewhere\"", "elsewhere");
    check("$ego_kph / 3.6", "$ego_kph / 0", "division by zero");
    check("$ego_kph / 3.6", "$nothing / 3.6", "nothing");
    check("laneId=\"-1\"", "laneId=\"inside\"", "laneId");
    check("<Entities>", "<Entity>", "expected");
    let template = Template::read(SCENARIO.as_bytes(), &mut Disk).unwrap();
    assert!(template.scenario(&[("none".to_owned(), "1".to_owned())]).is_err());
    assert!(matches!(read("<OpenSCENARIO/>"), Err(OpenScenarioError::NotAScenario { .. })));
    assert!(read("<OpenDRIVE/>").is_err() && read("").is_err() && read("<OpenSCENARIO>").is_err());
}

#[test]
fn variations_count_and_list_their_combinations() {
    let text = include_str!("../../../../data/openscenario/cut_in_variation.xosc");
    let v = Variations::read(text.as_bytes()).unwrap().unwrap();
    assert_eq!((v.len(), v.scenario_file.as_str()), (75, "cut_in.xosc"));
    let all: std::collections::BTreeSet<Vec<Assignment>> = (0..v.len()).map(|i| v.get(i)).collect();
    assert_eq!(all.len(), v.len());
    assert_eq!(Variations::read(SCENARIO.as_bytes()).unwrap(), None);
    let endless = text.replace("stepWidth=\"", "stepWidth=\"0.0000000");
    assert!(Variations::read(endless.as_bytes()).is_err());
    let zero = text.replace("stepWidth=\"10\"", "stepWidth=\"0\"");
    assert!(Variations::read(zero.as_bytes()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever bytes are changed, cut out or doubled, reading ends with a scenario or an error.
    #[test]
    fn no_input_panics(at in 0_usize..12_000, kind in 0_u8..4, byte in any::<u8>(), n in 1_usize..400) {
        let mut bytes = SCENARIO.as_bytes().to_vec();
        let at = at % bytes.len();
        let end = (at + n).min(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => bytes.truncate(at),
        }
        if let Ok(template) = Template::read(&bytes, &mut Disk) {
            let _ = template.scenario(&[]);
        }
        let _ = Variations::read(&bytes);
    }
}
