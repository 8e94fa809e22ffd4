//! A road of OpenDRIVE: its reference line, its lane sections, and where a lane lies across it.

use rv_base::{MetersPerSecond, Point2};
use rv_map::lanes::LaneUse;

use super::super::{Ignored, LaneWarning, LaneWarningKind};
use super::reference_line::{Cubic, Piece, Pose};
use crate::xml::Element;

/// Parts of a road that may be of this number at most: geometries, sections, lanes, polynomials.
const PARTS_MAX: usize = 100_000;

/// A road: a reference line, and lanes beside it.
#[derive(Clone, Debug)]
pub struct Road {
    pub(super) id: String,
    pub(super) source_id: i64,
    pub(super) is_left_hand: bool,
    pub(super) length_m: f64,
    /// The junction that it is a part of.
    pub(super) junction: Option<String>,
    pub(super) pieces: Vec<Piece>,
    pub(super) offset: Vec<Cubic>,
    pub(super) sections: Vec<Section>,
    pub(super) speeds: Vec<(f64, Option<MetersPerSecond>)>,
    /// What follows at the start and at the end.
    pub(super) ends: [Option<End>; 2],
}

/// What follows past the end of a road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour<'a> {
    /// Id of the road or junction.
    pub id: &'a str,
    /// True if it is a junction.
    pub is_junction: bool,
    /// True if that road's start touches, false if its end does.
    pub is_at_start: bool,
}

#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) element_id: String,
    pub(super) is_junction: bool,
    /// True if that road's start touches, false if its end does.
    pub(super) is_at_start: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) from_m: f64,
    pub(super) lanes: Vec<LaneInfo>,
}

#[derive(Clone, Debug)]
pub(super) struct LaneInfo {
    pub(super) id: i64,
    pub(super) use_by: Option<LaneUse>,
    pub(super) widths: Vec<Cubic>,
    /// Borders given from the reference line, instead of widths.
    pub(super) borders: Vec<Cubic>,
    /// Speed limits from a distance in the section on.
    pub(super) speeds: Vec<(f64, MetersPerSecond)>,
    /// Lane ids before and after.
    pub(super) links: [Vec<i64>; 2],
    /// True if its outer border may be crossed from the reference line's left, and from its right.
    pub(super) may_be_crossed: [bool; 2],
}

