//! The short way for simple instances: windows, one load dimension, costs of distance and vehicles.
//!
//! Legs between neighbours on a route are kept with their nodes, and all legs of the job in hand
//! lie in two rows of the table, so a position costs no look-up far away.

use crate::instance::{HORIZON, Instance, Job, Kind, Lite, NONE};
use crate::route::{Broken, Totals};
use crate::state::{Place, State};

/// A node of a route being judged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pass {
    leave: i32,
    load: i32,
    t_next: i32,
    d_next: i32,
}

impl State<'_, '_> {
    /// Judges a sequence for route `v` of a simple instance, and keeps what it found for
    /// [`State::commit_pass`].
    pub(crate) fn pass(&mut self, v: u32, seq: &[u32]) -> Result<Totals, Broken> {
        let inst = self.inst;
        let veh = &inst.vehs[v as usize];
        let pass = &mut self.pass;
        pass.clear();
        let mut load: i32 = seq.iter().map(|&id| inst.lite[id as usize].at_start).sum();
        if load > veh.capacity[0] {
            return Err(Broken::Load);
        }
        let mut leave = veh.shift_start;
        let mut distance = 0_i64;
        let mut n_open = 0_i32;
        for pair in seq.windows(2) {
            let (from, id) = (&self.hot[pair[0] as usize], pair[1]);
            let node = &inst.lite[id as usize];
            let (t, d) = if from.next == id {
                (from.t_next, from.d_next)
            } else {
                inst.leg(0, from.loc, node.loc)
            };
            pass.push(Pass { leave, load, t_next: t, d_next: d });
            distance += i64::from(d);
            let arrive = leave.saturating_add(t);
            if arrive > node.close {
                return Err(Broken::Window);
            }
            leave = arrive.max(node.open) + node.service;
            if leave >= HORIZON {
                return Err(Broken::Window);
            }
            load += node.change;
            if load > veh.capacity[0] {
                return Err(Broken::Load);
            }
            match inst.nodes[id as usize].kind {
                Kind::Collect => n_open += 1,
                Kind::Drop if n_open == 0 => return Err(Broken::Sequence),
                Kind::Drop => n_open -= 1,
                _ => {}
            }
        }
        pass.push(Pass { leave, load, t_next: 0, d_next: 0 });
        let mut totals = Totals { distance, depart: veh.shift_start, ..Totals::default() };
        if seq.len() > 2 {
            totals.cost = distance * veh.cost_per_mm + veh.cost_fixed;
        }
        Ok(totals)
    }

    /// Takes over what [`State::pass`] found for the same sequence.
    pub(crate) fn commit_pass(&mut self, v: u32, seq: &[u32], totals: Totals) {
        let inst = self.inst;
        let route = &mut self.routes[v as usize];
        self.cost += totals.cost - route.totals.cost;
        route.totals = totals;
        route.is_intricate = false;
        self.is_newer[v as usize] = true;
        let capacity = inst.vehs[v as usize].capacity[0];
        let mut prev = NONE;
        let mut peak = self.pass[0].load;
        for (pos, (&id, pass)) in seq.iter().zip(&self.pass).enumerate() {
            let entry = &mut self.hot[id as usize];
            entry.route = v;
            entry.pos = pos as u32;
            entry.prev = prev;
            entry.leave = pass.leave;
            entry.t_next = pass.t_next;
            entry.d_next = pass.d_next;
            entry.room = capacity - pass.load;
            peak = peak.max(pass.load);
            entry.room_before = capacity - peak;
            prev = id;
        }
        let (mut next, mut next_loc) = (NONE, 0);
        let mut late = inst.lite[seq[seq.len() - 1] as usize].close;
        let mut next_late = late;
        let mut peak = i32::MIN;
        for (&id, pass) in seq.iter().zip(&self.pass).rev() {
            let node = &inst.lite[id as usize];
            if next != NONE {
                // Committed nothing and closed nothing: the sequence ran, so this is not before
                // its arrival.
                late = node.close.min(next_late - pass.t_next - node.service);
            }
            let entry = &mut self.hot[id as usize];
            entry.late = late;
            entry.next = next;
            entry.next_loc = next_loc;
            entry.next_late = next_late;
            peak = peak.max(pass.load);
            entry.room_after = capacity - peak;
            (next, next_loc, next_late) = (id, node.loc, late);
        }
    }
}

/// The cheapest place of one job, found position by position.
pub(crate) struct Trial<'i> {
    inst: &'i Instance<'i>,
    pub best: i64,
    /// Predecessors of the first node and, for a transfer, of the second.
    found: Option<(u32, u32)>,
    first: u32,
    is_delivery: bool,
    is_pair: bool,
    a: Lite,
    b: Lite,
    to_a: &'i [[i32; 2]],
    from_a: &'i [[i32; 2]],
    to_b: &'i [[i32; 2]],
    from_b: &'i [[i32; 2]],
}

