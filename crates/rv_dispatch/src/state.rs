//! The plan under search: routes with what makes insertion checks O(1), and an undo journal.
//!
//! Each node keeps its earliest departure and latest arrival (Savelsbergh 1992, forward slack) and
//! the largest load before and after it within its trip, so a candidate position is judged without
//! walking the route.

use rv_model::dispatch::{Load, MAX_LOAD_DIMS};

use crate::instance::{Instance, Kind, NONE};
use crate::rich::Level;
use crate::route::{Broken, Run, Totals, run};
use crate::shared::Shared;

/// What the search reads about a node, in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Hot {
    pub route: u32,
    pub pos: u32,
    pub prev: u32,
    pub next: u32,
    pub loc: u32,
    /// Earliest departure.
    pub leave: i32,
    /// Latest arrival that keeps the rest of the route feasible.
    pub late: i32,
    pub trip: u32,
    /// Duration and length of the leg to the next node, where that is, and its latest arrival.
    pub t_next: i32,
    pub d_next: i32,
    pub next_loc: u32,
    pub next_late: i32,
    /// What the vehicle still holds at the fullest moment up to here, from here on, and when
    /// leaving here. Simple instances only.
    pub room_before: i32,
    pub room_after: i32,
    pub room: i32,
}

/// Largest loads in the trip up to a node, and from it on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peaks {
    pub before: Load,
    pub after: Load,
}

#[derive(Clone, Debug)]
pub(crate) struct RouteState {
    /// Nodes from start to end.
    pub seq: Vec<u32>,
    pub totals: Totals,
    /// Insertions need a full run: charging or a longest duration.
    pub is_intricate: bool,
    /// Begins of all nodes, where they are chosen.
    pub begins: Vec<i32>,
    /// Tenants of the orders that it serves late.
    late: Vec<u32>,
}

/// Where a job can go, and what it costs.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Its only node after this node.
    After(u32),
    /// Pickup after the first, dropoff after the second (which may be the pickup).
    Both(u32, u32),
    /// The whole route becomes this sequence.
    Whole(u32, Vec<u32>),
}

