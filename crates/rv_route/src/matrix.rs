//! Costs from many positions to many.

use std::collections::BTreeMap;

use rayon::prelude::*;
use rv_base::RoadPosition;

use crate::cost::{Cost, UNREACHABLE_MS};
use crate::hierarchy::Hierarchy;
use crate::metric::{Located, Metric, RouteError, Weights};
use crate::network::Network;
use crate::perfect::{SearchGraph, SearchRows};
use crate::route::{Scratch, same_edge_ahead};
use crate::simd::wide;
use crate::table::{LabelSources, LabelTargets, ROWS, Rest, Table, Tile};

/// Below so many entries one thread is enough.
const PARALLEL_ENTRIES: usize = 4_000_000;

/// Costs from many to many, row-major: `from * n_targets + to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Epoch of the metric that gave it.
    pub epoch: u64,
    /// Number of rows.
    pub n_sources: usize,
    /// Number of columns.
    pub n_targets: usize,
    /// Driving times, ms; [`Matrix::UNREACHABLE_MS`] where there is no way.
    pub time_ms: Vec<u32>,
    /// Distances along those ways, mm.
    pub dist_mm: Vec<u32>,
    /// Energy along those ways, mWh.
    pub energy_mwh: Vec<u32>,
}

impl Matrix {
    /// Stands where there is no way, or where an end is forbidden.
    pub const UNREACHABLE_MS: u32 = UNREACHABLE_MS;

    /// Cost of one pair, if there is a way.
    pub fn cost(&self, from: usize, to: usize) -> Option<Cost> {
        let at = from * self.n_targets + to;
        let cost = Cost {
            time_ms: self.time_ms[at],
            dist_mm: self.dist_mm[at],
            energy_mwh: self.energy_mwh[at],
        };
        cost.is_reachable().then_some(cost)
    }
}

impl Metric {
    /// Costs from every source to every target. A position that is forbidden to the vehicle is
    /// unreachable; one outside the map is an error. A metric in times alone customises whole
    /// costs first, each time.
    pub fn matrix(
        &self,
        scratch: &mut Scratch,
        sources: &[RoadPosition],
        targets: &[RoadPosition],
    ) -> Result<Matrix, RouteError> {
        let Weights::Whole(whole) = &self.weights else {
            return self.to_whole().matrix(scratch, sources, targets);
        };
        let (n_sources, n_targets) = (sources.len(), targets.len());
        let n = n_sources * n_targets;
        let mut time_ms = vec![UNREACHABLE_MS; n];
        let mut dist_mm = vec![Cost::UNREACHABLE.dist_mm; n];
        let mut energy_mwh = vec![Cost::UNREACHABLE.energy_mwh; n];
        // Chunks of no columns would be no rows.
        let width = n_targets.max(1);
        let rows = time_ms
            .chunks_mut(width)
            .zip(dist_mm.chunks_mut(width))
            .zip(energy_mwh.chunks_mut(width))
            .map(|((time_ms, dist_mm), energy_mwh)| WholeRow { time_ms, dist_mm, energy_mwh });
        self.fill::<_, true, _>(scratch, &whole.graph, sources, targets, rows)?;
        Ok(Matrix { epoch: self.epoch(), n_sources, n_targets, time_ms, dist_mm, energy_mwh })
    }

    /// Driving times alone from every source to every target, row-major, ms;
    /// [`Matrix::UNREACHABLE_MS`] where there is no way. Several times as fast as the whole matrix.
    pub fn times_ms(
        &self,
        scratch: &mut Scratch,
        sources: &[RoadPosition],
        targets: &[RoadPosition],
    ) -> Result<Vec<u32>, RouteError> {
        let mut time_ms = vec![UNREACHABLE_MS; sources.len() * targets.len()];
        let rows = time_ms.chunks_mut(targets.len().max(1)).map(|time_ms| TimeRow { time_ms });
        match &self.weights {
            Weights::Whole(h) => {
                self.fill::<_, false, _>(scratch, &h.graph, sources, targets, rows)?;
            }
            Weights::Times(h) => {
                self.fill::<_, false, _>(scratch, h.graph(), sources, targets, rows)?;
            }
        }
        Ok(time_ms)
    }

