//! The Mapbox Vector Tile 2.1 encoding (github.com/mapbox/vector-tile-spec), written by hand: five
//! small messages do not earn a protobuf library.

use std::collections::BTreeMap;

/// What a feature's commands draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GeometryType {
    Point = 1,
    Line = 2,
    Polygon = 3,
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Text(String),
    Number(u64),
    True,
}

/// One layer while it is filled.
pub(super) struct LayerBuilder {
    name: &'static str,
    extent: u32,
    features: Vec<u8>,
    keys: BTreeMap<&'static str, u64>,
    values: BTreeMap<Value, u64>,
}

impl LayerBuilder {
    pub(super) fn new(name: &'static str, extent: u32) -> Self {
        let (keys, values) = (BTreeMap::new(), BTreeMap::new());
        Self { name, extent, features: Vec::new(), keys, values }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn push<'a>(
        &mut self,
        id: Option<u64>,
        kind: GeometryType,
        attributes: impl Iterator<Item = (&'static str, &'a Value)>,
        commands: &[u32],
    ) {
        let mut tags = Vec::new();
        for (key, value) in attributes {
            let next = self.keys.len() as u64;
            put_varint(&mut tags, *self.keys.entry(key).or_insert(next));
            let next = self.values.len() as u64;
            let idx = match self.values.get(value) {
                Some(idx) => *idx,
                None => {
                    self.values.insert(value.clone(), next);
                    next
                }
            };
            put_varint(&mut tags, idx);
        }
        let mut geometry = Vec::with_capacity(2 * commands.len());
        for &command in commands {
            put_varint(&mut geometry, u64::from(command));
        }
        let mut feature = Vec::with_capacity(tags.len() + geometry.len() + 16);
        if let Some(id) = id {
            put_number(&mut feature, 1, id);
        }
        if !tags.is_empty() {
            put_bytes(&mut feature, 2, &tags);
        }
        put_number(&mut feature, 3, kind as u64);
        put_bytes(&mut feature, 4, &geometry);
        put_bytes(&mut self.features, 2, &feature);
    }

    fn finish(self) -> Vec<u8> {
        let mut layer = Vec::with_capacity(self.features.len() + 256);
        put_number(&mut layer, 15, 2);
        put_bytes(&mut layer, 1, self.name.as_bytes());
        layer.extend_from_slice(&self.features);
        let mut keys: Vec<_> = self.keys.into_iter().collect();
        keys.sort_by_key(|(_, idx)| *idx);
        for (key, _) in keys {
            put_bytes(&mut layer, 3, key.as_bytes());
        }
        let mut values: Vec<_> = self.values.into_iter().collect();
        values.sort_by_key(|(_, idx)| *idx);
        for (value, _) in values {
            let mut bytes = Vec::new();
            match value {
                Value::Text(text) => put_bytes(&mut bytes, 1, text.as_bytes()),
                Value::Number(number) => put_number(&mut bytes, 5, number),
                Value::True => put_number(&mut bytes, 7, 1),
            }
            put_bytes(&mut layer, 4, &bytes);
        }
        put_number(&mut layer, 5, u64::from(self.extent));
        layer
    }
}

/// A whole tile.
pub(super) fn tile(layers: Vec<LayerBuilder>) -> Vec<u8> {
    let mut tile = Vec::new();
    for layer in layers {
        put_bytes(&mut tile, 3, &layer.finish());
    }
    tile
}

const MOVE_TO: u32 = 1;
const LINE_TO: u32 = 2;
const CLOSE_PATH: u32 = 7;

fn command(id: u32, count: usize) -> u32 {
    (count as u32) << 3 | id
}

/// Writes points relative to the one before.
struct Pen {
    at: [i32; 2],
    commands: Vec<u32>,
}

impl Pen {
    fn new() -> Self {
        Self { at: [0, 0], commands: Vec::new() }
    }

    fn go(&mut self, to: [i32; 2]) {
        for step in [to[0] - self.at[0], to[1] - self.at[1]] {
            self.commands.push(((step << 1) ^ (step >> 31)) as u32);
        }
        self.at = to;
    }
}

/// Commands for points.
pub(super) fn points(points: &[[i32; 2]]) -> Vec<u32> {
    let mut pen = Pen::new();
    pen.commands.push(command(MOVE_TO, points.len()));
    for &p in points {
        pen.go(p);
    }
    pen.commands
}

/// Commands for lines of at least two points each.
pub(super) fn lines(lines: &[Vec<[i32; 2]>]) -> Vec<u32> {
    let mut pen = Pen::new();
    for line in lines {
        pen.commands.push(command(MOVE_TO, 1));
        pen.go(line[0]);
        pen.commands.push(command(LINE_TO, line.len() - 1));
        for &p in &line[1..] {
            pen.go(p);
        }
    }
    pen.commands
}

/// Commands for the rings of one polygon, each of at least three points.
pub(super) fn rings(rings: &[Vec<[i32; 2]>]) -> Vec<u32> {
    let mut pen = Pen::new();
    for ring in rings {
        pen.commands.push(command(MOVE_TO, 1));
        pen.go(ring[0]);
        pen.commands.push(command(LINE_TO, ring.len() - 1));
        for &p in &ring[1..] {
            pen.go(p);
        }
        pen.commands.push(command(CLOSE_PATH, 1));
    }
    pen.commands
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_number(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, field << 3);
    put_varint(out, value);
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