impl Place {
    /// The route that the place is in.
    pub fn route(&self, state: &State<'_, '_>) -> u32 {
        match self {
            Self::After(p) | Self::Both(p, _) => state.hot[*p as usize].route,
            Self::Whole(v, _) => *v,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct State<'i, 'p> {
    pub inst: &'i Instance<'p>,
    pub hot: Vec<Hot>,
    /// Load when leaving each node.
    pub loads: Vec<Load>,
    pub peaks: Vec<Peaks>,
    pub routes: Vec<RouteState>,
    /// Jobs left out.
    pub absent: Vec<u32>,
    /// Routes plus absences.
    pub cost: i64,
    /// Empty routes of each class, the next one to use last.
    pub empties: Vec<Vec<u32>>,
    /// Routes with at least one stop.
    pub n_used: usize,
    /// Empty routes that may not be opened.
    is_parked: Vec<bool>,
    pub(crate) run: Run,
    /// Orders left out or late, by tenant.
    n_missed: Vec<i64>,
    n_missed_before: Vec<i64>,
    /// Room for judging simple routes.
    pub(crate) pass: Vec<crate::simple::Pass>,
    pub scratch: Vec<u32>,
    /// Room for choosing charging stops: free ones with their places, and a sequence.
    pub(crate) helpers: Vec<(u32, u32)>,
    pub(crate) trial: Vec<u32>,
    journal: Vec<Saved>,
    is_touched: Vec<bool>,
    spare: Vec<Saved>,
    absent_before: Vec<u32>,
    cost_before: i64,
    /// Routes changed since the best plan was kept.
    pub is_newer: Vec<bool>,
}

/// A route as it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saved {
    v: u32,
    seq: Vec<u32>,
    begins: Vec<i32>,
    /// What was known at its nodes, and of the whole; empty where it is found out anew.
    nodes: Vec<(Hot, Load, Peaks)>,
    totals: Totals,
    is_intricate: bool,
}

impl<'i, 'p> State<'i, 'p> {
    /// The plan in which every vehicle does what is committed and no more.
    pub fn new(inst: &'i Instance<'p>) -> Self {
        let n_routes = inst.vehs.len();
        let hot = inst
            .nodes
            .iter()
            .map(|n| Hot {
                route: NONE,
                pos: 0,
                prev: NONE,
                next: NONE,
                loc: n.loc,
                leave: 0,
                late: 0,
                trip: 0,
                t_next: 0,
                d_next: 0,
                next_loc: 0,
                next_late: 0,
                room_before: 0,
                room_after: 0,
                room: 0,
            })
            .collect();
        let n_classes = inst.vehs.iter().map(|v| v.class + 1).max().unwrap_or(0) as usize;
        let mut state = Self {
            inst,
            hot,
            loads: vec![[0; MAX_LOAD_DIMS]; inst.nodes.len()],
            peaks: vec![Peaks::default(); inst.nodes.len()],
            n_used: 0,
            is_parked: vec![false; n_routes],
            pass: Vec::new(),
            routes: Vec::with_capacity(n_routes),
            absent: Vec::new(),
            cost: 0,
            empties: vec![Vec::new(); n_classes],
            run: Run::default(),
            n_missed: vec![0; inst.rich.levels.len()],
            n_missed_before: Vec::new(),
            scratch: Vec::new(),
            helpers: Vec::new(),
            trial: Vec::new(),
            journal: Vec::new(),
            is_touched: vec![false; n_routes],
            spare: Vec::new(),
            absent_before: Vec::new(),
            cost_before: 0,
            is_newer: vec![true; n_routes],
        };
        if inst.rich.is_on {
            let (n_chargers, n_depots) = (inst.rich.bays.len(), inst.rich.stock.len());
            state.run.shared = Shared::new(n_chargers, n_depots, n_routes);
        }
        for (job, entry) in inst.jobs.iter().enumerate() {
            if !entry.is_committed {
                state.absent.push(job as u32);
                state.pay_absence(job as u32);
            }
        }
        for (v, veh) in inst.vehs.iter().enumerate() {
            let mut seq = vec![veh.start];
            seq.extend(&veh.committed);
            seq.push(veh.end);
            let totals = Totals::default();
            let is_intricate = veh.duration_max < i32::MAX;
            let (begins, late) = (Vec::new(), Vec::new());
            state.routes.push(RouteState { seq, totals, is_intricate, begins, late });
            state.n_used += usize::from(!veh.committed.is_empty());
            // A committed route was accepted with its limits widened; one that still does not run
            // was refused when the problem was checked.
            let is_running = state.refresh(v as u32).is_ok();
            if veh.committed.is_empty() {
                if is_running {
                    state.empties[veh.class as usize].push(v as u32);
                } else {
                    // It cannot even get from its start to its end: it stays where it is.
                    state.is_parked[v] = true;
                    state.is_newer[v] = false;
                }
            }
        }
        for list in &mut state.empties {
            list.reverse();
        }
        state
    }

    /// Number of immovable nodes after the start.
    pub fn n_frozen(&self, v: u32) -> usize {
        self.inst.vehs[v as usize].committed.len()
    }

    pub fn is_empty(&self, v: u32) -> bool {
        self.routes[v as usize].seq.len() == 2
    }

    /// Recomputes route `v` from its sequence; on failure nothing but the sequence has changed.
    fn refresh(&mut self, v: u32) -> Result<(), Broken> {
        let inst = self.inst;
        if inst.is_simple {
            let seq = std::mem::take(&mut self.routes[v as usize].seq);
            let result = self.pass(v, &seq);
            if let Ok(totals) = result {
                self.commit_pass(v, &seq, totals);
            }
            self.routes[v as usize].seq = seq;
            return result.map(|_| ());
        }
        let n_frozen = self.n_frozen(v);
        let totals = run(inst, v, &self.routes[v as usize].seq, n_frozen, &mut self.run)?;
        self.commit_run(v, totals);
        Ok(())
    }

    /// Takes over what the last run found for the sequence of route `v`.
    fn commit_run(&mut self, v: u32, totals: Totals) {
        let inst = self.inst;
        let route = &mut self.routes[v as usize];
        self.cost += totals.cost - route.totals.cost;
        route.totals = totals;
        let veh = &inst.vehs[v as usize];
        route.is_intricate = totals.has_charge || veh.duration_max < i32::MAX || inst.rich.is_on;
        if inst.rich.is_on {
            self.note_rich(v);
        }
        let route = &mut self.routes[v as usize];
        self.is_newer[v as usize] = true;
        let (hot, at, seq) = (&mut self.hot, &self.run.at, &route.seq);
        let mut peak = [0; MAX_LOAD_DIMS];
        for (pos, &id) in seq.iter().enumerate() {
            if pos == 0 || at[pos].trip != at[pos - 1].trip {
                peak = at[pos].load;
            }
            peak = larger(peak, at[pos].load);
            let entry = &mut hot[id as usize];
            entry.route = v;
            entry.pos = pos as u32;
            entry.prev = if pos > 0 { seq[pos - 1] } else { NONE };
            entry.next = if pos + 1 < seq.len() { seq[pos + 1] } else { NONE };
            entry.leave = at[pos].leave;
            entry.trip = at[pos].trip;
            self.peaks[id as usize].before = peak;
            self.loads[id as usize] = at[pos].load;
        }
        let mut late = inst.nodes[veh.end as usize].close;
        for pos in (0..seq.len()).rev() {
            let node = &inst.nodes[seq[pos] as usize];
            if pos + 1 < seq.len() {
                let next = inst.nodes[seq[pos + 1] as usize].loc;
                let leg = inst.leg(veh.profile, node.loc, next);
                let entry = &mut hot[seq[pos] as usize];
                (entry.t_next, entry.d_next) = leg;
                (entry.next_loc, entry.next_late) = (next, late);
                let spent = at[pos].leave - at[pos].begin;
                let service = if node.kind == Kind::Reload { node.service } else { spent };
                let limit = late - leg.0 - service;
                late = match inst.latest_begin(node, limit) {
                    Some(begin) => begin.max(at[pos].arrive),
                    None => at[pos].arrive,
                };
            }
            if pos + 1 == seq.len() || at[pos].trip != at[pos + 1].trip {
                peak = at[pos].load;
            }
            peak = larger(peak, at[pos].load);
            let entry = &mut hot[seq[pos] as usize];
            entry.late = late;
            self.peaks[seq[pos] as usize].after = peak;
        }
    }

    /// Keeps what a route just run uses of what routes share, its begins, and who is served late.
    fn note_rich(&mut self, v: u32) {
        let (inst, route) = (self.inst, &mut self.routes[v as usize]);
        let run = &mut self.run;
        route.begins.clear();
        route.begins.extend(run.timed.iter().map(|t| t.begin));
        let mut stays = Vec::new();
        if inst.rich.has_bays {
            for (&id, timed) in route.seq.iter().zip(&run.timed) {
                let node = &inst.nodes[id as usize];
                if node.kind == Kind::Charge {
                    stays.push((node.facility, timed.begin, timed.leave));
                }
            }
        }
        run.shared.clear(v);
        run.shared.add(v, &stays, &run.draws);
        if !inst.rich.has_levels {
            return;
        }
        for tenant in std::mem::take(&mut route.late) {
            self.cost -= miss(&inst.rich.levels, &mut self.n_missed, tenant, -1);
        }
        for (&id, timed) in route.seq.iter().zip(&run.timed) {
            let job = inst.nodes[id as usize].job;
            if job == NONE {
                continue;
            }
            let tenant = inst.rich.terms[job as usize].tenant;
            if tenant != NONE && inst.is_late(id, timed.begin) {
                route.late.push(tenant);
                self.cost += miss(&inst.rich.levels, &mut self.n_missed, tenant, 1);
            }
        }
    }

    /// Adds what leaving a job out costs.
    pub fn pay_absence(&mut self, job: u32) {
        self.cost += self.inst.jobs[job as usize].absent_cost;
        if self.inst.rich.has_levels {
            let tenant = self.inst.rich.terms[job as usize].tenant;
            self.cost += miss(&self.inst.rich.levels, &mut self.n_missed, tenant, 1);
        }
    }

    /// What leaving a present job out would cost.
    pub fn absence_cost(&self, job: u32) -> i64 {
        let cost = self.inst.jobs[job as usize].absent_cost;
        if !self.inst.rich.has_levels {
            return cost;
        }
        let tenant = self.inst.rich.terms[job as usize].tenant as usize;
        let Some(level) = self.inst.rich.levels.get(tenant) else { return cost };
        // The job is among the missed while its place is looked for.
        let n = self.n_missed[tenant];
        cost + level.cost_of(n) - level.cost_of(n - 1)
    }

    /// Takes back what leaving a job out cost.
    pub fn end_absence(&mut self, job: u32) {
        self.cost -= self.inst.jobs[job as usize].absent_cost;
        if self.inst.rich.has_levels {
            let tenant = self.inst.rich.terms[job as usize].tenant;
            self.cost -= miss(&self.inst.rich.levels, &mut self.n_missed, tenant, -1);
        }
    }

    /// Takes route `v` out of use if it is empty.
    pub fn park(&mut self, v: u32) {
        let class = self.inst.vehs[v as usize].class as usize;
        if let Some(at) = self.empties[class].iter().rposition(|&e| e == v) {
            self.empties[class].remove(at);
            self.is_parked[v as usize] = true;
        }
    }

    /// Runs a sequence for route `v` without changing anything.
    pub fn try_seq(&mut self, v: u32, seq: &[u32]) -> Result<Totals, Broken> {
        if self.inst.is_simple {
            return self.pass(v, seq);
        }
        run(self.inst, v, seq, self.n_frozen(v), &mut self.run)
    }

    /// Runs a sequence for route `v` as if no other vehicle used what they share.
    pub fn try_alone(&mut self, v: u32, seq: &[u32]) -> Result<Totals, Broken> {
        if !self.inst.rich.is_on {
            return self.try_seq(v, seq);
        }
        let shared = std::mem::take(&mut self.run.shared);
        let result = self.try_seq(v, seq);
        self.run.shared = shared;
        result
    }

    /// Lets a vehicle out that cannot get from its start to its end without a stop in between.
    pub(crate) fn unpark(&mut self, v: u32) -> bool {
        let was_parked = std::mem::replace(&mut self.is_parked[v as usize], false);
        if was_parked {
            self.empties[self.inst.vehs[v as usize].class as usize].push(v);
        }
        was_parked
    }

    /// How many nodes of the last sequence ran.
    pub fn n_run(&self) -> usize {
        if self.inst.is_simple { self.pass.len() } else { self.run.at.len() }
    }

    /// Makes these the routes of a new state's vehicles, one after the other; false, and the state
    /// is of no use, if one does not run.
    pub fn take_routes<'a>(&mut self, routes: impl Iterator<Item = (u32, &'a [u32])>) -> bool {
        let inst = self.inst;
        self.begin();
        let mut is_present: Vec<bool> = inst.jobs.iter().map(|j| j.is_committed).collect();
        for (v, seq) in routes {
            for &id in seq {
                if let Some(present) = is_present.get_mut(inst.nodes[id as usize].job as usize) {
                    *present = true;
                }
            }
            if seq.len() > 2 {
                self.unpark(v);
            }
            if self.routes[v as usize].seq != seq && !self.replace(v, seq) {
                return false;
            }
        }
        let absent = is_present.iter().enumerate().filter(|(_, p)| !**p);
        self.absent = absent.map(|(job, _)| job as u32).collect();
        self.sum_cost();
        true
    }

