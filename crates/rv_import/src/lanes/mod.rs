//! Lane-level maps: Lanelet2 and OpenDRIVE to [`rv_map::lanes::LaneMap`].
//!
//! Whatever is broken or unknown but leaves the rest usable is told as a warning; the rest is an
//! error that says where.

mod lanelet2;
pub mod opendrive;

use std::collections::BTreeMap;

use rv_base::Point2;
use rv_map::lanes::{GeoFrame, Lane, LaneMap, LaneUse};
use serde::Serialize;

use crate::xml::XmlError;
pub use lanelet2::{LaneletOrigin, read_lanelet2};
pub use opendrive::read_opendrive;

/// A lane map and what was odd about its source.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedLanes {
    /// The lanes.
    pub map: LaneMap,
    /// Where on the Earth the map's metres lie, if the source says.
    pub frame: Option<GeoFrame>,
    /// What was left out, ignored or mended.
    pub warnings: Vec<LaneWarning>,
}

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

impl LaneImportError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => {
                "is the file whole? give an .osm or .xodr file, plain or gzipped"
            }
            Self::TooLarge { .. } => "cut the map into smaller files",
            Self::WrongRoot { .. } => "Lanelet2 maps start with <osm>, OpenDRIVE with <OpenDRIVE>",
            Self::NoLanes => {
                "the map's warnings, or its drawing tool, tell what is wrong with them"
            }
        }
    }
}

impl From<XmlError> for LaneImportError {
    fn from(error: XmlError) -> Self {
        match error {
            XmlError::Syntax { at_byte, what } => Self::Syntax { at_byte, what },
            XmlError::TooLarge { what, limit } => Self::TooLarge { what, limit },
        }
    }
}

/// Something in a lane map that was left out, ignored or mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaneWarning {
    /// What became of it.
    pub kind: LaneWarningKind,
    /// Id in the source of what it concerns; of the first, if there are several.
    pub source_id: i64,
    /// What is wrong.
    pub what: String,
}

/// What became of something odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneWarningKind {
    /// It is broken, and not in the map.
    LeftOut,
    /// It is of a kind that is not read.
    Ignored,
    /// It was read in a likely sense.
    Mended,
}

impl LaneWarning {
    fn new(kind: LaneWarningKind, source_id: i64, what: impl Into<String>) -> Self {
        Self { kind, source_id, what: what.into() }
    }
}

/// Counts what is not read, so that a map with a thousand of a kind gets one warning.
#[derive(Debug, Default)]
struct Ignored(BTreeMap<String, (usize, i64)>);

/// Most kinds that are told apart.
const IGNORED_KINDS_MAX: usize = 200;

impl Ignored {
    fn add(&mut self, what: impl Into<String>, source_id: i64) {
        let what = what.into();
        if self.0.len() < IGNORED_KINDS_MAX || self.0.contains_key(&what) {
            self.0.entry(what).or_insert((0, source_id)).0 += 1;
        }
    }

    fn into_warnings(self) -> impl Iterator<Item = LaneWarning> {
        self.0.into_iter().map(|(what, (count, source_id))| {
            let what = if count > 1 { format!("{what} ({count} of them)") } else { what };
            LaneWarning::new(LaneWarningKind::Ignored, source_id, what)
        })
    }
}

/// No coordinate of a map is larger than this, m: more than the Earth's circumference.
const COORDINATE_MAX_M: f64 = 1e8;

/// True if a point's coordinates are numbers that a map may have.
fn is_on_map(p: &Point2) -> bool {
    p.x_m.abs() <= COORDINATE_MAX_M && p.y_m.abs() <= COORDINATE_MAX_M
}

/// Gives a stop line to every lane that wheels use, that has none, and whose middle it crosses.
fn attach_stop_line(lanes: &mut [Lane], line: (Point2, Point2)) -> usize {
    let side = |a: Point2, b: Point2, p: Point2| {
        (b.x_m - a.x_m) * (p.y_m - a.y_m) - (b.y_m - a.y_m) * (p.x_m - a.x_m)
    };
    let mut n = 0;
    for lane in lanes {
        let is_wheeled = matches!(lane.use_by, LaneUse::Motor | LaneUse::Bus | LaneUse::Bicycle);
        let close = |p: &Point2| p.distance_to(line.0).0 < 200.0;
        if !is_wheeled || lane.stop_line.is_some() || !lane.left.iter().any(close) {
            continue;
        }
        let middle = lane.centre(((lane.length().0 / 2.0) as usize).min(200) + 2);
        let crosses = middle.windows(2).any(|w| {
            side(w[0], w[1], line.0) * side(w[0], w[1], line.1) <= 0.0
                && side(line.0, line.1, w[0]) * side(line.0, line.1, w[1]) <= 0.0
        });
        if crosses {
            lane.stop_line = Some(line);
            n += 1;
        }
    }
    n
}
