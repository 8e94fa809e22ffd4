//! Edges that cross without meeting: one lies over the other, on a bridge or in a tunnel; and where.

use rv_base::{EdgeId, Point2};

use super::build::Site;

/// Edge of a cell, m.
const CELL_M: f64 = 60.0;

/// Within this distance of where two edges cross, one is still above the other, m.
const ON_BRIDGE_M: f64 = 20.0;

/// Pairs of edges, both ways round, with the place where they cross, sorted.
pub(super) fn find(site: &Site<'_>) -> Vec<(EdgeId, EdgeId, Point2)> {
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
            // So close that a piece clips no cell unseen but at its very corner.
            let steps = (w[0].distance_to(w[1]).0 / (CELL_M / 12.0)) as usize + 1;
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
                let at = crossing((a.2, a.3), (b.2, b.3));
                if let Some(at) = at.filter(|_| a.1 != b.1 && !meet(site, a.1, b.1)) {
                    let both = |e: EdgeId| [Some(e), site.graph.edge(e).reverse];
                    for x in both(a.1).into_iter().flatten() {
                        for y in both(b.1).into_iter().flatten() {
                            found.push((x, y, at));
                            found.push((y, x, at));
                        }
                    }
                }
            }
        }
    }
    spread(site, &mut found);
    let key = |f: &(EdgeId, EdgeId, Point2)| (f.0, f.1);
    found.sort_by(|a, b| key(a).cmp(&key(b)).then(a.2.x_m.total_cmp(&b.2.x_m)));
    found.dedup_by(|a, b| key(a) == key(b) && a.2.distance_to(b.2).0 < 0.1);
    found
}

/// Roads are cut where bridges begin: edges that go on from one near where it crosses another cross
/// that as well, with the width of their lanes.
fn spread(site: &Site<'_>, found: &mut Vec<(EdgeId, EdgeId, Point2)>) {
    for i in 0..found.len() {
        let (x, y, at) = found[i];
        let edge = site.graph.edge(x);
        let line = &site.lines[x.idx()];
        let ends = [(edge.tail, line.first()), (edge.head, line.last())];
        for (junction, end) in ends {
            let is_near = end.is_some_and(|p| p.distance_to(at).0 < ON_BRIDGE_M);
            if !is_near {
                continue;
            }
            let out = site.graph.out_edges(junction).filter(|e| site.is_driven(*e));
            for on in out.chain(site.edges_in[junction.idx()].iter().copied()) {
                if on != x && on != y && Some(on) != edge.reverse && !meet(site, on, y) {
                    found.push((on, y, at));
                    found.push((y, on, at));
                }
            }
        }
    }
}

fn meet(site: &Site<'_>, a: EdgeId, b: EdgeId) -> bool {
    let (a, b) = (site.graph.edge(a), site.graph.edge(b));
    a.tail == b.tail || a.tail == b.head || a.head == b.tail || a.head == b.head
}

/// Where two pieces cross, if they do.
fn crossing((a, b): (Point2, Point2), (c, d): (Point2, Point2)) -> Option<Point2> {
    let side = |o: Point2, p: Point2, q: Point2| {
        (p.x_m - o.x_m) * (q.y_m - o.y_m) - (p.y_m - o.y_m) * (q.x_m - o.x_m)
    };
    let (at_a, at_b) = (side(c, d, a), side(c, d, b));
    let crosses = side(a, b, c) * side(a, b, d) < 0.0 && at_a * at_b < 0.0;
    let t = at_a / (at_a - at_b);
    let at = Point2 { x_m: a.x_m + t * (b.x_m - a.x_m), y_m: a.y_m + t * (b.y_m - a.y_m) };
    crosses.then_some(at)
}