    /// Sums the cost anew.
    pub(crate) fn sum_cost(&mut self) {
        let inst = self.inst;
        self.count_missed();
        let levels = inst.rich.levels.iter().zip(&self.n_missed);
        self.cost = self.routes.iter().map(|r| r.totals.cost).sum::<i64>()
            + self.absent.iter().map(|&j| inst.jobs[j as usize].absent_cost).sum::<i64>()
            + levels.map(|(level, n)| level.cost_of(*n)).sum::<i64>();
    }

    /// Remembers route `v` as it is, once per step.
    pub(crate) fn touch(&mut self, v: u32) {
        if !self.is_touched[v as usize] {
            self.is_touched[v as usize] = true;
            let mut saved = self.spare.pop().unwrap_or_default();
            let route = &self.routes[v as usize];
            saved.v = v;
            saved.seq.clone_from(&route.seq);
            saved.begins.clone_from(&route.begins);
            saved.nodes.clear();
            if self.is_copied() {
                let node = |id: &u32| {
                    let at = *id as usize;
                    (self.hot[at], self.loads[at], self.peaks[at])
                };
                saved.nodes.extend(route.seq.iter().map(node));
                (saved.totals, saved.is_intricate) = (route.totals, route.is_intricate);
            }
            self.journal.push(saved);
        }
    }

