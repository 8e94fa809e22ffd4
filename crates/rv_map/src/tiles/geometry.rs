//! Simplifying, clipping and winding in whole tile units.

/// Half a pixel of a 512-pixel tile, in tile units: what a simplified line may be off.
const TOLERANCE: f64 = 4.0;
/// Zoom whose tile units the stored points are in.
const ZOOM_STORED: u8 = 18;

/// A line or ring whose points know from which zoom on they are needed.
#[derive(Clone, Debug)]
pub(super) struct Simplified {
    points: Vec<[i32; 2]>,
    zoom_min: Vec<u8>,
}

impl Simplified {
    /// Ranks the points of a line after Douglas and Peucker (1973), once for all zooms: a point's
    /// rank is the distance at which the algorithm would drop it.
    pub(super) fn line(points: Vec<[i32; 2]>) -> Self {
        let mut zoom_min = vec![ZOOM_STORED; points.len()];
        if let (Some(last), n @ 2..) = (zoom_min.last_mut(), points.len()) {
            *last = 0;
            zoom_min[0] = 0;
            rank(&points, &mut zoom_min, 0, n - 1);
        }
        Self { points, zoom_min }
    }

    /// The same for a ring without its repeated last point; its two ends are its first point and
    /// the one farthest from it.
    pub(super) fn ring(mut points: Vec<[i32; 2]>) -> Self {
        let n = points.len();
        let Some(&first) = points.first() else {
            return Self { points, zoom_min: Vec::new() };
        };
        let square =
            |p: &[i32; 2]| i64::from(p[0] - first[0]).pow(2) + i64::from(p[1] - first[1]).pow(2);
        let far = (0..n).max_by_key(|&i| (square(&points[i]), n - i)).unwrap_or(0);
        points.push(first);
        let mut zoom_min = vec![ZOOM_STORED; n + 1];
        for i in [0, far, n] {
            zoom_min[i] = 0;
        }
        rank(&points, &mut zoom_min, 0, far);
        rank(&points, &mut zoom_min, far, n);
        points.pop();
        zoom_min.pop();
        Self { points, zoom_min }
    }

    /// The points that matter at this zoom.
    pub(super) fn at_zoom(&self, z: u8) -> impl Iterator<Item = [i32; 2]> {
        let ranked = self.points.iter().zip(&self.zoom_min);
        ranked.filter(move |(_, zoom)| **zoom <= z).map(|(p, _)| *p)
    }

    pub(super) fn points(&self) -> &[[i32; 2]] {
        &self.points
    }
}

/// Sets the first zoom of every point strictly between `first` and `last`.
fn rank(points: &[[i32; 2]], zoom_min: &mut [u8], first: usize, last: usize) {
    // A point is never needed before the ones that split the line above it.
    let mut spans = vec![(first, last, 0_u8)];
    while let Some((first, last, zoom_above)) = spans.pop() {
        if last <= first + 1 {
            continue;
        }
        let (mut farthest, mut distance) = (first + 1, -1.0);
        for i in first + 1..last {
            let d = distance_to_segment(points[i], points[first], points[last]);
            if d > distance {
                (farthest, distance) = (i, d);
            }
        }
        let zoom = (0..=ZOOM_STORED)
            .find(|z| distance / f64::from(1_u32 << (ZOOM_STORED - z)) > TOLERANCE)
            .unwrap_or(ZOOM_STORED)
            .max(zoom_above);
        zoom_min[farthest] = zoom;
        spans.push((first, farthest, zoom));
        spans.push((farthest, last, zoom));
    }
}

