//! Checks that a city holds what its types promise.

use rv_base::{EdgeId, Kilograms, LatLon, Meters, RoadPosition};

use crate::city::{City, RoadMark};
use crate::graph::{Edge, ModeSet, Road, RoadGraph};

/// Longest text kept anywhere in a city, bytes.
const TEXT_BYTES_MAX: usize = 4_096;

/// Steepest rise of a road, permille.
const RISE_PERMILLE_MAX: i16 = 500;

/// What is wrong with a city, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{table} {idx}: {what}")]
pub struct CityFlaw {
    /// The table, such as `edge`.
    pub table: &'static str,
    /// The row.
    pub idx: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// What is wrong with one row.
type RowCheck = Result<(), &'static str>;

impl City {
    /// Checks every index, length and bound. O(size of the city).
    pub fn validate(&self) -> Result<(), CityFlaw> {
        self.graph.validate()?;
        let graph = &self.graph;
        let (low, high) = self.bounds;
        let is_box = low.lat_e7() <= high.lat_e7() && low.lon_e7() <= high.lon_e7();
        let is_short = is_text(&self.name) && is_text(&self.attribution);
        rows("city", [is_box && is_short], |ok| need(ok, "bounds or texts are out of range"))?;
        rows("place", &self.places, |place| {
            need(is_text(&place.address), "its address is too long")?;
            check_stop(graph, place.stop)
        })?;
        rows("facility", &self.facilities, |facility| {
            need(is_text(&facility.name), "its name is too long")?;
            check_stop(graph, facility.stop)
        })?;
        rows("area", &self.areas, |area| {
            let is_filled = |ring: &Vec<LatLon>| ring.len() >= 3;
            let has_rings = !area.rings.is_empty() && area.rings.iter().all(is_filled);
            need(has_rings, "a ring has less than three points")
        })?;
        rows("line", &self.lines, |line| need(line.points.len() >= 2, "less than two points"))?;
        rows("label", &self.labels, |label| need(is_text(&label.text), "its text is too long"))?;
        let place = |m: &RoadMark| (m.at.edge, m.at.offset.0);
        let is_sorted = self.marks.windows(2).all(|w| place(&w[0]) <= place(&w[1]));
        rows("road marks", [is_sorted], |ok| need(ok, "they are not in order"))?;
        rows("road mark", &self.marks, |mark| check_stop(graph, mark.at))
    }
}

impl RoadGraph {
    /// Checks every index, length and bound of the graph.
    pub fn validate(&self) -> Result<(), CityFlaw> {
        self.check_tables()?;
        rows("road", &self.roads, check_road)?;
        rows("edge", self.edges.iter().enumerate(), |(i, edge)| {
            self.check_edge(EdgeId::from_idx(i), edge)
        })?;
        rows("forbidden path", &self.forbidden, |path| {
            need(path.edges.len() >= 2, "less than two edges")?;
            need(is_mode_set(path.modes), "its modes are unknown or none")?;
            let is_known = path.edges.iter().all(|e| e.idx() < self.n_edges());
            need(is_known, "an edge is not in the table")?;
            let follows = |pair: &[EdgeId]| self.edge(pair[0]).head == self.edge(pair[1]).tail;
            need(path.edges.windows(2).all(follows), "its edges do not follow each other")
        })
    }