impl Road {
    pub(super) fn read(
        element: &Element,
        warnings: &mut Vec<LaneWarning>,
        ignored: &mut Ignored,
    ) -> Result<Self, String> {
        let source_id = element.integer("id").unwrap_or(-1);
        let plan = element.child("planView").ok_or("a road without a plan view")?;
        let mut pieces: Vec<Piece> =
            plan.all("geometry").map(Piece::read).collect::<Result<_, _>>()?;
        pieces.sort_by(|a, b| a.from_m.total_cmp(&b.from_m));
        let last = pieces.last().ok_or("a road without geometry")?;
        let drawn_m = last.from_m + last.length_m;
        let length_m = element.number("length").unwrap_or(drawn_m);
        if !(length_m > 0.0 && length_m <= 1e6) {
            return Err(format!("a road that is {length_m} m long"));
        }
        if (length_m - drawn_m).abs() > 0.01 {
            let what = format!("a road of {length_m} m whose geometry ends at {drawn_m} m");
            warnings.push(LaneWarning::new(LaneWarningKind::Mended, source_id, what));
        }
        let lanes = element.child("lanes").ok_or("a road without lanes")?;
        let offset = Cubic::read_all(lanes, "laneOffset", "s");
        let mut sections: Vec<Section> = lanes
            .all("laneSection")
            .map(|section| Section::read(section, source_id, ignored))
            .collect::<Result<_, _>>()?;
        sections.sort_by(|a, b| a.from_m.total_cmp(&b.from_m));
        let n_lanes: usize = sections.iter().map(|section| section.lanes.len()).sum();
        if pieces.len().max(offset.len()).max(sections.len()).max(n_lanes) > PARTS_MAX {
            return Err(format!("a road of more than {PARTS_MAX} parts"));
        }
        let link = element.child("link");
        let end = |name: &str| {
            let end = link?.child(name)?;
            Some(End {
                element_id: end.attribute("elementId")?.to_owned(),
                is_junction: end.attribute("elementType") == Some("junction"),
                is_at_start: end.attribute("contactPoint") != Some("end"),
            })
        };
        let mut speeds: Vec<(f64, Option<MetersPerSecond>)> = element
            .all("type")
            .filter_map(|kind| Some((kind.number("s")?, kind.child("speed").and_then(speed))))
            .collect();
        speeds.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Self {
            id: element.attribute("id").unwrap_or_default().to_owned(),
            source_id,
            is_left_hand: element.attribute("rule") == Some("LHT"),
            length_m,
            junction: element
                .attribute("junction")
                .filter(|id| *id != "-1" && !id.is_empty())
                .map(str::to_owned),
            offset,
            sections,
            speeds,
            ends: [end("predecessor"), end("successor")],
            pieces,
        })
    }

    /// Its name in the file.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Length of its reference line, m.
    pub fn length_m(&self) -> f64 {
        self.length_m
    }

    /// The reference line at a distance from the road's start, m; beyond its ends it goes on as
    /// its first or last piece does.
    pub fn pose(&self, distance_m: f64) -> Pose {
        let n = self.pieces.partition_point(|piece| piece.from_m <= distance_m + 1e-9);
        let piece = &self.pieces[n.saturating_sub(1)];
        piece.pose(distance_m - piece.from_m)
    }

    /// Curvature of the reference line, 1/m, more than zero in left bends.
    pub fn curvature(&self, distance_m: f64) -> f64 {
        let n = self.pieces.partition_point(|piece| piece.from_m <= distance_m + 1e-9);
        let piece = &self.pieces[n.saturating_sub(1)];
        piece.curvature(distance_m - piece.from_m)
    }

    /// Ids of the lanes at a distance from the road's start, from left to right, without the
    /// middle line.
    pub fn lane_ids(&self, distance_m: f64) -> Vec<i64> {
        let Some(section) = self.section_at(distance_m) else { return Vec::new() };
        let mut ids: Vec<i64> = section.lanes.iter().map(|l| l.id).filter(|id| *id != 0).collect();
        ids.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
        ids
    }

    /// Who may use a lane at a distance from the road's start; none for shoulders and such, and
    /// where there is no such lane.
    pub fn lane_use(&self, distance_m: f64, lane: i64) -> Option<LaneUse> {
        self.section_at(distance_m)?.lanes.iter().find(|info| info.id == lane)?.use_by
    }

    /// The inner and outer border of a lane, m to the left of the reference line; for lane 0 both
    /// are the middle line.
    pub fn lane_borders_m(&self, distance_m: f64, lane: i64) -> Option<(f64, f64)> {
        let section = self.section_at(distance_m)?;
        let middle_m = Cubic::value(&self.offset, distance_m);
        let mut inner_m = middle_m;
        if lane == 0 {
            return Some((inner_m, inner_m));
        }
        // Outwards by number; a number that is missing has no width.
        for number in 1..=lane.abs() {
            let id = number * lane.signum();
            let Some(info) = section.lanes.iter().find(|info| info.id == id) else { continue };
            let outer_m = info.outer_m(
                (middle_m, inner_m),
                Cubic::last_begun(&info.widths, distance_m - section.from_m),
                Cubic::last_begun(&info.borders, distance_m - section.from_m),
                distance_m - section.from_m,
            );
            if id == lane {
                return Some((inner_m, outer_m));
            }
            inner_m = outer_m;
        }
        None
    }

    /// The middle of a lane, m to the left of the reference line.
    pub fn lane_middle_m(&self, distance_m: f64, lane: i64) -> Option<f64> {
        self.lane_borders_m(distance_m, lane).map(|(inner, outer)| (inner + outer) / 2.0)
    }

    /// The lane in which a point so far to the left of the reference line lies; the nearest one
    /// if it lies beside the road.
    pub fn lane_at(&self, distance_m: f64, left_m: f64) -> Option<i64> {
        let beyond = |lane: &i64| {
            let (a, b) = self.lane_borders_m(distance_m, *lane)?;
            Some((a.min(b) - left_m).max(left_m - a.max(b)).max(0.0))
        };
        let ids = self.lane_ids(distance_m).into_iter();
        let near = ids.filter_map(|lane| Some((beyond(&lane)?, lane)));
        near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, lane)| lane)
    }

    /// True if traffic on a lane runs with the reference line.
    pub fn runs_forward(&self, lane: i64) -> bool {
        (lane > 0) == self.is_left_hand
    }

    /// The road and the lane that a lane goes on in past one end of the road: where the next road
    /// is entered. None at junctions, which offer several, and at dead ends.
    pub fn next(&self, lane: i64, at_start: bool) -> Option<(&str, i64, bool)> {
        let side = usize::from(!at_start);
        let end = self.ends[side].as_ref().filter(|end| !end.is_junction)?;
        let section = if at_start { self.sections.first() } else { self.sections.last() }?;
        let info = section.lanes.iter().find(|info| info.id == lane)?;
        Some((&end.element_id, *info.links[side].first()?, end.is_at_start))
    }

    /// The junction that it is a part of.
    pub fn junction(&self) -> Option<&str> {
        self.junction.as_deref()
    }

    /// What follows past one of its ends: a road or a junction, and whether that road's start
    /// touches.
    pub fn neighbour(&self, at_start: bool) -> Option<Neighbour<'_>> {
        let end = self.ends[usize::from(!at_start)].as_ref()?;
        let (id, is_junction) = (end.element_id.as_str(), end.is_junction);
        Some(Neighbour { id, is_junction, is_at_start: end.is_at_start })
    }

    /// The lane of the neighbour that a lane is linked to past one of its ends.
    pub fn linked_lane(&self, lane: i64, at_start: bool) -> Option<i64> {
        let section = if at_start { self.sections.first() } else { self.sections.last() }?;
        let info = section.lanes.iter().find(|info| info.id == lane)?;
        info.links[usize::from(!at_start)].first().copied()
    }

    fn section_at(&self, distance_m: f64) -> Option<&Section> {
        let n = self.sections.partition_point(|section| section.from_m <= distance_m + 1e-9);
        self.sections.get(n.saturating_sub(1))
    }

    pub(super) fn section_end_m(&self, section: usize) -> f64 {
        self.sections.get(section + 1).map_or(self.length_m, |next| next.from_m.min(self.length_m))
    }

    /// The point so far along and to the left of the reference line.
    pub fn point(&self, distance_m: f64, left_m: f64) -> Point2 {
        self.pose(distance_m).left(left_m)
    }
}

