//! OSM PBF: blobs of delta-coded nodes, ways and relations.
//!
//! Format: wiki.openstreetmap.org/wiki/PBF_Format, whose limits on blobs (64 KiB header, 32 MiB
//! body) are kept.

use std::io::{BufRead, ErrorKind, Read};

use flate2::read::ZlibDecoder;
use rv_base::LatLon;

use super::protobuf::{Malformed, Message, Packed, Value, zigzag};
use super::{Member, MemberKind, Sink, io_error};
use crate::error::ImportError;
use crate::limits::Budget;

const HEADER_BYTES_MAX: u32 = 64 << 10;
const BLOB_BYTES_MAX: u64 = 32 << 20;

/// True if the first bytes could be a blob header.
pub(super) fn looks_like(head: &[u8]) -> bool {
    head.len() >= 4 && {
        let n = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        (1..HEADER_BYTES_MAX).contains(&n)
            && head.get(4..15).is_none_or(|b| b == b"\x0a\x09OSMHeader")
    }
}

/// Reads a whole file into `sink`.
pub(super) fn read<R: BufRead>(
    mut input: Budget<R>,
    sink: &mut dyn Sink,
) -> Result<(), ImportError> {
    let mut seen_header = false;
    loop {
        let at_byte = input.n_read();
        if input.fill_buf().map_err(|e| io_error(e, at_byte))?.is_empty() {
            break;
        }
        let Some((kind, body)) = read_blob(&mut input)? else { continue };
        let result = match kind {
            BlobKind::Header => {
                seen_header = true;
                read_header(&body, sink)
            }
            BlobKind::Data if seen_header => read_block(&body, sink),
            BlobKind::Data => Err(Malformed("data before the header").into()),
        };
        result.map_err(|e| e.at(at_byte))?;
    }
    if seen_header { Ok(()) } else { Err(ImportError::Truncated { at_byte: input.n_read() }) }
}

enum BlobKind {
    Header,
    Data,
}

/// An error of a block: broken bytes, or what the sink said.
enum BlockError {
    Malformed(Malformed),
    Import(ImportError),
}

impl BlockError {
    fn at(self, at_byte: u64) -> ImportError {
        match self {
            Self::Malformed(m) => {
                ImportError::Syntax { format: "PBF", at_byte, what: m.0.to_owned() }
            }
            Self::Import(error) => error,
        }
    }
}

impl From<Malformed> for BlockError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<ImportError> for BlockError {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}

/// Reads one blob and unpacks it; `None` for a kind of blob that readers shall skip.
fn read_blob<R: BufRead>(
    input: &mut Budget<R>,
) -> Result<Option<(BlobKind, Vec<u8>)>, ImportError> {
    let at_byte = input.n_read();
    let syntax = |what: &str| ImportError::Syntax { format: "PBF", at_byte, what: what.to_owned() };
    let mut size = [0; 4];
    input.read_exact(&mut size).map_err(|e| io_error(e, at_byte))?;
    let n_header = u32::from_be_bytes(size);
    if n_header > HEADER_BYTES_MAX {
        return Err(syntax("a blob header beyond 64 KiB"));
    }
    let header = read_bytes(input, u64::from(n_header))?;
    let (mut kind, mut n_body) = (None, None);
    let mut message = Message::new(&header);
    while let Some(field) = message.next().map_err(|m| syntax(m.0))? {
        match field {
            (1, Value::Bytes(name)) => kind = Some(name),
            (3, Value::Varint(n)) => n_body = Some(n),
            _ => {}
        }
    }
    let n_body = n_body.ok_or_else(|| syntax("a blob without a size"))?;
    if n_body > BLOB_BYTES_MAX {
        return Err(syntax("a blob beyond 32 MiB"));
    }
    let body = read_bytes(input, n_body)?;
    let kind = match kind {
        Some(b"OSMHeader") => BlobKind::Header,
        Some(b"OSMData") => BlobKind::Data,
        _ => return Ok(None),
    };
    unpack(&body, at_byte).map(|bytes| Some((kind, bytes)))
}

fn read_bytes<R: BufRead>(input: &mut Budget<R>, n: u64) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    let n_got = input.take(n).read_to_end(&mut bytes).map_err(|e| io_error(e, 0))?;
    if n_got as u64 == n {
        Ok(bytes)
    } else {
        Err(ImportError::Truncated { at_byte: input.n_read() })
    }
}

