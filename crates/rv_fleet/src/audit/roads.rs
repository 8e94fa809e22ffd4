//! What was driven, against the map and the permits, by geometry of its own: edges are sampled
//! every few metres and each sample is tested by its winding number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rv_base::{
    EdgeId, HourSet, LatLon, LocalFrame, Meters, MetersPerSecond, PermitId, Point2, Seconds,
    Timestamp, VanId,
};
use rv_map::{ForbiddenPath, Mode, RoadGraph};
use rv_model::{Permit, PermitArea, VehicleKind};

use crate::event::{Event, Setup};

/// Longest distance between two samples of an edge.
const SAMPLE_EVERY: Meters = Meters(4.0);

/// Most that a reported distance may differ from the map's, beside 1 %.
const DISTANCE_SLACK: Meters = Meters(5.0);

/// Most hours of the week that a leg is looked at; a longer one has seen every hour.
const HOURS_PER_WEEK: i64 = 168;

/// One edge as it was driven, with exact times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DrivenEdge {
    /// Which.
    pub edge: EdgeId,
    /// When the van came onto it.
    pub entered: Timestamp,
    /// When it left it, or stopped for good.
    pub left: Timestamp,
}

/// The map and the permits, as the audit sees them.
#[derive(Debug)]
pub struct Roads<'a> {
    graph: &'a RoadGraph,
    frame: LocalFrame,
    forbidden: BTreeMap<EdgeId, Vec<&'a ForbiddenPath>>,
    longest_forbidden: usize,
    /// Permits in force, by the time from which they are.
    stages: Vec<Stage>,
    vans: BTreeMap<VanId, VanFacts>,
    utc_offset: Seconds,
    /// Metres of an edge outside the permits of a van, by what they depend on.
    outside: BTreeMap<(Vec<PermitId>, VehicleKind, Moment, EdgeId), Meters>,
}

/// Permits that hold together.
#[derive(Clone, Debug)]
struct Stage {
    from: Timestamp,
    permits: BTreeMap<PermitId, Arc<Grounds>>,
    /// Those that came later than the setup: they bind every van that needs permits.
    later: BTreeSet<PermitId>,
}

/// A stage of the permits, by number, and an hour of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    stage_idx: usize,
    hour: u32,
}

#[derive(Debug)]
struct Grounds {
    kinds: Vec<VehicleKind>,
    hours: HourSet,
    allowed: Vec<(HourSet, Vec<Point2>)>,
    forbidden: Vec<(HourSet, Vec<Point2>)>,
}

#[derive(Debug)]
struct VanFacts {
    kind: VehicleKind,
    speed_max: MetersPerSecond,
    permits: Vec<PermitId>,
    /// The last edges it drove, as many as the longest forbidden path needs.
    last_edges: Vec<EdgeId>,
}

/// What is wrong with a leg.
#[derive(Debug, Default, PartialEq)]
pub struct LegFindings {
    /// In words.
    pub faults: Vec<String>,
    /// Metres that no permit covered.
    pub outside_permit: Meters,
}

impl<'a> Roads<'a> {
    /// Begins with a map, no permits and no vans.
    pub fn new(graph: &'a RoadGraph) -> Self {
        let mut forbidden: BTreeMap<EdgeId, Vec<&ForbiddenPath>> = BTreeMap::new();
        for path in &graph.forbidden {
            if let Some(last) = path.edges.last() {
                forbidden.entry(*last).or_default().push(path);
            }
        }
        Self {
            graph,
            frame: LocalFrame::at(graph.junctions.first().copied().unwrap_or_default()),
            longest_forbidden: graph.forbidden.iter().map(|p| p.edges.len()).max().unwrap_or(2),
            forbidden,
            stages: Vec::new(),
            vans: BTreeMap::new(),
            utc_offset: Seconds::ZERO,
            outside: BTreeMap::new(),
        }
    }

