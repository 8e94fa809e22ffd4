//! The best chargers for a route whose stops are given: labels from stop to stop, dominated ones
//! dropped.

use super::labels::{Sites, Start};
use crate::instance::NONE;

/// Labels kept at one stop at most.
const LABELS_MAX: usize = 24;

#[derive(Clone, Copy, Debug)]
struct Label {
    length: i64,
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
    /// Looks for chargers with which the stops of `seq` make a route shorter than `limit`; its length,
    /// with the route in `found`.
    pub fn improve(
        &mut self,
        sites: &Sites,
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
        self.labels.push(Label { length: 0, start: sites.first, from: NONE, charger: NONE });
        let mut layer = 0..1;
        for k in 1..n {
            let (a, b) = (self.stops[k - 1], self.stops[k]);
            let first = self.labels.len();
            for at in layer {
                let Label { length, start, .. } = self.labels[at];
                let from = at as u32;
                let slack = limit - length - self.to_go[k - 1];
                if slack > 0
                    && let Some(next) = sites.step(start, a, b)
                {
                    let length = length + sites.length(a, b);
                    self.offer(first, Label { length, start: next, from, charger: NONE });
                }
                for s in sites.via(a, b) {
                    let detour = sites.detour(a, s, b);
                    if detour >= slack {
                        break;
                    }
                    let charged = sites.step(start, a, s);
                    let Some(next) = charged.and_then(|c| sites.step(c, s, b)) else { continue };
                    let length = length + sites.length(a, b) + detour;
                    self.offer(first, Label { length, start: next, from, charger: s });
                }
            }
            layer = first..self.labels.len();
            if layer.is_empty() {
                return None;
            }
        }
        let best = layer.min_by_key(|&at| self.labels[at].length)?;
        self.trace(best);
        Some(self.labels[best].length)
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
            let worst = (first..self.labels.len()).max_by_key(|&at| self.labels[at].length);
            match worst {
                Some(at) if self.labels[at].length > label.length => self.labels[at] = label,
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

/// Whether every way to go on from `b` is open to `a` and no longer.
fn is_as_good(a: &Label, b: &Label) -> bool {
    let (s, t) = (&a.start, &b.start);
    a.length <= b.length
        && s.time <= t.time
        && s.charge + s.more >= t.charge + t.more
        && s.charge + s.more.min(t.time - s.time) >= t.charge
}
