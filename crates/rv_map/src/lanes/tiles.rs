//! A lane map in tiles of 1 km, of which a vehicle holds those around it.

use std::collections::BTreeMap;

use rv_base::{Meters, Point2};
use serde::{Deserialize, Serialize};

use super::{Lane, LaneIdx, LaneMap};

/// Side of a tile, m.
const SIDE_M: f64 = 1000.0;
/// A tile is dropped only this much farther away than it is loaded, so that a vehicle that turns
/// round on a border does not load and drop by turns.
const LINGER_M: f64 = 250.0;
/// Most tiles a lane may lie in, and most that a window may hold.
const TILES_MAX: i64 = 10_000;
/// First bytes of a packed tile: name and version.
const MAGIC: [u8; 8] = *b"RVLANE\x01\n";

/// Which tile: kilometres east and north of the frame's zero, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TileId {
    /// East.
    pub x: i32,
    /// North.
    pub y: i32,
}

/// The lanes that lie in a tile, whole, also those that only touch it. Links are indices of the
/// whole map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaneTile {
    /// Which tile.
    pub id: TileId,
    /// Lanes and their indices in the whole map.
    pub lanes: Vec<(LaneIdx, Lane)>,
}

/// Why bytes are no tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaneTileError {
    /// Another kind or version of file.
    #[error("this is no lane tile of this version")]
    NotATile,
    /// The bytes were changed after writing.
    #[error("the lane tile is damaged: its checksum does not match")]
    Checksum,
    /// The checksum holds, but the content is no tile.
    #[error("the lane tile's content does not unpack")]
    Content,
}

/// What to load and what to drop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TileChange {
    /// Tiles that came into range.
    pub load: Vec<TileId>,
    /// Tiles that left it.
    pub drop: Vec<TileId>,
}

/// The tiles around a vehicle.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneWindow {
    range_m: f64,
    tiles: BTreeMap<TileId, LaneTile>,
}

impl TileId {
    /// The tile of a point; none for points that are not finite or too far away.
    pub fn of(p: Point2) -> Option<Self> {
        let number = |value_m: f64| {
            let tile = (value_m / SIDE_M).floor();
            (tile.abs() < 1e9).then_some(tile as i32)
        };
        Some(Self { x: number(p.x_m)?, y: number(p.y_m)? })
    }

    /// Distance of a point from the tile, m; zero inside.
    fn distance_m(self, p: Point2) -> f64 {
        let beyond = |value_m: f64, tile: i32| {
            let low_m = f64::from(tile) * SIDE_M;
            (low_m - value_m).max(value_m - low_m - SIDE_M).max(0.0)
        };
        beyond(p.x_m, self.x).hypot(beyond(p.y_m, self.y))
    }
}

impl LaneTile {
    /// The tile's bytes. Same tile, same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let plain = postcard::to_stdvec(self).expect("a tile has no value that postcard refuses");
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&crc32fast::hash(&plain).to_le_bytes());
        bytes.extend_from_slice(&plain);
        bytes
    }

    /// Reads a tile.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LaneTileError> {
        let rest = bytes.strip_prefix(&MAGIC[..]).ok_or(LaneTileError::NotATile)?;
        let (checksum, plain) = rest.split_first_chunk::<4>().ok_or(LaneTileError::NotATile)?;
        if crc32fast::hash(plain) != u32::from_le_bytes(*checksum) {
            return Err(LaneTileError::Checksum);
        }
        match postcard::take_from_bytes(plain) {
            Ok((tile, [])) => Ok(tile),
            _ => Err(LaneTileError::Content),
        }
    }
}

impl LaneMap {
    /// Cuts the map into tiles. A lane stands in each tile that the box around it touches; one
    /// without a finite box, or larger than ten thousand tiles, in none.
    pub fn tiles(&self) -> BTreeMap<TileId, LaneTile> {
        let mut tiles: BTreeMap<TileId, LaneTile> = BTreeMap::new();
        for (idx, lane) in self.lanes.iter().enumerate() {
            let points = || lane.left.iter().chain(&lane.right);
            let corner = |pick: fn(f64, f64) -> f64| {
                let zero = *points().next()?;
                let p = points()
                    .fold(zero, |a, b| Point2 { x_m: pick(a.x_m, b.x_m), y_m: pick(a.y_m, b.y_m) });
                TileId::of(p)
            };
            let (Some(low), Some(high)) = (corner(f64::min), corner(f64::max)) else { continue };
            let n = (i64::from(high.x) - i64::from(low.x) + 1)
                .saturating_mul(i64::from(high.y) - i64::from(low.y) + 1);
            if n > TILES_MAX {
                continue;
            }
            for x in low.x..=high.x {
                for y in low.y..=high.y {
                    let id = TileId { x, y };
                    let tile = tiles.entry(id).or_insert_with(|| LaneTile { id, lanes: vec![] });
                    tile.lanes.push((idx, lane.clone()));
                }
            }
        }
        tiles
    }
}