fn unpack(blob: &[u8], at_byte: u64) -> Result<Vec<u8>, ImportError> {
    let syntax = |what: &str| ImportError::Syntax { format: "PBF", at_byte, what: what.to_owned() };
    let mut message = Message::new(blob);
    while let Some(field) = message.next().map_err(|m| syntax(m.0))? {
        match field {
            (1, Value::Bytes(raw)) => return Ok(raw.to_vec()),
            (3, Value::Bytes(packed)) => {
                let mut bytes = Vec::new();
                let mut decoder = ZlibDecoder::new(packed).take(BLOB_BYTES_MAX + 1);
                decoder.read_to_end(&mut bytes).map_err(|e| match e.kind() {
                    ErrorKind::UnexpectedEof => syntax("a packed blob that ends early"),
                    _ => syntax("a blob that does not unpack"),
                })?;
                if bytes.len() as u64 > BLOB_BYTES_MAX {
                    return Err(syntax("a blob that unpacks to more than 32 MiB"));
                }
                return Ok(bytes);
            }
            (4..=7, Value::Bytes(_)) => {
                return Err(ImportError::Unsupported {
                    what: "a PBF compression other than zlib".to_owned(),
                });
            }
            _ => {}
        }
    }
    Err(syntax("a blob without data"))
}

