//! The cheapest flow through given arcs: a linear programme over paths, by column generation.
//!
//! The basis is partitioned as in Farvolden, Powell and Lustig (1993), "A primal partitioning
//! solution for the arc-chain formulation of a multicommodity network flow problem": every
//! commodity has a key path, and only what goes beside key paths and the arcs that are full make a
//! matrix, whose inverse is kept. A basis stays feasible when arcs open or close (a closing arc
//! becomes dear), so that a similar set of arcs is solved in a few pivots. Paths are priced with
//! one tree of shortest paths per origin.

use super::matrix::Inverse;
use super::net::{NONE, Net};
use super::ways::{Tree, Ways};

/// Reduced costs below this share of a mean path's length are rounding.
const REDUCED_MIN: f64 = 1e-9;
/// Pivots smaller than this are not trusted.
const PIVOT_MIN: f64 = 1e-9;
/// Ratios this near each other count as equal.
const RATIO_EQUAL: f64 = 1e-9;
/// An arc with less than this share of the largest commodity is not used.
const UNUSED: f64 = 1e-9;
/// The first toll of a closing arc, in what its closing may cost spread over what it carries; its
/// growth; the least one, as a share of the penalty.
const TOLL: f64 = 2.0;
const TOLL_GROWTH: f64 = 8.0;
const TOLL_MIN: f64 = 1e-5;
/// Pivots between two inversions from scratch.
const PIVOTS_PER_INVERSION: u32 = 100;
/// Most pivots of one solution.
const PIVOTS_MAX: u32 = 20_000;
/// Blurred capacities grow by up to so much, each by another share.
const BLUR: f64 = 2e-7;
/// Paths that are kept before those no longer used are dropped.
const PATHS_MAX: usize = 200_000;

/// Paths, each once for the commodities of an origin.
struct Store {
    arcs: Vec<u32>,
    /// Where each path's arcs begin and end; the first is the artificial path.
    spans: Vec<(u32, u32)>,
}

impl Store {
    fn arcs(&self, path: u32) -> &[u32] {
        let (from, to) = self.spans[path as usize];
        &self.arcs[from as usize..to as usize]
    }
}

/// Path of a commodity that is not routed.
const ARTIFICIAL: u32 = 0;

/// A path in the basis that is not its commodity's key.
#[derive(Clone, Copy)]
struct Beside {
    com: u32,
    path: u32,
    units: f64,
    length: f64,
}

/// A basic solution: which arcs are open, and what flows.
#[derive(Clone)]
pub(crate) struct Basis {
    pub(crate) is_open: Vec<bool>,
    /// Units on each arc.
    pub(crate) load: Vec<f64>,
    /// Cost of the flow, without fixed costs, and with a penalty for what found no room.
    pub(crate) cost: f64,
    keys: Vec<u32>,
    key_units: Vec<f64>,
    key_length: Vec<f64>,
    beside: Vec<Beside>,
    /// Full arcs whose capacity holds something back, and what a unit of it is worth.
    tight: Vec<u32>,
    pub(crate) price: Vec<f64>,
    slot_of: Vec<u32>,
    inverse: Inverse,
    n_pivots: u32,
}

impl Basis {
    /// Length of an open arc at present prices.
    pub(crate) fn length(&self, net: &Net, a: u32) -> Option<f64> {
        let price = self.price[a as usize].max(0.0);
        self.is_open[a as usize].then_some(net.arcs[a as usize].cost + price)
    }
}

/// What capacities are worked with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    Exact,
    /// Larger ones by less than a millionth, so that ties are rare.
    Blurred,
}

/// How a solution ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Optimal,
    Beyond,
    Unsound,
}

/// What leaves a basis.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    Beside(usize),
    Key(u32),
    Arc(u32),
}

/// What enters a basis.
#[derive(Clone, Copy)]
enum Entering {
    Path {
        com: u32,
        path: u32,
        length: f64,
    },
    /// The slack of a tight arc, by slot.
    Slack(usize),
}

