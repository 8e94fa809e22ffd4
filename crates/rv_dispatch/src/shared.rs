//! Who uses the bays of chargers and the stock of depots, route by route.

use rv_model::dispatch::MAX_LOAD_DIMS;

use crate::instance::HORIZON;

type Draw = (u32, [i64; MAX_LOAD_DIMS], bool);

/// Uses of what routes share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    /// By charger: begin, leave and route of each stay, by begin.
    stays: Vec<Vec<(i32, i32, u32)>>,
    /// By route.
    draws: Vec<Vec<Draw>>,
    /// By depot: drawn by all routes.
    drawn: Vec<[i64; MAX_LOAD_DIMS]>,
}

impl Shared {
    pub fn new(n_chargers: usize, n_depots: usize, n_routes: usize) -> Self {
        Self {
            stays: vec![Vec::new(); n_chargers],
            draws: vec![Vec::new(); n_routes],
            drawn: vec![[0; MAX_LOAD_DIMS]; n_depots],
        }
    }

    /// Forgets what a route uses.
    pub fn clear(&mut self, v: u32) {
        for stays in &mut self.stays {
            stays.retain(|s| s.2 != v);
        }
        if let Some(draws) = self.draws.get_mut(v as usize) {
            for (depot, load, _) in draws.drain(..) {
                for (sum, amount) in self.drawn[depot as usize].iter_mut().zip(load) {
                    *sum -= amount;
                }
            }
        }
    }

    /// Notes what a route, forgotten before, uses.
    pub fn add(&mut self, v: u32, stays: &[(u32, i32, i32)], draws: &[Draw]) {
        for &(charger, begin, leave) in stays {
            let of = &mut self.stays[charger as usize];
            let at = of.partition_point(|s| *s < (begin, leave, v));
            of.insert(at, (begin, leave, v));
        }
        for &(depot, load, _) in draws {
            for (sum, amount) in self.drawn[depot as usize].iter_mut().zip(load) {
                *sum += amount;
            }
        }
        self.draws[v as usize].extend(draws);
    }

    pub fn drawn_by_others(&self, depot: usize, v: u32) -> [i64; MAX_LOAD_DIMS] {
        let mut sum = self.drawn.get(depot).copied().unwrap_or_default();
        for (_, load, _) in
            self.draws.get(v as usize).into_iter().flatten().filter(|d| d.0 as usize == depot)
        {
            for (sum, amount) in sum.iter_mut().zip(load) {
                *sum -= amount;
            }
        }
        sum
    }

    /// Spans of begins, within `[from, to]`, for which a bay is free for `spent` ms.
    pub fn free(
        &self,
        charger: usize,
        v: u32,
        steps: &[(i32, i32)],
        (from, to): (i32, i32),
        spent: i32,
        out: &mut Vec<(i32, i32)>,
    ) {
        if steps.is_empty() || spent <= 0 {
            out.push((from, to));
            return;
        }
        let stays = self.stays.get(charger).map_or(&[][..], |s| s);
        let others = || stays.iter().filter(|s| s.2 != v);
        // Full spans [a, b): a stay of `spent` may not begin in (a - spent, b).
        let mut cuts: Vec<i32> = steps.iter().map(|s| s.0).collect();
        cuts.extend(others().flat_map(|s| [s.0, s.1]));
        cuts.sort_unstable();
        cuts.dedup();
        let bays_at = |at: i32| {
            let idx = steps.partition_point(|s| s.0 <= at);
            if idx == 0 { 0 } else { steps[idx - 1].1 }
        };
        let mut begin = from;
        for (idx, &cut) in cuts.iter().enumerate() {
            let end = cuts.get(idx + 1).copied().unwrap_or(HORIZON);
            let n = others().filter(|s| s.0 <= cut && cut < s.1).count() as i32;
            if n < bays_at(cut) {
                continue;
            }
            let last = cut.saturating_sub(spent);
            if last >= begin {
                out.push((begin, last.min(to)));
            }
            begin = begin.max(end);
            if begin > to {
                return;
            }
        }
        if begin <= to {
            out.push((begin, to));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(shared: &Shared, bays: i32, spent: i32) -> Vec<(i32, i32)> {
        let mut out = Vec::new();
        shared.free(0, 9, &[(-1000, bays)], (0, 500), spent, &mut out);
        out
    }

    #[test]
    fn a_bay_is_free_between_stays_that_leave_room() {
        let mut shared = Shared::new(1, 0, 10);
        shared.add(0, &[(0, 100, 200)], &[]);
        shared.add(1, &[(0, 150, 300)], &[]);
        assert_eq!(free(&shared, 1, 50), [(0, 50), (300, 500)]);
        assert_eq!(free(&shared, 2, 50), [(0, 100), (200, 500)]);
        assert_eq!(free(&shared, 3, 50), [(0, 500)]);
        shared.clear(1);
        assert_eq!(free(&shared, 1, 100), [(0, 0), (200, 500)]);
        assert_eq!(free(&shared, 1, 101), [(200, 500)]);
    }
}
