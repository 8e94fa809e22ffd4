//! The sea, from coastlines: what lies to the right of them within a box.
//!
//! OpenStreetMap has no area for the sea, only lines with land on their left. An extract holds
//! pieces of them. Pieces that end inside the box are led out of it, away from its middle.

use std::collections::{BTreeMap, BTreeSet};

use rv_base::LatLon;

/// Longitude and latitude in units of 1e-7 degree, as numbers to reckon with.
type Xy = [f64; 2];

/// Closing lines to rings looks at all pairs; no city has so many separate coasts.
const COASTS_MAX: usize = 5_000;

/// Joins lines end to end as far as they go.
pub(crate) fn join(lines: Vec<Vec<LatLon>>) -> Vec<Vec<LatLon>> {
    let mut by_start: BTreeMap<LatLon, Vec<usize>> = BTreeMap::new();
    let ends: Vec<LatLon> = lines.iter().map(|line| line[line.len() - 1]).collect();
    for (i, line) in lines.iter().enumerate() {
        by_start.entry(line[0]).or_default().push(i);
    }
    let end_set: BTreeSet<LatLon> = ends.iter().copied().collect();
    let has_before = |line: &Vec<LatLon>| end_set.contains(&line[0]);
    // Lines that nothing leads to come first; what is left after them are rings.
    let (rings, starts): (Vec<usize>, Vec<usize>) =
        (0..lines.len()).partition(|&i| has_before(&lines[i]));
    let mut is_used = vec![false; lines.len()];
    let mut joined = Vec::new();
    for start in starts.into_iter().chain(rings) {
        if is_used[start] {
            continue;
        }
        let mut whole: Vec<LatLon> = Vec::new();
        let mut next = Some(start);
        while let Some(i) = next {
            is_used[i] = true;
            let skip = usize::from(!whole.is_empty());
            whole.extend_from_slice(&lines[i][skip..]);
            let onward = by_start.get(&ends[i]);
            next = onward.and_then(|list| list.iter().copied().find(|&j| !is_used[j]));
        }
        joined.push(whole);
    }
    joined
}

/// Polygons (outline, then islands) of the sea within a box. Empty where there is no coast.
pub(crate) fn sea(coast: &[Vec<LatLon>], bounds: (LatLon, LatLon)) -> Vec<Vec<Vec<LatLon>>> {
    let frame = Frame::around(bounds);
    if coast.len() > COASTS_MAX || (0..2).any(|i| frame.low[i] >= frame.high[i]) {
        return Vec::new();
    }
    let mut through = Vec::new();
    let mut islands = Vec::new();
    let mut outlines = Vec::new();
    for line in coast {
        let line: Vec<Xy> = line.iter().map(|&p| xy(p)).collect();
        let is_ring = line.len() >= 4 && line.first() == line.last();
        if is_ring && line.iter().all(|p| frame.contains(*p)) {
            let ring = line[..line.len() - 1].to_vec();
            // Land on the left of a counter-clockwise ring is its inside: an island.
            if double_area(&ring) > 0.0 { islands.push(ring) } else { outlines.push(ring) }
        } else {
            let line = if is_ring { line } else { frame.led_out(line) };
            through.extend(frame.clip(&line));
        }
    }
    outlines.extend(frame.close(through));
    if outlines.is_empty() {
        if islands.is_empty() {
            return Vec::new();
        }
        outlines.push(frame.corners().to_vec());
    }
    let mut polygons: Vec<Vec<Vec<Xy>>> = outlines.into_iter().map(|ring| vec![ring]).collect();
    for island in islands {
        let holder = polygons.iter_mut().find(|polygon| contains(&polygon[0], island[0]));
        if let Some(polygon) = holder {
            polygon.push(island);
        }
    }
    let to_ring = |ring: Vec<Xy>| -> Vec<LatLon> { ring.into_iter().filter_map(lat_lon).collect() };
    polygons
        .into_iter()
        .map(|polygon| polygon.into_iter().map(to_ring).filter(|r| r.len() >= 3).collect())
        .filter(|polygon: &Vec<Vec<LatLon>>| !polygon.is_empty())
        .collect()
}

fn xy(p: LatLon) -> Xy {
    [f64::from(p.lon_e7()), f64::from(p.lat_e7())]
}

fn lat_lon([x, y]: Xy) -> Option<LatLon> {
    LatLon::from_e7(y.round() as i32, x.round() as i32).ok()
}

/// More than zero for a counter-clockwise ring.
fn double_area(ring: &[Xy]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
}

