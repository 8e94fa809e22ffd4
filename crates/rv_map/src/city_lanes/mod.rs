//! Lanes drawn from a city's road graph: strips along its edges, turns across its junctions, what
//! shares ground with what, signals, stop lines and crosswalks.
//!
//! A road graph says how many lanes a road has, not where they lie; so they are laid beside its
//! line by rule, and cut back where roads meet. Lines are in a flat frame around the city's middle:
//! x east, y north, m; headings run counter-clockwise from east, rad.

mod apart;
mod build;
mod line;
mod marks;
mod signals;
#[cfg(test)]
mod tests;
mod turns;

use rv_base::{EdgeId, JunctionId, LocalFrame, Point2, Seconds};

use crate::city::{City, DriveSide};
use crate::lanes::Aspect;

pub use line::Spot;
pub use signals::SignalPlan;

/// Index of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CityLaneId(pub u32);

impl CityLaneId {
    /// As an index.
    pub fn idx(self) -> usize {
        self.0 as usize
    }
}

/// All lanes of a city that motor vehicles drive.
#[derive(Clone, Debug)]
pub struct CityLanes {
    /// local_from_world.
    pub frame: LocalFrame,
    /// Side of the road that traffic keeps to.
    pub drive_side: DriveSide,
    lanes: Vec<CityLane>,
    points: Vec<[f32; 3]>,
    next: Vec<CityLaneId>,
    before: Vec<CityLaneId>,
    conflicts: Vec<LaneConflict>,
    crosswalks: Vec<Crosswalk>,
    crosswalks_of_lane: Vec<LaneCrosswalk>,
    signals: Vec<SignalPlan>,
    /// First lane and number of lanes of each edge.
    lanes_of_edge: Vec<(u32, u8)>,
    /// How far the lanes of each edge are cut back at its tail and head, m.
    cut_m: Vec<(f32, f32)>,
    /// Pairs of edges that cross without meeting, and where, sorted.
    apart: Vec<(EdgeId, EdgeId, Point2)>,
    grid: line::LaneGrid,
}

/// A range of one of the tables.
type Span = (u32, u16);

/// One lane.
#[derive(Clone, Copy, Debug)]
pub struct CityLane {
    /// Along an edge, or across a junction.
    pub kind: CityLaneKind,
    /// Length, m; more than zero.
    pub length_m: f32,
    /// Width, m.
    pub width_m: f32,
    /// Speed limit, m/s.
    pub limit_mps: f32,
    /// Importance of the road it belongs to (of the road it comes from, for a turn); 0 is the
    /// most important.
    pub rank: u8,
    /// True on a roundabout (for a turn: coming from one).
    pub is_roundabout: bool,
    /// Neighbour towards the kerb, in the same direction.
    pub kerb_side: Option<CityLaneId>,
    /// Neighbour towards the middle of the road, in the same direction.
    pub far_side: Option<CityLaneId>,
    /// The lane across the middle of the road, in the other direction.
    pub oncoming: Option<CityLaneId>,
    /// The signal at its end, and the group of the signal that rules it.
    pub signal: Option<(u32, u8)>,
    /// Where to stand before its end, m along it.
    pub stop_m: f32,
    /// The sign at its end.
    pub sign: Sign,
    /// Who may drive it all the way.
    pub kept_for: KeptFor,
    /// True if a lane for bicycles runs at its kerb.
    pub has_cycle_lane: bool,
    points: Span,
    next: Span,
    before: Span,
    conflicts: Span,
    crosswalks: Span,
}

/// A sign at the end of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sign {
    /// None.
    #[default]
    None,
    /// Give way.
    GiveWay,
    /// Stop, then give way.
    Stop,
    /// Stop, then who came first goes first.
    AllWayStop,
}

/// Who may drive a lane all the way; turning off or pulling in, everybody may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeptFor {
    /// Everybody.
    #[default]
    All,
    /// Buses.
    Buses,
}

/// What a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CityLaneKind {
    /// Along an edge; number 0 is at the kerb.
    Road {
        /// The edge.
        edge: EdgeId,
        /// Its number.
        number: u8,
    },
    /// Across a junction.
    Turn {
        /// The junction.
        junction: JunctionId,
        /// Edge it comes from.
        from: EdgeId,
        /// Edge it leads to.
        to: EdgeId,
        /// How it turns.
        turn: Turn,
    },
}

