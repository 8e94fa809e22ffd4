//! Permits resolved to the edges of a road graph.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rv_base::{EdgeId, HourSet, LatLon, PermitId, Seconds, Timestamp};
use rv_map::RoadGraph;
use rv_model::{Permit, PermitArea, VehicleKind};

use crate::polygon::Polygon;

/// Permits of a city, ready to be asked about edges.
///
/// A van that holds no permit may drive wherever its mode may. A van that holds some may drive an
/// edge at a moment if one of them allows it (kind, hours, area) and none of them forbids it.
/// An area allows an edge that it encloses whole and forbids an edge that it touches at all, so an
/// edge across a border is never driven outside a permit.
#[derive(Clone, Debug)]
pub struct PermitIndex {
    permits: BTreeMap<PermitId, Arc<Resolved>>,
    n_edges: usize,
    utc_offset: Seconds,
}

#[derive(Clone, Debug)]
struct Resolved {
    kinds: Vec<VehicleKind>,
    hours: HourSet,
    /// Empty means everywhere.
    allowed: Vec<(HourSet, EdgeSet)>,
    forbidden: Vec<(HourSet, EdgeSet)>,
}

/// Why a van may not drive an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NotCovered {
    /// An area of this permit forbids it.
    #[error("permit {0} forbids it")]
    Forbidden(PermitId),
    /// None of the van's permits covers it at that hour.
    #[error("no permit covers it at that hour")]
    Uncovered,
}

/// What is wrong with a permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermitError {
    /// Two permits share an id.
    #[error("two permits have the id {0}")]
    DuplicateId(PermitId),
    /// An outline has fewer than three points.
    #[error("area '{area}' of permit {permit} has fewer than three points")]
    Outline {
        /// The permit.
        permit: PermitId,
        /// The area's name.
        area: String,
    },
}

/// A set of edges of one graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeSet {
    words: Vec<u64>,
}

impl PermitIndex {
    /// Resolves permits against a graph. `utc_offset` is what the city's time is ahead of UTC.
    ///
    /// Costs about edges x areas x outline points.
    pub fn new(
        graph: &RoadGraph,
        permits: &[Permit],
        utc_offset: Seconds,
    ) -> Result<Self, PermitError> {
        PermitShelf::new(utc_offset).index(graph, permits)
    }

    /// Hour of the week (0..168) in the city's time.
    pub fn hour_of_week(&self, at: Timestamp) -> u32 {
        (at + self.utc_offset).hour_of_week()
    }

    /// Whether a van of this kind with these permits may drive an edge at a moment.
    pub fn covers(
        &self,
        permits: &[PermitId],
        kind: VehicleKind,
        edge: EdgeId,
        at: Timestamp,
    ) -> Result<(), NotCovered> {
        self.covers_hour(permits, kind, edge, self.hour_of_week(at))
    }

    /// As [`Self::covers`], for a whole hour of the week (0..168).
    pub fn covers_hour(
        &self,
        permits: &[PermitId],
        kind: VehicleKind,
        edge: EdgeId,
        hour: u32,
    ) -> Result<(), NotCovered> {
        let held = || permits.iter().filter_map(|id| Some((*id, self.permits.get(id)?)));
        if let Some((id, _)) = held().find(|(_, p)| p.forbids(kind, edge, hour)) {
            return Err(NotCovered::Forbidden(id));
        }
        if permits.is_empty() || held().any(|(_, p)| p.allows(kind, edge, hour)) {
            Ok(())
        } else {
            Err(NotCovered::Uncovered)
        }
    }

    /// All edges that a van of this kind with these permits may drive in an hour of the week.
    pub fn edges(&self, permits: &[PermitId], kind: VehicleKind, hour: u32) -> EdgeSet {
        let mut set = EdgeSet::new(self.n_edges);
        for idx in 0..self.n_edges {
            let edge = EdgeId::from_idx(idx);
            if self.covers_hour(permits, kind, edge, hour).is_ok() {
                set.insert(edge);
            }
        }
        set
    }

    /// The hours from this one on, at most a week, in which the set of [`Self::edges`] stays the
    /// same; at least 1.
    pub fn hours_unchanged(&self, permits: &[PermitId], kind: VehicleKind, hour: u32) -> u32 {
        let now = self.signature(permits, kind, hour);
        (1..168).find(|n| self.signature(permits, kind, (hour + n) % 168) != now).unwrap_or(168)
    }

    /// Which hour sets are on in an hour: equal signatures mean equal edges.
    pub fn signature(&self, permits: &[PermitId], kind: VehicleKind, hour: u32) -> Vec<bool> {
        permits
            .iter()
            .filter_map(|id| self.permits.get(id))
            .filter(|p| p.kinds.contains(&kind))
            .flat_map(|p| {
                std::iter::once(p.hours.contains_hour(hour)).chain(
                    p.allowed.iter().chain(&p.forbidden).map(move |(h, _)| h.contains_hour(hour)),
                )
            })
            .collect()
    }
}

