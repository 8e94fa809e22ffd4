//! How good tracks are: the generalised optimal sub-pattern assignment metric (Rahmathullah,
//! Garcia-Fernandez and Svensson 2017, with alpha = 2), which adds up errors of place, things missed
//! and things that are not there.

use rv_base::Point2;

/// What the metric says of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gospa {
    /// The metric itself, m.
    pub distance_m: f64,
    /// Sum of squares of the errors of place of those that were matched, m2.
    pub place_m2: f64,
    /// Things that nothing told matches.
    pub n_missed: usize,
    /// Things told that are not there.
    pub n_false: usize,
}

/// The metric of order 2 with a cut-off: whatever is told further off than that is no match.
/// Cubic in the number of things; places must be finite.
pub fn gospa(truth: &[Point2], told: &[Point2], cut_off_m: f64) -> Gospa {
    let square = cut_off_m * cut_off_m;
    let gap = |a: Point2, b: Point2| (a.x_m - b.x_m).powi(2) + (a.y_m - b.y_m).powi(2);
    let pairs = assign(truth.len(), told.len(), &|i, j| gap(truth[i], told[j]).min(square));
    let matched = pairs.iter().map(|(i, j)| gap(truth[*i], told[*j])).filter(|d| *d < square);
    let (n, place_m2) = matched.fold((0, 0.0), |(n, sum), d| (n + 1, sum + d));
    let (n_missed, n_false) = (truth.len() - n, told.len() - n);
    let distance_m = (place_m2 + square / 2.0 * (n_missed + n_false) as f64).sqrt();
    Gospa { distance_m, place_m2, n_missed, n_false }
}

/// The pairs of rows and columns of least cost, as many as there are of the fewer (Kuhn 1955, by
/// shortest augmenting paths as Jonker and Volgenant 1987).
fn assign(
    n_rows: usize,
    n_columns: usize,
    cost: &dyn Fn(usize, usize) -> f64,
) -> Vec<(usize, usize)> {
    if n_rows > n_columns {
        let turned_cost: &dyn Fn(usize, usize) -> f64 = &|i, j| cost(j, i);
        let turned = assign(n_columns, n_rows, turned_cost);
        return turned.into_iter().map(|(i, j)| (j, i)).collect();
    }
    // Rows and columns count from one; row and column zero are the start of a path.
    let (mut u, mut v) = (vec![0.0; n_rows + 1], vec![0.0; n_columns + 1]);
    let mut row_of = vec![0; n_columns + 1];
    for row in 1..=n_rows {
        let (mut least, mut before) = (vec![f64::INFINITY; n_columns + 1], vec![0; n_columns + 1]);
        let mut done = vec![false; n_columns + 1];
        let mut at = 0;
        row_of[0] = row;
        while row_of[at] != 0 {
            done[at] = true;
            let (here, mut next, mut by) = (row_of[at], 0, f64::INFINITY);
            for j in (1..=n_columns).filter(|j| !done[*j]) {
                let reduced = cost(here - 1, j - 1) - u[here] - v[j];
                if reduced < least[j] {
                    (least[j], before[j]) = (reduced, at);
                }
                if least[j] < by {
                    (by, next) = (least[j], j);
                }
            }
            for j in 0..=n_columns {
                if done[j] {
                    u[row_of[j]] += by;
                    v[j] -= by;
                } else {
                    least[j] -= by;
                }
            }
            at = next;
        }
        while at != 0 {
            row_of[at] = row_of[before[at]];
            at = before[at];
        }
    }
    (1..=n_columns).filter(|j| row_of[*j] > 0).map(|j| (row_of[j] - 1, j - 1)).collect()
}

#[cfg(test)]
mod tests {
    use rv_base::Rng;

    use super::*;

    fn points(at: &[(f64, f64)]) -> Vec<Point2> {
        at.iter().map(|(x_m, y_m)| Point2 { x_m: *x_m, y_m: *y_m }).collect()
    }

    #[test]
    fn errors_misses_and_false_ones_add_up() {
        let truth = points(&[(0.0, 0.0), (10.0, 0.0)]);
        assert_eq!(gospa(&truth, &truth, 3.0), Gospa::default());
        let found = gospa(&truth, &points(&[(10.0, 1.0), (50.0, 0.0)]), 3.0);
        assert_eq!((found.place_m2, found.n_missed, found.n_false), (1.0, 1, 1));
        assert!((found.distance_m - 10.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(gospa(&[], &truth, 3.0).n_false, 2);
        assert_eq!(gospa(&truth, &[], 3.0).n_missed, 2);
    }

    #[test]
    fn the_assignment_is_the_best_of_all() {
        let mut rng = Rng::from_seed(3);
        for _ in 0..200 {
            let costs: Vec<Vec<f64>> =
                (0..3).map(|_| (0..4).map(|_| rng.range(0.0, 9.0)).collect()).collect();
            let found: f64 =
                assign(3, 4, &|i, j| costs[i][j]).iter().map(|(i, j)| costs[*i][*j]).sum();
            let mut best = f64::INFINITY;
            for (a, b, c) in (0..64).map(|k| (k % 4, k / 4 % 4, k / 16)) {
                if a != b && b != c && a != c {
                    best = best.min(costs[0][a] + costs[1][b] + costs[2][c]);
                }
            }
            assert!((found - best).abs() < 1e-9, "{costs:?}");
        }
    }
}
