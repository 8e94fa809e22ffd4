//! Areas of a GeoJSON file, with what is said of them.

use std::path::Path;

use rv_base::LatLon;
use rv_model::ring_outline;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::output::{self, HintExt};

/// Longest file that is read, bytes.
const BYTES_MAX: u64 = 16 << 20;

/// Most areas of a file.
const AREAS_MAX: usize = 256;

/// Most points of one outline.
const POINTS_MAX: usize = 10_000;

/// An area.
pub(super) struct Area<P> {
    /// Its property `name`, or its number.
    pub(super) name: String,
    /// At least three points, the first not repeated.
    pub(super) outline: Vec<LatLon>,
    /// The other properties.
    pub(super) properties: P,
}

#[derive(Deserialize)]
struct Collection {
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    geometry: Geometry,
    #[serde(default)]
    properties: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Geometry {
    Polygon { coordinates: Vec<Vec<Vec<f64>>> },
}

/// Reads a file of limited length.
pub(super) fn read(path: &Path, hint: &str) -> anyhow::Result<String> {
    let what = || format!("cannot read {}", path.display());
    let size = std::fs::metadata(path).hint(what(), hint)?.len();
    if size > BYTES_MAX {
        return Err(output::error_with_hint(
            format!("{}: the file has {size} bytes", path.display()),
            format!("give at most {BYTES_MAX} bytes"),
        ));
    }
    std::fs::read_to_string(path).hint(what(), hint)
}

/// The areas of a FeatureCollection of Polygons without holes.
pub(super) fn parse<P: DeserializeOwned>(text: &str) -> Result<Vec<Area<P>>, String> {
    let collection: Collection = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if collection.features.len() > AREAS_MAX {
        return Err(format!("more than {AREAS_MAX} areas"));
    }
    let area = |(idx, feature): (usize, Feature)| {
        let mut properties = feature.properties.unwrap_or_default();
        let name = match properties.remove("name") {
            Some(Value::String(name)) if !name.is_empty() => name,
            _ => format!("area {}", idx + 1),
        };
        let wrong = |what: String| format!("{name}: {what}");
        let Geometry::Polygon { coordinates } = feature.geometry;
        let [ring] = coordinates.as_slice() else {
            return Err(wrong(format!("{} rings where one is read", coordinates.len())));
        };
        if ring.len() > POINTS_MAX {
            return Err(wrong(format!("more than {POINTS_MAX} points")));
        }
        let outline = ring_outline(ring).map_err(|error| wrong(error.to_string()))?;
        let properties = serde_json::from_value(Value::Object(properties))
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Area { name, outline, properties })
    };
    collection.features.into_iter().enumerate().map(area).collect()
}