/// The programme, with working memory.
pub(crate) struct Flows<'a> {
    net: &'a Net,
    store: Store,
    capacity: Vec<f64>,
    pub(crate) penalty: f64,
    reduced_min: f64,
    /// Units on an arc up to which it is not used.
    pub(crate) unused: f64,
    /// Commodities by origin.
    pub(crate) origins: Vec<(u32, Vec<u32>)>,
    /// What arcs cost now: more than usual while they close.
    cost: Vec<f64>,
    ways: Ways,
    tree: Tree,
    step: Vec<f64>,
    key_step: Vec<f64>,
    keys_touched: Vec<u32>,
    is_key_touched: Vec<bool>,
    load_step: Vec<f64>,
    arcs_touched: Vec<u32>,
    is_arc_touched: Vec<bool>,
    entry: Vec<f64>,
}

impl<'a> Flows<'a> {
    pub(crate) fn new(net: &'a Net, penalty: f64, precision: Precision) -> Self {
        let mut origins: Vec<(u32, Vec<u32>)> = Vec::new();
        for (k, com) in net.coms.iter().enumerate() {
            match origins.iter_mut().find(|(from, _)| *from == com.from) {
                Some((_, coms)) => coms.push(k as u32),
                None => origins.push((com.from, vec![k as u32])),
            }
        }
        // Fractions of the golden ratio are far from each other.
        let most = if precision == Precision::Exact { 0.0 } else { BLUR };
        let blur = |a: usize| 1.0 + most * (a as f64 * 0.618_033_988_75).fract();
        let capacity = net.arcs.iter().enumerate().map(|(a, arc)| arc.capacity * blur(a));
        let mean = net.arcs.iter().map(|arc| arc.cost).sum::<f64>() / net.arcs.len().max(1) as f64;
        Self {
            net,
            store: Store { arcs: Vec::new(), spans: vec![(0, 0)] },
            capacity: capacity.collect(),
            penalty,
            reduced_min: REDUCED_MIN * (mean + 1e-3 * penalty),
            unused: UNUSED * net.coms.iter().map(|com| com.size).fold(0.0, f64::max),
            origins,
            cost: net.arcs.iter().map(|arc| arc.cost).collect(),
            ways: Ways::default(),
            tree: Tree::new(net.n),
            step: Vec::new(),
            key_step: vec![0.0; net.coms.len()],
            keys_touched: Vec::new(),
            is_key_touched: vec![false; net.coms.len()],
            load_step: vec![0.0; net.arcs.len()],
            arcs_touched: Vec::new(),
            is_arc_touched: vec![false; net.arcs.len()],
            entry: Vec::new(),
        }
    }

    pub(crate) fn n_commodities(&self) -> usize {
        self.net.coms.len()
    }

    /// A basis in which nothing is routed.
    pub(crate) fn empty(&self, is_open: Vec<bool>) -> Basis {
        let n = self.net.coms.len();
        Basis {
            load: vec![0.0; is_open.len()],
            price: vec![0.0; is_open.len()],
            slot_of: vec![NONE; is_open.len()],
            is_open,
            cost: 0.0,
            keys: vec![ARTIFICIAL; n],
            key_units: self.net.coms.iter().map(|com| com.size).collect(),
            key_length: vec![self.penalty; n],
            beside: Vec::new(),
            tight: Vec::new(),
            inverse: Inverse::new(),
            n_pivots: 0,
        }
    }

    /// Optimises the flow of a basis for the arcs that are open now, unless it costs more than
    /// `limit`; false if it does, if something must use a closed arc, or if rounding spoils it.
    pub(crate) fn solve(&mut self, basis: &mut Basis, limit: f64) -> bool {
        // A unit on a closing arc costs a toll. The less that is, the less prices are upset, and the
        // sooner it shows that closing costs too much; where a closing arc still carries something
        // in the end, it was too little.
        let closing = |basis: &Basis| -> f64 {
            let closed = basis.load.iter().zip(&basis.is_open).filter(|(_, is_open)| !**is_open);
            closed.map(|(load, _)| load).sum()
        };
        let spare = TOLL * (limit - basis.cost).max(0.0) / closing(basis).max(self.unused);
        let mut toll = spare.clamp(TOLL_MIN * self.penalty, self.penalty);
        let end = loop {
            for (a, cost) in self.cost.iter_mut().enumerate() {
                *cost = self.net.arcs[a].cost + if basis.is_open[a] { 0.0 } else { toll };
            }
            self.measure(basis);
            let end = self.descend(basis, limit);
            if end != End::Optimal || toll >= self.penalty || closing(basis) <= self.unused {
                break end;
            }
            toll = (toll * TOLL_GROWTH).min(self.penalty);
        };
        if end == End::Beyond {
            return false;
        }
        if end == End::Unsound {
            // Once more from nothing.
            *basis = self.empty(std::mem::take(&mut basis.is_open));
            if self.descend(basis, limit) != End::Optimal {
                return false;
            }
        }
        self.total(basis);
        closing(basis) <= self.unused
    }

