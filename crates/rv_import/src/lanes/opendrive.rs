//! OpenDRIVE 1.4 to 1.7: roads along a reference line, with lanes of varying width beside it.
//!
//! Each lane of each lane section becomes a lane of the map, in driving direction. Heights,
//! superelevation and lane heights are left aside: the map is flat.

use std::collections::BTreeMap;

use rv_base::{MetersPerSecond, Point2, Seconds};
use rv_map::lanes::{Direction, Lane, LaneMap, LaneUse, Neighbour, Signal};

use super::reference_line::{Cubic, Piece, Pose};
use super::xml::{self, Element};
use super::{LaneImportError, LaneWarning, unpacked};

/// A border strays no farther than this from its polyline.
const CHORD_ERROR_M: f64 = 0.003;
/// Points of a border are no farther apart.
const STEP_MAX_M: f64 = 2.0;
/// Points of a border are no closer, section ends aside.
const STEP_MIN_M: f64 = 0.1;
/// Most points of all borders.
const POINTS_MAX: usize = 20_000_000;

/// Reads an OpenDRIVE map, plain or gzipped.
pub fn read_opendrive(bytes: &[u8]) -> Result<(LaneMap, Vec<LaneWarning>), LaneImportError> {
    let root = xml::parse(&unpacked(bytes)?)?;
    if root.name != "OpenDRIVE" {
        return Err(LaneImportError::WrongRoot { expected: "OpenDRIVE", found: root.name });
    }
    let mut warnings = Vec::new();
    let mut roads = BTreeMap::new();
    for element in root.all("road") {
        let id = element.attribute("id").unwrap_or_default().to_owned();
        match Road::read(element) {
            Ok(road) => drop(roads.insert(id, road)),
            Err(what) => {
                let source_id = id.parse().unwrap_or(-1);
                warnings.push(LaneWarning { source_id, what });
            }
        }
    }
    let mut map = LaneMap::default();
    let mut places = BTreeMap::new();
    let mut n_points = 0;
    for (id, road) in &roads {
        road.make_lanes(id, &mut map, &mut places, &mut n_points)?;
    }
    if map.lanes.is_empty() {
        return Err(LaneImportError::NoLanes);
    }
    link(&root, &roads, &mut map, &places);
    Ok((map, warnings))
}

/// A lane's place in the source: road, number of the section, lane id.
type Place = (String, usize, i64);

struct Road {
    source_id: i64,
    is_left_hand: bool,
    length_m: f64,
    pieces: Vec<Piece>,
    offset: Vec<Cubic>,
    sections: Vec<Section>,
    speeds: Vec<(f64, Option<MetersPerSecond>)>,
    signals: Vec<(f64, Signal)>,
    /// What follows at the start and at the end.
    ends: [Option<End>; 2],
}

#[derive(Clone)]
struct End {
    element_id: String,
    is_junction: bool,
    /// True if that road's start touches, false if its end does.
    is_at_start: bool,
}

struct Section {
    from_m: f64,
    lanes: Vec<LaneInfo>,
}

struct LaneInfo {
    id: i64,
    use_by: Option<LaneUse>,
    widths: Vec<Cubic>,
    /// Borders given from the reference line, instead of widths.
    borders: Vec<Cubic>,
    speed: Option<MetersPerSecond>,
    /// Lane ids before and after.
    links: [Vec<i64>; 2],
    may_be_crossed: bool,
}

impl Road {
    fn read(element: &Element) -> Result<Self, String> {
        let plan = element.child("planView").ok_or("a road without a plan view")?;
        let mut pieces: Vec<Piece> =
            plan.all("geometry").map(Piece::read).collect::<Result<_, _>>()?;
        pieces.sort_by(|a, b| a.from_m.total_cmp(&b.from_m));
        let last = pieces.last().ok_or("a road without geometry")?;
        let length_m = element.number("length").unwrap_or(last.from_m + last.length_m);
        let lanes = element.child("lanes").ok_or("a road without lanes")?;
        let mut offset: Vec<Cubic> =
            lanes.all("laneOffset").filter_map(|e| Cubic::read(e, "s")).collect();
        offset.sort_by(|a, b| a.from_m.total_cmp(&b.from_m));
        let mut sections: Vec<Section> =
            lanes.all("laneSection").map(Section::read).collect::<Result<_, _>>()?;
        sections.sort_by(|a, b| a.from_m.total_cmp(&b.from_m));
        let link = element.child("link");
        let end = |name: &str| {
            let end = link?.child(name)?;
            Some(End {
                element_id: end.attribute("elementId")?.to_owned(),
                is_junction: end.attribute("elementType") == Some("junction"),
                is_at_start: end.attribute("contactPoint") != Some("end"),
            })
        };
        let speeds = element
            .all("type")
            .filter_map(|kind| Some((kind.number("s")?, kind.child("speed").and_then(speed))));
        let signals = element.child("signals").into_iter().flat_map(|all| all.all("signal"));
        let signals = signals.filter(|signal| signal.attribute("dynamic") == Some("yes"));
        Ok(Self {
            source_id: element.integer("id").unwrap_or(-1),
            is_left_hand: element.attribute("rule") == Some("LHT"),
            length_m,
            offset,
            sections,
            speeds: speeds.collect(),
            signals: signals
                .filter_map(|signal| {
                    let source_id = signal.integer("id").unwrap_or(-1);
                    let signal_at = Signal { source_id, cycle: Vec::new(), offset: Seconds::ZERO };
                    Some((signal.number("s")?, signal_at))
                })
                .collect(),
            ends: [end("predecessor"), end("successor")],
            pieces,
        })
    }