impl Section {
    fn read(element: &Element, road: i64, ignored: &mut Ignored) -> Result<Self, String> {
        let from_m = element.number("s").ok_or("a lane section without a valid s")?;
        if element.attribute("singleSide") == Some("true") {
            ignored.add("lane sections for one side only: taken for both", road);
        }
        let sides = ["left", "center", "right"].into_iter().filter_map(|s| element.child(s));
        let lanes = sides
            .flat_map(|side| side.all("lane"))
            .filter_map(|lane| LaneInfo::read(lane, road, ignored));
        Ok(Self { from_m, lanes: lanes.collect() })
    }

    /// The lanes of one side, from the middle outwards.
    pub(super) fn side(&self, is_left: bool) -> Vec<&LaneInfo> {
        let mut side: Vec<&LaneInfo> =
            self.lanes.iter().filter(|lane| (lane.id > 0) == is_left && lane.id != 0).collect();
        side.sort_by_key(|lane| lane.id.abs());
        side
    }
}

impl LaneInfo {
    fn read(element: &Element, road: i64, ignored: &mut Ignored) -> Option<Self> {
        let id = element.integer("id").filter(|id| id.unsigned_abs() < 1000)?;
        let kind = element.attribute("type").unwrap_or_default();
        let use_by = match kind {
            "driving" | "entry" | "exit" | "onRamp" | "offRamp" | "connectingRamp"
            | "bidirectional" | "mwyEntry" | "mwyExit" | "slipLane" | "HOV" => Some(LaneUse::Motor),
            "bus" | "taxi" => Some(LaneUse::Bus),
            "biking" => Some(LaneUse::Bicycle),
            "sidewalk" | "walking" => Some(LaneUse::Foot),
            "rail" | "tram" => Some(LaneUse::Rail),
            "none" | "border" | "shoulder" | "stop" | "restricted" | "parking" | "median"
            | "curb" | "shared" | "special1" | "special2" | "special3" | "roadWorks" => None,
            other => {
                ignored.add(format!("lanes of type `{other}`"), road);
                None
            }
        };
        let link = element.child("link");
        let ids = |name: &str| -> Vec<i64> {
            let links = link.into_iter().flat_map(|l| l.all(name));
            links.filter_map(|l| l.integer("id").filter(|id| id.unsigned_abs() < 1000)).collect()
        };
        let speeds = element
            .all("speed")
            .filter_map(|e| Some((e.number("sOffset").unwrap_or(0.0), speed(e)?)));
        let mut speeds: Vec<(f64, MetersPerSecond)> = speeds.collect();
        speeds.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some(Self {
            id,
            use_by: use_by.filter(|_| id != 0),
            widths: Cubic::read_all(element, "width", "sOffset"),
            borders: Cubic::read_all(element, "border", "sOffset"),
            speeds,
            links: [ids("predecessor"), ids("successor")],
            may_be_crossed: may_be_crossed(element),
        })
    }

