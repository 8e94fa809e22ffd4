//! Vans by map cell, and the binary frames that carry them (layout: docs/api.md).

use std::collections::BTreeMap;
use std::f64::consts::{PI, TAU};
use std::sync::OnceLock;

use bytes::{BufMut, Bytes, BytesMut};
use rv_base::{LatLon, Timestamp};

/// Web-Mercator zoom of the cells: about 10 km at the equator.
pub const LIVE_ZOOM: u8 = 12;

const FRAME_VERSION: u8 = 1;
const FLAG_FULL: u8 = 1;
const UPDATE_BYTES: usize = 14;
/// Most vans in one frame; its counter has 16 bits.
const FRAME_VANS_MAX: usize = 60_000;
/// Latitude at which Web Mercator ends.
const LAT_MAX_DEG: f64 = 85.051_128;

/// A van as the stream shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LiveVan {
    /// Which.
    pub id: u32,
    /// Where.
    pub position: LatLon,
    /// Direction, clockwise from north, rad.
    pub heading_rad: f64,
    /// Index of its activity in the list of docs/api.md.
    pub state: u8,
    /// Stored energy, 0..=1.
    pub soc: f64,
    /// Load, 0..=1.
    pub load: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
}

/// A cell of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Column, from the west.
    pub x: u32,
    /// Row, from the north.
    pub y: u32,
}

/// A viewport in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bbox {
    /// Western edge.
    pub west_deg: f64,
    /// Southern edge.
    pub south_deg: f64,
    /// Eastern edge; less than the western if it spans the date line.
    pub east_deg: f64,
    /// Northern edge.
    pub north_deg: f64,
}

impl Bbox {
    /// True if the cell overlaps the viewport.
    pub fn covers(&self, cell: Cell) -> bool {
        let (west, north) = mercator(self.north_deg, self.west_deg);
        let (east, south) = mercator(self.south_deg, self.east_deg);
        let column = |x: f64| (x.clamp(0.0, 1.0 - f64::EPSILON) * side()) as u32;
        let rows = column(north)..=column(south);
        let (first, last) = (column(west), column(east));
        let is_in = if first <= last {
            (first..=last).contains(&cell.x)
        } else {
            cell.x >= first || cell.x <= last
        };
        is_in && rows.contains(&cell.y)
    }

    /// True if all edges are numbers within the world.
    pub fn is_valid(&self) -> bool {
        let lon = |d: f64| (-180.0..=180.0).contains(&d);
        let lat = |d: f64| (-90.0..=90.0).contains(&d);
        lon(self.west_deg)
            && lon(self.east_deg)
            && lat(self.south_deg)
            && lat(self.north_deg)
            && self.south_deg <= self.north_deg
    }
}

/// What one van takes in a frame.
type Update = [u8; UPDATE_BYTES];

/// One cell at one moment.
#[derive(Debug, Default)]
pub struct CellFrames {
    /// Every van in it, by id.
    vans: Vec<Update>,
    /// What changed since the moment before; none if nothing did.
    pub delta: Option<Bytes>,
    full: OnceLock<Bytes>,
}

impl CellFrames {
    /// Number of vans in the cell.
    pub fn n_vans(&self) -> usize {
        self.vans.len()
    }

    /// All vans of the cell, encoded at most once.
    pub fn full(&self, cell: Cell, now: Timestamp) -> Bytes {
        self.full
            .get_or_init(|| {
                let mut bytes = BytesMut::new();
                let mut flags = FLAG_FULL;
                for part in chunks(&self.vans) {
                    frame(&mut bytes, flags, cell, now, part, &[]);
                    flags = 0;
                }
                bytes.freeze()
            })
            .clone()
    }
}

/// Sorts vans into cells and encodes what changed since `before`.
pub(crate) fn build(
    now: Timestamp,
    vans: &[LiveVan],
    before: &BTreeMap<Cell, CellFrames>,
) -> BTreeMap<Cell, CellFrames> {
    let mut cells = BTreeMap::<Cell, CellFrames>::new();
    for van in vans {
        let (cell, update) = encode(van);
        cells.entry(cell).or_default().vans.push(update);
    }
    for (cell, old) in before {
        // An empty cell stays for one round, to say that its vans have left.
        if !old.vans.is_empty() {
            cells.entry(*cell).or_default();
        }
    }
    for (cell, frames) in &mut cells {
        frames.vans.sort_unstable_by_key(id_of);
        let old = before.get(cell).map_or(&[][..], |f| &f.vans);
        frames.delta = delta(*cell, now, old, &frames.vans);
    }
    cells
}

