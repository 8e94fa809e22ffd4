//! Readers: PBF, XML and JSON become one stream of nodes, ways and relations.

mod json;
mod pbf;
mod protobuf;
mod xml;

use std::io::{BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use rv_base::LatLon;

use crate::error::ImportError;
use crate::limits::{Budget, Limits};

/// Keys and values of one element.
pub(crate) type TagPairs<'a> = [(&'a str, &'a str)];

/// What a relation's member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberKind {
    Node,
    Way,
    Relation,
}

/// One member of a relation as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub kind: MemberKind,
    pub id: i64,
    pub role: String,
}

/// Takes the elements of a map in the order of the file.
pub(crate) trait Sink {
    /// Limits that readers keep while they gather one element.
    fn limits(&self) -> &Limits;
    /// The box that the file says it covers: south-west, north-east.
    fn bounds(&mut self, bounds: (LatLon, LatLon));
    /// A node; `position` is `None` if it is beyond the Earth.
    fn node(
        &mut self,
        id: i64,
        position: Option<LatLon>,
        tags: &TagPairs<'_>,
    ) -> Result<(), ImportError>;
    /// A way.
    fn way(&mut self, id: i64, refs: &[i64], tags: &TagPairs<'_>) -> Result<(), ImportError>;
    /// A relation.
    fn relation(
        &mut self,
        id: i64,
        members: Vec<Member>,
        tags: &TagPairs<'_>,
    ) -> Result<(), ImportError>;
    /// A remark of the data's maker, such as a time-out of the Overpass server.
    fn remark(&mut self, text: &str);
}

/// Reads any supported format, gzipped or not, into `sink`; returns the format's name.
pub(crate) fn read(
    input: impl Read,
    limits: &Limits,
    sink: &mut dyn Sink,
) -> Result<&'static str, ImportError> {
    let mut packed = Budget::new(BufReader::new(input), "bytes", limits.n_input_bytes_max);
    let head = packed.fill_buf().map_err(ImportError::Io)?;
    if head.starts_with(&[0x1f, 0x8b]) {
        let unpacked = BufReader::new(MultiGzDecoder::new(packed));
        read_plain(unpacked, limits, sink)
    } else {
        read_plain(packed, limits, sink)
    }
}

fn read_plain(
    input: impl BufRead,
    limits: &Limits,
    sink: &mut dyn Sink,
) -> Result<&'static str, ImportError> {
    let mut input = Budget::new(input, "unpacked bytes", limits.n_unpacked_bytes_max);
    let head = match input.fill_buf() {
        Ok(head) => head,
        Err(error) => return Err(io_error(error, 0)),
    };
    let first = head.iter().find(|b| !b.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(b));
    match first {
        Some(b'<') => xml::read(input, sink).map(|()| "OSM XML"),
        Some(b'{' | b'[') => json::read(input, sink).map(|()| "JSON"),
        _ if pbf::looks_like(head) => pbf::read(input, sink).map(|()| "OSM PBF"),
        _ => Err(ImportError::UnknownFormat),
    }
}

/// Tells a truncated input and a broken limit from other input errors.
fn io_error(error: std::io::Error, at_byte: u64) -> ImportError {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return ImportError::Truncated { at_byte };
    }
    match error.get_ref().and_then(|e| e.downcast_ref::<crate::limits::OverBudget>()) {
        Some(over) => ImportError::TooLarge { what: over.what, limit: over.limit },
        None if error.kind() == std::io::ErrorKind::InvalidInput
            || error.kind() == std::io::ErrorKind::InvalidData =>
        {
            ImportError::Syntax { format: "gzip", at_byte, what: error.to_string() }
        }
        None => ImportError::Io(error),
    }
}
