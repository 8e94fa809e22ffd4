//! OpenDRIVE 1.4 to 1.7: roads along a reference line, with lanes of varying width beside it.
//!
//! Each lane of each lane section becomes a lane of the map, in driving direction; crosswalks
//! become lanes for those who walk. The map is flat: heights, superelevation and lane heights are
//! left aside, with a warning where they are not zero.

mod borders;
mod links;
mod reference_line;
mod road;
mod rules;

use std::collections::BTreeMap;

use rv_base::Point2;
use rv_map::lanes::{GeoFrame, LaneMap};

use super::{Ignored, ImportedLanes, LaneImportError, LaneWarning, LaneWarningKind};
use crate::xml::{self, Element};
pub use reference_line::Pose;
pub use road::{Neighbour, Road};

/// Reads an OpenDRIVE map, plain or gzipped, into lanes.
pub fn read_opendrive(bytes: &[u8]) -> Result<ImportedLanes, LaneImportError> {
    let (root, RoadNetwork { roads }, mut warnings, mut ignored) = read(bytes)?;
    let mut map = LaneMap::default();
    let mut places = BTreeMap::new();
    let mut n_points = 0;
    for road in roads.values() {
        road.make_lanes(&mut map, &mut places, &mut n_points, &mut warnings)?;
    }
    if map.lanes.is_empty() {
        return Err(LaneImportError::NoLanes);
    }
    for (from, to) in links::link(&root, &roads, &mut map, &places) {
        let to = map.lanes[to].source_id;
        let what = format!("linked to lane {to}, whose start is more than 1 m from its end");
        let from = map.lanes[from].source_id;
        warnings.push(LaneWarning::new(LaneWarningKind::LeftOut, from, what));
    }
    map.find_conflicts();
    rules::apply(&root, &roads, &mut map, &places, &mut ignored);
    // Crossings have joined the map.
    map.find_conflicts();
    map.yield_by_signs();
    unknown_elements(&root, &mut ignored);
    warnings.extend(ignored.into_warnings());
    Ok(ImportedLanes { map, frame: frame(&root), warnings })
}

/// The roads of an OpenDRIVE map, for whoever needs places along them.
#[derive(Clone, Debug)]
pub struct RoadNetwork {
    roads: BTreeMap<String, Road>,
}

impl RoadNetwork {
    /// Reads the roads of a map, plain or gzipped.
    pub fn read(bytes: &[u8]) -> Result<(Self, Vec<LaneWarning>), LaneImportError> {
        let (_, network, mut warnings, ignored) = read(bytes)?;
        warnings.extend(ignored.into_warnings());
        Ok((network, warnings))
    }

    /// The road of an id.
    pub fn road(&self, id: &str) -> Option<&Road> {
        self.roads.get(id)
    }

    /// All roads, in the order of their ids.
    pub fn roads(&self) -> impl Iterator<Item = &Road> {
        self.roads.values()
    }
}

/// A lane's place in the source: road, number of the section, lane id.
type Place = (String, usize, i64);

fn read(
    bytes: &[u8],
) -> Result<(Element, RoadNetwork, Vec<LaneWarning>, Ignored), LaneImportError> {
    let root = xml::parse_packed(bytes)?;
    if root.name != "OpenDRIVE" {
        return Err(LaneImportError::WrongRoot { expected: "OpenDRIVE", found: root.name });
    }
    let mut warnings = Vec::new();
    let mut ignored = Ignored::default();
    let mut roads = BTreeMap::new();
    for element in root.all("road") {
        match Road::read(element, &mut warnings, &mut ignored) {
            Ok(road) if roads.contains_key(road.id()) => {
                let what = "a second road of this id";
                warnings.push(LaneWarning::new(LaneWarningKind::LeftOut, road.source_id, what));
            }
            Ok(road) => drop(roads.insert(road.id().to_owned(), road)),
            Err(what) => {
                let source_id = element.integer("id").unwrap_or(-1);
                warnings.push(LaneWarning::new(LaneWarningKind::LeftOut, source_id, what));
            }
        }
        heights(element, &mut ignored);
    }
    Ok((root, RoadNetwork { roads }, warnings, ignored))
}

/// Tells of heights across the road that are not zero.
fn heights(road: &Element, ignored: &mut Ignored) {
    let id = road.integer("id").unwrap_or(-1);
    let is_zero = |e: &Element| ["a", "b", "c", "d"].iter().all(|k| e.number(k) == Some(0.0));
    let profile = road.child("lateralProfile");
    for name in ["superelevation", "crossfall", "shape"] {
        if profile.is_some_and(|profile| profile.all(name).any(|e| !is_zero(e))) {
            ignored.add(format!("{name}: the map is flat"), id);
        }
    }
    if road.child("elevationProfile").is_some_and(|p| p.all("elevation").any(|e| !is_zero(e))) {
        ignored.add("elevation: the map is flat", id);
    }
}