/// How a way across a junction turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Straight on.
    Straight,
    /// Towards the side that traffic keeps to, across nobody's way.
    Near,
    /// Across the oncoming traffic.
    Far,
    /// Back.
    Back,
}

/// Ground that a turn shares with another of the same junction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneConflict {
    /// The other turn.
    pub other: CityLaneId,
    /// From where to where on this one, m.
    pub here_m: (f32, f32),
    /// From where to where on the other, m.
    pub there_m: (f32, f32),
    /// True if both end in the same lane.
    pub is_merge: bool,
}

/// Where people on foot cross a road.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crosswalk {
    /// One kerb.
    pub from: Point2,
    /// The other kerb.
    pub to: Point2,
    /// The signal that rules it, and the group at whose red people walk.
    pub signal: Option<(u32, u8)>,
}

/// A crosswalk on a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneCrosswalk {
    /// Which.
    pub crosswalk: u32,
    /// Its middle, m along the lane.
    pub at_m: f32,
}

impl CityLanes {
    /// Draws the lanes of a city; about linear in its size.
    pub fn build(city: &City) -> Self {
        build::build(city)
    }

    /// Every lane, in order of its id.
    pub fn lanes(&self) -> &[CityLane] {
        &self.lanes
    }

    /// A lane; panics if there is none.
    pub fn lane(&self, id: CityLaneId) -> &CityLane {
        &self.lanes[id.idx()]
    }

    /// Lanes to which one leads.
    pub fn next(&self, id: CityLaneId) -> &[CityLaneId] {
        part(&self.next, self.lane(id).next)
    }

    /// Lanes that lead to one.
    pub fn before(&self, id: CityLaneId) -> &[CityLaneId] {
        part(&self.before, self.lane(id).before)
    }

    /// Walks up the lanes that lead to one, the nearest first, as long as `each` says so and for at
    /// most `within_m`. It is handed a lane, the lane that it leads to, and the way from the end of
    /// the first to the start of the one asked about, m.
    pub fn upstream(
        &self,
        id: CityLaneId,
        within_m: f64,
        mut each: impl FnMut(CityLaneId, CityLaneId, f64) -> bool,
    ) {
        const OPEN_MAX: usize = 24;
        let mut open = [(CityLaneId(0), CityLaneId(0), 0.0_f64); OPEN_MAX];
        let mut n = 0;
        let mut at = 0;
        for lane in self.before(id).iter().take(OPEN_MAX) {
            open[n] = (*lane, id, 0.0);
            n += 1;
        }
        while at < n {
            let (lane, to, way_m) = open[at];
            at += 1;
            if !each(lane, to, way_m) {
                continue;
            }
            let way_m = way_m + f64::from(self.lane(lane).length_m);
            if way_m > within_m {
                continue;
            }
            for before in self.before(lane) {
                if n < OPEN_MAX && *before != id {
                    open[n] = (*before, lane, way_m);
                    n += 1;
                }
            }
        }
    }

    /// Ground that a turn shares with others.
    pub fn conflicts(&self, id: CityLaneId) -> &[LaneConflict] {
        part(&self.conflicts, self.lane(id).conflicts)
    }

    /// Crosswalks over a lane, in the order in which they are met.
    pub fn crosswalks_of(&self, id: CityLaneId) -> &[LaneCrosswalk] {
        part(&self.crosswalks_of_lane, self.lane(id).crosswalks)
    }

    /// All crosswalks.
    pub fn crosswalks(&self) -> &[Crosswalk] {
        &self.crosswalks
    }

    /// All signals.
    pub fn signals(&self) -> &[SignalPlan] {
        &self.signals
    }

    /// What a signal shows to one of its groups at a time.
    pub fn aspect(&self, signal: (u32, u8), at: Seconds) -> Aspect {
        self.signals.get(signal.0 as usize).map_or(Aspect::Off, |s| s.aspect(signal.1, at))
    }

    /// Lanes of an edge, from the kerb on; empty if motor vehicles do not drive it.
    pub fn of_edge(&self, edge: EdgeId) -> impl ExactSizeIterator<Item = CityLaneId> + use<> {
        let (first, n) = self.lanes_of_edge.get(edge.idx()).copied().unwrap_or((0, 0));
        (first..first + u32::from(n)).map(CityLaneId)
    }