    /// The outer border, from the middle line and the inner border, m to the left.
    pub(super) fn outer_m(
        &self,
        (middle_m, inner_m): (f64, f64),
        width: Option<&Cubic>,
        border: Option<&Cubic>,
        from_start_m: f64,
    ) -> f64 {
        match (width, border) {
            (None, Some(border)) => middle_m + border.at(from_start_m),
            (Some(width), _) => {
                let width_m = width.at(from_start_m).max(0.0);
                inner_m + if self.id > 0 { width_m } else { -width_m }
            }
            (None, None) => inner_m,
        }
    }
}

/// What the marks on a lane's outer border allow. `laneChange` says it in terms of lane ids, which
/// grow to the left: `increase` is from the right to the left.
fn may_be_crossed(lane: &Element) -> [bool; 2] {
    let of = |mark: &Element| match (mark.attribute("laneChange"), mark.attribute("type")) {
        (Some("both"), _) => [true, true],
        (Some("increase"), _) => [false, true],
        (Some("decrease"), _) => [true, false],
        (Some("none"), _) => [false, false],
        // The first word is the mark nearer to the middle of the road, which of the sides that is
        // depends on the lane.
        (_, Some("broken solid" | "solid broken")) => {
            let is_broken_inside = mark.attribute("type") == Some("broken solid");
            let is_left = lane.integer("id").unwrap_or(0) > 0;
            if is_broken_inside == is_left { [false, true] } else { [true, false] }
        }
        (_, Some(kind)) => [kind.contains("broken") || kind == "none"; 2],
        (_, None) => [false, false],
    };
    lane.all("roadMark").map(of).fold([false, false], |a, b| [a[0] || b[0], a[1] || b[1]])
}

/// A speed in m/s, km/h or mph.
pub(super) fn speed(element: &Element) -> Option<MetersPerSecond> {
    let value = element.number("max")?;
    let per_second = match element.attribute("unit") {
        Some("km/h") => value / 3.6,
        Some("mph") => value * 0.447_04,
        _ => value,
    };
    (per_second > 0.0 && per_second < 100.0).then_some(MetersPerSecond(per_second))
}