fn contains(ring: &[Xy], p: Xy) -> bool {
    let next = ring.iter().cycle().skip(1);
    let crossings = ring.iter().zip(next).filter(|(a, b)| {
        (a[1] > p[1]) != (b[1] > p[1])
            && p[0] < a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
    });
    crossings.count() % 2 == 1
}

/// The box that the sea is drawn in.
struct Frame {
    low: Xy,
    high: Xy,
}

impl Frame {
    /// The bounds and a margin, so that a map that shows a little more is not cut off.
    fn around((low, high): (LatLon, LatLon)) -> Self {
        const MARGIN: f64 = 0.15;
        let (low, high) = (xy(low), xy(high));
        let margin = [0, 1].map(|i| (high[i] - low[i]) * MARGIN);
        Self {
            low: [(low[0] - margin[0]).max(-1.8e9), (low[1] - margin[1]).max(-8.5e8)],
            high: [(high[0] + margin[0]).min(1.8e9), (high[1] + margin[1]).min(8.5e8)],
        }
    }

    fn contains(&self, p: Xy) -> bool {
        (0..2).all(|i| p[i] > self.low[i] && p[i] < self.high[i])
    }

    /// Clockwise from the south-west.
    fn corners(&self) -> [Xy; 4] {
        let (low, high) = (self.low, self.high);
        [low, [low[0], high[1]], high, [high[0], low[1]]]
    }

    /// Extends the ends of a line that lie inside to beyond the box, away from its middle.
    fn led_out(&self, line: Vec<Xy>) -> Vec<Xy> {
        let middle = [0, 1].map(|i| (self.low[i] + self.high[i]) / 2.0);
        let size = [0, 1].map(|i| self.high[i] - self.low[i]);
        let out = |p: Xy| {
            let away = [0, 1].map(|i| (p[i] - middle[i]) / size[i]);
            let norm = away[0].hypot(away[1]);
            let way = if norm > 1e-9 { away.map(|v| v / norm) } else { [0.0, -1.0] };
            [0, 1].map(|i| p[i] + 2.0 * way[i] * size[i])
        };
        let (first, last) = (line[0], line[line.len() - 1]);
        let before = self.contains(first).then(|| out(first));
        let after = self.contains(last).then(|| out(last));
        before.into_iter().chain(line).chain(after).collect()
    }

    /// The parts of a line inside; both ends of each lie on the box.
    fn clip(&self, line: &[Xy]) -> Vec<Vec<Xy>> {
        let mut parts: Vec<Vec<Xy>> = Vec::new();
        let mut is_open = false;
        for pair in line.windows(2) {
            let Some((enter, leave)) = self.crossing(pair[0], pair[1]) else {
                is_open = false;
                continue;
            };
            let at = |share: f64| {
                [0, 1].map(|i| {
                    let v = pair[0][i] + share * (pair[1][i] - pair[0][i]);
                    v.clamp(self.low[i], self.high[i])
                })
            };
            match parts.last_mut().filter(|_| is_open && enter <= 0.0) {
                Some(part) => part.push(at(leave)),
                None => parts.push(vec![at(enter), at(leave)]),
            }
            is_open = leave >= 1.0;
        }
        // A ring that crosses the box starts somewhere inside: join its last part to its first.
        let is_split = parts.len() > 1 && line.first() == line.last() && self.contains(line[0]);
        if is_split {
            let first = parts.remove(0);
            if let Some(last) = parts.last_mut() {
                last.extend_from_slice(&first[1..]);
            }
        }
        parts.retain(|part| [part[0], part[part.len() - 1]].iter().all(|p| !self.contains(*p)));
        parts
    }

    /// Where a segment enters and leaves the box, as shares of its length (Liang and Barsky 1984).
    fn crossing(&self, a: Xy, b: Xy) -> Option<(f64, f64)> {
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for i in 0..2 {
            let step = b[i] - a[i];
            for (way, reach) in [(-step, a[i] - self.low[i]), (step, self.high[i] - a[i])] {
                if way == 0.0 {
                    if reach < 0.0 {
                        return None;
                    }
                } else if way < 0.0 {
                    enter = enter.max(reach / way);
                } else {
                    leave = leave.min(reach / way);
                }
            }
        }
        (enter < leave).then_some((enter, leave))
    }