fn read_header(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), BlockError> {
    let mut message = Message::new(bytes);
    while let Some(field) = message.next()? {
        match field {
            (1, Value::Bytes(bbox)) => {
                let mut sides = [0_i64; 5];
                let mut bbox = Message::new(bbox);
                while let Some((number, value)) = bbox.next()? {
                    if let (1..=4, Value::Varint(v)) = (number, value) {
                        sides[number as usize] = zigzag(v);
                    }
                }
                let [_, left, right, top, bottom] = sides;
                if let (Some(low), Some(high)) = (from_nano(bottom, left), from_nano(top, right)) {
                    sink.bounds((low, high));
                }
            }
            (4, Value::Bytes(feature)) if !matches!(feature, b"OsmSchema-V0.6" | b"DenseNodes") => {
                let what = format!("the PBF feature {:?}", String::from_utf8_lossy(feature));
                return Err(ImportError::Unsupported { what }.into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// From units of 1e-9 degree; `None` beyond the Earth.
fn from_nano(lat: i64, lon: i64) -> Option<LatLon> {
    let round = |v: i64| i32::try_from(v.saturating_add(50).div_euclid(100)).ok();
    LatLon::from_e7(round(lat)?, round(lon)?).ok()
}

/// What a block says about its own numbers and strings.
struct Block<'a> {
    strings: Vec<&'a str>,
    granularity: i64,
    lat_offset: i64,
    lon_offset: i64,
}

impl<'a> Block<'a> {
    fn string(&self, idx: u64) -> Result<&'a str, Malformed> {
        let idx = usize::try_from(idx).unwrap_or(usize::MAX);
        self.strings.get(idx).copied().ok_or(Malformed("a string that is not in the table"))
    }

    fn position(&self, lat: i64, lon: i64) -> Option<LatLon> {
        let nano = |v: i64, offset: i64| self.granularity.checked_mul(v)?.checked_add(offset);
        from_nano(nano(lat, self.lat_offset)?, nano(lon, self.lon_offset)?)
    }

    fn tags(&self, keys: &[u8], values: &[u8]) -> Result<Vec<(&'a str, &'a str)>, Malformed> {
        let (mut keys, mut values) = (Packed::new(keys), Packed::new(values));
        let mut tags = Vec::new();
        while let Some(key) = keys.next()? {
            tags.push((self.string(key)?, self.string(values.expect()?)?));
        }
        Ok(tags)
    }
}

fn read_block(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), BlockError> {
    let mut block = Block { strings: Vec::new(), granularity: 100, lat_offset: 0, lon_offset: 0 };
    let mut groups = Vec::new();
    let mut message = Message::new(bytes);
    while let Some(field) = message.next()? {
        match field {
            (1, Value::Bytes(table)) => {
                let mut table = Message::new(table);
                while let Some((number, value)) = table.next()? {
                    if let (1, Value::Bytes(text)) = (number, value) {
                        let text = std::str::from_utf8(text)
                            .map_err(|_| Malformed("a string that is not UTF-8"))?;
                        block.strings.push(text);
                    }
                }
            }
            (2, Value::Bytes(group)) => groups.push(group),
            (17, Value::Varint(v)) => block.granularity = v as i64,
            (19, Value::Varint(v)) => block.lat_offset = v as i64,
            (20, Value::Varint(v)) => block.lon_offset = v as i64,
            _ => {}
        }
    }
    for group in groups {
        let mut group = Message::new(group);
        while let Some(field) = group.next()? {
            match field {
                (1, Value::Bytes(node)) => read_node(&block, node, sink)?,
                (2, Value::Bytes(dense)) => read_dense(&block, dense, sink)?,
                (3, Value::Bytes(way)) => read_way(&block, way, sink)?,
                (4, Value::Bytes(relation)) => read_relation(&block, relation, sink)?,
                _ => {}
            }
        }
    }
    Ok(())
}

fn read_node(block: &Block<'_>, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), BlockError> {
    let (mut id, mut lat, mut lon) = (0, 0, 0);
    let (mut keys, mut values): (&[u8], &[u8]) = (&[], &[]);
    let mut message = Message::new(bytes);
    while let Some(field) = message.next()? {
        match field {
            (1, Value::Varint(v)) => id = zigzag(v),
            (2, Value::Bytes(b)) => keys = b,
            (3, Value::Bytes(b)) => values = b,
            (8, Value::Varint(v)) => lat = zigzag(v),
            (9, Value::Varint(v)) => lon = zigzag(v),
            _ => {}
        }
    }
    sink.node(id, block.position(lat, lon), &block.tags(keys, values)?)?;
    Ok(())
}

fn read_dense(block: &Block<'_>, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), BlockError> {
    let [mut ids, mut lats, mut lons, mut key_values] = [Packed::default(); 4];
    let mut has_tags = false;
    let mut message = Message::new(bytes);
    while let Some(field) = message.next()? {
        match field {
            (1, Value::Bytes(b)) => ids = Packed::new(b),
            (8, Value::Bytes(b)) => lats = Packed::new(b),
            (9, Value::Bytes(b)) => lons = Packed::new(b),
            (10, Value::Bytes(b)) => {
                key_values = Packed::new(b);
                has_tags = !b.is_empty();
            }
            _ => {}
        }
    }
    let (mut id, mut lat, mut lon) = (0_i64, 0_i64, 0_i64);
    let mut tags = Vec::new();
    while let Some(delta) = ids.next()? {
        id = id.wrapping_add(zigzag(delta));
        lat = lat.wrapping_add(zigzag(lats.expect()?));
        lon = lon.wrapping_add(zigzag(lons.expect()?));
        tags.clear();
        if has_tags {
            // Each node's pairs end with a zero.
            loop {
                let key = key_values.expect()?;
                if key == 0 {
                    break;
                }
                tags.push((block.string(key)?, block.string(key_values.expect()?)?));
            }
        }
        sink.node(id, block.position(lat, lon), &tags)?;
    }
    Ok(())
}

fn read_way(block: &Block<'_>, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), BlockError> {
    let mut id = 0;
    let (mut keys, mut values): (&[u8], &[u8]) = (&[], &[]);
    let mut packed_refs = Packed::default();
    let mut message = Message::new(bytes);
    while let Some(field) = message.next()? {
        match field {
            (1, Value::Varint(v)) => id = v as i64,
            (2, Value::Bytes(b)) => keys = b,
            (3, Value::Bytes(b)) => values = b,
            (8, Value::Bytes(b)) => packed_refs = Packed::new(b),
            _ => {}
        }
    }
    let mut refs = Vec::new();
    let mut node = 0_i64;
    while let Some(delta) = packed_refs.next()? {
        node = node.wrapping_add(zigzag(delta));
        refs.push(node);
    }
    sink.way(id, &refs, &block.tags(keys, values)?)?;
    Ok(())
}

fn read_relation(block: &Block<'_>, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), BlockError> {
    let mut id = 0;
    let (mut keys, mut values): (&[u8], &[u8]) = (&[], &[]);
    let [mut roles, mut ids, mut kinds] = [Packed::default(); 3];
    let mut message = Message::new(bytes);
    while let Some(field) = message.next()? {
        match field {
            (1, Value::Varint(v)) => id = v as i64,
            (2, Value::Bytes(b)) => keys = b,
            (3, Value::Bytes(b)) => values = b,
            (8, Value::Bytes(b)) => roles = Packed::new(b),
            (9, Value::Bytes(b)) => ids = Packed::new(b),
            (10, Value::Bytes(b)) => kinds = Packed::new(b),
            _ => {}
        }
    }
    // One member beyond the limit is enough for the sink to see that there are too many.
    let n_max = sink.limits().n_members_max;
    let mut members = Vec::new();
    let mut member = 0_i64;
    while let Some(delta) = ids.next()? {
        member = member.wrapping_add(zigzag(delta));
        let kind = match kinds.expect()? {
            0 => MemberKind::Node,
            1 => MemberKind::Way,
            2 => MemberKind::Relation,
            _ => return Err(Malformed("a member of unknown kind").into()),
        };
        let role = block.string(roles.expect()?)?.to_owned();
        members.push(Member { kind, id: member, role });
        if members.len() > n_max {
            break;
        }
    }
    sink.relation(id, members, &block.tags(keys, values)?)?;
    Ok(())
}