    /// Writes every pair that is allowed and connected into its row.
    fn fill<S: SearchRows, const WHOLE: bool, R: Row>(
        &self,
        scratch: &mut Scratch,
        SearchGraph { out, into }: &SearchGraph<S>,
        sources: &[RoadPosition],
        targets: &[RoadPosition],
        rows: impl Iterator<Item = R>,
    ) -> Result<(), RouteError> {
        let network = &*self.network;
        let cch = &network.cch;
        let starts = located(sources, |p| self.locate_start(p))?;
        let ends = located(targets, |p| self.locate_end(p))?;
        let columns = Columns::of(network, &ends);
        let rounds = self.rounds(scratch, &starts, &ends);
        let ranks = columns.ranks.clone();
        let target_labels = wide(LabelTargets::<S, WHOLE> { cch, arcs: into, ranks });
        let mut work: Vec<(u32, Located, R)> = rows
            .zip(&starts)
            .filter_map(|(row, start)| start.map(|start| (network.rank(start.state), start, row)))
            .collect();
        work.sort_by_key(|(rank, ..)| *rank);
        let mut ranks: Vec<u32> = work.iter().map(|(rank, ..)| *rank).collect();
        ranks.dedup();
        let source_labels = wide(LabelSources::<S, WHOLE> { cch, arcs: out, ranks });
        let fill = |tile: &mut [(u32, Located, R)]| {
            let row_of = |rank| source_labels.ranks.binary_search(&rank);
            let [first, last] =
                [0, tile.len() - 1].map(|at| row_of(tile[at].0).expect("all sources have labels"));
            let rows = first..last + 1;
            let (sources, targets) = (&source_labels, &target_labels);
            let mut table = wide(Table::<WHOLE> { cch, rows, sources, targets });
            columns.merge_alternatives::<WHOLE>(&mut table);
            fill_rows::<WHOLE, R>(&table, &columns, &ends, &rounds, tile);
        };
        if sources.len() * targets.len() < PARALLEL_ENTRIES {
            work.chunks_mut(ROWS).for_each(fill);
        } else {
            work.par_chunks_mut(ROWS).for_each(fill);
        }
        Ok(())
    }

    /// Costs of going round to the same edge again, by state, where a target lies behind a source.
    fn rounds(
        &self,
        scratch: &mut Scratch,
        starts: &[Option<Located>],
        ends: &[Option<Located>],
    ) -> BTreeMap<u32, Cost> {
        let mut foremost: BTreeMap<u32, f64> = BTreeMap::new();
        for start in starts.iter().flatten() {
            let offset_m = foremost.entry(start.state).or_insert(start.position.offset.0);
            *offset_m = offset_m.max(start.position.offset.0);
        }
        let mut rounds = BTreeMap::new();
        for end in ends.iter().flatten() {
            let is_behind = foremost.get(&end.state).is_some_and(|m| end.position.offset.0 < *m);
            if is_behind && !rounds.contains_key(&end.state) {
                let round = self.round(scratch, end.state);
                rounds.insert(end.state, round.map_or(Cost::UNREACHABLE, |way| way.cost));
            }
        }
        rounds
    }
}

/// Completes the rows of a tile: costs from edges' tails to costs between positions.
fn fill_rows<const WHOLE: bool, R: Row>(
    table: &Tile,
    columns: &Columns,
    ends: &[Option<Located>],
    rounds: &BTreeMap<u32, Cost>,
    tile: &mut [(u32, Located, R)],
) {
    let n_columns = columns.ranks.len();
    let mut first = 0;
    let mut rank_before = tile[0].0;
    for (rank, start, row) in tile {
        if *rank != rank_before {
            first += n_columns;
            rank_before = *rank;
        }
        for Column { to, column, state, part } in &columns.targets {
            let at = first + *column as usize;
            let mut cost = if WHOLE {
                table.rest[at].cost(table.times[at])
            } else {
                Cost { time_ms: table.times[at], ..Cost::ZERO }
            };
            if start.state == *state {
                let end = ends[*to as usize].as_ref().expect("columns are of allowed ends");
                if let Some(cost) = same_edge_ahead(start, end) {
                    row.set(*to as usize, cost);
                    continue;
                }
                cost = rounds.get(state).copied().unwrap_or(Cost::UNREACHABLE);
            }
            if cost.is_reachable() {
                row.set(*to as usize, cost.minus(start.part).plus(*part));
            }
        }
    }
}