    /// How far along the box, clockwise from the south-west corner, a point on it lies: 0..4.
    fn turn(&self, p: Xy) -> f64 {
        let share = [0, 1].map(|i| (p[i] - self.low[i]) / (self.high[i] - self.low[i]));
        let to_side = [share[0], 1.0 - share[1], 1.0 - share[0], share[1]];
        let side = (0..4).min_by(|a, b| to_side[*a].total_cmp(&to_side[*b])).unwrap_or(0);
        match side {
            0 => share[1],
            1 => 1.0 + share[0],
            2 => 3.0 - share[1],
            _ => 4.0 - share[0],
        }
    }

    /// Closes lines through the box to rings, walking the box clockwise from where a line leaves
    /// to where the next one enters: the sea stays on the right.
    fn close(&self, lines: Vec<Vec<Xy>>) -> Vec<Vec<Xy>> {
        let starts: Vec<f64> = lines.iter().map(|line| self.turn(line[0])).collect();
        let ends: Vec<f64> = lines.iter().map(|line| self.turn(line[line.len() - 1])).collect();
        let ahead = |from: f64, to: f64| (to - from).rem_euclid(4.0);
        let mut is_used = vec![false; lines.len()];
        let mut rings = Vec::new();
        for first in 0..lines.len() {
            if is_used[first] {
                continue;
            }
            let mut ring: Vec<Xy> = Vec::new();
            let mut at = first;
            loop {
                is_used[at] = true;
                ring.extend_from_slice(&lines[at]);
                let open = (0..lines.len()).filter(|&i| !is_used[i] || i == first);
                let nearest = open.min_by(|a, b| {
                    ahead(ends[at], starts[*a]).total_cmp(&ahead(ends[at], starts[*b]))
                });
                let next = nearest.unwrap_or(first);
                let way = ahead(ends[at], starts[next]);
                let corners = self.corners();
                let first_corner = ends[at].floor() as usize + 1;
                for corner in first_corner..first_corner + 4 {
                    if (corner as f64) - ends[at] < way {
                        ring.push(corners[corner % 4]);
                    }
                }
                if next == first {
                    break;
                }
                at = next;
            }
            ring.dedup();
            rings.push(ring);
        }
        rings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: i32, lon: i32) -> LatLon {
        LatLon::from_e7(lat, lon).unwrap()
    }

    fn is_sea(coast: &[Vec<LatLon>], p: LatLon) -> bool {
        let polygons = sea(coast, (at(0, 0), at(1_000, 1_000)));
        polygons.iter().any(|rings| {
            let inside = |ring: &Vec<LatLon>| crate::areas::ring_contains(ring, p);
            inside(&rings[0]) && !rings[1..].iter().any(inside)
        })
    }

    #[test]
    fn sea_lies_to_the_right_of_the_coast() {
        // Eastward: land in the north, sea in the south.
        let coast = [vec![at(500, -500), at(400, 500), at(500, 1_500)]];
        assert!(is_sea(&coast, at(200, 500)));
        assert!(!is_sea(&coast, at(800, 500)));
        let westward = [vec![at(500, 1_500), at(400, 500), at(500, -500)]];
        assert!(!is_sea(&westward, at(200, 500)));
        assert!(is_sea(&westward, at(800, 500)));
    }

    #[test]
    fn a_coast_that_ends_inside_is_led_out() {
        let coast = [vec![at(200, 200), at(400, 600), at(800, 800)]];
        assert!(is_sea(&coast, at(100, 900)));
        assert!(!is_sea(&coast, at(900, 100)));
    }

    #[test]
    fn islands_and_two_coasts() {
        let strait = [vec![at(300, 1_500), at(300, -500)], vec![at(700, -500), at(700, 1_500)]];
        assert!(is_sea(&strait, at(500, 500)));
        assert!(!is_sea(&strait, at(100, 500)));
        assert!(!is_sea(&strait, at(900, 500)));
        let island = [vec![at(400, 400), at(400, 600), at(600, 600), at(600, 400), at(400, 400)]];
        assert!(is_sea(&island, at(100, 100)));
        assert!(!is_sea(&island, at(500, 500)));
        assert!(sea(&[], (at(0, 0), at(1, 1))).is_empty());
    }

    #[test]
    fn lines_join_where_they_meet() {
        let joined = join(vec![
            vec![at(2, 2), at(3, 3)],
            vec![at(1, 1), at(2, 2)],
            vec![at(9, 9), at(8, 8)],
            vec![at(8, 8), at(9, 9)],
        ]);
        assert_eq!(joined[0], [at(1, 1), at(2, 2), at(3, 3)]);
        assert_eq!(joined[1], [at(9, 9), at(8, 8), at(9, 9)]);
    }
}