    fn pose(&self, distance_m: f64) -> Pose {
        let n = self.pieces.partition_point(|piece| piece.from_m <= distance_m + 1e-9);
        let piece = &self.pieces[n.saturating_sub(1)];
        piece.pose(distance_m - piece.from_m)
    }

    fn section_end_m(&self, section: usize) -> f64 {
        self.sections.get(section + 1).map_or(self.length_m, |next| next.from_m)
    }

    /// Distances at which the borders of a section are sampled.
    fn samples(&self, section: usize, reach_m: f64) -> Vec<f64> {
        let (from_m, to_m) = (self.sections[section].from_m, self.section_end_m(section));
        let mut at = vec![from_m];
        for piece in &self.pieces {
            let (start, end) =
                (piece.from_m.max(from_m), (piece.from_m + piece.length_m).min(to_m));
            if end <= start {
                continue;
            }
            // Outer borders bend with a larger radius, inner ones with a smaller one.
            let radius_m = piece.radius_min_m() + reach_m;
            let step = (8.0 * radius_m * CHORD_ERROR_M).sqrt().clamp(STEP_MIN_M, STEP_MAX_M);
            let n = ((end - start) / step).ceil().max(1.0);
            at.extend((1..=n as usize).map(|i| start + (end - start) * i as f64 / n));
        }
        at.push(to_m);
        at.sort_by(f64::total_cmp);
        at.dedup_by(|b, a| *b - *a < 1e-6);
        at
    }

    fn make_lanes(
        &self,
        road_id: &str,
        map: &mut LaneMap,
        places: &mut BTreeMap<Place, usize>,
        n_points: &mut usize,
    ) -> Result<(), LaneImportError> {
        for (number, section) in self.sections.iter().enumerate() {
            let reach_m = section.reach_m();
            let samples = self.samples(number, reach_m);
            if samples.len() < 2 {
                continue;
            }
            *n_points += samples.len() * 2 * section.lanes.len();
            if *n_points > POINTS_MAX {
                return Err(LaneImportError::TooLarge { what: "points", limit: POINTS_MAX });
            }
            let poses: Vec<Pose> = samples.iter().map(|s| self.pose(*s)).collect();
            for is_left in [true, false] {
                self.make_side(section, is_left, (&samples, &poses), |info, lane| {
                    places.insert((road_id.to_owned(), number, info.id), map.lanes.len());
                    map.lanes.push(lane);
                });
            }
        }
        Ok(())
    }

