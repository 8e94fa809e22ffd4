//! Areas that vans must keep out of, from a GeoJSON file.

use std::path::Path;

use rv_base::HourSet;
use rv_fleet::FleetConfig;
use rv_model::{PermitArea, VehicleKind};
use serde::Deserialize;

use super::areas::{self, Area};
use crate::output;

const HINT: &str = "give a GeoJSON FeatureCollection of Polygons without holes; properties: name, \
    from_hour and to_hour (0 to 24, the city's time; without them always), kinds (van, robot, \
    truck; without it all), vans (names of the vans it binds; without it all)";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Properties {
    from_hour: Option<u32>,
    to_hour: Option<u32>,
    kinds: Option<Vec<Kind>>,
    vans: Option<Vec<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Van,
    Robot,
    Truck,
}

/// Reads the areas and binds the fleet's vans by them.
pub(crate) fn read(path: &Path, fleet: &mut FleetConfig) -> anyhow::Result<()> {
    let text = areas::read(path, HINT)?;
    bind(&text, fleet)
        .map_err(|problem| output::error_with_hint(format!("{}: {problem}", path.display()), HINT))
}

/// An area of the file, and whom it binds.
pub(crate) struct Zone {
    pub(crate) area: PermitArea,
    pub(crate) kinds: Vec<VehicleKind>,
    /// Names of vans; without it all.
    vans: Option<Vec<String>>,
}

/// The areas of a GeoJSON text.
pub(crate) fn zones(text: &str) -> Result<Vec<Zone>, String> {
    let zone = |area: Area<Properties>| {
        let Area { name, outline, properties } = area;
        let hours =
            HourSet::between(properties.from_hour, properties.to_hour).ok_or_else(|| {
                format!("{name}: from_hour and to_hour must be two different hours of the day")
            })?;
        let kinds = match properties.kinds {
            None => vec![VehicleKind::Van, VehicleKind::Robot, VehicleKind::Truck],
            Some(kinds) => kinds
                .into_iter()
                .map(|kind| match kind {
                    Kind::Van => VehicleKind::Van,
                    Kind::Robot => VehicleKind::Robot,
                    Kind::Truck => VehicleKind::Truck,
                })
                .collect(),
        };
        Ok(Zone { area: PermitArea { name, outline, hours }, kinds, vans: properties.vans })
    };
    areas::parse::<Properties>(text)?.into_iter().map(zone).collect()
}

fn bind(text: &str, fleet: &mut FleetConfig) -> Result<(), String> {
    for Zone { area, kinds, vans } in zones(text)? {
        let is_known = |name: &&String| fleet.vans.iter().any(|van| van.name == **name);
        if let Some(unknown) = vans.iter().flatten().find(|name| !is_known(name)) {
            return Err(format!("{}: there is no van {unknown}", area.name));
        }
        let is_bound =
            |van: &rv_model::Van| vans.as_ref().is_none_or(|names| names.contains(&van.name));
        let name = area.name.clone();
        fleet.forbid(&name, &kinds, vec![area], is_bound);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> FleetConfig {
        let city = super::super::bundled_city().expect("the bundled city builds");
        FleetConfig::for_city(&city, 3, 1)
    }

    fn feature(properties: &str) -> String {
        format!(
            r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{properties},
            "geometry":{{"type":"Polygon","coordinates":[[[7.42,43.73],[7.43,43.73],[7.43,43.74],[7.42,43.73]]]}}}}]}}"#
        )
    }

    #[test]
    fn an_area_binds_the_vans_it_names_in_its_hours() {
        let mut fleet = fleet();
        let name = fleet.vans[1].name.clone();
        let text = feature(&format!(
            r#"{{"name":"Old town","from_hour":10,"to_hour":12,"kinds":["van"],"vans":["{name}"]}}"#
        ));
        bind(&text, &mut fleet).expect("the text is right");
        let permit = fleet.permits.last().expect("there is one");
        assert_eq!(permit.forbidden[0].outline.len(), 3);
        assert!(permit.forbidden[0].hours.contains_hour(24 + 11));
        assert!(!permit.forbidden[0].hours.contains_hour(24 + 12));
        let bound: Vec<bool> = fleet.vans.iter().map(|v| v.permits.contains(&permit.id)).collect();
        assert_eq!(bound, [false, true, false]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let problem = |text: &str| bind(text, &mut fleet()).expect_err("it is wrong");
        assert!(problem(&feature(r#"{"vans":["nobody"]}"#)).contains("no van nobody"));
        assert!(problem(&feature(r#"{"from_hour":10}"#)).contains("two different hours"));
        assert!(problem(&feature(r#"{"hour":1}"#)).contains("unknown field"));
        assert!(problem("[").contains("EOF"));
        let point = feature("null").replace("43.74", "143.74");
        assert!(problem(&point).starts_with("area 1"));
    }
}
