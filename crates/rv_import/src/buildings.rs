//! Buildings, from closed ways and multipolygons, for both the base map and delivery points.

use rv_base::LatLon;

use crate::areas::{self, Polygon};
use crate::raw::{RawMap, Tags};

/// A building with its outline.
pub(crate) struct Building<'a> {
    pub tags: &'a Tags,
    pub polygon: Polygon,
    pub area_m2: f64,
    pub centre: LatLon,
}

/// All buildings whose outline closes, ways first, each in the order of ids.
pub(crate) fn find(raw: &RawMap) -> Vec<Building<'_>> {
    let ways = raw.ways.iter().filter(|w| is_building(&w.tags) && w.is_ring()).map(|way| {
        let outline_nodes = way.nodes[..way.nodes.len() - 1].to_vec();
        let ring = outline_nodes.iter().map(|&n| raw.positions[n as usize]).collect();
        (&way.tags, Polygon { rings: vec![ring], outline_nodes })
    });
    let relations = raw
        .relations
        .iter()
        .filter(|r| is_building(&r.tags) && r.tags.is("type", "multipolygon"))
        .flat_map(|relation| {
            let polygons = areas::multipolygon(raw, relation).unwrap_or_default();
            polygons.into_iter().map(|polygon| (&relation.tags, polygon))
        });
    ways.chain(relations)
        .map(|(tags, polygon)| {
            let (area_m2, centre) = areas::area_and_centre(&polygon.rings[0]);
            Building { tags, polygon, area_m2, centre }
        })
        .collect()
}

pub(crate) fn is_building(tags: &Tags) -> bool {
    tags.get("building").is_some_and(|v| v != "no")
}
