//! The best chargers for a route whose stops are given: labels from stop to stop, dominated ones
//! dropped.

use super::labels::{Sites, Start};
use crate::instance::NONE;

/// What length and breaches cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    pub per_mm: i64,
    /// A millisecond that a route is broken by; `None`: no route may be broken.
    pub per_ms: Option<i64>,
}

impl Prices {
    /// What being broken costs, or `None` if that may not be.
    #[inline]
    pub fn broken(&self, ms: i32) -> Option<i64> {
        match self.per_ms {
            _ if ms == 0 => Some(0),
            Some(price) => Some(i64::from(ms) * price),
            None => None,
        }
    }
}

/// Labels kept at one stop at most.
const LABELS_MAX: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Label {
    /// Length and breaches up to here, at their prices.
    cost: i64,
    start: Start,
    /// The label at the stop before, and the charger on the way (or `NONE`).
    from: u32,
    charger: u32,
}

/// Room for the labels, and the sequence found.
#[derive(Debug, Default)]
pub(super) struct Stations {
    labels: Vec<Label>,
    stops: Vec<u32>,
    /// Length from each stop to the end without chargers.
    to_go: Vec<i64>,
    pub found: Vec<u32>,
}

impl Stations {
    /// Looks for chargers with which a route over the stops of `seq` costs less than `limit`; what it
    /// costs, with the route in `found`.
    pub fn improve(
        &mut self,
        sites: &Sites,
        prices: &Prices,
        seq: impl Iterator<Item = u32>,
        limit: i64,
    ) -> Option<i64> {
        self.stops.clear();
        self.stops.extend(seq.filter(|&id| !sites.site(id).is_charger));
        let n = self.stops.len();
        self.to_go.clear();
        self.to_go.resize(n, 0);
        for k in (0..n - 1).rev() {
            self.to_go[k] = self.to_go[k + 1] + sites.length(self.stops[k], self.stops[k + 1]);
        }
        self.labels.clear();
        self.labels.push(Label { cost: 0, start: sites.first, from: NONE, charger: NONE });
        let mut layer = 0..1;
        for k in 1..n {
            let (a, b) = (self.stops[k - 1], self.stops[k]);
            let direct = sites.length(a, b);
            let beyond = self.to_go[k] * prices.per_mm;
            let first = self.labels.len();
            for at in layer {
                let Label { cost, start, .. } = self.labels[at];
                let from = at as u32;
                let mut offer = |next: Start, length: i64, charger: u32| {
                    let Some(broken) = prices.broken(next.broken - start.broken) else { return };
                    let cost = cost + length * prices.per_mm + broken;
                    if cost + beyond < limit {
                        self.offer(first, Label { cost, start: next, from, charger });
                    }
                };
                offer(sites.step(start, a, b), direct, NONE);
                for s in sites.via(a, b) {
                    let length = direct + sites.detour(a, s, b);
                    if cost + length * prices.per_mm + beyond >= limit {
                        break;
                    }
                    offer(sites.step(sites.step(start, a, s), s, b), length, s);
                }
            }
            layer = first..self.labels.len();
            if layer.is_empty() {
                return None;
            }
        }
        let best = layer.min_by_key(|&at| self.labels[at].cost)?;
        self.trace(best);
        Some(self.labels[best].cost)
    }

    /// Adds a label to the last layer, which begins at `first`, unless another one is as good.
    fn offer(&mut self, first: usize, label: Label) {
        let mut k = first;
        while k < self.labels.len() {
            if is_as_good(&self.labels[k], &label) {
                return;
            }
            if is_as_good(&label, &self.labels[k]) {
                self.labels.swap_remove(k);
            } else {
                k += 1;
            }
        }
        if self.labels.len() - first >= LABELS_MAX {
            let worst = (first..self.labels.len()).max_by_key(|&at| self.labels[at].cost);
            match worst {
                Some(at) if self.labels[at].cost > label.cost => self.labels[at] = label,
                _ => {}
            }
            return;
        }
        self.labels.push(label);
    }

    fn trace(&mut self, at: usize) {
        self.found.clear();
        let mut at = at as u32;
        for &stop in self.stops.iter().rev() {
            let label = self.labels[at as usize];
            self.found.push(stop);
            if label.charger != NONE {
                self.found.push(label.charger);
            }
            at = label.from;
        }
        self.found.reverse();
    }
}

/// Whether every way to go on from `b` is open to `a` and no dearer.
fn is_as_good(a: &Label, b: &Label) -> bool {
    let (s, t) = (&a.start, &b.start);
    a.cost <= b.cost
        && s.time <= t.time
        && s.charge + s.more >= t.charge + t.more
        && s.charge + s.more.min(t.time - s.time) >= t.charge
}
