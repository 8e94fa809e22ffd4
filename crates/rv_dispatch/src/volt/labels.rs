//! What is known at a node of a battery route, so that any start joins any rest in constant time.
//!
//! Charge is counted by the milliseconds that charging it takes. Charging a moment longer then
//! leaves later by that moment with that much more, so all ways to leave a node lie on one line of
//! time against charge, and so do the least charges with which the rest can be driven (cf.
//! Desaulniers et al. 2016, Operations Research 64(6), section 4, for one rate of charging).
//!
//! A route may be broken: a vehicle that comes late is set back to the end of the window (time warp,
//! Nagata, Braysy and Dullaert 2010), one that lacks charge is given it, and both are summed in ms.

use crate::instance::{Instance, Kind, NONE};

/// Chargers tried between two stops.
pub(super) const N_VIA: usize = 4;
/// Most stops, chargers and ends: tables are square.
pub(super) const SITES_MAX: usize = 2_000;
/// Longest times, windows and charges that the arithmetic allows.
pub(super) const SPAN_MAX: i32 = 1 << 28;

/// A stop, a charger, the start or the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub open: i32,
    pub close: i32,
    pub service: i32,
    pub load: i32,
    pub is_charger: bool,
}

/// Duration, length and energy of a leg.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(16))]
pub(super) struct Leg {
    pub time: i32,
    pub length: i32,
    pub energy: i32,
}

/// How a vehicle can leave a node: at `time` with `charge`, or up to `more` later with that much
/// more, by charging longer at the last charger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Start {
    pub time: i32,
    pub charge: i32,
    pub more: i32,
    /// What the route is broken by up to here.
    pub broken: i32,
}

/// What the rest of a route asks of a vehicle that arrives at its first node: `need` of charge until
/// `early`, from then on more by as much as it comes later, and never later than `late`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    pub late: i32,
    pub early: i32,
    pub need: i32,
    /// What the rest is broken by even then.
    pub broken: i32,
}

/// The sites of an instance and all legs between them: stops as the instance numbers them, then the
/// chargers, the start and the end.
#[derive(Debug)]
pub(super) struct Sites {
    pub sites: Vec<Site>,
    pub n_tasks: usize,
    pub start: u32,
    pub end: u32,
    pub full: i32,
    pub first: Start,
    pub capacity: i32,
    /// What a unit of load too much breaks a route by, ms.
    pub per_load: i32,
    legs: Vec<Leg>,
    /// Chargers between two sites by detour, nearest first, padded with `NONE`.
    via: Vec<[u32; N_VIA]>,
}

impl Sites {
    /// The sites of an instance whose vehicles are all alike and charge at one rate (`power_mw`).
    pub fn new(inst: &Instance<'_>, power_mw: i64) -> Option<Self> {
        let veh = inst.vehs.first()?;
        let range = veh.range?;
        let charge_ms = |mwh: i64| mwh.saturating_mul(3_600_000) / power_mw;
        let full = i32::try_from(charge_ms(range.capacity_mwh - range.floor_mwh)).ok()?;
        let charge = i32::try_from(charge_ms(range.start_mwh - range.floor_mwh)).ok()?;
        let chargers = veh.charge_nodes.iter().filter_map(|block| block.first());
        let ids: Vec<u32> =
            (0..inst.n_tasks as u32).chain(chargers.copied()).chain([veh.start, veh.end]).collect();
        if ids.len() > SITES_MAX || charge < 0 || full > SPAN_MAX {
            return None;
        }
        let node = |id: &u32| &inst.nodes[*id as usize];
        let site = |id: &u32| Site {
            open: node(id).open,
            close: node(id).close,
            // A charge may be rounded up where it begins and where it is needed.
            service: node(id).service + if node(id).kind == Kind::Charge { 3 } else { 0 },
            load: node(id).load[0],
            is_charger: node(id).kind == Kind::Charge,
        };
        let n = ids.len();
        let mut legs = Vec::with_capacity(n * n);
        for a in &ids {
            for b in &ids {
                let (time, length) = inst.leg(veh.profile, node(a).loc, node(b).loc);
                let mwh = inst.energy(veh.profile, node(a).loc, node(b).loc);
                let energy = (mwh.saturating_mul(3_600_000) + power_mw - 1) / power_mw;
                let energy = energy.min(i64::from(SPAN_MAX)) as i32;
                legs.push(Leg { time, length, energy });
            }
        }
        let loads = inst.jobs.iter().map(|j| inst.nodes[j.first as usize].load[0]);
        let reach = legs[..n].iter().map(|leg| leg.time).max().unwrap_or(1);
        let per_load = (reach / loads.max().unwrap_or(1).max(1)).max(1);
        let sites = Self {
            sites: ids.iter().map(site).collect(),
            n_tasks: inst.n_tasks,
            start: n as u32 - 2,
            end: n as u32 - 1,
            full,
            first: Start { time: veh.shift_start, charge, more: 0, broken: 0 },
            capacity: veh.capacity[0],
            per_load,
            legs,
            via: Vec::new(),
        };
        Some(sites.with_chargers())
    }

