//! Vector tiles of the base map, made on demand from a [`City`].
//!
//! Mapbox Vector Tile 2.1 with extent 4096, layers `water`, `green`, `bare`, `paved`, `building`,
//! `line`, `road`, `label` and, from zoom 17, `place`.

mod features;
mod geometry;
mod mvt;

use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use rv_base::LatLon;

use crate::city::City;
use features::{Feature, Shape};
use mvt::{LayerBuilder, Value};

/// Units across one tile.
const EXTENT: i32 = 4096;
/// Units beyond the tile's edge that are drawn too, so that wide lines do not end at the seam.
const BUFFER: i32 = 96;

/// Everything that tiles are cut from, projected and indexed. Built once a city.
#[derive(Clone, Debug)]
pub struct TileIndex {
    features: Vec<Feature>,
    tree: RTree<GeomWithData<Rectangle<[i32; 2]>, u32>>,
}

impl TileIndex {
    /// The coarsest zoom that has tiles.
    pub const ZOOM_MIN: u8 = 8;
    /// The finest zoom that has tiles; maps magnify them beyond.
    pub const ZOOM_MAX: u8 = 18;

    /// Projects and indexes a city.
    pub fn new(city: &City) -> Self {
        let features = features::of_city(city);
        let boxes = features.iter().enumerate().map(|(i, feature)| {
            let (low, high) = feature.bounds();
            GeomWithData::new(Rectangle::from_corners(low, high), i as u32)
        });
        let tree = RTree::bulk_load(boxes.collect());
        Self { features, tree }
    }

    /// One tile in the XYZ scheme, uncompressed; empty where there is nothing to show and outside
    /// of [`Self::ZOOM_MIN`]`..=`[`Self::ZOOM_MAX`]. Same city and tile, same bytes.
    pub fn tile(&self, z: u8, x: u32, y: u32) -> Vec<u8> {
        let is_tile = (Self::ZOOM_MIN..=Self::ZOOM_MAX).contains(&z) && x < 1 << z && y < 1 << z;
        if !is_tile {
            return Vec::new();
        }
        let shift = Self::ZOOM_MAX - z;
        let origin = [x, y].map(|v| (v << (shift + 12)) as i32);
        let reach = |units: i32| units << shift;
        let low = origin.map(|v| v - reach(BUFFER));
        let high = origin.map(|v| v.saturating_add(reach(EXTENT + BUFFER)));
        let around = self.tree.locate_in_envelope_intersecting(&AABB::from_corners(low, high));
        let mut found: Vec<u32> = around
            .map(|entry| entry.data)
            .filter(|&i| self.features[i as usize].zoom_min <= z)
            .collect();
        found.sort_unstable();
        let mut layers: Vec<LayerBuilder> = Vec::new();
        for i in found {
            let feature = &self.features[i as usize];
            let cut = Cut { z, shift, origin };
            let Some(commands) = cut.commands(&feature.shape) else { continue };
            // Features are sorted by layer.
            if layers.last().is_none_or(|layer| layer.name() != feature.layer) {
                layers.push(LayerBuilder::new(feature.layer, EXTENT as u32));
            }
            let layer = layers.last_mut().expect("a layer was pushed");
            let id = feature.id.map(u64::from);
            let attributes = feature.attributes.iter().filter(|a| a.zoom_min <= z);
            let pairs = attributes.map(|a| (a.key, &a.value));
            layer.push(id, feature.shape.geometry_type(), pairs, &commands);
        }
        mvt::tile(layers)
    }

    /// Number of features over all layers.
    pub fn n_features(&self) -> usize {
        self.features.len()
    }

    /// The tile at this zoom that contains a position: `(x, y)`.
    pub fn tile_at(z: u8, position: LatLon) -> (u32, u32) {
        let [x, y] = features::project(position);
        let shift = u32::from(30 - z.min(30));
        ((x as u32) >> shift, (y as u32) >> shift)
    }
}

/// How one tile is cut out of the world.
struct Cut {
    z: u8,
    shift: u8,
    origin: [i32; 2],
}

impl Cut {
    /// The drawing commands of a shape within the tile, `None` if nothing of it is left.
    fn commands(&self, shape: &Shape) -> Option<Vec<u32>> {
        let low = -BUFFER;
        let high = EXTENT + BUFFER;
        let commands = match shape {
            Shape::Point(point) => {
                let [x, y] = self.to_tile(*point);
                // Names and points belong to one tile alone.
                let is_inside = (0..EXTENT).contains(&x) && (0..EXTENT).contains(&y);
                if is_inside { mvt::points(&[[x, y]]) } else { Vec::new() }
            }
            Shape::Line(line) => {
                let points = self.simplified(line.at_zoom(self.z));
                mvt::lines(&geometry::clip_line(&points, low, high))
            }
            Shape::Polygon(rings) => {
                let mut clipped = Vec::with_capacity(rings.len());
                for (i, ring) in rings.iter().enumerate() {
                    let points = self.simplified(ring.at_zoom(self.z));
                    let ring = geometry::clip_ring(points, low, high);
                    if let Some(ring) = geometry::wound(ring, i == 0) {
                        clipped.push(ring);
                    } else if i == 0 {
                        return None;
                    }
                }
                mvt::rings(&clipped)
            }
        };
        (!commands.is_empty()).then_some(commands)
    }

    fn simplified(&self, points: impl Iterator<Item = [i32; 2]>) -> Vec<[i32; 2]> {
        let mut points: Vec<_> = points.map(|p| self.to_tile(p)).collect();
        points.dedup();
        points
    }

    fn to_tile(&self, p: [i32; 2]) -> [i32; 2] {
        [0, 1].map(|i| (p[i] - self.origin[i]) >> self.shift)
    }
}

impl Shape {
    fn geometry_type(&self) -> mvt::GeometryType {
        match self {
            Self::Point(_) => mvt::GeometryType::Point,
            Self::Line(_) => mvt::GeometryType::Line,
            Self::Polygon(_) => mvt::GeometryType::Polygon,
        }
    }
}

/// One attribute of a feature and from which zoom it is sent.
#[derive(Clone, Debug)]
struct Attribute {
    key: &'static str,
    value: Value,
    zoom_min: u8,
}

#[cfg(test)]
mod tests;