    /// Makes the lanes of one side of a section, from the middle outwards.
    fn make_side(
        &self,
        section: &Section,
        is_left: bool,
        (samples, poses): (&[f64], &[Pose]),
        mut made: impl FnMut(&LaneInfo, Lane),
    ) {
        let sign = if is_left { 1.0 } else { -1.0 };
        let offset = |s: f64| Cubic::value(&self.offset, s);
        let mut inner: Vec<f64> = samples.iter().map(|s| offset(*s)).collect();
        let mut side: Vec<&LaneInfo> =
            section.lanes.iter().filter(|lane| (lane.id > 0) == is_left && lane.id != 0).collect();
        side.sort_by_key(|lane| lane.id.abs());
        for info in side {
            let outer: Vec<f64> = samples
                .iter()
                .zip(&inner)
                .map(|(s, inner)| {
                    let from_start = *s - section.from_m;
                    if info.widths.is_empty() && !info.borders.is_empty() {
                        offset(*s) + Cubic::value(&info.borders, from_start)
                    } else {
                        inner + sign * Cubic::value(&info.widths, from_start).max(0.0)
                    }
                })
                .collect();
            if let Some(use_by) = info.use_by {
                let line = |by: &[f64]| -> Vec<Point2> {
                    poses.iter().zip(by).map(|(pose, by_m)| pose.left(*by_m)).collect()
                };
                let (mut near, mut far) = (line(&inner), line(&outer));
                // On the left, where traffic keeps right, lanes run against the reference line.
                let is_forward = is_left == self.is_left_hand;
                if !is_forward {
                    near.reverse();
                    far.reverse();
                }
                let (left, right) = if is_left == is_forward { (far, near) } else { (near, far) };
                let speed = self.speeds.iter().rfind(|(s, _)| *s <= section.from_m + 1e-9);
                let end_m = samples[samples.len() - 1];
                let signals =
                    self.signals.iter().filter(|(s, _)| *s >= section.from_m && *s <= end_m + 1e-9);
                made(
                    info,
                    Lane {
                        source_id: self.source_id * 1000 + info.id,
                        left,
                        right,
                        use_by,
                        speed_limit: info.speed.or_else(|| speed.and_then(|(_, speed)| *speed)),
                        signals: signals.map(|(_, signal)| signal.clone()).collect(),
                        ..Lane::default()
                    },
                );
            }
            inner = outer;
        }
    }
}

impl Section {
    fn read(element: &Element) -> Result<Self, String> {
        let from_m = element.number("s").ok_or("a lane section without a valid s")?;
        let sides = ["left", "center", "right"].into_iter().filter_map(|s| element.child(s));
        let lanes = sides.flat_map(|side| side.all("lane")).filter_map(LaneInfo::read);
        Ok(Self { from_m, lanes: lanes.collect() })
    }

    /// How far the lanes reach, roughly.
    fn reach_m(&self) -> f64 {
        let width =
            |lane: &LaneInfo| lane.widths.iter().map(|w| w.terms[0].abs()).fold(0.0, f64::max);
        self.lanes.iter().map(width).sum()
    }
}

impl LaneInfo {
    fn read(element: &Element) -> Option<Self> {
        let id = element.integer("id").filter(|id| id.abs() < 1000)?;
        let cubics = |name: &str| {
            let mut all: Vec<Cubic> =
                element.all(name).filter_map(|e| Cubic::read(e, "sOffset")).collect();
            all.sort_by(|a, b| a.from_m.total_cmp(&b.from_m));
            all
        };
        let use_by = match element.attribute("type").unwrap_or_default() {
            "driving" | "entry" | "exit" | "onRamp" | "offRamp" | "connectingRamp"
            | "bidirectional" | "mwyEntry" | "mwyExit" | "slipLane" | "HOV" => Some(LaneUse::Motor),
            "bus" | "taxi" => Some(LaneUse::Bus),
            "biking" => Some(LaneUse::Bicycle),
            "sidewalk" | "walking" => Some(LaneUse::Foot),
            _ => None,
        };
        let link = element.child("link");
        let ids = |name: &str| -> Vec<i64> {
            link.into_iter().flat_map(|l| l.all(name)).filter_map(|l| l.integer("id")).collect()
        };
        let marks: Vec<&str> =
            element.all("roadMark").filter_map(|mark| mark.attribute("laneChange")).collect();
        let kinds = || element.all("roadMark").filter_map(|mark| mark.attribute("type"));
        Some(Self {
            id,
            use_by: use_by.filter(|_| id != 0),
            widths: cubics("width"),
            borders: cubics("border"),
            speed: element.child("speed").and_then(|e| speed_of(e, "max")),
            links: [ids("predecessor"), ids("successor")],
            may_be_crossed: if marks.is_empty() {
                kinds().any(|kind| kind.contains("broken") || kind == "none")
            } else {
                marks.iter().any(|change| *change != "none")
            },
        })
    }
}

fn speed(element: &Element) -> Option<MetersPerSecond> {
    speed_of(element, "max")
}

fn speed_of(element: &Element, name: &str) -> Option<MetersPerSecond> {
    let value = element.number(name)?;
    let per_second = match element.attribute("unit") {
        Some("km/h") => value / 3.6,
        Some("mph") => value * 0.447_04,
        _ => value,
    };
    (per_second > 0.0 && per_second < 100.0).then_some(MetersPerSecond(per_second))
}