    /// Place along a lane of a place along its edge, m; `whole_m` is the edge's length.
    pub fn along_lane(&self, lane: CityLaneId, on_edge_m: f64, whole_m: f64) -> f64 {
        let (tail, head) = self.cuts(self.edge_of(lane));
        let share = (on_edge_m - tail) / (whole_m - tail - head).max(0.1);
        share.clamp(0.0, 1.0) * f64::from(self.lane(lane).length_m)
    }

    /// The edge, and how far along it, of a place along a lane; a turn belongs half to the edge it
    /// comes from and half to the one it leads to. `length_of` gives lengths of edges, m.
    pub fn on_edge(
        &self,
        lane: CityLaneId,
        s_m: f64,
        length_of: impl Fn(EdgeId) -> f64,
    ) -> (EdgeId, f64) {
        let share = (s_m / f64::from(self.lane(lane).length_m)).clamp(0.0, 1.0);
        match self.lane(lane).kind {
            CityLaneKind::Road { edge, .. } => {
                let ((tail, head), whole) = (self.cuts(edge), length_of(edge));
                (edge, (tail + share * (whole - tail - head).max(0.0)).min(whole))
            }
            CityLaneKind::Turn { from, to, .. } if share >= 0.5 => {
                let _ = from;
                (to, self.cuts(to).0 * (share * 2.0 - 1.0))
            }
            CityLaneKind::Turn { from, .. } => {
                (from, length_of(from) - self.cuts(from).1 * (1.0 - share * 2.0))
            }
        }
    }

    fn cuts(&self, edge: EdgeId) -> (f64, f64) {
        let cut = self.cut_m.get(edge.idx()).copied().unwrap_or((0.0, 0.0));
        (f64::from(cut.0), f64::from(cut.1))
    }

    /// Edges that cross one without meeting it, over or under a bridge, and where.
    pub fn apart_from(&self, edge: EdgeId) -> impl Iterator<Item = (EdgeId, Point2)> + '_ {
        let from = self.apart.partition_point(|p| p.0 < edge);
        self.apart[from..].iter().take_while(move |p| p.0 == edge).map(|p| (p.1, p.2))
    }

    /// True if two edges cross without meeting.
    pub fn are_apart(&self, a: EdgeId, b: EdgeId) -> bool {
        self.apart.binary_search_by_key(&(a, b), |p| (p.0, p.1)).is_ok()
    }

    /// The edge of a lane; of a turn, the one it leads to.
    pub fn edge_of(&self, id: CityLaneId) -> EdgeId {
        match self.lane(id).kind {
            CityLaneKind::Road { edge, .. } => edge,
            CityLaneKind::Turn { to, .. } => to,
        }
    }

    /// The line of a lane as (x, y, distance from its start), m.
    pub fn line(&self, id: CityLaneId) -> &[[f32; 3]] {
        part(&self.points, self.lane(id).points)
    }

    /// Place and heading at a distance along a lane; beyond its ends the line goes on straight.
    pub fn at(&self, id: CityLaneId, s_m: f64) -> (Point2, f64) {
        line::at(self.line(id), s_m)
    }

    /// The foot of a point on a lane.
    pub fn foot(&self, id: CityLaneId, p: Point2) -> Spot {
        line::foot(id, self.line(id), p)
    }

    /// Lanes of which any part lies within a distance of a point, in order of their ids.
    pub fn around(&self, p: Point2, within_m: f64, out: &mut Vec<CityLaneId>) {
        out.clear();
        self.grid.near(p, within_m, |id| {
            if line::distance_m(self.line(id), p) <= within_m {
                out.push(id);
            }
        });
        out.sort_unstable();
    }

    /// Lanes beside which a point lies, within a distance of their line, the nearest first; lanes
    /// that begin ahead of it or end behind it are not among them.
    pub fn near(&self, p: Point2, within_m: f64, out: &mut Vec<Spot>) {
        out.clear();
        self.grid.near(p, within_m, |id| {
            let spot = self.foot(id, p);
            let s_max = f64::from(self.lane(id).length_m);
            if spot.beside_m.abs() <= within_m && (-1.0..=s_max + 1.0).contains(&spot.s_m) {
                out.push(spot);
            }
        });
        out.sort_by(|a, b| a.beside_m.abs().total_cmp(&b.beside_m.abs()).then(a.lane.cmp(&b.lane)));
    }
}

fn part<T>(table: &[T], span: Span) -> &[T] {
    &table[span.0 as usize..span.0 as usize + usize::from(span.1)]
}