fn distance_to_segment(p: [i32; 2], a: [i32; 2], b: [i32; 2]) -> f64 {
    let diff = |p: [i32; 2], q: [i32; 2]| [0, 1].map(|i| f64::from(p[i] - q[i]));
    let ([px, py], [dx, dy]) = (diff(p, a), diff(b, a));
    let square = dx * dx + dy * dy;
    let share = if square > 0.0 { ((px * dx + py * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
    (px - share * dx).hypot(py - share * dy)
}

/// Cuts a line at the square `low..=high` (Liang and Barsky 1984); each part has at least two
/// points.
pub(super) fn clip_line(points: &[[i32; 2]], low: i32, high: i32) -> Vec<Vec<[i32; 2]>> {
    let mut parts: Vec<Vec<[i32; 2]>> = Vec::new();
    let mut open = false;
    for pair in points.windows(2) {
        let Some((a, b, is_whole_end)) = clip_segment(pair[0], pair[1], low, high) else {
            open = false;
            continue;
        };
        match parts.last_mut().filter(|part| open && part.last() == Some(&a)) {
            Some(part) => part.push(b),
            None => parts.push(vec![a, b]),
        }
        open = is_whole_end;
    }
    for part in &mut parts {
        part.dedup();
    }
    parts.retain(|part| part.len() >= 2);
    parts
}

/// The part of a segment within the square, and whether its end is its own.
fn clip_segment(
    a: [i32; 2],
    b: [i32; 2],
    low: i32,
    high: i32,
) -> Option<([i32; 2], [i32; 2], bool)> {
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        let (start, step) = (f64::from(a[axis]), f64::from(b[axis]) - f64::from(a[axis]));
        for (direction, reach) in [(-step, start - f64::from(low)), (step, f64::from(high) - start)]
        {
            if direction == 0.0 {
                if reach < 0.0 {
                    return None;
                }
            } else if direction < 0.0 {
                enter = enter.max(reach / direction);
            } else {
                leave = leave.min(reach / direction);
            }
        }
    }
    if enter > leave {
        return None;
    }
    let at = |share: f64| {
        [0, 1]
            .map(|i| (f64::from(a[i]) + share * (f64::from(b[i]) - f64::from(a[i]))).round() as i32)
    };
    let start = if enter > 0.0 { at(enter) } else { a };
    let end = if leave < 1.0 { at(leave) } else { b };
    Some((start, end, leave >= 1.0))
}

/// Cuts a ring at the square `low..=high` (Sutherland and Hodgman 1974). Parts of a ring that
/// leaves and comes back stay joined along the square's edge, which lies outside the drawn tile.
pub(super) fn clip_ring(mut ring: Vec<[i32; 2]>, low: i32, high: i32) -> Vec<[i32; 2]> {
    for axis in 0..2 {
        for (bound, sign) in [(low, 1), (high, -1)] {
            let depth = |p: &[i32; 2]| i64::from(sign) * (i64::from(p[axis]) - i64::from(bound));
            if ring.iter().all(|p| depth(p) >= 0) {
                continue;
            }
            let mut kept = Vec::with_capacity(ring.len() + 4);
            let Some(mut before) = ring.last().copied() else { return ring };
            for &at in &ring {
                let (from, to) = (depth(&before), depth(&at));
                if (from < 0) != (to < 0) {
                    let share = from as f64 / (from - to) as f64;
                    let other = 1 - axis;
                    let (p, q) = (f64::from(before[other]), f64::from(at[other]));
                    let mut cut = [bound; 2];
                    cut[other] = (p + share * (q - p)).round() as i32;
                    kept.push(cut);
                }
                if to >= 0 {
                    kept.push(at);
                }
                before = at;
            }
            ring = kept;
        }
    }
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    ring
}

/// Winds a ring as the tile format wants it: outlines with positive area (y down), holes negative.
/// `None` if it has no area left.
pub(super) fn wound(mut ring: Vec<[i32; 2]>, is_outline: bool) -> Option<Vec<[i32; 2]>> {
    let mut double_area = 0_i64;
    let mut before = *ring.last()?;
    for &at in &ring {
        double_area +=
            i64::from(before[0]) * i64::from(at[1]) - i64::from(at[0]) * i64::from(before[1]);
        before = at;
    }
    if ring.len() < 3 || double_area == 0 {
        return None;
    }
    if (double_area > 0) != is_outline {
        ring.reverse();
    }
    Some(ring)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_into_parts() {
        let zigzag = [[-20, 5], [5, 5], [5, 30], [8, 30], [8, -20]];
        let parts = clip_line(&zigzag, 0, 10);
        assert_eq!(parts, [vec![[0, 5], [5, 5], [5, 10]], vec![[8, 10], [8, 0]]]);
        assert!(clip_line(&[[-5, -5], [-5, 20]], 0, 10).is_empty());
    }

    #[test]
    fn rings_are_cut_and_wound() {
        let ring = vec![[-10, -10], [20, -10], [20, 20], [-10, 20]];
        let clipped = clip_ring(ring, 0, 10);
        let mut sorted = clipped.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [[0, 0], [0, 10], [10, 0], [10, 10]]);
        let outline = wound(clipped.clone(), true).unwrap();
        let hole = wound(clipped, false).unwrap();
        assert_eq!(outline.iter().rev().copied().collect::<Vec<_>>(), hole);
        assert_eq!(wound(vec![[0, 0], [5, 5]], true), None);
        assert!(clip_ring(vec![[20, 20], [30, 20], [30, 30]], 0, 10).is_empty());
    }

    #[test]
    fn points_wait_for_their_zoom() {
        let line = Simplified::line(vec![[0, 0], [1000, 3], [2000, 0], [3000, 900], [4000, 0]]);
        assert_eq!(line.at_zoom(18).count(), 5);
        let z14: Vec<_> = line.at_zoom(14).collect();
        assert_eq!(z14, [[0, 0], [2000, 0], [3000, 900], [4000, 0]]);
        assert_eq!(line.at_zoom(8).count(), 2);
        let ring = Simplified::ring(vec![[0, 0], [4000, 0], [4000, 4000], [0, 4000]]);
        assert_eq!(ring.at_zoom(14).count(), 4);
    }
}
