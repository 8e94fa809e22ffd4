//! OSM XML (API 0.6), as a stream.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use rv_base::LatLon;

use super::{Member, MemberKind, Sink, io_error};
use crate::error::ImportError;
use crate::limits::Budget;

/// No start tag of OSM XML is longer than this: 255 characters of value, and attributes.
const EVENT_BYTES_MAX: u64 = 1 << 20;

/// The element being read.
struct Open {
    kind: MemberKind,
    id: i64,
    position: Option<LatLon>,
    refs: Vec<i64>,
    members: Vec<Member>,
    tags: Vec<(String, String)>,
}

/// Reads a whole file into `sink`.
pub(super) fn read<R: BufRead>(input: Budget<R>, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut reader = Reader::from_reader(input);
    let mut buffer = Vec::new();
    let mut open: Option<Open> = None;
    let mut seen_root = false;
    loop {
        buffer.clear();
        reader.get_mut().start_item(EVENT_BYTES_MAX);
        let at_byte = reader.get_ref().n_read();
        let event = reader.read_event_into(&mut buffer).map_err(|e| xml_error(e, at_byte))?;
        let at = At { at_byte };
        match event {
            Event::Start(tag) => {
                seen_root |= tag.name().as_ref() == b"osm";
                start(&tag, &mut open, &at, sink)?;
            }
            Event::Empty(tag) => {
                start(&tag, &mut open, &at, sink)?;
                if is_element(tag.name().as_ref()) {
                    finish(open.take(), sink)?;
                }
            }
            Event::End(tag) if is_element(tag.name().as_ref()) => finish(open.take(), sink)?,
            Event::End(tag) if tag.name().as_ref() == b"osm" => return Ok(()),
            Event::Eof if seen_root => return Err(ImportError::Truncated { at_byte }),
            Event::Eof => return Err(ImportError::UnknownFormat),
            _ => {}
        }
    }
}

struct At {
    at_byte: u64,
}

impl At {
    fn syntax(&self, what: impl std::fmt::Display) -> ImportError {
        ImportError::Syntax { format: "XML", at_byte: self.at_byte, what: what.to_string() }
    }
}

fn is_element(name: &[u8]) -> bool {
    matches!(name, b"node" | b"way" | b"relation")
}

fn start(
    tag: &BytesStart<'_>,
    open: &mut Option<Open>,
    at: &At,
    sink: &mut dyn Sink,
) -> Result<(), ImportError> {
    let kind = match tag.name().as_ref() {
        b"node" => MemberKind::Node,
        b"way" => MemberKind::Way,
        b"relation" => MemberKind::Relation,
        b"bounds" => {
            let [south, west, north, east] =
                attributes(tag, ["minlat", "minlon", "maxlat", "maxlon"], at)?;
            if let (Some(low), Some(high)) = (position(south, west), position(north, east)) {
                sink.bounds((low, high));
            }
            return Ok(());
        }
        b"remark" => {
            sink.remark("the file carries a remark of the server that made it");
            return Ok(());
        }
        name => {
            return match open {
                Some(open) => child(name, tag, open, at, sink),
                None => Ok(()),
            };
        }
    };
    if open.is_some() {
        return Err(at.syntax("an element inside another"));
    }
    let [id, lat, lon] = attributes(tag, ["id", "lat", "lon"], at)?;
    let id = number(id, at)?;
    *open = Some(Open {
        kind,
        id,
        position: position(lat, lon),
        refs: Vec::new(),
        members: Vec::new(),
        tags: Vec::new(),
    });
    Ok(())
}

/// A `nd`, `member` or `tag` of the open element.
fn child(
    name: &[u8],
    tag: &BytesStart<'_>,
    open: &mut Open,
    at: &At,
    sink: &dyn Sink,
) -> Result<(), ImportError> {
    match name {
        // One beyond the limit is enough for the sink to see that there are too many.
        b"nd" if open.refs.len() <= sink.limits().n_way_nodes_max => {
            let [node] = attributes(tag, ["ref"], at)?;
            open.refs.push(number(node, at)?);
        }
        b"member" if open.members.len() <= sink.limits().n_members_max => {
            let [kind, id, role] = attributes(tag, ["type", "ref", "role"], at)?;
            let kind = match kind.as_deref() {
                Some("node") => MemberKind::Node,
                Some("way") => MemberKind::Way,
                Some("relation") => MemberKind::Relation,
                _ => return Err(at.syntax("a member of unknown kind")),
            };
            open.members.push(Member { kind, id: number(id, at)?, role: role.unwrap_or_default() });
        }
        b"tag" if open.tags.len() < 10_000 => {
            if let [Some(key), Some(value)] = attributes(tag, ["k", "v"], at)? {
                open.tags.push((key, value));
            }
        }
        _ => {}
    }
    Ok(())
}

fn finish(open: Option<Open>, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let Some(open) = open else { return Ok(()) };
    let tags: Vec<_> = open.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    match open.kind {
        MemberKind::Node => sink.node(open.id, open.position, &tags),
        MemberKind::Way => sink.way(open.id, &open.refs, &tags),
        MemberKind::Relation => sink.relation(open.id, open.members, &tags),
    }
}

/// The values of these attributes, in this order.
fn attributes<const N: usize>(
    tag: &BytesStart<'_>,
    names: [&str; N],
    at: &At,
) -> Result<[Option<String>; N], ImportError> {
    let mut values = [const { None }; N];
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|e| at.syntax(e))?;
        let Some(i) = names.iter().position(|n| n.as_bytes() == attribute.key.as_ref()) else {
            continue;
        };
        values[i] = Some(attribute.unescape_value().map_err(|e| at.syntax(e))?.into_owned());
    }
    Ok(values)
}

fn number(text: Option<String>, at: &At) -> Result<i64, ImportError> {
    let text = text.ok_or_else(|| at.syntax("an id is missing"))?;
    text.trim().parse().map_err(|_| at.syntax("an id is no number"))
}

fn position(lat: Option<String>, lon: Option<String>) -> Option<LatLon> {
    LatLon::from_degrees(lat?.trim().parse().ok()?, lon?.trim().parse().ok()?).ok()
}

fn xml_error(error: quick_xml::Error, at_byte: u64) -> ImportError {
    match error {
        quick_xml::Error::Io(error) => match std::sync::Arc::try_unwrap(error) {
            Ok(error) => io_error(error, at_byte),
            Err(shared) => io_error(std::io::Error::new(shared.kind(), shared), at_byte),
        },
        quick_xml::Error::Syntax(_) => ImportError::Truncated { at_byte },
        error => At { at_byte }.syntax(error),
    }
}