    /// Whether routes are restored from copies of what is known at their nodes; where routes share
    /// something, or are judged by the short way, they are run again.
    fn is_copied(&self) -> bool {
        !self.inst.rich.is_on && !self.inst.is_simple
    }

    /// Replaces the sequence of route `v`; returns false, and changes nothing, if it cannot run.
    pub fn replace(&mut self, v: u32, seq: &[u32]) -> bool {
        if self.is_parked[v as usize] {
            return false;
        }
        if self.inst.is_simple {
            let Ok(totals) = self.pass(v, seq) else { return false };
            self.touch(v);
            let was_empty = self.is_empty(v);
            let mut own = std::mem::take(&mut self.routes[v as usize].seq);
            for &id in &own {
                self.hot[id as usize].route = NONE;
            }
            self.commit_pass(v, seq, totals);
            own.clear();
            own.extend_from_slice(seq);
            self.routes[v as usize].seq = own;
            self.note_empty(v, was_empty);
            return true;
        }
        if !self.inst.rich.is_on {
            let n_frozen = self.n_frozen(v);
            let Ok(totals) = run(self.inst, v, seq, n_frozen, &mut self.run) else { return false };
            self.touch(v);
            let was_empty = self.is_empty(v);
            let own = &mut self.routes[v as usize].seq;
            for &id in own.iter() {
                self.hot[id as usize].route = NONE;
            }
            own.clear();
            own.extend_from_slice(seq);
            self.commit_run(v, totals);
            self.note_empty(v, was_empty);
            return true;
        }
        self.touch(v);
        let was_empty = self.is_empty(v);
        let mut old = self.spare.pop().unwrap_or_default();
        old.seq.clone_from(&self.routes[v as usize].seq);
        old.begins.clone_from(&self.routes[v as usize].begins);
        self.routes[v as usize].seq.clear();
        self.routes[v as usize].seq.extend_from_slice(seq);
        let is_good = {
            for &id in &old.seq {
                self.hot[id as usize].route = NONE;
            }
            self.refresh(v).is_ok()
        };
        if !is_good {
            self.routes[v as usize].seq.clone_from(&old.seq);
            let restored = self.refresh_at(v, &old.begins);
            debug_assert!(
                restored.is_ok() || self.is_bare(v),
                "a route that ran before runs again"
            );
        }
        self.spare.push(old);
        self.note_empty(v, was_empty);
        is_good
    }