fn delta(cell: Cell, now: Timestamp, old: &[Update], new: &[Update]) -> Option<Bytes> {
    let find = |table: &[Update], id| table.binary_search_by_key(&id, id_of).ok();
    let changed: Vec<Update> = new
        .iter()
        .filter(|update| find(old, id_of(update)).is_none_or(|idx| old[idx] != **update))
        .copied()
        .collect();
    let removed: Vec<u32> = old.iter().map(id_of).filter(|id| find(new, *id).is_none()).collect();
    if changed.is_empty() && removed.is_empty() {
        return None;
    }
    let mut bytes = BytesMut::new();
    for part in removed.chunks(FRAME_VANS_MAX) {
        frame(&mut bytes, 0, cell, now, &[], part);
    }
    if !changed.is_empty() {
        for part in chunks(&changed) {
            frame(&mut bytes, 0, cell, now, part, &[]);
        }
    }
    Some(bytes.freeze())
}

/// Parts that fit a frame; one empty part if there is nothing.
fn chunks(vans: &[Update]) -> impl Iterator<Item = &[Update]> {
    let n_parts = vans.len().div_ceil(FRAME_VANS_MAX).max(1);
    (0..n_parts).map(move |i| &vans[i * FRAME_VANS_MAX..vans.len().min((i + 1) * FRAME_VANS_MAX)])
}

fn frame(
    bytes: &mut BytesMut,
    flags: u8,
    cell: Cell,
    now: Timestamp,
    updates: &[Update],
    removed: &[u32],
) {
    bytes.put_slice(&[FRAME_VERSION, flags, LIVE_ZOOM, 0]);
    bytes.put_u32_le(cell.x);
    bytes.put_u32_le(cell.y);
    bytes.put_i64_le(now.0);
    bytes.put_u16_le(updates.len() as u16);
    bytes.put_u16_le(removed.len() as u16);
    for update in updates {
        bytes.put_slice(update);
    }
    for id in removed {
        bytes.put_u32_le(*id);
    }
}

fn id_of(update: &Update) -> u32 {
    u32::from_le_bytes([update[0], update[1], update[2], update[3]])
}

fn encode(van: &LiveVan) -> (Cell, Update) {
    let (x, y) = mercator(van.position.lat_deg(), van.position.lon_deg());
    let split = |v: f64| {
        let scaled = v.clamp(0.0, 1.0 - f64::EPSILON) * side();
        (scaled as u32, ((scaled.fract() * 65_536.0) as u32).min(65_535) as u16)
    };
    let ((cell_x, dx), (cell_y, dy)) = (split(x), split(y));
    let share = |v: f64| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
    let turn = (van.heading_rad.rem_euclid(TAU) / TAU * 256.0).round() as u16 % 256;
    let mut update = [0; UPDATE_BYTES];
    update[0..4].copy_from_slice(&van.id.to_le_bytes());
    update[4..6].copy_from_slice(&dx.to_le_bytes());
    update[6..8].copy_from_slice(&dy.to_le_bytes());
    update[8] = turn as u8;
    update[9] = van.state;
    update[10] = share(van.soc);
    update[11] = share(van.load);
    update[12] = (van.speed_mps / 0.25).round().clamp(0.0, 255.0) as u8;
    (Cell { x: cell_x, y: cell_y }, update)
}

fn side() -> f64 {
    f64::from(1_u32 << LIVE_ZOOM)
}

/// Web-Mercator coordinates, 0..1 from the north-west corner of the world.
fn mercator(lat_deg: f64, lon_deg: f64) -> (f64, f64) {
    let lat_rad = lat_deg.clamp(-LAT_MAX_DEG, LAT_MAX_DEG).to_radians();
    (lon_deg / 360.0 + 0.5, 0.5 - lat_rad.tan().asinh() / (2.0 * PI))
}
