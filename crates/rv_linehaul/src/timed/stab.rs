//! Departures of one arc that serve windows best.

use super::net::TIME_EPSILON;

/// Slack of a truck's room, as for plans.
const ROOM_EPSILON: f64 = 1e-9;
/// Choices looked at for one load before its bound counts instead.
const CHOICES_MAX: u32 = 2_000;
/// No stab.
const NONE: u32 = u32::MAX;

/// A window that a departure may serve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) early: f64,
    pub(crate) late: f64,
    /// What serving it is worth.
    pub(crate) worth: f64,
    /// Share of a truck that it takes.
    pub(crate) share: f64,
    pub(crate) pair: u32,
}

/// A last departure: its profit with all before it, the departure before it and of which kind that
/// was, and the first item that it looks at.
#[derive(Clone, Copy, Debug)]
struct Row {
    profit: f64,
    before: (u32, usize),
    first: u32,
}

/// Working memory of stabbings, reused between calls.
#[derive(Default)]
pub(crate) struct Stabs {
    pub(crate) items: Vec<Item>,
    /// For each item the best departures that end there: of which the last can take all it meets
    /// on one truck, and of which it cannot.
    rows: Vec<[Row; 2]>,
    /// For each item the latest moment of all before it, and the best departures that end with one of
    /// those and leave nothing.
    before: Vec<(f64, (f64, (u32, usize)))>,
    load: Load,
    /// Items that the last answer serves, and when.
    pub(crate) served: Vec<(u32, f64)>,
    /// Of which of those a share is left, if trucks are filled roughly.
    pub(crate) cut: Vec<(u32, f64)>,
    pub(crate) n_trucks: f64,
}

impl Stabs {
    /// Fills trucks as if the last item could be cut: faster, and profits are a little higher.
    pub(crate) fn rough() -> Self {
        Self { load: Load { is_rough: true, ..Load::default() }, ..Self::default() }
    }

    /// Best profit of departures that serve the items, sorted by their earliest moments, at `price`
    /// a truck, or a little more. A departure leaves at the beginning of an item and serves what it
    /// meets: whatever the one before it did not meet, or of that what is worth most of its trucks.
    /// Behind one that may have left something, what it has met may be served again. Writes what is
    /// served, with the moment, to `served`.
    pub(crate) fn solve(&mut self, price: f64) -> f64 {
        self.rows.clear();
        let none = Row { profit: f64::NEG_INFINITY, before: (NONE, 0), first: 0 };
        let (mut best, mut best_at) = (0.0, (NONE, 0));
        // The best departure so far that may have left something.
        let mut full = (f64::NEG_INFINITY, NONE);
        let mut last_of_all = f64::NEG_INFINITY;
        self.before.clear();
        let mut best_before = (0.0, (NONE, 0));
        for j in 0..self.items.len() {
            let moment = self.items[j].early;
            self.before.push((last_of_all, best_before));
            last_of_all = last_of_all.max(self.items[j].late);
            let mut row = [none; 2];
            self.load.clear();
            for i in (0..=j).rev() {
                let item = &self.items[i];
                if item.late >= moment - TIME_EPSILON {
                    self.load.put(i as u32, item);
                }
                let kind = usize::from(self.load.share > 1.0 + ROOM_EPSILON);
                let (mut earlier, mut before) = (0.0, (NONE, 0));
                if let Some(last) = i.checked_sub(1) {
                    (earlier, before) = (self.rows[last][0].profit, (last as u32, 0));
                }
                // Nothing before meets this moment: whatever served it best goes before.
                let is_first = self.before[i].0 < moment - TIME_EPSILON;
                if is_first && self.before[i].1.0 > earlier {
                    (earlier, before) = self.before[i].1;
                }
                if is_first && full.0 > earlier {
                    (earlier, before) = (full.0, (full.1, 1));
                }
                if earlier + self.load.worth - price > row[kind].profit {
                    let profit = earlier + self.load.profit(price).0;
                    if profit > row[kind].profit {
                        row[kind] = Row { profit, before, first: i as u32 };
                    }
                }
                if is_first {
                    break;
                }
            }
            if row[0].profit > best_before.0 {
                best_before = (row[0].profit, (j as u32, 0));
            }
            for (kind, row) in row.iter().enumerate() {
                if row.profit > best {
                    (best, best_at) = (row.profit, (j as u32, kind));
                }
            }
            if row[1].profit > full.0 {
                full = (row[1].profit, j as u32);
            }
            self.rows.push(row);
        }
        self.trace(best_at, price);
        best
    }

    /// Writes down what departures serve, from the last one back.
    fn trace(&mut self, mut at: (u32, usize), price: f64) {
        self.served.clear();
        self.cut.clear();
        self.n_trucks = 0.0;
        while at.0 != NONE {
            let moment = self.items[at.0 as usize].early;
            let row = self.rows[at.0 as usize][at.1];
            self.load.clear();
            for i in (row.first..=at.0).rev() {
                let item = &self.items[i as usize];
                if item.late >= moment - TIME_EPSILON {
                    self.load.put(i, item);
                }
            }
            self.n_trucks += self.load.profit(price).1;
            self.cut.extend(self.load.cut.map(|(i, left)| (self.items[i as usize].pair, left)));
            let chosen = self.load.chosen.iter();
            self.served.extend(chosen.map(|&i| (self.items[i as usize].pair, moment)));
            at = row.before;
        }
    }
}

/// Items that one departure may take.
#[derive(Default)]
struct Load {
    /// (worth, share, item), by worth of a share.
    rows: Vec<(f64, f64, u32)>,
    worth: f64,
    share: f64,
    /// What the last answer takes.
    chosen: Vec<u32>,
    taken: Vec<bool>,
    n_choices: u32,
    is_rough: bool,
    /// The item of the last answer that is cut, and the share of it that is left.
    cut: Option<(u32, f64)>,
}