    /// What flows: commodity, arcs, units.
    pub(crate) fn paths<'b>(
        &'b self,
        basis: &'b Basis,
    ) -> impl Iterator<Item = (usize, &'b [u32], f64)> {
        let keys = basis.keys.iter().zip(&basis.key_units).enumerate();
        let keys = keys.map(|(k, (path, units))| (k, self.store.arcs(*path), *units));
        let beside = basis.beside.iter();
        let beside = beside.map(|b| (b.com as usize, self.store.arcs(b.path), b.units));
        keys.chain(beside).filter(|(_, _, units)| *units > 0.0)
    }

    /// What flows costs, and the load of each arc.
    fn total(&self, basis: &mut Basis) {
        basis.load.fill(0.0);
        let mut load = std::mem::take(&mut basis.load);
        let mut cost = 0.0;
        for (_, arcs, units) in self.paths(basis) {
            cost += if arcs.is_empty() { self.penalty * units } else { 0.0 };
            for &a in arcs {
                cost += self.net.arcs[a as usize].cost * units;
                load[a as usize] += units;
            }
        }
        (basis.load, basis.cost) = (load, cost);
    }

    fn descend(&mut self, basis: &mut Basis, limit: f64) -> End {
        self.reprice(basis);
        let mut found: Vec<(f64, u32, u32)> = Vec::new();
        let mut n_pivots = 0;
        loop {
            let worst = (0..basis.tight.len())
                .map(|slot| (basis.price[basis.tight[slot] as usize], slot))
                .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            if let Some((_, slot)) = worst.filter(|worst| worst.0 < -self.reduced_min) {
                n_pivots += 1;
                if n_pivots > PIVOTS_MAX || !self.pivot(basis, Entering::Slack(slot)) {
                    return End::Unsound;
                }
                continue;
            }
            if self.seek(basis, &mut found) > limit {
                return End::Beyond;
            }
            if found.is_empty() {
                return End::Optimal;
            }
            let n_before = n_pivots;
            for &(_, com, path) in &found {
                let length = self.measured(path);
                if length + self.toll(basis, path) >= self.reach(basis, com) - self.reduced_min {
                    continue;
                }
                n_pivots += 1;
                let entering = Entering::Path { com, path, length };
                if n_pivots > PIVOTS_MAX || !self.pivot(basis, entering) {
                    return End::Unsound;
                }
            }
            if n_pivots == n_before {
                return End::Optimal;
            }
        }
    }

    /// Paths shorter than their commodity's key path at present prices, the best first; gives what
    /// the flow costs at least.
    fn seek(&mut self, basis: &Basis, found: &mut Vec<(f64, u32, u32)>) -> f64 {
        found.clear();
        let price = |a: &u32| basis.price[*a as usize] * self.capacity[*a as usize];
        let open = basis.tight.iter().filter(|a| basis.is_open[**a as usize]);
        let mut least = -open.map(price).sum::<f64>();
        self.ways.set(self.net, |a| basis.length(self.net, a));
        for (from, coms) in &self.origins {
            self.tree.grow(&self.ways, *from);
            for &k in coms {
                let com = &self.net.coms[k as usize];
                let length = self.tree.dist[com.to as usize].min(self.penalty);
                let key = basis.keys[k as usize];
                let toll: f64 = self.store.arcs(key).iter().map(|a| basis.price[*a as usize]).sum();
                let reach = basis.key_length[k as usize] + toll;
                let gain = reach - length;
                least += com.size * length;
                if gain <= self.reduced_min {
                    continue;
                }
                if length >= self.penalty {
                    found.push((gain * com.size, k, ARTIFICIAL));
                    continue;
                }
                let start = self.store.arcs.len() as u32;
                let mut node = com.to;
                while node != com.from {
                    let arc = self.tree.via[node as usize];
                    self.store.arcs.push(arc);
                    node = self.net.arcs[arc as usize].tail;
                }
                self.store.arcs[start as usize..].reverse();
                self.store.spans.push((start, self.store.arcs.len() as u32));
                found.push((gain * com.size, k, self.store.spans.len() as u32 - 1));
            }
        }
        found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        least
    }

    fn measured(&self, path: u32) -> f64 {
        if path == ARTIFICIAL {
            return self.penalty;
        }
        self.store.arcs(path).iter().map(|&a| self.cost[a as usize]).sum()
    }

    fn toll(&self, basis: &Basis, path: u32) -> f64 {
        self.store.arcs(path).iter().map(|&a| basis.price[a as usize]).sum()
    }

    fn reach(&self, basis: &Basis, com: u32) -> f64 {
        basis.key_length[com as usize] + self.toll(basis, basis.keys[com as usize])
    }

    fn measure(&self, basis: &mut Basis) {
        for (path, length) in basis.keys.iter().zip(&mut basis.key_length) {
            *length = self.measured(*path);
        }
        for beside in &mut basis.beside {
            beside.length = self.measured(beside.path);
        }
    }

    /// Prices of tight arcs at which all paths of a commodity in the basis are equally long.
    fn reprice(&self, basis: &mut Basis) {
        let m = basis.tight.len();
        let mut prices = std::mem::take(&mut basis.inverse.scratch);
        prices.clear();
        prices.resize(m, 0.0);
        for (j, beside) in basis.beside.iter().enumerate() {
            let longer = beside.length - basis.key_length[beside.com as usize];
            if longer != 0.0 {
                let row = basis.inverse.row(j);
                prices.iter_mut().zip(row).for_each(|(price, v)| *price -= longer * v);
            }
        }
        for (slot, price) in prices.iter().enumerate() {
            basis.price[basis.tight[slot] as usize] = *price;
        }
        basis.inverse.scratch = prices;
    }

    /// Adds `factor` times a path's use of tight arcs to `entry`.
    fn add_entry(&mut self, basis: &Basis, path: u32, factor: f64) {
        for &a in self.store.arcs(path) {
            let slot = basis.slot_of[a as usize];
            if slot != NONE {
                self.entry[slot as usize] += factor;
            }
        }
    }

    /// How a unit of what enters changes what goes beside key paths, into `step`.
    fn set_step(&mut self, basis: &Basis, entering: Entering) {
        let m = basis.tight.len();
        self.entry.clear();
        self.entry.resize(m, 0.0);
        match entering {
            Entering::Path { com, path, .. } => {
                self.add_entry(basis, path, 1.0);
                self.add_entry(basis, basis.keys[com as usize], -1.0);
            }
            Entering::Slack(slot) => self.entry[slot] = 1.0,
        }
        self.step.clear();
        self.step.resize(m, 0.0);
        for (slot, entry) in self.entry.iter().enumerate().filter(|(_, entry)| **entry != 0.0) {
            for (j, step) in self.step.iter_mut().enumerate() {
                *step -= basis.inverse.at(j, slot) * entry;
            }
        }
    }

    fn touch(&mut self, path: u32, by: f64) {
        let (from, to) = self.store.spans[path as usize];
        for i in from..to {
            let a = self.store.arcs[i as usize];
            if !std::mem::replace(&mut self.is_arc_touched[a as usize], true) {
                self.arcs_touched.push(a);
            }
            self.load_step[a as usize] += by;
        }
    }

    fn touch_key(&mut self, com: u32, by: f64) {
        if !std::mem::replace(&mut self.is_key_touched[com as usize], true) {
            self.keys_touched.push(com);
        }
        self.key_step[com as usize] += by;
    }

    /// Lets something enter; false if nothing can leave or the pivot is too small.
    fn pivot(&mut self, basis: &mut Basis, entering: Entering) -> bool {
        self.set_step(basis, entering);
        for com in self.keys_touched.drain(..) {
            self.key_step[com as usize] = 0.0;
            self.is_key_touched[com as usize] = false;
        }
        for a in self.arcs_touched.drain(..) {
            self.load_step[a as usize] = 0.0;
            self.is_arc_touched[a as usize] = false;
        }
        if let Entering::Path { com, path, .. } = entering {
            self.touch(path, 1.0);
            self.touch_key(com, -1.0);
        }
        for j in 0..self.step.len() {
            let (by, beside) = (self.step[j], basis.beside[j]);
            if by.abs() > PIVOT_MIN {
                self.touch(beside.path, by);
                self.touch_key(beside.com, -by);
            }
        }
        for i in 0..self.keys_touched.len() {
            let com = self.keys_touched[i];
            let by = self.key_step[com as usize];
            if by != 0.0 {
                self.touch(basis.keys[com as usize], by);
            }
        }
        let Some((ratio, leaving)) = self.leaving(basis) else { return false };
        self.advance(basis, ratio);
        self.exchange(basis, entering, leaving, ratio);
        basis.n_pivots += 1;
        if basis.n_pivots >= PIVOTS_PER_INVERSION && !self.invert(basis) {
            return false;
        }
        self.reprice(basis);
        true
    }

    /// How far the entering may go, and what stops it: of equals the surest pivot.
    fn leaving(&self, basis: &Basis) -> Option<(f64, Leaving)> {
        let mut best: Option<(f64, f64, Leaving)> = None;
        let mut offer = |room: f64, by: f64, leaving: Leaving| {
            let ratio = room.max(0.0) / by;
            let is_better = best.is_none_or(|(least, surest, _)| {
                let near = RATIO_EQUAL * (1.0 + least);
                ratio < least - near || (ratio <= least + near && by > surest)
            });
            if is_better {
                let least = best.map_or(ratio, |best| best.0.min(ratio));
                best = Some((least, by, leaving));
            }
        };
        for (j, by) in self.step.iter().enumerate() {
            if *by < -PIVOT_MIN {
                offer(basis.beside[j].units, -by, Leaving::Beside(j));
            }
        }
        for &com in &self.keys_touched {
            let by = self.key_step[com as usize];
            if by < -PIVOT_MIN {
                offer(basis.key_units[com as usize], -by, Leaving::Key(com));
            }
        }
        for &a in &self.arcs_touched {
            let by = self.load_step[a as usize];
            if by > PIVOT_MIN && basis.slot_of[a as usize] == NONE {
                let room = self.capacity[a as usize] - basis.load[a as usize];
                offer(room, by, Leaving::Arc(a));
            }
        }
        best.map(|(ratio, _, leaving)| (ratio, leaving))
    }

    fn advance(&mut self, basis: &mut Basis, ratio: f64) {
        for (beside, by) in basis.beside.iter_mut().zip(&self.step) {
            beside.units = (beside.units + ratio * by).max(0.0);
        }
        for &com in &self.keys_touched {
            let units = &mut basis.key_units[com as usize];
            *units = (*units + ratio * self.key_step[com as usize]).max(0.0);
        }
        for &a in &self.arcs_touched {
            basis.load[a as usize] += ratio * self.load_step[a as usize];
        }
    }

    /// Another of a commodity's paths becomes its key, so that the key can leave: the slot where
    /// the old key then is.
    fn unkey(&self, basis: &mut Basis, com: u32) -> Option<usize> {
        let others = || (0..basis.beside.len()).filter(|&j| basis.beside[j].com == com);
        let most = others().max_by(|&i, &j| {
            basis.beside[i].units.total_cmp(&basis.beside[j].units).then(j.cmp(&i))
        })?;
        let rest: Vec<usize> = others().filter(|&j| j != most).collect();
        basis.inverse.turn(most, &rest);
        let (k, old) = (com as usize, basis.beside[most]);
        basis.beside[most] = Beside {
            com,
            path: basis.keys[k],
            units: basis.key_units[k],
            length: basis.key_length[k],
        };
        basis.keys[k] = old.path;
        basis.key_units[k] = old.units;
        basis.key_length[k] = old.length;
        Some(most)
    }

    fn exchange(&mut self, basis: &mut Basis, entering: Entering, leaving: Leaving, ratio: f64) {
        let leaving = match leaving {
            Leaving::Key(key) => match self.unkey(basis, key) {
                Some(slot) => {
                    self.set_step(basis, entering);
                    Leaving::Beside(slot)
                }
                None => {
                    // Only the entering path can have moved a key that stands alone.
                    if let Entering::Path { com, path, length } = entering {
                        debug_assert_eq!(com, key);
                        basis.keys[com as usize] = path;
                        basis.key_units[com as usize] = ratio;
                        basis.key_length[com as usize] = length;
                    }
                    return;
                }
            },
            other => other,
        };
        match (entering, leaving) {
            (Entering::Path { com, path, length }, Leaving::Beside(j)) => {
                basis.inverse.replace_column(j, &self.step);
                basis.beside[j] = Beside { com, path, units: ratio, length };
            }
            (Entering::Path { com, path, length }, Leaving::Arc(a)) => {
                let row = self.row(basis, a);
                let uses = |path: u32| f64::from(u8::from(self.store.arcs(path).contains(&a)));
                let corner = uses(path) - uses(basis.keys[com as usize]);
                basis.inverse.grow(&self.step, &row, corner);
                basis.slot_of[a as usize] = basis.tight.len() as u32;
                basis.tight.push(a);
                basis.beside.push(Beside { com, path, units: ratio, length });
            }
            (Entering::Slack(slot), Leaving::Beside(j)) => {
                basis.inverse.shrink(j, slot);
                basis.beside.swap_remove(j);
                let a = basis.tight.swap_remove(slot);
                basis.slot_of[a as usize] = NONE;
                basis.price[a as usize] = 0.0;
                if let Some(&moved) = basis.tight.get(slot) {
                    basis.slot_of[moved as usize] = slot as u32;
                }
            }
            (Entering::Slack(slot), Leaving::Arc(a)) => {
                let row = self.row(basis, a);
                basis.inverse.replace_row(slot, &row);
                let old = std::mem::replace(&mut basis.tight[slot], a);
                basis.slot_of[old as usize] = NONE;
                basis.price[old as usize] = 0.0;
                basis.slot_of[a as usize] = slot as u32;
            }
            (_, Leaving::Key(_)) => unreachable!("a key that leaves has been moved beside"),
        }
    }

    /// How what goes beside key paths uses an arc.
    fn row(&self, basis: &Basis, a: u32) -> Vec<f64> {
        let uses = |path: u32| f64::from(u8::from(self.store.arcs(path).contains(&a)));
        let row = basis.beside.iter();
        row.map(|b| uses(b.path) - uses(basis.keys[b.com as usize])).collect()
    }

    /// Inverts from scratch and computes the flow anew; false if the matrix is singular.
    fn invert(&mut self, basis: &mut Basis) -> bool {
        basis.n_pivots = 0;
        let m = basis.tight.len();
        let mut matrix = vec![0.0; m * m];
        for (j, beside) in basis.beside.iter().enumerate() {
            for (path, by) in [(beside.path, 1.0), (basis.keys[beside.com as usize], -1.0)] {
                for &a in self.store.arcs(path) {
                    if let Some(slot) = Some(basis.slot_of[a as usize]).filter(|s| *s != NONE) {
                        matrix[slot as usize * m + j] += by;
                    }
                }
            }
        }
        if !basis.inverse.set(m, matrix) {
            return false;
        }
        let mut room: Vec<f64> = basis.tight.iter().map(|&a| self.capacity[a as usize]).collect();
        basis.load.fill(0.0);
        for (k, com) in self.net.coms.iter().enumerate() {
            basis.key_units[k] = com.size;
            for &a in self.store.arcs(basis.keys[k]) {
                basis.load[a as usize] += com.size;
                let slot = basis.slot_of[a as usize];
                if slot != NONE {
                    room[slot as usize] -= com.size;
                }
            }
        }
        for j in 0..m {
            let units: f64 = basis.inverse.row(j).iter().zip(&room).map(|(v, r)| v * r).sum();
            let Beside { com, path, .. } = basis.beside[j];
            basis.beside[j].units = units.max(0.0);
            basis.key_units[com as usize] -= units.max(0.0);
            for (path, by) in [(path, units), (basis.keys[com as usize], -units)] {
                for &a in self.store.arcs(path) {
                    basis.load[a as usize] += by;
                }
            }
        }
        basis.key_units.iter_mut().for_each(|units| *units = units.max(0.0));
        true
    }

    /// Drops paths that none of these bases holds, if there are many.
    pub(crate) fn forget(&mut self, bases: &mut [&mut Basis]) {
        if self.store.spans.len() < PATHS_MAX {
            return;
        }
        let mut kept = Store { arcs: Vec::new(), spans: vec![(0, 0)] };
        for basis in bases {
            let beside = basis.beside.iter_mut().map(|beside| &mut beside.path);
            for path in basis.keys.iter_mut().chain(beside).filter(|path| **path != ARTIFICIAL) {
                let start = kept.arcs.len() as u32;
                kept.arcs.extend_from_slice(self.store.arcs(*path));
                kept.spans.push((start, kept.arcs.len() as u32));
                *path = kept.spans.len() as u32 - 1;
            }
        }
        self.store = kept;
    }
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