    /// Whether a route does no more than what is committed. The road to that may be closed: then it
    /// does not run, and stays.
    fn is_bare(&self, v: u32) -> bool {
        let n_committed = self.inst.vehs[v as usize].committed.len();
        self.routes[v as usize].seq.len() == n_committed + 2
    }

    /// Keeps the lists of empty routes right after route `v` changed.
    fn note_empty(&mut self, v: u32, was_empty: bool) {
        let class = self.inst.vehs[v as usize].class as usize;
        match (was_empty, self.is_empty(v)) {
            (true, false) => {
                self.n_used += 1;
                // The next one to use is the last.
                match self.empties[class].iter().rposition(|&e| e == v) {
                    Some(at) => _ = self.empties[class].remove(at),
                    None => debug_assert!(false, "an empty route is listed"),
                }
            }
            (false, true) => {
                self.n_used -= 1;
                debug_assert!(!self.is_parked[v as usize], "a parked route is never opened");
                // Kept in falling order, so that which vehicle is next does not depend on history.
                let at = self.empties[class].partition_point(|&e| e > v);
                self.empties[class].insert(at, v);
            }
            _ => {}
        }
    }

    /// Starts a step that can be undone.
    pub fn begin(&mut self) {
        for saved in self.journal.drain(..) {
            self.is_touched[saved.v as usize] = false;
            self.spare.push(saved);
        }
        self.absent_before.clone_from(&self.absent);
        self.n_missed_before.clone_from(&self.n_missed);
        self.cost_before = self.cost;
    }

