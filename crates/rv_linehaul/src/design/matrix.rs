//! The inverse of a small matrix whose rows and columns come and go.

/// Least pivot of an inversion.
const PIVOT_MIN: f64 = 1e-10;

/// The inverse of a matrix; a row of it belongs to a column of the matrix, and the other way round.
#[derive(Clone)]
pub(crate) struct Inverse {
    n: usize,
    /// Room in a row.
    stride: usize,
    values: Vec<f64>,
    /// For whoever needs memory as long as a row.
    pub(crate) scratch: Vec<f64>,
}

impl Inverse {
    /// Of the matrix without rows.
    pub(crate) fn new() -> Self {
        Self { n: 0, stride: 0, values: Vec::new(), scratch: Vec::new() }
    }

    pub(crate) fn row(&self, j: usize) -> &[f64] {
        &self.values[j * self.stride..][..self.n]
    }

    pub(crate) fn at(&self, j: usize, slot: usize) -> f64 {
        self.values[j * self.stride + slot]
    }

    fn row_mut(&mut self, j: usize) -> &mut [f64] {
        &mut self.values[j * self.stride..][..self.n]
    }

    /// Row `j` added to row `i`, `factor` times.
    fn add(&mut self, i: usize, j: usize, factor: f64) {
        let (n, stride) = (self.n, self.stride);
        let (low, high) = (i.min(j), i.max(j));
        let (before, after) = self.values.split_at_mut(high * stride);
        let (first, second) = (&mut before[low * stride..][..n], &mut after[..n]);
        let (to, from) = if i < j { (first, &*second) } else { (second, &*first) };
        to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
    }

    /// Column `j` of the matrix becomes one that `-step` writes as a sum of its columns.
    pub(crate) fn replace_column(&mut self, j: usize, step: &[f64]) {
        let pivot = -step[j];
        self.row_mut(j).iter_mut().for_each(|v| *v /= pivot);
        for (i, step) in step.iter().enumerate() {
            if i != j && *step != 0.0 {
                self.add(i, j, *step);
            }
        }
    }

    /// What `row`, by column of the matrix, gives times the inverse.
    fn times(&self, row: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.n];
        for (j, factor) in row.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
            product.iter_mut().zip(self.row(j)).for_each(|(p, v)| *p += factor * v);
        }
        product
    }

    /// Row `slot` of the matrix becomes another.
    pub(crate) fn replace_row(&mut self, slot: usize, row: &[f64]) {
        let product = self.times(row);
        for j in 0..self.n {
            let values = self.row_mut(j);
            let factor = values[slot] / product[slot];
            values.iter_mut().zip(&product).for_each(|(v, p)| *v -= factor * p);
            values[slot] = factor;
        }
    }

    /// The matrix gains a row, and a column that `-step` writes as a sum of its columns.
    pub(crate) fn grow(&mut self, step: &[f64], row: &[f64], corner: f64) {
        let product = self.times(row);
        let n = self.n;
        let schur = corner + row.iter().zip(step).map(|(r, s)| r * s).sum::<f64>();
        self.make_room(n + 1);
        self.n = n + 1;
        for (j, step) in step.iter().enumerate() {
            let values = self.row_mut(j);
            let factor = -step / schur;
            values.iter_mut().zip(&product).for_each(|(v, p)| *v += factor * p);
            values[n] = -factor;
        }
        let last = self.row_mut(n);
        last.iter_mut().zip(&product).for_each(|(v, p)| *v = -p / schur);
        last[n] = 1.0 / schur;
    }

    /// The matrix loses column `j` and row `slot`; the last of each takes its place.
    pub(crate) fn shrink(&mut self, j: usize, slot: usize) {
        let (n, pivot) = (self.n, self.at(j, slot));
        for i in (0..n).filter(|&i| i != j) {
            let factor = -self.at(i, slot) / pivot;
            if factor != 0.0 {
                self.add(i, j, factor);
            }
        }
        if j != n - 1 {
            let (before, after) = self.values.split_at_mut((n - 1) * self.stride);
            before[j * self.stride..][..n].copy_from_slice(&after[..n]);
        }
        for i in 0..n - 1 {
            let values = self.row_mut(i);
            values[slot] = values[n - 1];
        }
        self.n = n - 1;
    }

    /// Of two paths `a` and `b` of the matrix's columns `b - a` and `c - a`, `b` becomes the one
    /// that is taken off: row `turned` is that of `b`, `rest` those like `c`.
    pub(crate) fn turn(&mut self, turned: usize, rest: &[usize]) {
        self.row_mut(turned).iter_mut().for_each(|v| *v = -*v);
        for &j in rest {
            self.add(turned, j, -1.0);
        }
    }

    fn make_room(&mut self, n: usize) {
        if n <= self.stride {
            return;
        }
        let stride = n.next_multiple_of(16);
        let mut values = vec![0.0; stride * stride];
        for j in 0..self.n {
            values[j * stride..][..self.n].copy_from_slice(self.row(j));
        }
        (self.stride, self.values) = (stride, values);
    }

    /// Inverts a matrix, row by row (Gauss and Jordan); false if it is singular.
    pub(crate) fn set(&mut self, n: usize, mut matrix: Vec<f64>) -> bool {
        self.make_room(n);
        self.n = n;
        self.values.fill(0.0);
        for j in 0..n {
            self.row_mut(j)[j] = 1.0;
        }
        for column in 0..n {
            let size = |i: &usize| matrix[i * n + column].abs();
            let best = (column..n).max_by(|i, j| size(i).total_cmp(&size(j)).then(j.cmp(i)));
            let Some(best) = best.filter(|i| size(i) > PIVOT_MIN) else { return false };
            if best != column {
                for t in 0..n {
                    matrix.swap(best * n + t, column * n + t);
                    self.values.swap(best * self.stride + t, column * self.stride + t);
                }
            }
            let pivot = matrix[column * n + column];
            matrix[column * n..][..n].iter_mut().for_each(|v| *v /= pivot);
            self.row_mut(column).iter_mut().for_each(|v| *v /= pivot);
            let pivot_row = matrix[column * n..][..n].to_vec();
            for i in (0..n).filter(|&i| i != column) {
                let factor = matrix[i * n + column];
                if factor != 0.0 {
                    let row = &mut matrix[i * n..][..n];
                    row.iter_mut().zip(&pivot_row).for_each(|(v, p)| *v -= factor * p);
                    self.add(i, column, -factor);
                }
            }
        }
        true
    }
}