impl<'i> Trial<'i> {
    pub fn new(state: &State<'i, 'i>, job: &Job, best: i64) -> Self {
        let inst = state.inst;
        let a = inst.lite[job.first as usize];
        let is_pair = job.second != NONE;
        let b = inst.lite[if is_pair { job.second } else { job.first } as usize];
        Self {
            inst,
            best,
            found: None,
            first: job.first,
            is_delivery: inst.nodes[job.first as usize].kind == Kind::Delivery,
            is_pair,
            a,
            b,
            to_a: inst.row_to(a.loc),
            from_a: inst.row_from(a.loc),
            to_b: inst.row_to(b.loc),
            from_b: inst.row_from(b.loc),
        }
    }

    pub fn place(&self) -> Option<Place> {
        let (p, q) = self.found?;
        Some(if self.is_pair { Place::Both(p, q) } else { Place::After(p) })
    }

    /// Judges the place right after `p`; for a transfer, with all places of its dropoff.
    #[inline]
    pub fn after(&mut self, state: &State<'_, '_>, p: u32) {
        if self.is_pair {
            self.pair(state, p, 0, false);
            return;
        }
        let at = &state.hot[p as usize];
        let [t1, d1] = self.to_a[at.loc as usize];
        let [t2, d2] = self.from_a[at.next_loc as usize];
        let cost_per_mm = self.inst.cost_per_mm(at.route);
        let delta = (i64::from(d1) + i64::from(d2) - i64::from(at.d_next)) * cost_per_mm;
        if delta >= self.best {
            return;
        }
        let arrive = at.leave + t1;
        if arrive > self.a.close {
            return;
        }
        if arrive.max(self.a.open) + self.a.service + t2 > at.next_late {
            return;
        }
        let room = if self.is_delivery { at.room_before } else { at.room_after };
        if room < self.a.load {
            return;
        }
        self.best = delta;
        self.found = Some((p, p));
    }

    /// Judges an empty route.
    pub fn empty(&mut self, state: &State<'_, '_>, v: u32) {
        let veh = &self.inst.vehs[v as usize];
        if self.is_pair {
            self.pair(state, veh.start, veh.cost_fixed, true);
            return;
        }
        let at = &state.hot[veh.start as usize];
        let [t1, d1] = self.to_a[at.loc as usize];
        let [t2, d2] = self.from_a[at.next_loc as usize];
        let delta = (i64::from(d1) + i64::from(d2)) * veh.cost_per_mm + veh.cost_fixed;
        let arrive = at.leave.saturating_add(t1);
        if delta < self.best
            && arrive <= self.a.close
            && (arrive.max(self.a.open) + self.a.service).saturating_add(t2) <= at.next_late
            && at.room_before >= self.a.load
        {
            self.best = delta;
            self.found = Some((veh.start, veh.start));
        }
    }

    /// Judges a transfer with its pickup right after `p`, over all places of its dropoff.
    fn pair(&mut self, state: &State<'_, '_>, p: u32, fixed: i64, is_empty: bool) {
        let at = &state.hot[p as usize];
        let (a, b) = (self.a, self.b);
        let cost_per_mm = self.inst.cost_per_mm(at.route);
        let d0 = if is_empty { 0 } else { i64::from(at.d_next) };
        let [t_pa, d_pa] = self.to_a[at.loc as usize];
        let begin = (at.leave + t_pa).max(a.open);
        if begin > a.close || at.room < a.load {
            return;
        }
        let leave_a = begin + a.service;
        // The dropoff right behind the pickup.
        let [t_ab, d_ab] = self.from_a[b.loc as usize];
        let [t_bn, d_bn] = self.from_b[at.next_loc as usize];
        let whole = i64::from(d_pa) + i64::from(d_ab) + i64::from(d_bn) - d0;
        let delta = whole * cost_per_mm + fixed;
        let begin_b = leave_a.saturating_add(t_ab).max(b.open);
        if delta < self.best
            && begin_b <= b.close
            && (begin_b + b.service).saturating_add(t_bn) <= at.next_late
        {
            self.best = delta;
            self.found = Some((p, self.first));
        }
        // Further down the route.
        let [t_an, d_an] = self.from_a[at.next_loc as usize];
        let first = i64::from(d_pa) + i64::from(d_an) - d0;
        let base = first * cost_per_mm + fixed;
        if base >= self.best {
            return;
        }
        let best_second = |best: i64| best - base;
        let mut arrive = leave_a.saturating_add(t_an);
        let mut id = at.next;
        loop {
            let here = &state.hot[id as usize];
            if here.next == NONE || arrive > here.late || here.room < a.load {
                return;
            }
            let node = &self.inst.lite[id as usize];
            let leave = arrive.max(node.open) + node.service;
            let [t1, d1] = self.to_b[here.loc as usize];
            let begin_b = leave.saturating_add(t1).max(b.open);
            if begin_b > b.close && leave > b.close {
                // Later places are later still.
                return;
            }
            let [t2, d2] = self.from_b[here.next_loc as usize];
            let second = i64::from(d1) + i64::from(d2) - i64::from(here.d_next);
            if second * cost_per_mm < best_second(self.best)
                && begin_b <= b.close
                && (begin_b + b.service).saturating_add(t2) <= here.next_late
            {
                self.best = base + second * cost_per_mm;
                self.found = Some((p, id));
            }
            arrive = leave.saturating_add(here.t_next);
            id = here.next;
        }
    }
}