impl Load {
    fn clear(&mut self) {
        self.rows.clear();
        (self.worth, self.share) = (0.0, 0.0);
    }

    fn put(&mut self, i: u32, item: &Item) {
        let place = self.rows.partition_point(|row| row.0 * item.share >= item.worth * row.1);
        self.rows.insert(place, (item.worth, item.share, i));
        self.worth += item.worth;
        self.share += item.share;
    }

    /// Best profit by itself, and the trucks that it takes; at most a little too much.
    fn profit(&mut self, price: f64) -> (f64, f64) {
        let n_all = (self.share - ROOM_EPSILON).ceil().max(1.0);
        self.chosen.clear();
        self.chosen.extend(self.rows.iter().map(|row| row.2));
        self.cut = None;
        let mut best = (self.worth - n_all * price, n_all);
        let mut n = n_all - 1.0;
        while n >= 1.0 {
            if self.filled(0, n) - n * price > best.0 {
                let worth = self.fill(n, best.0 + n * price);
                if worth - n * price > best.0 {
                    best = (worth - n * price, n);
                }
            }
            n -= 1.0;
        }
        best
    }

    /// Most that fits into `room` from row `from` on, if the last may be cut.
    fn filled(&self, from: usize, mut room: f64) -> f64 {
        let mut worth = 0.0;
        for &(mine, share, _) in &self.rows[from..] {
            if share > room {
                return worth + mine * room / share;
            }
            worth += mine;
            room -= share;
        }
        worth
    }

    /// Most that fits into `room` without cutting; if that is more than `least`, what is taken then
    /// goes to `chosen`.
    fn fill(&mut self, room: f64, least: f64) -> f64 {
        if self.is_rough {
            return self.fill_roughly(room);
        }
        self.taken.clear();
        self.taken.resize(self.rows.len(), false);
        self.n_choices = 0;
        let mut best = least;
        self.choose(0, room + ROOM_EPSILON, 0.0, &mut best);
        if self.n_choices > CHOICES_MAX {
            // Not all was looked at: as if the last could be cut.
            best = best.max(self.filled(0, room + ROOM_EPSILON));
        }
        best
    }

    fn fill_roughly(&mut self, mut room: f64) -> f64 {
        self.chosen.clear();
        self.cut = None;
        let mut worth = 0.0;
        for &(mine, share, i) in &self.rows {
            if room <= 0.0 {
                break;
            }
            self.chosen.push(i);
            let part = (room / share).min(1.0);
            if part < 1.0 {
                self.cut = Some((i, 1.0 - part));
            }
            worth += mine * part;
            room -= share;
        }
        worth
    }

    fn choose(&mut self, from: usize, room: f64, worth: f64, best: &mut f64) {
        self.n_choices += 1;
        if worth > *best {
            *best = worth;
            self.chosen.clear();
            let taken = self.rows.iter().zip(&self.taken).filter(|row| *row.1);
            self.chosen.extend(taken.map(|row| row.0.2));
        }
        for i in from..self.rows.len() {
            if self.n_choices > CHOICES_MAX || worth + self.filled(i, room) <= *best {
                return;
            }
            if self.rows[i].1 <= room {
                self.taken[i] = true;
                self.choose(i + 1, room - self.rows[i].1, worth + self.rows[i].0, best);
                self.taken[i] = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Item, Stabs};

    /// Best profit by giving every item each moment at which some item begins, or none.
    fn exhaustive(items: &[Item], price: f64) -> f64 {
        let n = items.len();
        let mut best = 0.0_f64;
        for code in 0..(n + 1).pow(n as u32) {
            let mut shares = vec![0.0; n];
            let (mut profit, mut rest) = (0.0, code);
            for item in items {
                let choice = rest % (n + 1);
                rest /= n + 1;
                if choice == n {
                    continue;
                }
                let moment = items[choice].early;
                if moment < item.early || moment > item.late {
                    profit = f64::NEG_INFINITY;
                }
                profit += item.worth;
                shares[choice] += item.share;
            }
            profit -= shares.iter().map(|share| (share - 1e-9).ceil() * price).sum::<f64>();
            best = best.max(profit);
        }
        best
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// The answer is never too small, and right where one truck takes everything.
        #[test]
        fn profits_are_at_least_those_of_exhaustive_search(
            rows in prop::collection::vec((0_u8..12, 0_u8..8, 1_u8..20, 1_u8..20), 1..6),
            price in 1_u8..30,
            room in 10_u8..120,
        ) {
            let mut items: Vec<Item> = rows
                .iter()
                .zip(0..)
                .map(|(&(early, len, worth, size), pair)| Item {
                    early: f64::from(early) + 0.01 * f64::from(pair),
                    late: f64::from(early + len) + 0.5,
                    worth: f64::from(worth),
                    share: f64::from(size) / f64::from(room),
                    pair,
                })
                .collect();
            items.sort_by(|a, b| a.early.total_cmp(&b.early));
            let price = f64::from(price);
            let right = exhaustive(&items, price);
            let total: f64 = items.iter().map(|item| item.share).sum();
            let mut stabs = Stabs { items, ..Stabs::default() };
            let profit = stabs.solve(price);
            prop_assert!(profit >= right - 1e-9, "{profit} {right}");
            if total <= 1.0 {
                prop_assert!((profit - right).abs() < 1e-9, "{profit} {right}");
            }
            if profit > 0.0 {
                prop_assert!(!stabs.served.is_empty() && stabs.n_trucks >= 1.0);
            }
        }
    }
}