/// Elements that the standard has and that say nothing about a flat map of lanes.
const WITHOUT_MEANING: [&str; 8] =
    ["header", "controller", "userData", "include", "dataQuality", "station", "surface", "bridge"];

/// Counts the elements that are not read.
fn unknown_elements(root: &Element, ignored: &mut Ignored) {
    let known = |name: &str, list: &[&str]| list.contains(&name) || WITHOUT_MEANING.contains(&name);
    for child in &root.children {
        if !known(&child.name, &["road", "junction"]) {
            ignored.add(format!("<{}>", child.name), child.integer("id").unwrap_or(-1));
        }
    }
    for road in root.all("road") {
        let id = road.integer("id").unwrap_or(-1);
        const PARTS: [&str; 8] = [
            "link",
            "type",
            "planView",
            "elevationProfile",
            "lateralProfile",
            "lanes",
            "objects",
            "signals",
        ];
        for child in &road.children {
            if !known(&child.name, &PARTS) {
                ignored.add(format!("<{}> of a road", child.name), id);
            }
        }
        let objects = road.child("objects").into_iter().flat_map(|all| &all.children);
        for child in objects.filter(|child| !known(&child.name, &["object"])) {
            ignored.add(format!("<{}> among objects", child.name), id);
        }
        let sections = road.child("lanes").into_iter().flat_map(|lanes| lanes.all("laneSection"));
        let sides = sides_of(sections);
        for part in sides.flat_map(|side| side.all("lane")).flat_map(|lane| &lane.children) {
            const LANE: [&str; 8] = [
                "link",
                "width",
                "border",
                "roadMark",
                "speed",
                "material",
                "visibility",
                "height",
            ];
            if !known(&part.name, &LANE) {
                ignored.add(format!("<{}> of a lane", part.name), id);
            }
        }
    }
    for junction in root.all("junction") {
        for child in &junction.children {
            if !known(&child.name, &["connection", "priority"]) {
                let id = junction.integer("id").unwrap_or(-1);
                ignored.add(format!("<{}> of a junction", child.name), id);
            }
        }
    }
}

fn sides_of<'a>(sections: impl Iterator<Item = &'a Element>) -> impl Iterator<Item = &'a Element> {
    sections.flat_map(|section| {
        let sides = section.children.iter();
        sides.filter(|side| matches!(side.name.as_str(), "left" | "center" | "right"))
    })
}

/// The frame that the header's projection names, if it is a transverse Mercator one on WGS 84.
fn frame(root: &Element) -> Option<GeoFrame> {
    let header = root.child("header")?;
    let text = &header.child("geoReference")?.text;
    let offset = header.child("offset");
    let shift = |name: &str| offset.and_then(|o| o.number(name)).unwrap_or(0.0);
    let value = |name: &str| {
        let word = text.split_whitespace().find_map(|w| w.strip_prefix(name))?;
        word.strip_prefix('=')?.parse::<f64>().ok().filter(|v| v.is_finite())
    };
    let is_a = |name: &str| text.split_whitespace().any(|w| w.strip_prefix("+proj=") == Some(name));
    let (base, x_m, y_m) = if is_a("tmerc") {
        let (meridian_deg, scale) =
            (value("+lon_0")?, value("+k").or(value("+k_0")).unwrap_or(1.0));
        let zero = Point2 { x_m: 0.0, y_m: 0.0 };
        let base = GeoFrame { meridian_deg, scale, zero };
        let from = base.to_plane(value("+lat_0").unwrap_or(0.0), meridian_deg);
        (base, value("+x_0").unwrap_or(0.0), value("+y_0").unwrap_or(0.0) - from.y_m)
    } else if is_a("utm") {
        let zone = value("+zone").filter(|zone| (1.0..=60.0).contains(zone))?;
        let is_south = text.split_whitespace().any(|word| word == "+south");
        (GeoFrame::utm(zone as u8), 500_000.0, if is_south { 10_000_000.0 } else { 0.0 })
    } else {
        return None;
    };
    // Projected coordinates are those of the file plus the header's offset.
    let zero = Point2 { x_m: shift("x") - x_m, y_m: shift("y") - y_m };
    (base.scale > 0.0).then_some(GeoFrame { zero, ..base })
}