/// A row of a result.
trait Row: Send {
    fn set(&mut self, to: usize, cost: Cost);
}

struct TimeRow<'a> {
    time_ms: &'a mut [u32],
}

impl Row for TimeRow<'_> {
    #[inline(always)]
    fn set(&mut self, to: usize, cost: Cost) {
        self.time_ms[to] = cost.time_ms;
    }
}

struct WholeRow<'a> {
    time_ms: &'a mut [u32],
    dist_mm: &'a mut [u32],
    energy_mwh: &'a mut [u32],
}

impl Row for WholeRow<'_> {
    #[inline(always)]
    fn set(&mut self, to: usize, cost: Cost) {
        self.time_ms[to] = cost.time_ms;
        self.dist_mm[to] = cost.dist_mm;
        self.energy_mwh[to] = cost.energy_mwh;
    }
}

/// Where the targets stand in a table.
struct Columns {
    /// Ranks of the table's columns, sorted.
    ranks: Vec<u32>,
    targets: Vec<Column>,
    /// A column, and another in which the same edge is entered.
    alternatives: Vec<(usize, usize)>,
}

/// A target that is allowed.
struct Column {
    to: u32,
    column: u32,
    state: u32,
    part: Cost,
}

impl Columns {
    /// Leaves in each column the best of all states in which its edge is entered.
    fn merge_alternatives<const WHOLE: bool>(&self, table: &mut Tile) {
        for first in (0..table.times.len()).step_by(self.ranks.len().max(1)) {
            for (column, other) in &self.alternatives {
                let (at, other) = (first + column, first + other);
                let rest = |at: usize| if WHOLE { table.rest[at] } else { Rest::default() };
                if (table.times[other], rest(other)) < (table.times[at], rest(at)) {
                    table.times[at] = table.times[other];
                    if WHOLE {
                        table.rest[at] = table.rest[other];
                    }
                }
            }
        }
    }

    fn of(network: &Network, ends: &[Option<Located>]) -> Self {
        let entered =
            |end: &Located| network.states_of(end.position.edge).map(|state| network.rank(state));
        let mut ranks: Vec<u32> = ends.iter().flatten().flat_map(entered).collect();
        ranks.sort_unstable();
        ranks.dedup();
        let column_of = |rank: u32| ranks.binary_search(&rank).expect("all ranks are there");
        let mut targets = Vec::with_capacity(ends.len());
        let mut alternatives = Vec::new();
        for (to, end) in ends.iter().enumerate() {
            let Some(end) = end else { continue };
            let column = column_of(network.rank(end.state));
            targets.push(Column {
                to: to as u32,
                column: column as u32,
                state: end.state,
                part: end.part,
            });
            let others = entered(end).map(column_of).filter(|other| *other != column);
            alternatives.extend(others.map(|other| (column, other)));
        }
        alternatives.sort_unstable();
        alternatives.dedup();
        Self { ranks, targets, alternatives }
    }
}

/// Locates each position; `None` for those that are forbidden, an error for those off the map.
fn located(
    positions: &[RoadPosition],
    locate: impl Fn(RoadPosition) -> Result<Located, RouteError>,
) -> Result<Vec<Option<Located>>, RouteError> {
    positions
        .iter()
        .map(|position| match locate(*position) {
            Ok(located) => Ok(Some(located)),
            Err(error @ RouteError::OutsideMap(_)) => Err(error),
            Err(_) => Ok(None),
        })
        .collect()
}
