//! What can go wrong while a map is read, and what to do about it.

use std::io;

/// Why no city could be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The input could not be read.
    #[error("cannot read the map data")]
    Io(#[source] io::Error),
    /// The input stops in the middle.
    #[error("the map data ends early, after {at_byte} bytes")]
    Truncated {
        /// Unpacked bytes read until then.
        at_byte: u64,
    },
    /// The input is larger than the limits allow.
    #[error("the map data has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The first bytes are those of no known format.
    #[error("the map data is neither OSM PBF, OSM XML nor Overpass JSON")]
    UnknownFormat,
    /// The input breaks the rules of its format.
    #[error("the {format} data is broken near byte {at_byte}: {what}")]
    Syntax {
        /// `PBF`, `XML` or `JSON`.
        format: &'static str,
        /// Unpacked bytes read until then.
        at_byte: u64,
        /// What is wrong.
        what: String,
    },
    /// The input uses a feature of its format that is not read.
    #[error("the map data needs {what}, which is not supported")]
    Unsupported {
        /// The feature.
        what: String,
    },
    /// There is no road in the input.
    #[error("the map data has no roads")]
    NoRoads,
    /// There are roads, but no two-way connected part that vans may use.
    #[error("the map data has {n_roads} roads, but no connected part that vans may use")]
    NoVanNetwork {
        /// Roads in the input.
        n_roads: usize,
    },
}

impl ImportError {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Io(_) => "check that the file exists and may be read",
            Self::Truncated { .. } => "download the extract again and compare its size",
            Self::TooLarge { .. } => {
                "a city is one cell: cut it out first, such as with `osmium extract --bbox`"
            }
            Self::UnknownFormat => {
                "give an .osm.pbf, .osm, .osm.gz or Overpass .json file, such as from \
                 download.bbbike.org or overpass-turbo.eu"
            }
            Self::Syntax { .. } => "the file is damaged or not what its name says: fetch it again",
            Self::Unsupported { .. } => "convert it with `osmium cat -f pbf`",
            Self::NoRoads => "make an extract that includes ways with a `highway` tag",
            Self::NoVanNetwork { .. } => {
                "make a larger extract, and see that it keeps the `highway` and `oneway` tags"
            }
        }
    }
}