    fn check_tables(&self) -> Result<(), CityFlaw> {
        let flaw = |what| Err(CityFlaw { table: "graph", idx: 0, what });
        let n = self.n_junctions();
        if n.max(self.n_edges()).max(self.roads.len()).max(self.shape_points.len())
            >= u32::MAX as usize
        {
            return flaw("a table is too long");
        }
        if self.is_signal.len() != n {
            return flaw("there is not one signal flag for each junction");
        }
        let is_rise = |permille: &i16| (-RISE_PERMILLE_MAX..=RISE_PERMILLE_MAX).contains(permille);
        let n_rises = self.rises_permille.len();
        if (n_rises != 0 && n_rises != self.roads.len()) || !self.rises_permille.iter().all(is_rise)
        {
            return flaw("the rises of roads are out of range, or not one for each");
        }
        // A graph without junctions may leave the row out.
        if n == 0 && self.first_out.is_empty() && self.edges.is_empty() {
            return Ok(());
        }
        let rows_fit = self.first_out.len() == n + 1
            && self.first_out.is_sorted()
            && self.first_out.first() == Some(&0)
            && self.first_out.last().is_some_and(|last| *last as usize == self.n_edges());
        if rows_fit { Ok(()) } else { flaw("the edges' rows do not fit the junctions") }
    }

    fn check_edge(&self, id: EdgeId, edge: &Edge) -> RowCheck {
        let n = self.n_junctions();
        need(edge.tail.idx() < n && edge.head.idx() < n, "a junction is not in the table")?;
        need(edge.road.idx() < self.roads.len(), "its road is not in the table")?;
        let row = self.first_out[edge.tail.idx()]..self.first_out[edge.tail.idx() + 1];
        need(row.contains(&id.0), "it is not in the row of its tail")?;
        need(edge.length.0 > 0.0 && edge.length.0 <= 1e6, "its length is out of range")?;
        need(is_mode_set(edge.modes), "its modes are unknown or none")?;
        let shape_end = edge.first_shape as usize + usize::from(edge.n_shape);
        need(shape_end <= self.shape_points.len(), "its shape is not in the table")?;
        let Some(reverse) = edge.reverse else { return Ok(()) };
        let Some(other) = self.edges.get(reverse.idx()) else {
            return Err("its reverse is not in the table");
        };
        let is_same_piece = other.reverse == Some(id)
            && (other.tail, other.head) == (edge.head, edge.tail)
            && (other.first_shape, other.n_shape) == (edge.first_shape, edge.n_shape)
            && other.road == edge.road
            && other.is_forward != edge.is_forward
            && other.length == edge.length;
        need(is_same_piece, "its reverse is another piece of road")
    }
}

fn check_road(road: &Road) -> RowCheck {
    need(is_text(&road.name), "its name is too long")?;
    let speed = road.speed_limit.0;
    need(speed > 0.0 && speed <= 100.0, "its speed limit is out of range")?;
    let is_length = |m: Option<Meters>| m.is_none_or(|m| m.0 > 0.0 && m.0 <= 1_000.0);
    let is_mass = |kg: Option<Kilograms>| kg.is_none_or(|kg| kg.0 > 0.0 && kg.0 <= 1e7);
    let sizes_fit =
        is_length(road.width_max) && is_length(road.height_max) && is_mass(road.mass_max);
    need(sizes_fit, "a size limit is out of range")
}

fn check_stop(graph: &RoadGraph, stop: RoadPosition) -> RowCheck {
    let Some(edge) = graph.edges.get(stop.edge.idx()) else {
        return Err("it stops on an edge that is not in the table");
    };
    let is_on = stop.offset.0 >= 0.0 && stop.offset <= edge.length;
    need(is_on, "it stops beyond the end of its edge")
}

fn is_mode_set(modes: ModeSet) -> bool {
    !modes.is_empty() && modes.without(ModeSet::ALL).is_empty()
}

fn is_text(text: &str) -> bool {
    text.len() <= TEXT_BYTES_MAX
}

fn need(holds: bool, what: &'static str) -> RowCheck {
    if holds { Ok(()) } else { Err(what) }
}

fn rows<T>(
    table: &'static str,
    rows: impl IntoIterator<Item = T>,
    check: impl Fn(T) -> RowCheck,
) -> Result<(), CityFlaw> {
    for (idx, row) in rows.into_iter().enumerate() {
        check(row).map_err(|what| CityFlaw { table, idx, what })?;
    }
    Ok(())
}