/// Joins lanes along roads, through junctions, and beside each other.
fn link(
    root: &Element,
    roads: &BTreeMap<String, Road>,
    map: &mut LaneMap,
    places: &BTreeMap<Place, usize>,
) {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    // Joins two lanes where they touch: `at_start` says at which end of each section.
    let mut join = |a: &Place, a_at_start: bool, b: &Place, b_at_start: bool| {
        let (Some(from), Some(to)) = (places.get(a), places.get(b)) else { return };
        let is_forward = |place: &Place| (place.2 > 0) == roads[&place.0].is_left_hand;
        // Who drives towards the touching end hands on to who drives away from it.
        match (is_forward(a) != a_at_start, is_forward(b) != b_at_start) {
            (true, false) => pairs.push((*from, *to)),
            (false, true) => pairs.push((*to, *from)),
            _ => {}
        }
    };
    let edge = |id: &str, at_start: bool, lane: i64| {
        let n = roads.get(id)?.sections.len();
        Some((id.to_owned(), if at_start { 0 } else { n.checked_sub(1)? }, lane))
    };
    for (id, road) in roads {
        for (number, section) in road.sections.iter().enumerate() {
            for lane in &section.lanes {
                let here = (id.clone(), number, lane.id);
                for (side, others) in lane.links.iter().enumerate() {
                    let at_start = side == 0;
                    let inner = if at_start { number.checked_sub(1) } else { Some(number + 1) };
                    let inner = inner.filter(|n| *n < road.sections.len());
                    for other in others {
                        if let Some(next) = inner {
                            join(&here, at_start, &(id.clone(), next, *other), !at_start);
                        } else if let Some(end) =
                            road.ends[side].as_ref().filter(|e| !e.is_junction)
                            && let Some(there) = edge(&end.element_id, end.is_at_start, *other)
                        {
                            join(&here, at_start, &there, end.is_at_start);
                        }
                    }
                }
            }
        }
    }
    for junction in root.all("junction") {
        let junction_id = junction.attribute("id").unwrap_or_default();
        for connection in junction.all("connection") {
            let (Some(incoming), Some(connecting)) =
                (connection.attribute("incomingRoad"), connection.attribute("connectingRoad"))
            else {
                continue;
            };
            let at_start = connection.attribute("contactPoint") != Some("end");
            let Some(road) = roads.get(incoming) else { continue };
            let is_here = |end: &Option<End>| {
                end.as_ref().is_some_and(|e| e.is_junction && e.element_id == junction_id)
            };
            for side in [0, 1].into_iter().filter(|side| is_here(&road.ends[*side])) {
                for pair in connection.all("laneLink") {
                    let lanes = pair.integer("from").zip(pair.integer("to"));
                    let Some((from, to)) = lanes else { continue };
                    let here = edge(incoming, side == 0, from);
                    let there = edge(connecting, at_start, to);
                    if let (Some(here), Some(there)) = (here, there) {
                        join(&here, side == 0, &there, at_start);
                    }
                }
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    for (from, to) in pairs {
        map.lanes[from].successors.push(to);
        map.lanes[to].predecessors.push(from);
    }
    link_neighbours(roads, map, places);
}

fn link_neighbours(
    roads: &BTreeMap<String, Road>,
    map: &mut LaneMap,
    places: &BTreeMap<Place, usize>,
) {
    for ((road_id, number, id), idx) in places {
        let road = &roads[road_id];
        let section = &road.sections[*number];
        let find = |id: i64| section.lanes.iter().find(|lane| lane.id == id);
        // Lane 0 is the line in the middle.
        let step = |by: i64| if id + by == 0 { id + 2 * by } else { id + by };
        let is_forward = (*id > 0) == road.is_left_hand;
        for by in [1, -1] {
            let other_id = step(by);
            let Some(other) = places.get(&(road_id.clone(), *number, other_id)) else { continue };
            let direction =
                if (*id > 0) == (other_id > 0) { Direction::Same } else { Direction::Opposite };
            // A lane's marks lie on its outer border; those of the middle belong to lane 0.
            let marked = if (*id > 0) != (other_id > 0) {
                0
            } else if id.abs() < other_id.abs() {
                *id
            } else {
                other_id
            };
            let is_open = find(marked).is_some_and(|lane| lane.may_be_crossed);
            let neighbour = Some(Neighbour { lane: *other, direction, is_open });
            // Ids grow to the left of the reference line.
            if (by > 0) == is_forward {
                map.lanes[*idx].left_neighbour = neighbour;
            } else {
                map.lanes[*idx].right_neighbour = neighbour;
            }
        }
    }
}
