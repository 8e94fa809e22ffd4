//! What vehicles share: bays of chargers, stock of depots, service levels of tenants.

use rv_model::dispatch::{Load, MAX_LOAD_DIMS, Problem};

use super::relaxed::Relaxed;
use super::{Load64, Report, Violation};

/// A stay at a charging place.
struct Stay {
    span: (i64, i64),
    vehicle: u32,
    visit: usize,
    is_committed: bool,
}

/// Uses of what is shared, noted while the routes are driven one by one.
pub(super) struct Shared {
    stays: Vec<Vec<Stay>>,
    /// Drawn at each depot, and how much of it was committed.
    drawn: Vec<[Load64; 2]>,
    late: Vec<u32>,
}

impl Shared {
    pub fn new(problem: &Problem) -> Self {
        Self {
            stays: problem.chargers().iter().map(|_| Vec::new()).collect(),
            drawn: vec![[[0; MAX_LOAD_DIMS]; 2]; problem.depots().len()],
            late: Vec::new(),
        }
    }

    pub fn charge(&mut self, charger: u32, span: (i64, i64), at: (u32, usize), is_committed: bool) {
        let (vehicle, visit) = at;
        self.stays[charger as usize].push(Stay { span, vehicle, visit, is_committed });
    }

    pub fn draw(&mut self, depot: u32, load: &Load, is_committed: bool) {
        let [all, committed] = &mut self.drawn[depot as usize];
        for dim in 0..MAX_LOAD_DIMS {
            all[dim] += i64::from(load[dim]);
            if is_committed {
                committed[dim] += i64::from(load[dim]);
            }
        }
    }

    pub fn note_late(&mut self, order: u32) {
        self.late.push(order);
    }

    pub fn judge(
        &mut self,
        problem: &Problem,
        relaxed: &Relaxed,
        served: &[u32],
        report: &mut Report,
    ) {
        for (idx, stays) in self.stays.iter_mut().enumerate() {
            let Some(bays) = problem.chargers()[idx].bays else { continue };
            let bays = bays as usize + relaxed.more_bays(idx as u32) as usize;
            stays.sort_by_key(|s| (s.span, s.vehicle));
            let mut there: Vec<&Stay> = Vec::new();
            for stay in stays.iter().filter(|s| s.span.0 < s.span.1) {
                there.retain(|other| other.span.1 > stay.span.0);
                there.push(stay);
                if there.len() > bays && !there.iter().all(|s| s.is_committed) {
                    let (vehicle, visit) = (stay.vehicle, stay.visit);
                    let charger = idx as u32;
                    report.violations.push(Violation::Bays { vehicle, visit, charger });
                }
            }
        }
        for (idx, [all, committed]) in self.drawn.iter().enumerate() {
            let Some(stock) = problem.depots()[idx].stock else { continue };
            let more = relaxed.more_stock(idx as u32);
            for dim in 0..MAX_LOAD_DIMS {
                let there = i64::from(stock[dim]) + i64::from(more[dim]);
                let over = all[dim] - there.max(committed[dim]);
                if over > 0 {
                    report.violations.push(Violation::Stock { depot: idx as u32, dim, over });
                }
            }
        }
        self.levels(problem, served, report);
    }

    fn levels(&mut self, problem: &Problem, served: &[u32], report: &mut Report) {
        self.late.sort_unstable();
        for (tenant, level) in problem.tenants().iter().enumerate() {
            let (mut n, mut n_kept) = (0_i64, 0_i64);
            for (idx, order) in problem.orders().iter().enumerate() {
                if order.tenant == Some(tenant as u32) {
                    n += 1;
                    let is_late = self.late.binary_search(&(idx as u32)).is_ok();
                    n_kept += i64::from(served[idx] > 0 && !is_late);
                }
            }
            let n_wanted = (n * i64::from(level.share_permille) + 999) / 1000;
            let n_short = (n_wanted - n_kept).max(0);
            report.costs.levels.0 += level.cost_per_order.0.saturating_mul(n_short);
        }
    }
}