    /// Goes back to where [`State::begin`] was called.
    pub fn undo(&mut self) {
        let mut journal = std::mem::take(&mut self.journal);
        // All nodes leave first: a node may have moved between two touched routes.
        for saved in &journal {
            let v = saved.v as usize;
            for i in 0..self.routes[v].seq.len() {
                let id = self.routes[v].seq[i];
                self.hot[id as usize].route = NONE;
            }
            if self.inst.rich.is_on {
                self.run.shared.clear(saved.v);
            }
        }
        for mut saved in journal.drain(..) {
            let v = saved.v;
            self.is_touched[v as usize] = false;
            let was_empty = self.is_empty(v);
            std::mem::swap(&mut self.routes[v as usize].seq, &mut saved.seq);
            if saved.nodes.is_empty() {
                let restored = self.refresh_at(v, &saved.begins);
                debug_assert!(
                    restored.is_ok() || self.is_bare(v),
                    "a route that ran before runs again"
                );
            } else {
                self.copy_back(&saved);
            }
            self.spare.push(saved);
            self.note_empty(v, was_empty);
        }
        self.journal = journal;
        self.absent.clone_from(&self.absent_before);
        self.n_missed.clone_from(&self.n_missed_before);
        debug_assert!(self.routes.iter().map(|r| r.totals.cost).sum::<i64>() <= self.cost_before);
        self.cost = self.cost_before;
    }

    /// Restores what was known at the nodes of a route whose sequence is restored already.
    fn copy_back(&mut self, saved: &Saved) {
        let v = saved.v as usize;
        let route = &mut self.routes[v];
        for (&id, &(hot, load, peaks)) in route.seq.iter().zip(&saved.nodes) {
            let at = id as usize;
            (self.hot[at], self.loads[at], self.peaks[at]) = (hot, load, peaks);
        }
        (route.totals, route.is_intricate) = (saved.totals, saved.is_intricate);
        self.is_newer[v] = true;
    }

    /// Recomputes route `v` with these begins, if they hold.
    fn refresh_at(&mut self, v: u32, begins: &[i32]) -> Result<(), Broken> {
        if begins.is_empty() {
            return self.refresh(v);
        }
        self.run.fixed.clear();
        self.run.fixed.extend_from_slice(begins);
        let result = self.refresh(v);
        self.run.fixed.clear();
        result
    }