impl LaneWindow {
    /// An empty window that wants all tiles within a range, at most 30 km.
    pub fn new(range: Meters) -> Self {
        Self { range_m: range.0.clamp(0.0, 30_000.0), tiles: BTreeMap::new() }
    }

    /// What to load and what to drop for a vehicle at a place; tiles in order of their id.
    pub fn change(&self, at: Point2) -> TileChange {
        let Some(middle) = TileId::of(at) else { return TileChange::default() };
        let reach = (self.range_m / SIDE_M).ceil() as i32;
        let mut load = Vec::new();
        for x in middle.x.saturating_sub(reach)..=middle.x.saturating_add(reach) {
            for y in middle.y.saturating_sub(reach)..=middle.y.saturating_add(reach) {
                let id = TileId { x, y };
                if id.distance_m(at) <= self.range_m && !self.tiles.contains_key(&id) {
                    load.push(id);
                }
            }
        }
        let is_far = |id: &&TileId| id.distance_m(at) > self.range_m + LINGER_M;
        TileChange { load, drop: self.tiles.keys().filter(is_far).copied().collect() }
    }

    /// Takes a tile in. A tile that the map lacks is told by an empty one, so that it is not asked
    /// for again.
    pub fn load(&mut self, tile: LaneTile) {
        self.tiles.insert(tile.id, tile);
    }

    /// Lets a tile go.
    pub fn drop(&mut self, id: TileId) {
        self.tiles.remove(&id);
    }

    /// Tiles held.
    pub fn n_tiles(&self) -> usize {
        self.tiles.len()
    }

    /// Every lane held, once, by its index in the whole map.
    pub fn lanes(&self) -> BTreeMap<LaneIdx, &Lane> {
        self.tiles.values().flat_map(|tile| tile.lanes.iter().map(|(i, lane)| (*i, lane))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn p(x_m: f64, y_m: f64) -> Point2 {
        Point2 { x_m, y_m }
    }

    /// A street of 10 km with a lane each 100 m.
    fn street() -> LaneMap {
        let lane = |i: usize| {
            let x_m = i as f64 * 100.0;
            Lane {
                source_id: i as i64,
                left: vec![p(x_m, 2.0), p(x_m + 100.0, 2.0)],
                right: vec![p(x_m, -2.0), p(x_m + 100.0, -2.0)],
                ..Lane::default()
            }
        };
        LaneMap { lanes: (0..100).map(lane).collect() }
    }

    #[test]
    fn a_drive_loads_what_comes_and_drops_what_goes() {
        let map = street();
        let tiles = map.tiles();
        let mut window = LaneWindow::new(Meters(500.0));
        let mut n_loaded = 0;
        for step in 0..=1000 {
            let at = p(f64::from(step) * 10.0, 0.0);
            let change = window.change(at);
            for id in change.load {
                n_loaded += 1;
                let none = LaneTile { id, lanes: vec![] };
                let bytes = tiles.get(&id).unwrap_or(&none).to_bytes();
                window.load(LaneTile::from_bytes(&bytes).unwrap());
            }
            for id in change.drop {
                window.drop(id);
            }
            assert!(window.n_tiles() <= 6, "{}", window.n_tiles());
            // All lanes within the range are there, unchanged.
            let held = window.lanes();
            for (idx, lane) in map.lanes.iter().enumerate() {
                if lane.left[0].distance_to(at).0 < 490.0 {
                    assert_eq!(held.get(&idx), Some(&lane));
                }
            }
        }
        // Each tile on either side of the street came once.
        assert_eq!(n_loaded, 24);
    }

    #[test]
    fn tiles_that_are_broken_or_odd_are_told() {
        let tile = street().tiles().into_values().next().unwrap();
        let bytes = tile.to_bytes();
        assert_eq!(LaneTile::from_bytes(&bytes), Ok(tile));
        assert_eq!(LaneTile::from_bytes(b"RVCITY"), Err(LaneTileError::NotATile));
        assert_eq!(LaneTile::from_bytes(&bytes[..bytes.len() - 1]), Err(LaneTileError::Checksum));
        let odd = Lane { left: vec![p(f64::NAN, 0.0); 2], ..Lane::default() };
        let vast = Lane { left: vec![p(0.0, 0.0), p(1e9, 1e9)], ..Lane::default() };
        let map = LaneMap { lanes: vec![odd, vast, Lane::default()] };
        assert!(map.tiles().is_empty());
        let window = LaneWindow::new(Meters(500.0));
        assert_eq!(window.change(p(f64::NAN, 0.0)), TileChange::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = LaneTile::from_bytes(&bytes);
            let mut whole = MAGIC.to_vec();
            whole.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
            whole.extend_from_slice(&bytes);
            let _ = LaneTile::from_bytes(&whole);
        }
    }
}