    fn with_chargers(mut self) -> Self {
        let chargers = self.n_tasks as u32..self.start;
        let n = self.sites.len() as u32;
        let mut via = Vec::with_capacity((n * n) as usize);
        for a in 0..n {
            for b in 0..n {
                let mut best = [(i64::MAX, NONE); N_VIA + 1];
                for s in chargers.clone().filter(|&s| s != a && s != b) {
                    best[N_VIA] = (self.length(a, s) + self.length(s, b), s);
                    best.sort_unstable();
                }
                via.push(std::array::from_fn(|k| best[k].1));
            }
        }
        self.via = via;
        self
    }

    pub fn is_stop(&self, id: u32) -> bool {
        (id as usize) < self.n_tasks
    }

    #[inline]
    pub fn site(&self, id: u32) -> &Site {
        &self.sites[id as usize]
    }

    /// What a route with so much load is broken by.
    #[inline]
    pub fn overload(&self, load: i32) -> i32 {
        (load - self.capacity).max(0).saturating_mul(self.per_load)
    }

    #[inline]
    pub fn leg(&self, a: u32, b: u32) -> Leg {
        self.legs[a as usize * self.sites.len() + b as usize]
    }

    #[inline]
    pub fn length(&self, a: u32, b: u32) -> i64 {
        i64::from(self.leg(a, b).length)
    }

    /// Chargers between two sites, by detour.
    #[inline]
    pub fn via(&self, a: u32, b: u32) -> impl Iterator<Item = u32> + use<> {
        let list = self.via[a as usize * self.sites.len() + b as usize];
        list.into_iter().take_while(|&s| s != NONE)
    }

    /// How much longer the way from `a` to `b` gets over charger `s`.
    #[inline]
    pub fn detour(&self, a: u32, s: u32, b: u32) -> i64 {
        self.length(a, s) + self.length(s, b) - self.length(a, b)
    }

    /// Drives from `a` to `b` and serves it, or charges there.
    #[inline]
    pub fn step(&self, from: Start, a: u32, b: u32) -> Start {
        let (leg, site) = (self.leg(a, b), self.site(b));
        let Start { mut time, mut charge, mut more, mut broken } = from;
        time += leg.time;
        charge -= leg.energy;
        if charge < 0 {
            let charged = more.min(-charge);
            time += charged;
            more -= charged;
            broken = broken.saturating_add(-charge - charged);
            charge = 0;
        }
        if time > site.close {
            broken = broken.saturating_add(time - site.close);
            time = site.close;
        }
        if time < site.open {
            let waited = more.min(site.open - time);
            charge += waited;
            more -= waited;
            time = site.open;
        }
        more = more.min(site.close - time);
        time += site.service;
        if site.is_charger {
            more = self.full - charge;
        }
        Start { time, charge, more, broken }
    }

    /// What the whole route is broken by if a start that leaves `a` goes on with the rest that begins
    /// at `b`.
    #[inline]
    pub fn join(&self, from: Start, a: u32, b: u32, rest: Rest) -> i32 {
        let leg = self.leg(a, b);
        let (time, charge) = (from.time + leg.time, from.charge - leg.energy);
        let late = (time - rest.late).max(0);
        let time = time - late;
        let lack = if time >= rest.early {
            rest.need + (time - rest.early) - charge
        } else {
            rest.need - charge - from.more.min(rest.early - time)
        };
        from.broken.saturating_add(rest.broken).saturating_add(late + lack.max(0))
    }

    /// What arriving at the end asks.
    pub fn last(&self) -> Rest {
        let close = self.site(self.end).close;
        Rest { late: close, early: close, need: 0, broken: 0 }
    }

    /// What arriving at `a` asks if the route goes on with the rest that begins at `b`.
    #[inline]
    pub fn back(&self, a: u32, b: u32, rest: Rest) -> Rest {
        let (leg, site) = (self.leg(a, b), self.site(a));
        let spent = leg.time + site.service;
        let Rest { mut late, mut early, mut need, mut broken } = rest;
        late -= spent;
        early -= spent;
        need += leg.energy;
        let mut cap = |need: i32| {
            broken = broken.saturating_add((need - self.full).max(0));
            need.min(self.full)
        };
        need = cap(need);
        if site.is_charger {
            early -= need;
            need = 0;
        }
        if early < site.open {
            need = cap(need + (site.open - early));
            early = site.open;
        }
        late = late.min(site.close);
        broken = broken.saturating_add((site.open - late).max(0));
        late = late.max(site.open);
        early = early.min(late);
        late = late.min(early + (self.full - need));
        Rest { late, early, need, broken }
    }
}
