//! A small linear programme by the tableau method with Bland's rule, for exhaustive searches.

const EPSILON: f64 = 1e-9;

/// Least `costs * x` with `x >= 0`, rows equal to and at most their right sides (none negative);
/// `None` if no `x` fits.
pub(crate) fn minimum(
    costs: &[f64],
    equal: &[(Vec<f64>, f64)],
    at_most: &[(Vec<f64>, f64)],
) -> Option<f64> {
    // Columns: x, a slack for every row of `at_most`, an artificial for every row of `equal`.
    let (n, n_slacks, n_artificials) = (costs.len(), at_most.len(), equal.len());
    let n_columns = n + n_slacks + n_artificials;
    let mut rows: Vec<Vec<f64>> = Vec::new();
    let mut basis = Vec::new();
    for (i, (row, right)) in at_most.iter().chain(equal).enumerate() {
        let mut full = row.clone();
        full.resize(n_columns, 0.0);
        full[n + i] = 1.0;
        full.push(*right);
        rows.push(full);
        basis.push(n + i);
    }
    let artificial = |column: usize| f64::from(u8::from(column >= n + n_slacks));
    let first: Vec<f64> = (0..n_columns).map(artificial).collect();
    if descend(&mut rows, &mut basis, &first, n_columns) > 1e-7 {
        return None;
    }
    let mut second = costs.to_vec();
    second.resize(n + n_slacks, 0.0);
    // Artificial columns may not come back; a high cost keeps those still in the basis at zero.
    second.resize(n_columns, 1e6);
    Some(descend(&mut rows, &mut basis, &second, n + n_slacks))
}

/// Pivots until nothing lowers the cost; gives the cost.
fn descend(rows: &mut [Vec<f64>], basis: &mut [usize], costs: &[f64], n_usable: usize) -> f64 {
    loop {
        let reduced = |rows: &[Vec<f64>], j: usize| {
            let priced = rows.iter().zip(basis.iter()).map(|(row, &b)| costs[b] * row[j]);
            costs[j] - priced.sum::<f64>()
        };
        let Some(enter) = (0..n_usable).find(|&j| reduced(rows, j) < -EPSILON) else {
            let right = costs.len();
            return rows.iter().zip(basis.iter()).map(|(row, &b)| costs[b] * row[right]).sum();
        };
        let right = costs.len();
        let leave = (0..rows.len()).filter(|&i| rows[i][enter] > EPSILON).min_by(|&a, &b| {
            let ratio = |i: usize| rows[i][right] / rows[i][enter];
            ratio(a).total_cmp(&ratio(b)).then(basis[a].cmp(&basis[b]))
        });
        let leave = leave.expect("costs are not negative, so nothing is unbounded");
        let pivot = rows[leave][enter];
        rows[leave].iter_mut().for_each(|v| *v /= pivot);
        let pivot_row = rows[leave].clone();
        for (i, row) in rows.iter_mut().enumerate() {
            let factor = row[enter];
            if i != leave && factor != 0.0 {
                row.iter_mut().zip(&pivot_row).for_each(|(v, p)| *v -= factor * p);
            }
        }
        basis[leave] = enter;
    }
}