    /// Goes to a plan kept earlier, with its begins where they are chosen.
    pub fn restore(&mut self, seqs: &[Vec<u32>], begins: &[Vec<i32>], absent: Vec<u32>, cost: i64) {
        self.begin();
        for (v, seq) in seqs.iter().enumerate() {
            if seq.len() > 2 {
                self.is_parked[v] = false;
            }
        }
        for (v, seq) in seqs.iter().enumerate() {
            if self.is_newer[v] {
                for id in std::mem::take(&mut self.routes[v].seq) {
                    self.hot[id as usize].route = NONE;
                }
                self.routes[v].seq.clone_from(seq);
                if self.inst.rich.is_on {
                    self.run.shared.clear(v as u32);
                }
            }
        }
        for (v, seq) in seqs.iter().enumerate() {
            if self.is_newer[v] {
                let begins = begins.get(v).map_or(&[][..], |b| b);
                let restored = self.refresh_at(v as u32, begins);
                debug_assert!(
                    restored.is_ok() || self.is_bare(v as u32),
                    "a route that ran before runs again"
                );
            }
            debug_assert_eq!(&self.routes[v].seq, seq);
        }
        for list in &mut self.empties {
            list.clear();
        }
        self.n_used = (0..seqs.len() as u32).filter(|&v| !self.is_empty(v)).count();
        for v in (0..seqs.len() as u32).rev() {
            if self.is_empty(v) && !self.is_parked[v as usize] {
                self.empties[self.inst.vehs[v as usize].class as usize].push(v);
            }
        }
        self.absent = absent;
        self.cost = cost;
        self.count_missed();
    }

    /// Counts the orders left out or late anew, without touching the cost.
    fn count_missed(&mut self) {
        if !self.inst.rich.has_levels {
            return;
        }
        self.n_missed.fill(0);
        let absent = self.absent.iter().map(|&j| self.inst.rich.terms[j as usize].tenant);
        let late = self.routes.iter().flat_map(|r| r.late.iter().copied());
        for tenant in absent.chain(late).filter(|t| *t != NONE) {
            self.n_missed[tenant as usize] += 1;
        }
    }

    /// Puts an absent job (already taken off the absent list) at its place.
    pub fn insert(&mut self, job: u32, place: &Place) -> bool {
        let entry = &self.inst.jobs[job as usize];
        let mut seq = std::mem::take(&mut self.scratch);
        let v = match place {
            Place::After(p) => {
                let at = self.hot[*p as usize];
                seq.clone_from(&self.routes[at.route as usize].seq);
                seq.insert(at.pos as usize + 1, entry.first);
                at.route
            }
            Place::Both(p, q) => {
                let at = self.hot[*p as usize];
                seq.clone_from(&self.routes[at.route as usize].seq);
                let first = at.pos as usize + 1;
                seq.insert(first, entry.first);
                let second = if *q == entry.first {
                    first + 1
                } else {
                    self.hot[*q as usize].pos as usize + 2
                };
                seq.insert(second, entry.second);
                at.route
            }
            Place::Whole(v, whole) => {
                seq.clone_from(whole);
                *v
            }
        };
        let is_good = self.replace(v, &seq);
        self.scratch = seq;
        if is_good {
            self.end_absence(job);
        }
        is_good
    }

    /// A helper node of a block that no route uses.
    pub fn free_helper(&self, block: &[u32], used: &[u32]) -> Option<u32> {
        block.iter().copied().find(|id| !used.contains(id))
    }

    /// Number of reload nodes of a sequence.
    pub fn n_reloads(&self, seq: &[u32]) -> usize {
        seq.iter().filter(|&&id| self.inst.nodes[id as usize].kind == Kind::Reload).count()
    }
}

/// Counts an order of a tenant as missed (1) or no longer so (-1), and returns the size of the change
/// in cost.
fn miss(levels: &[Level], n_missed: &mut [i64], tenant: u32, by: i64) -> i64 {
    let (Some(level), Some(n)) = (levels.get(tenant as usize), n_missed.get_mut(tenant as usize))
    else {
        return 0;
    };
    let before = level.cost_of(*n);
    *n += by;
    (level.cost_of(*n) - before).abs()
}

/// The larger amount in each dimension.
fn larger(a: Load, b: Load) -> Load {
    std::array::from_fn(|d| a[d].max(b[d]))
}
