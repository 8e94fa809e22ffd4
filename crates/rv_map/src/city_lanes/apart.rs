//! Edges that cross without meeting: one lies over the other, on a bridge or in a tunnel.

use rv_base::{EdgeId, Point2};

use super::build::Site;

/// Edge of a cell, m.
const CELL_M: f64 = 60.0;

/// Pairs of edges, both ways round, sorted.
pub(super) fn find(site: &Site<'_>) -> Vec<(EdgeId, EdgeId)> {
    // One direction of each road stands for both while searching.
    let mut pieces: Vec<((i32, i32), EdgeId, Point2, Point2)> = Vec::new();
    for (i, line) in site.lines.iter().enumerate() {
        let id = EdgeId::from_idx(i);
        if line.is_empty()
            || site.graph.edge(id).reverse.is_some_and(|r| r < id && site.is_driven(r))
        {
            continue;
        }
        for w in line.windows(2) {
            let steps = (w[0].distance_to(w[1]).0 / (CELL_M / 2.0)) as usize + 1;
            let mut last = None;
            for k in 0..=steps {
                let t = k as f64 / steps as f64;
                let x = w[0].x_m + t * (w[1].x_m - w[0].x_m);
                let y = w[0].y_m + t * (w[1].y_m - w[0].y_m);
                let cell = ((x / CELL_M).floor() as i32, (y / CELL_M).floor() as i32);
                if last != Some(cell) {
                    pieces.push((cell, id, w[0], w[1]));
                    last = Some(cell);
                }
            }
        }
    }
    pieces.sort_by_key(|p| (p.0, p.1));
    let mut found = Vec::new();
    for cell in pieces.chunk_by(|a, b| a.0 == b.0) {
        for (i, a) in cell.iter().enumerate() {
            for b in &cell[i + 1..] {
                if a.1 != b.1 && crosses((a.2, a.3), (b.2, b.3)) && !meet(site, a.1, b.1) {
                    let both = |e: EdgeId| [Some(e), site.graph.edge(e).reverse];
                    for x in both(a.1).into_iter().flatten() {
                        for y in both(b.1).into_iter().flatten() {
                            found.push((x, y));
                            found.push((y, x));
                        }
                    }
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn meet(site: &Site<'_>, a: EdgeId, b: EdgeId) -> bool {
    let (a, b) = (site.graph.edge(a), site.graph.edge(b));
    a.tail == b.tail || a.tail == b.head || a.head == b.tail || a.head == b.head
}

fn crosses((a, b): (Point2, Point2), (c, d): (Point2, Point2)) -> bool {
    let side = |o: Point2, p: Point2, q: Point2| {
        (p.x_m - o.x_m) * (q.y_m - o.y_m) - (p.y_m - o.y_m) * (q.x_m - o.x_m)
    };
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}