impl Resolved {
    fn new(permit: &Permit, lines: &[Vec<LatLon>]) -> Result<Self, PermitError> {
        let resolve = |areas: &[PermitArea], holds: fn(&Polygon, &[LatLon]) -> bool| {
            areas
                .iter()
                .map(|area| {
                    let polygon = Polygon::new(&area.outline).ok_or_else(|| {
                        PermitError::Outline { permit: permit.id, area: area.name.clone() }
                    })?;
                    let mut edges = EdgeSet::new(lines.len());
                    for (idx, line) in lines.iter().enumerate() {
                        if holds(&polygon, line) {
                            edges.insert(EdgeId::from_idx(idx));
                        }
                    }
                    Ok((area.hours, edges))
                })
                .collect::<Result<Vec<_>, PermitError>>()
        };
        Ok(Self {
            kinds: permit.kinds.clone(),
            hours: permit.hours,
            allowed: resolve(&permit.allowed, Polygon::encloses)?,
            forbidden: resolve(&permit.forbidden, Polygon::touches)?,
        })
    }

    fn allows(&self, kind: VehicleKind, edge: EdgeId, hour: u32) -> bool {
        self.kinds.contains(&kind)
            && self.hours.contains_hour(hour)
            && (self.allowed.is_empty() || any_area(&self.allowed, edge, hour))
    }

    fn forbids(&self, kind: VehicleKind, edge: EdgeId, hour: u32) -> bool {
        self.kinds.contains(&kind) && any_area(&self.forbidden, edge, hour)
    }
}

fn any_area(areas: &[(HourSet, EdgeSet)], edge: EdgeId, hour: u32) -> bool {
    areas.iter().any(|(hours, edges)| hours.contains_hour(hour) && edges.contains(edge))
}

impl EdgeSet {
    fn new(n_edges: usize) -> Self {
        Self { words: vec![0; n_edges.div_ceil(64)] }
    }

    fn insert(&mut self, edge: EdgeId) {
        self.words[edge.idx() / 64] |= 1 << (edge.idx() % 64);
    }

    /// True if the edge is in the set.
    pub fn contains(&self, edge: EdgeId) -> bool {
        self.words.get(edge.idx() / 64).is_some_and(|word| word & (1 << (edge.idx() % 64)) != 0)
    }

    /// How many edges it has.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// True if it has none.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }
}

/// Permits of one city that were resolved before, so that each is resolved once however many
/// vehicles and moments ask for it. What it answers does not depend on what was asked before.
#[derive(Debug)]
pub struct PermitShelf {
    utc_offset: Seconds,
    resolved: Mutex<Vec<(Permit, Arc<Resolved>)>>,
}

/// Permits that a shelf keeps, besides those in use.
const SHELF_MAX: usize = 64;

impl PermitShelf {
    /// An empty shelf. `utc_offset` is what the city's time is ahead of UTC.
    pub fn new(utc_offset: Seconds) -> Self {
        Self { utc_offset, resolved: Mutex::default() }
    }

    /// What the city's time is ahead of UTC.
    pub fn utc_offset(&self) -> Seconds {
        self.utc_offset
    }

    /// The index of some permits; always against the same graph.
    ///
    /// Costs about edges x areas x outline points for each permit that it does not know yet.
    pub fn index(&self, graph: &RoadGraph, permits: &[Permit]) -> Result<PermitIndex, PermitError> {
        let mut known = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        let mut index = PermitIndex {
            permits: BTreeMap::new(),
            n_edges: graph.n_edges(),
            utc_offset: self.utc_offset,
        };
        let mut lines: Vec<Vec<LatLon>> = Vec::new();
        for permit in permits {
            let resolved = match known.iter().find(|(of, _)| of == permit) {
                Some((_, resolved)) => Arc::clone(resolved),
                None => {
                    if lines.is_empty() && permit.n_areas() > 0 {
                        let edges = (0..graph.n_edges()).map(EdgeId::from_idx);
                        lines = edges.map(|edge| graph.polyline(edge)).collect();
                    }
                    let resolved = Arc::new(Resolved::new(permit, &lines)?);
                    if known.len() >= SHELF_MAX {
                        known.retain(|(_, resolved)| Arc::strong_count(resolved) > 1);
                    }
                    known.push((permit.clone(), Arc::clone(&resolved)));
                    resolved
                }
            };
            if index.permits.insert(permit.id, resolved).is_some() {
                return Err(PermitError::DuplicateId(permit.id));
            }
        }
        Ok(index)
    }
}
