//! Jams of a day, from a GeoJSON file of areas.

use std::path::Path;

use rv_base::{EdgeId, Seconds, Timestamp};
use rv_map::City;
use rv_rules::Polygon;
use rv_sim::Jam;
use serde::Deserialize;

use super::areas::{self, Area};
use crate::output;

/// Slowest traffic: a road takes so many times as long.
const FACTOR_MAX: f64 = 60.0;

const HINT: &str = "give a GeoJSON FeatureCollection of Polygons without holes; properties: name, \
    factor (how many times as long roads take, 1 to 60), from_hour and to_hour (hours since midnight \
    of the first day in the city's time, such as 8.5; without them always)";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Properties {
    factor: f64,
    from_hour: Option<f64>,
    to_hour: Option<f64>,
}

/// Reads the jams of a day that begins at `midnight`.
pub(crate) fn read(path: &Path, city: &City, midnight: Timestamp) -> anyhow::Result<Vec<Jam>> {
    let text = areas::read(path, HINT)?;
    jams(&text, city, midnight)
        .map_err(|problem| output::error_with_hint(format!("{}: {problem}", path.display()), HINT))
}

fn jams(text: &str, city: &City, midnight: Timestamp) -> Result<Vec<Jam>, String> {
    let jam = |area: Area<Properties>| {
        let Area { name, outline, properties } = area;
        let Properties { factor, from_hour, to_hour } = properties;
        let (from, to) = (from_hour.unwrap_or(0.0), to_hour.unwrap_or(24.0 * 365.0));
        if !(1.0..=FACTOR_MAX).contains(&factor) {
            return Err(format!("{name}: a factor of {factor}"));
        }
        if !(from.is_finite() && to.is_finite() && 0.0 <= from && from < to) {
            return Err(format!("{name}: from_hour must be before to_hour"));
        }
        let polygon = Polygon::new(&outline).ok_or_else(|| format!("{name}: no area"))?;
        let edges: Vec<EdgeId> = (0..city.graph.n_edges())
            .map(EdgeId::from_idx)
            .filter(|edge| polygon.touches(&city.graph.polyline(*edge)))
            .collect();
        let at = |hour: f64| midnight + Seconds(hour * 3600.0);
        Ok(Jam { edges, from: at(from), until: at(to), factor })
    };
    areas::parse(text)?.into_iter().map(jam).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: &str = r#"{"type":"FeatureCollection","features":[{"type":"Feature",
        "properties":{"name":"Port","factor":4.5,"from_hour":8,"to_hour":9.5},
        "geometry":{"type":"Polygon","coordinates":[[[7.42,43.73],[7.43,43.73],[7.43,43.74],[7.42,43.73]]]}}]}"#;

    #[test]
    fn a_jam_slows_the_roads_of_its_area_in_its_hours() {
        let city = super::super::bundled_city().expect("the bundled city builds");
        let midnight = Timestamp::from_secs(1_000_000);
        let jams = jams(AREA, &city, midnight).expect("the text is right");
        assert!((50..city.graph.n_edges() / 2).contains(&jams[0].edges.len()));
        assert_eq!(jams[0].until, midnight + Seconds(9.5 * 3600.0));
        let problem = |text: &str| super::jams(text, &city, midnight).expect_err("it is wrong");
        assert!(problem(&AREA.replace("4.5", "0.5")).starts_with("Port: a factor"));
        assert!(problem(&AREA.replace("9.5", "7")).contains("before to_hour"));
        assert!(problem(&AREA.replace("to_hour", "hour")).contains("unknown field"));
        // An outline that crosses itself encloses what an odd number of its sides does.
        let crossed =
            AREA.replace("[7.43,43.73],[7.43,43.74]", "[7.43,43.74],[7.43,43.73],[7.42,43.74]");
        assert!(
            !super::jams(&crossed, &city, midnight).expect("it is an area")[0].edges.is_empty()
        );
    }
}
