//! The routes of a battery fleet with what judges a place in constant time, and an undo journal.

use super::labels::{Rest, Sites, Start};
use super::stations::{Prices, Stations};
use crate::instance::{CHARGES_MAX, NONE};

/// One charger more somewhere before, or behind, a node: what it allows and what it costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extra<T> {
    pub label: T,
    pub longer: i64,
    /// The charger goes behind the node at this position.
    pub at: u32,
    pub charger: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tour {
    /// Sites from start to end.
    pub seq: Vec<u32>,
    /// How each node is left, and what arriving at it asks.
    pub starts: Vec<Start>,
    pub rests: Vec<Rest>,
    /// The same with one charger more before, and behind.
    pub starts_extra: Vec<Option<Extra<Start>>>,
    pub rests_extra: Vec<Option<Extra<Rest>>>,
    pub length: i64,
    pub load: i32,
    /// What it is broken by: lateness, charge that is lacking, load too much, ms.
    pub broken: i32,
}

impl Tour {
    fn empty(sites: &Sites) -> Self {
        Self { seq: vec![sites.start, sites.end], ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.seq.len() == 2
    }

    /// Works everything out from the sequence; false if it cannot be said.
    fn run(&mut self, sites: &Sites) -> bool {
        if charges_too_often(sites, &self.seq) {
            return false;
        }
        let n = self.seq.len();
        self.starts.clear();
        let mut start = sites.first;
        self.starts.push(start);
        (self.length, self.load) = (0, 0);
        for pair in self.seq.windows(2) {
            start = sites.step(start, pair[0], pair[1]);
            self.starts.push(start);
            self.length += sites.length(pair[0], pair[1]);
            self.load += sites.site(pair[1]).load;
        }
        if self.is_empty() {
            self.length = 0;
        }
        self.broken = start.broken.saturating_add(sites.overload(self.load));
        self.rests.clear();
        self.rests.resize(n, sites.last());
        for k in (0..n - 1).rev() {
            self.rests[k] = sites.back(self.seq[k], self.seq[k + 1], self.rests[k + 1]);
        }
        self.run_extra(sites);
        true
    }

    fn run_extra(&mut self, sites: &Sites) {
        let n = self.seq.len();
        self.starts_extra.clear();
        self.starts_extra.resize(n, None);
        self.rests_extra.clear();
        self.rests_extra.resize(n, None);
        for k in 1..n - 1 {
            let (a, b) = (self.seq[k - 1], self.seq[k]);
            if sites.site(b).is_charger {
                continue;
            }
            let kept = self.starts_extra[k - 1].map(|extra| {
                let label = sites.step(extra.label, a, b);
                Extra { label, ..extra }
            });
            let added = sites.via(a, b).next().map(|s| {
                let label = sites.step(sites.step(self.starts[k - 1], a, s), s, b);
                let longer = sites.detour(a, s, b);
                Extra { label, longer, at: k as u32 - 1, charger: s }
            });
            self.starts_extra[k] = shorter(kept, added);
        }
        for k in (1..n - 1).rev() {
            let (a, b) = (self.seq[k], self.seq[k + 1]);
            if sites.site(a).is_charger {
                continue;
            }
            let kept = self.rests_extra[k + 1].map(|extra| {
                let label = sites.back(a, b, extra.label);
                Extra { label, ..extra }
            });
            let added = sites.via(a, b).next().map(|s| {
                let label = sites.back(a, s, sites.back(s, b, self.rests[k + 1]));
                let longer = sites.detour(a, s, b);
                Extra { label, longer, at: k as u32, charger: s }
            });
            self.rests_extra[k] = shorter(kept, added);
        }
    }
}

/// Whether a charger is visited more often than the instance can tell apart.
fn charges_too_often(sites: &Sites, seq: &[u32]) -> bool {
    let n_before = |k: usize| seq[..k].iter().filter(|&&id| id == seq[k]).count();
    (1..seq.len() - 1).any(|k| sites.site(seq[k]).is_charger && n_before(k) >= CHARGES_MAX)
}

fn shorter<T: Breakable>(a: Option<Extra<T>>, b: Option<Extra<T>>) -> Option<Extra<T>> {
    let rank = |extra: &Extra<T>| (extra.label.broken(), extra.longer);
    match (a, b) {
        (Some(a), Some(b)) => Some(if rank(&b) < rank(&a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// What may be broken.
trait Breakable {
    fn broken(&self) -> i32;
}

impl Breakable for Start {
    fn broken(&self) -> i32 {
        self.broken
    }
}

impl Breakable for Rest {
    fn broken(&self) -> i32 {
        self.broken
    }
}

/// A place for a stop: behind position `at` of a route, with chargers (or `NONE`) right before or
/// behind it or one elsewhere on the route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub route: u32,
    pub at: u32,
    pub before: u32,
    pub behind: u32,
    /// A charger behind another position of the route as it is now.
    pub far: Option<(u32, u32)>,
    /// All chargers are placed anew.
    pub is_whole: bool,
}

impl Default for Place {
    fn default() -> Self {
        Self { route: NONE, at: 0, before: NONE, behind: NONE, far: None, is_whole: false }
    }
}

/// Chargers tried on either side of a stop.
const N_BESIDE: usize = 2;
/// Places of one stop that are judged with all chargers of the route placed anew.
const N_ANEW: usize = 3;

/// The best place so far of one stop.
#[derive(Default)]
pub(super) struct Trial {
    pub stop: u32,
    pub best: i64,
    pub place: Option<Place>,
    /// The nearest places that the route cannot do with its chargers where they are: what they would
    /// cost at least, route and position.
    refused: [(i64, u32, u32); N_ANEW],
    /// The route with all chargers placed anew, if that is the best place.
    whole: Vec<u32>,
}

impl Trial {
    /// Begins with a stop that may cost less than `limit`.
    pub fn begin(&mut self, stop: u32, limit: i64) {
        (self.stop, self.best, self.place) = (stop, limit, None);
        self.refused = [(i64::MAX, NONE, NONE); N_ANEW];
    }

    fn refuse(&mut self, cost: i64, v: u32, at: usize) {
        let entry = (cost, v, at as u32);
        if cost >= self.refused[N_ANEW - 1].0 || self.refused.contains(&entry) {
            return;
        }
        self.refused[N_ANEW - 1] = entry;
        self.refused.sort_unstable();
    }
}

/// All routes. Costs are the instance's.
pub(super) struct Fleet<'s> {
    pub sites: &'s Sites,
    pub tours: Vec<Tour>,
    /// Route (or `NONE`) and position of each stop.
    pub spots: Vec<(u32, u32)>,
    pub absent: Vec<u32>,
    pub cost: i64,
    pub n_used: usize,
    /// Routes in use at most.
    pub n_used_max: usize,
    pub prices: Prices,
    pub cost_fixed: i64,
    /// What all routes are broken by.
    pub broken: i64,
    /// Routes changed since this was last cleared.
    pub is_newer: Vec<bool>,
    journal: Vec<(u32, Tour)>,
    is_touched: Vec<bool>,
    spare: Vec<Tour>,
    absent_before: Vec<u32>,
    before: (i64, usize, i64),
    stations: Stations,
    scratch: Vec<u32>,
}

impl<'s> Fleet<'s> {
    pub fn new(sites: &'s Sites, n_routes: usize, per_mm: i64, cost_fixed: i64) -> Self {
        let mut empty = Tour::empty(sites);
        empty.run(sites);
        Self {
            sites,
            tours: vec![empty; n_routes],
            spots: vec![(NONE, 0); sites.n_tasks],
            absent: Vec::new(),
            cost: 0,
            n_used: 0,
            n_used_max: n_routes,
            prices: Prices { per_mm, per_ms: None },
            cost_fixed,
            broken: 0,
            is_newer: vec![true; n_routes],
            journal: Vec::new(),
            is_touched: vec![false; n_routes],
            spare: Vec::new(),
            absent_before: Vec::new(),
            before: (0, 0, 0),
            stations: Stations::default(),
            scratch: Vec::new(),
        }
    }

    /// Starts a step that can be undone.
    pub fn begin(&mut self) {
        for (v, tour) in self.journal.drain(..) {
            self.is_touched[v as usize] = false;
            self.spare.push(tour);
        }
        self.absent_before.clone_from(&self.absent);
        self.before = (self.cost, self.n_used, self.broken);
    }

    /// Goes back to where [`Fleet::begin`] was called.
    pub fn undo(&mut self) {
        for &job in &self.absent_before {
            self.spots[job as usize].0 = NONE;
        }
        while let Some((v, tour)) = self.journal.pop() {
            self.is_touched[v as usize] = false;
            self.is_newer[v as usize] = true;
            self.spare.push(std::mem::replace(&mut self.tours[v as usize], tour));
            self.seat(v);
        }
        self.absent.clone_from(&self.absent_before);
        (self.cost, self.n_used, self.broken) = self.before;
    }

    /// Notes where the stops of a route are.
    fn seat(&mut self, v: u32) {
        for (pos, &id) in self.tours[v as usize].seq.iter().enumerate() {
            if self.sites.is_stop(id) {
                self.spots[id as usize] = (v, pos as u32);
            }
        }
    }

    /// Replaces the sequence of route `v`; false, with nothing changed, if it cannot be driven.
    /// Stops that leave the route have to be unseated by the caller.
    pub fn replace(&mut self, v: u32, seq: &[u32]) -> bool {
        let mut tour = self.spare.pop().unwrap_or_default();
        tour.seq.clear();
        tour.seq.extend_from_slice(seq);
        if !tour.run(self.sites) || self.prices.broken(tour.broken).is_none() {
            self.spare.push(tour);
            return false;
        }
        let old = std::mem::replace(&mut self.tours[v as usize], tour);
        let new = &self.tours[v as usize];
        self.cost += (new.length - old.length) * self.prices.per_mm;
        self.broken += i64::from(new.broken) - i64::from(old.broken);
        match (old.is_empty(), new.is_empty()) {
            (true, false) => {
                self.n_used += 1;
                self.cost += self.cost_fixed;
            }
            (false, true) => {
                self.n_used -= 1;
                self.cost -= self.cost_fixed;
            }
            _ => {}
        }
        self.is_newer[v as usize] = true;
        self.seat(v);
        if self.is_touched[v as usize] {
            self.spare.push(old);
        } else {
            self.is_touched[v as usize] = true;
            self.journal.push((v, old));
        }
        true
    }

    /// Whether a charger is visited more often than the instance can tell apart.
    pub fn charges_too_often(&self, seq: &[u32]) -> bool {
        charges_too_often(self.sites, seq)
    }

    /// Replaces two routes that have swapped stops; both can be driven at the price of their breaches.
    pub fn replace_both(&mut self, a: u32, seq_a: &[u32], b: u32, seq_b: &[u32]) {
        for (v, seq) in [(a, seq_a), (b, seq_b)] {
            let has_stops = seq.iter().any(|&id| self.sites.is_stop(id));
            let ends = [self.sites.start, self.sites.end];
            let is_good = self.replace(v, if has_stops { seq } else { &ends });
            debug_assert!(is_good, "what was judged can be driven");
        }
    }

    /// The price that a route pays now for what it is broken by.
    #[inline]
    pub fn penalty_now(&self, v: u32) -> i64 {
        self.prices.broken(self.tours[v as usize].broken).unwrap_or(0)
    }

    /// The first route without work, if one may be opened.
    pub fn idle(&self) -> Option<u32> {
        if self.n_used >= self.n_used_max {
            return None;
        }
        self.tours.iter().position(Tour::is_empty).map(|v| v as u32)
    }

    /// Judges the place behind position `at` of a route, chargers included.
    #[inline]
    pub fn consider(&self, trial: &mut Trial, v: u32, at: usize) {
        let (sites, tour) = (self.sites, &self.tours[v as usize]);
        let (u, p, n) = (trial.stop, tour.seq[at], tour.seq[at + 1]);
        let mut longer = sites.length(p, u) + sites.length(u, n);
        let mut fixed = -self.prices.broken(tour.broken).unwrap_or(0);
        if tour.is_empty() {
            fixed += self.cost_fixed;
        } else {
            longer -= sites.length(p, n);
        }
        let cost = |extra: i64| (longer + extra) * self.prices.per_mm + fixed;
        if cost(0) >= trial.best {
            return;
        }
        let over = sites.overload(tour.load + sites.site(u).load);
        if self.prices.broken(over).is_none() {
            return;
        }
        let plain = Place { route: v, at: at as u32, ..Place::default() };
        let mut offer = |least: i64, broken: &dyn Fn() -> i32, place: Place| {
            if least < trial.best
                && let Some(price) = self.prices.broken(broken().saturating_add(over))
                && least + price < trial.best
            {
                (trial.best, trial.place) = (least + price, Some(place));
            }
        };
        let rest = tour.rests[at + 1];
        let start = sites.step(tour.starts[at], p, u);
        let broken = sites.join(start, u, n, rest);
        offer(cost(0), &|| broken, plain);
        let is_late = tour.starts[at].time + sites.leg(p, u).time > sites.site(u).close
            || start.time + sites.leg(u, n).time > rest.late;
        if broken == 0 || is_late {
            return; // A charger more would make it no earlier.
        }
        if let Some(extra) = &tour.rests_extra[at + 1] {
            let far = Some((extra.at, extra.charger));
            let broken = || sites.join(start, u, n, extra.label);
            offer(cost(extra.longer), &broken, Place { far, ..plain });
        }
        if let Some(extra) = &tour.starts_extra[at] {
            let far = Some((extra.at, extra.charger));
            let broken = || sites.join(sites.step(extra.label, p, u), u, n, rest);
            offer(cost(extra.longer), &broken, Place { far, ..plain });
        }
        for s in sites.via(u, n).take(N_BESIDE) {
            let broken = || sites.join(sites.step(start, u, s), s, n, rest);
            offer(cost(sites.detour(u, s, n)), &broken, Place { behind: s, ..plain });
        }
        for s in sites.via(p, u).take(N_BESIDE) {
            let broken = || {
                let charged = sites.step(tour.starts[at], p, s);
                sites.join(sites.step(charged, s, u), u, n, rest)
            };
            offer(cost(sites.detour(p, s, u)), &broken, Place { before: s, ..plain });
        }
        trial.refuse(cost(0), v, at);
    }

    /// Judges the nearest refused places with all chargers of the route placed anew.
    pub fn consider_anew(&mut self, trial: &mut Trial) {
        let (sites, prices) = (self.sites, self.prices);
        let mut stations = std::mem::take(&mut self.stations);
        for (least, v, at) in trial.refused {
            if least >= trial.best {
                break;
            }
            let tour = &self.tours[v as usize];
            let over = sites.overload(tour.load + sites.site(trial.stop).load);
            let Some(over) = prices.broken(over) else { continue };
            let fixed = if tour.is_empty() { self.cost_fixed } else { 0 };
            let now = tour.length * prices.per_mm + prices.broken(tour.broken).unwrap_or(0);
            let (head, tail) = tour.seq.split_at(at as usize + 1);
            let seq = head.iter().chain([&trial.stop]).chain(tail).copied();
            let besides = fixed + over - now;
            let limit = trial.best - besides;
            if let Some(cost) = stations.improve(sites, &prices, seq, limit) {
                trial.best = cost + besides;
                trial.place = Some(Place { route: v, at, is_whole: true, ..Place::default() });
                trial.whole.clone_from(&stations.found);
            }
        }
        self.stations = stations;
    }

    /// Judges the place behind position `at` with a charger on either side.
    pub fn consider_between_chargers(&self, trial: &mut Trial, v: u32, at: usize) {
        let (sites, tour) = (self.sites, &self.tours[v as usize]);
        let (u, p, n) = (trial.stop, tour.seq[at], tour.seq[at + 1]);
        let over = sites.overload(tour.load + sites.site(u).load);
        let (direct, fixed) =
            if tour.is_empty() { (0, self.cost_fixed) } else { (sites.length(p, n), 0) };
        let fixed = fixed - self.prices.broken(tour.broken).unwrap_or(0);
        for before in sites.via(p, u) {
            let start = sites.step(sites.step(tour.starts[at], p, before), before, u);
            for behind in sites.via(u, n) {
                let way = sites.length(p, before)
                    + sites.length(before, u)
                    + sites.length(u, behind)
                    + sites.length(behind, n);
                let least = (way - direct) * self.prices.per_mm + fixed;
                if least >= trial.best {
                    continue;
                }
                let broken =
                    sites.join(sites.step(start, u, behind), behind, n, tour.rests[at + 1]);
                if let Some(broken) = self.prices.broken(broken.saturating_add(over))
                    && least + broken < trial.best
                {
                    trial.best = least + broken;
                    let at = at as u32;
                    trial.place = Some(Place { route: v, at, before, behind, ..Place::default() });
                }
            }
        }
    }

    /// Puts a stop that is off its route at its place.
    pub fn insert(&mut self, trial: &Trial, place: &Place) -> bool {
        if place.is_whole {
            return self.replace(place.route, &trial.whole);
        }
        let mut seq = std::mem::take(&mut self.scratch);
        seq.clear();
        for (pos, &id) in self.tours[place.route as usize].seq.iter().enumerate() {
            seq.push(id);
            if place.at == pos as u32 {
                seq.extend(
                    [place.before, trial.stop, place.behind].iter().filter(|&&id| id != NONE),
                );
            }
            if let Some((at, charger)) = place.far
                && at == pos as u32
            {
                seq.push(charger);
            }
        }
        let is_good = self.replace(place.route, &seq);
        self.scratch = seq;
        is_good
    }

    /// Takes positions `from..to` out of a route; chargers among them stay where the route needs
    /// them. The stops are unseated and listed in `removed`.
    pub fn take_out(&mut self, v: u32, from: usize, to: usize, removed: &mut Vec<u32>) {
        let sites = self.sites;
        let mut seq = std::mem::take(&mut self.scratch);
        seq.clear();
        let tour = &self.tours[v as usize];
        let first = removed.len();
        removed.extend(tour.seq[from..to].iter().filter(|&&id| sites.is_stop(id)));
        let (a, b) = (tour.seq[from - 1], tour.seq[to]);
        seq.extend_from_slice(&tour.seq[..from]);
        if sites.join(tour.starts[from - 1], a, b, tour.rests[to]) > tour.broken {
            seq.extend(tour.seq[from..to].iter().filter(|&&id| !sites.is_stop(id)));
        }
        seq.extend_from_slice(&tour.seq[to..]);
        if !seq.iter().any(|&id| sites.is_stop(id)) {
            seq.retain(|&id| !sites.site(id).is_charger);
        }
        if !self.replace(v, &seq) {
            // The way past the stops is longer than the way over them: the route is given up.
            let all = self.tours[v as usize].seq.iter().filter(|&&id| sites.is_stop(id));
            removed.truncate(first);
            removed.extend(all);
            let is_good = self.replace(v, &[sites.start, sites.end]);
            debug_assert!(is_good, "an empty route can be driven");
        }
        for &job in &removed[first..] {
            self.spots[job as usize].0 = NONE;
        }
        self.scratch = seq;
        self.drop_chargers(v);
    }

    /// Takes all stops out of a route, and the route out of use.
    pub fn empty(&mut self, v: u32, removed: &mut Vec<u32>) {
        let n_inner = self.tours[v as usize].seq.len() - 1;
        self.take_out(v, 1, n_inner, removed);
        self.n_used_max = self.n_used;
    }

    /// The routes in use with their stops.
    pub fn jobs_by_route(&self) -> impl Iterator<Item = (u32, Vec<u32>)> + '_ {
        let used = self.tours.iter().enumerate().filter(|(_, tour)| !tour.is_empty());
        used.map(|(v, tour)| {
            let stops = tour.seq.iter().copied().filter(|&id| self.sites.is_stop(id));
            (v as u32, stops.collect())
        })
    }

    /// Drops chargers that a route can do without.
    fn drop_chargers(&mut self, v: u32) {
        let sites = self.sites;
        let mut k = 1;
        while k + 1 < self.tours[v as usize].seq.len() {
            let tour = &self.tours[v as usize];
            let (a, b) = (tour.seq[k - 1], tour.seq[k + 1]);
            let saved = sites.detour(a, tour.seq[k], b) * self.prices.per_mm;
            let over = sites.overload(tour.load);
            let broken = sites.join(tour.starts[k - 1], a, b, tour.rests[k + 1]);
            let price = self.prices.broken(broken.saturating_add(over));
            let price_now = self.prices.broken(tour.broken).unwrap_or(0);
            if sites.site(tour.seq[k]).is_charger && price.is_some_and(|p| p - price_now <= saved) {
                let mut seq = std::mem::take(&mut self.scratch);
                seq.clone_from(&tour.seq);
                seq.remove(k);
                let is_dropped = self.replace(v, &seq);
                self.scratch = seq;
                if is_dropped {
                    continue;
                }
            }
            k += 1;
        }
    }

    /// Places the chargers of all routes changed in this step anew, as well as can be.
    pub fn place_chargers(&mut self) {
        for k in 0..self.journal.len() {
            let (v, before) = &self.journal[k];
            let (v, tour) = (*v, &self.tours[*v as usize]);
            if tour.seq == before.seq {
                continue;
            }
            let has_charger = tour.seq.iter().any(|&id| self.sites.site(id).is_charger);
            let broken = tour.broken - self.sites.overload(tour.load);
            if !has_charger && broken == 0 {
                continue;
            }
            let limit = tour.length * self.prices.per_mm + self.prices.broken(broken).unwrap_or(0);
            let mut stations = std::mem::take(&mut self.stations);
            let seq = tour.seq.iter().copied();
            if stations.improve(self.sites, &self.prices, seq, limit).is_some() {
                self.replace(v, &stations.found);
            }
            self.stations = stations;
        }
    }
}
