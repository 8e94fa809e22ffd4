//! Permits resolved to the edges of a road graph.

use std::collections::BTreeMap;

use rv_base::{EdgeId, LatLon, PermitId, Seconds, Timestamp};
use rv_map::RoadGraph;
use rv_model::{HourSet, Permit, PermitArea, VehicleKind};

use crate::polygon::Polygon;

/// Permits of a city, ready to be asked about edges.
///
/// A van that holds no permit may drive wherever its mode may. A van that holds some may drive an
/// edge at a moment if one of them allows it (kind, hours, area) and none of them forbids it.
/// An area allows an edge that it encloses whole and forbids an edge that it touches at all, so an
/// edge across a border is never driven outside a permit.
#[derive(Clone, Debug)]
pub struct PermitIndex {
    permits: BTreeMap<PermitId, Resolved>,
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
        let lines: Vec<Vec<LatLon>> = if permits.iter().all(|p| p.n_areas() == 0) {
            Vec::new()
        } else {
            (0..graph.n_edges()).map(|idx| graph.polyline(EdgeId::from_idx(idx))).collect()
        };
        let resolve =
            |permit: &Permit, areas: &[PermitArea], holds: fn(&Polygon, &[LatLon]) -> bool| {
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
        let mut index = Self { permits: BTreeMap::new(), n_edges: graph.n_edges(), utc_offset };
        for permit in permits {
            let resolved = Resolved {
                kinds: permit.kinds.clone(),
                hours: permit.hours,
                allowed: resolve(permit, &permit.allowed, Polygon::encloses)?,
                forbidden: resolve(permit, &permit.forbidden, Polygon::touches)?,
            };
            if index.permits.insert(permit.id, resolved).is_some() {
                return Err(PermitError::DuplicateId(permit.id));
            }
        }
        Ok(index)
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