    /// Takes the fleet's setup; the map must be the one that it was made for.
    pub(super) fn set_up(&mut self, setup: &Setup) -> Result<(), String> {
        self.utc_offset = setup.utc_offset;
        if self.stages.is_empty() {
            let mut permits = BTreeMap::new();
            for permit in &setup.permits {
                permits.insert(permit.id, Arc::new(self.grounds(permit)?));
            }
            let from = Timestamp(i64::MIN);
            self.stages.push(Stage { from, permits, later: BTreeSet::new() });
        }
        let n_edges = self.graph.n_edges();
        if setup.n_edges as usize != n_edges {
            return Err(format!(
                "the ledger was made on a map of {} edges, this one has {n_edges}",
                setup.n_edges
            ));
        }
        for (idx, van) in setup.vans.iter().enumerate() {
            let Some(class) = setup.classes.get(usize::from(van.class_idx)) else {
                return Err(format!("van {} has no class", van.id));
            };
            let start = setup.van_starts.get(idx).map(|p| p.edge);
            self.vans.entry(van.id).or_insert_with(|| VanFacts {
                kind: class.kind,
                speed_max: class.speed_max,
                permits: van.permits.clone(),
                last_edges: start.into_iter().collect(),
            });
        }
        Ok(())
    }

    /// Takes what the ledger says of the fleet's setup and permits; other events say nothing here.
    pub fn take(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::FleetStarted { setup: Some(setup), .. } => self.set_up(setup),
            Event::PermitGranted { permit, from } => {
                let grounds = Arc::new(self.grounds(permit)?);
                let stage = self.stage_from(*from)?;
                if stage.permits.insert(permit.id, grounds).is_none() {
                    stage.later.insert(permit.id);
                }
                Ok(())
            }
            Event::PermitRevoked { permit, from } => {
                let stage = self.stage_from(*from)?;
                stage.later.remove(permit);
                match stage.permits.remove(permit) {
                    Some(_) => Ok(()),
                    None => Err(format!("permit {permit} is revoked, but was not in force")),
                }
            }
            _ => Ok(()),
        }
    }

    /// The last stage, continued from a time on.
    fn stage_from(&mut self, from: Timestamp) -> Result<&mut Stage, String> {
        let last = self.stages.last().ok_or("a permit changes before the fleet has begun")?;
        if from < last.from {
            return Err("permits change in another order than they were announced".to_owned());
        }
        if from > last.from {
            self.stages.push(Stage { from, ..last.clone() });
        }
        let last_idx = self.stages.len() - 1;
        Ok(&mut self.stages[last_idx])
    }

    fn grounds(&self, permit: &Permit) -> Result<Grounds, String> {
        let local = |areas: &[PermitArea]| {
            areas
                .iter()
                .map(|area| {
                    if area.outline.len() < 3 {
                        return Err(format!("permit {} has an area without extent", permit.id));
                    }
                    let outline = area.outline.iter().map(|p| self.frame.to_local(*p)).collect();
                    Ok((area.hours, outline))
                })
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Grounds {
            kinds: permit.kinds.clone(),
            hours: permit.hours,
            allowed: local(&permit.allowed)?,
            forbidden: local(&permit.forbidden)?,
        })
    }

    /// Forgets where a van was: it has been carried.
    pub fn forget(&mut self, van: VanId) {
        if let Some(facts) = self.vans.get_mut(&van) {
            facts.last_edges.clear();
        }
    }

    /// Checks a leg as a van reports it: only its beginning and end are known, so an edge counts as
    /// outside the permits only if it was so in every hour of the leg.
    pub fn check_leg(
        &mut self,
        van: VanId,
        edges: &[EdgeId],
        departed: Timestamp,
        arrived: Timestamp,
        distance: Meters,
    ) -> LegFindings {
        let mut findings = LegFindings::default();
        let Some((kind, permits, speed_max)) = self.facts(van) else {
            findings.faults.push(format!("van {van} is not part of the fleet"));
            return findings;
        };
        if let Some(edge) = edges.iter().find(|e| e.idx() >= self.graph.n_edges()) {
            findings.faults.push(format!("van {van} drove edge {edge}, which is not on the map"));
            return findings;
        }
        self.check_path(van, kind, edges, &mut findings.faults);
        self.check_distance(van, edges, distance, &mut findings.faults);
        let took = (arrived - departed).max(Seconds::ZERO);
        if distance.0 > speed_max.0 * (took.0 + 2.0) * 1.02 + DISTANCE_SLACK.0 {
            findings.faults.push(format!("van {van} drove {distance:.0} in {took:.0}"));
        }
        let moments = self.moments(departed, arrived);
        // Between stops an edge is driven whole; of the first and last the part is unknown, and
        // the whole is counted.
        for edge in edges {
            let outside = moments
                .iter()
                .map(|at| self.outside_permit(&permits, kind, *at, *edge))
                .fold(Meters(f64::INFINITY), Meters::min);
            findings.outside_permit += outside;
        }
        findings
    }

    /// Metres outside the permits of a van, of edges whose exact times are known: an edge counts
    /// unless it was covered in every hour in which the van was on it.
    pub fn check_drive(&mut self, van: VanId, driven: &[DrivenEdge]) -> Meters {
        let Some((kind, permits, _)) = self.facts(van) else { return Meters::ZERO };
        let mut outside = Meters::ZERO;
        for part in driven {
            let moments = self.moments(part.entered, part.left);
            outside += moments
                .iter()
                .map(|at| self.outside_permit(&permits, kind, *at, part.edge))
                .fold(Meters::ZERO, Meters::max);
        }
        outside
    }

    fn facts(&self, van: VanId) -> Option<(VehicleKind, Vec<PermitId>, MetersPerSecond)> {
        let facts = self.vans.get(&van)?;
        Some((facts.kind, facts.permits.clone(), facts.speed_max))
    }

    /// Each edge continues the one before, admits the van, and ends no forbidden path.
    fn check_path(
        &mut self,
        van: VanId,
        kind: VehicleKind,
        edges: &[EdgeId],
        faults: &mut Vec<String>,
    ) {
        let mode = match kind {
            VehicleKind::Van => Mode::Van,
            VehicleKind::Robot => Mode::Robot,
            VehicleKind::Truck => Mode::Truck,
        };
        let Some(facts) = self.vans.get_mut(&van) else { return };
        for (idx, edge) in edges.iter().enumerate() {
            let last = facts.last_edges.last().copied();
            if idx == 0 && last == Some(*edge) {
                // Still on the edge of the stop before.
                continue;
            }
            let does_meet =
                |last: EdgeId| self.graph.edge(last).head == self.graph.edge(*edge).tail;
            if let Some(last) = last.filter(|last| !does_meet(*last)) {
                faults.push(format!("van {van} drove edge {edge} after {last}: they do not meet"));
            }
            if !self.graph.edge(*edge).modes.contains(mode) {
                faults.push(format!("van {van} drove edge {edge}, which is closed to its kind"));
            }
            facts.last_edges.push(*edge);
            let n_last = facts.last_edges.len();
            for path in self.forbidden.get(edge).into_iter().flatten() {
                if path.modes.contains(mode) && facts.last_edges.ends_with(&path.edges) {
                    faults.push(format!("van {van} broke turn restriction {}", path.source_id));
                }
            }
            if n_last > self.longest_forbidden {
                facts.last_edges.remove(0);
            }
        }
    }

    fn check_distance(
        &self,
        van: VanId,
        edges: &[EdgeId],
        distance: Meters,
        faults: &mut Vec<String>,
    ) {
        let length =
            |edges: &[EdgeId]| -> Meters { edges.iter().map(|e| self.graph.edge(*e).length).sum() };
        let inner = if edges.len() > 2 { &edges[1..edges.len() - 1] } else { &[] };
        let (least, most) = (length(inner), length(edges));
        let is_plausible = distance.0 >= least.0 * 0.99 - DISTANCE_SLACK.0
            && distance.0 <= most.0 * 1.01 + DISTANCE_SLACK.0;
        if !is_plausible {
            faults.push(format!(
                "van {van} reports {distance:.0} for a path of {least:.0} to {most:.0}"
            ));
        }
    }

    /// Hours of the week, in the city's time, that a span touches, in each stage that it touches.
    fn moments(&self, from: Timestamp, to: Timestamp) -> Vec<Moment> {
        let mut moments = Vec::new();
        for (stage_idx, stage) in self.stages.iter().enumerate() {
            let until = self.stages.get(stage_idx + 1).map_or(Timestamp::FAR_FUTURE, |s| s.from);
            if stage.from <= to && from < until {
                let hours = self.hours(from.max(stage.from), to.min(until));
                moments.extend(hours.into_iter().map(|hour| Moment { stage_idx, hour }));
            }
        }
        moments
    }

    /// Hours of the week, in the city's time, that a span touches.
    fn hours(&self, from: Timestamp, to: Timestamp) -> Vec<u32> {
        let hour = |at: Timestamp| (at + self.utc_offset).0.div_euclid(3_600_000);
        let (first, last) = (hour(from), hour(to.max(from)));
        (first..=last.min(first + HOURS_PER_WEEK - 1))
            // 1970-01-01 was a Thursday.
            .map(|h| (h + 72).rem_euclid(HOURS_PER_WEEK) as u32)
            .collect()
    }

    fn outside_permit(
        &mut self,
        permits: &[PermitId],
        kind: VehicleKind,
        moment: Moment,
        edge: EdgeId,
    ) -> Meters {
        if permits.is_empty() {
            return Meters::ZERO;
        }
        let key = (permits.to_vec(), kind, moment, edge);
        if let Some(known) = self.outside.get(&key) {
            return *known;
        }
        let samples = self.samples(edge);
        let n_outside =
            samples.iter().filter(|at| !self.is_covered(permits, kind, moment, **at)).count();
        let outside = self.graph.edge(edge).length * (n_outside as f64 / samples.len() as f64);
        self.outside.insert(key, outside);
        outside
    }

    fn is_covered(
        &self,
        permits: &[PermitId],
        kind: VehicleKind,
        moment: Moment,
        at: Point2,
    ) -> bool {
        let Some(stage) = self.stages.get(moment.stage_idx) else { return false };
        let hour = moment.hour;
        let is_in = |areas: &[(HourSet, Vec<Point2>)]| {
            areas.iter().any(|(hours, outline)| hours.contains_hour(hour) && winds(outline, at))
        };
        let of_all = stage.later.iter().filter(|id| !permits.contains(id));
        let held: Vec<&Arc<Grounds>> = permits
            .iter()
            .chain(of_all)
            .filter_map(|id| stage.permits.get(id))
            .filter(|p| p.kinds.contains(&kind))
            .collect();
        held.iter()
            .any(|p| p.hours.contains_hour(hour) && (p.allowed.is_empty() || is_in(&p.allowed)))
            && !held.iter().any(|p| is_in(&p.forbidden))
    }

    /// Points along an edge, at the middle of equal parts of at most [`SAMPLE_EVERY`].
    fn samples(&self, edge: EdgeId) -> Vec<Point2> {
        let line: Vec<Point2> =
            self.graph.polyline(edge).into_iter().map(|p: LatLon| self.frame.to_local(p)).collect();
        let mut samples = Vec::new();
        for pair in line.windows(2) {
            let n_parts = (pair[0].distance_to(pair[1]) / SAMPLE_EVERY).ceil().max(1.0);
            for part in 0..n_parts as usize {
                let share = (part as f64 + 0.5) / n_parts;
                samples.push(Point2 {
                    x_m: pair[0].x_m + (pair[1].x_m - pair[0].x_m) * share,
                    y_m: pair[0].y_m + (pair[1].y_m - pair[0].y_m) * share,
                });
            }
        }
        samples
    }
}

/// True if the outline goes round the point an odd number of times, by summing the angles under
/// which its sides are seen.
fn winds(outline: &[Point2], at: Point2) -> bool {
    let angle = |p: &Point2| (p.y_m - at.y_m).atan2(p.x_m - at.x_m);
    let mut total_rad = 0.0;
    for (a, b) in outline.iter().zip(outline.iter().cycle().skip(1)) {
        let turn_rad = angle(b) - angle(a);
        total_rad += if turn_rad > std::f64::consts::PI {
            turn_rad - std::f64::consts::TAU
        } else if turn_rad < -std::f64::consts::PI {
            turn_rad + std::f64::consts::TAU
        } else {
            turn_rad
        };
    }
    (total_rad / std::f64::consts::TAU).round() as i64 % 2 != 0
}
