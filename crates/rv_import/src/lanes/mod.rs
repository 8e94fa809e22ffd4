//! Lane-level maps: Lanelet2 and OpenDRIVE to [`rv_map::lanes::LaneMap`].
//!
//! Whatever is broken or unknown but leaves the rest usable is told as a warning; the rest is an
//! error that says where.

mod lanelet2;
mod opendrive;
mod reference_line;
mod utm;
mod xml;

use std::io::Read;

pub use lanelet2::{LaneletOrigin, read_lanelet2};
pub use opendrive::read_opendrive;

/// Why there is no lane map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaneImportError {
    /// The input breaks the rules of XML.
    #[error("the lane map is broken near byte {at_byte}: {what}")]
    Syntax {
        /// Where.
        at_byte: u64,
        /// What is wrong.
        what: String,
    },
    /// The input is larger than the limits allow.
    #[error("the lane map has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The input is XML of another kind.
    #[error("a lane map of this kind starts with <{expected}>, not <{found}>")]
    WrongRoot {
        /// The root that was expected.
        expected: &'static str,
        /// The root that is there.
        found: String,
    },
    /// There is no usable lane.
    #[error("the lane map has no usable lane")]
    NoLanes,
}

/// Something in a lane map that was left out or mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneWarning {
    /// Id in the source of what it concerns.
    pub source_id: i64,
    /// What is wrong.
    pub what: String,
}

/// Unpacks gzip where the bytes are gzip.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, LaneImportError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let mut plain = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(bytes).take(1 << 30).read_to_end(&mut plain);
    read.map(|_| plain)
        .map_err(|error| LaneImportError::Syntax { at_byte: 0, what: error.to_string() })
}
