//! A day's orders, seeded.
//!
//! Figures that the shares below follow:
//! - Parcels: 64 per head and year in the United States (Pitney Bowes Parcel Shipping Index, 2022),
//!   about 0.2 per head and working day; 30,000 parcels are the day of a city of 150,000.
//! - Out of home: nearly 35 % of Europe's parcels go to lockers and pick-up points (industry
//!   figures for 2024); the postal tenant has that share.
//! - Express orders by hour: a noon peak from 11 to 13 h and a higher one from 17 h on, as delivery
//!   platforms tell their couriers.

use rv_base::{FacilityId, Kilograms, PlaceId, Rng, Seconds, TenantId, TimeWindow, Timestamp};
use rv_fleet::{Actor, Command};
use rv_map::{City, FacilityKind};
use rv_model::{Handover, OrderKind, OrderRequest, Site, Template, Tenant};
use serde::{Deserialize, Serialize};

/// Most orders of one bulk announcement.
const BULK_MAX: usize = 2_000;

/// Express orders by hour of the city's day.
const EXPRESS_BY_HOUR: [f64; 24] = [
    0.2, 0.1, 0.1, 0.1, 0.1, 0.3, 1.0, 2.2, 4.0, 5.2, 6.5, 8.2, 8.4, 6.8, 5.8, 5.9, 6.8, 8.6, 9.0,
    7.4, 5.2, 3.6, 2.4, 1.1,
];

/// Shares of a day's parcels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemandModel {
    /// Post's share of parcels; the rest is express and urban.
    pub post: f64,
    /// Urban replenishment's share of parcels.
    pub urban: f64,
    /// Share of post's parcels that go to lockers.
    pub lockers: f64,
    /// Share of post's parcels that go to stations.
    pub stations: f64,
    /// Share of express orders that are collections.
    pub collections: f64,
    /// Width of post's windows.
    pub post_window_s: Seconds,
    /// Shortest time from an express order to the end of its window.
    pub express_window_s: Seconds,
    /// What is known before the day is announced so long before it begins.
    pub announced_before_s: Seconds,
}

impl DemandModel {
    /// See the module's head.
    pub const USUAL: Self = Self {
        post: 0.58,
        urban: 0.12,
        lockers: 0.20,
        stations: 0.15,
        collections: 0.08,
        post_window_s: Seconds(4.0 * 3600.0),
        express_window_s: Seconds(2.5 * 3600.0),
        announced_before_s: Seconds(1800.0),
    };
}

/// What demand is wanted for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DemandDay {
    /// When vans begin to drive.
    pub start: Timestamp,
    /// For how long orders are served.
    pub length: Seconds,
    /// Parcels, over all tenants.
    pub n_parcels: u32,
    /// Seconds to add to a timestamp to get the city's time.
    pub utc_offset: Seconds,
    /// Seed.
    pub seed: u64,
}

/// A command that will be given.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// What.
    pub command: Command,
}

impl DemandModel {
    /// The orders of a day by time. The same city, day and seed give the same orders with the
    /// same keys.
    pub fn orders(&self, city: &City, tenants: &[Tenant], day: &DemandDay) -> Vec<Planned> {
        let mut planned = Vec::new();
        let Some(sites) = Sites::of(city) else { return planned };
        let root = Rng::from_seed(day.seed).fork("demand");
        let total = f64::from(day.n_parcels);
        let has = |template| tenants.iter().any(|t| t.template == template);
        // A template that no tenant has leaves its share to the others.
        let urban = if has(Template::Urban) { self.urban } else { 0.0 };
        let post = match (has(Template::Post), has(Template::Express)) {
            (true, true) => self.post,
            (true, false) => 1.0 - urban,
            _ => 0.0,
        };
        let n_post = (total * post).round() as u32;
        let n_urban = ((total * urban).round() as u32).min(day.n_parcels - n_post);
        let n_express = if has(Template::Express) { day.n_parcels - n_post - n_urban } else { 0 };
        for (template, n_parcels) in
            [(Template::Post, n_post), (Template::Urban, n_urban), (Template::Express, n_express)]
        {
            let of_template: Vec<&Tenant> =
                tenants.iter().filter(|t| t.template == template).collect();
            for (idx, tenant) in of_template.iter().enumerate() {
                let n = of_template.len() as u32;
                let share = n_parcels / n + u32::from((idx as u32) < n_parcels % n);
                let mut rng = root.fork_idx("tenant", u64::from(tenant.id.0));
                let make = Maker { model: self, sites: &sites, day, tenant: tenant.id };
                match template {
                    Template::Post => planned.extend(make.announced(&mut rng, share, Maker::post)),
                    Template::Urban => {
                        planned.extend(make.announced(&mut rng, share, Maker::urban))
                    }
                    Template::Express => planned.extend(make.express(&mut rng, share)),
                }
            }
        }
        planned.sort_by_key(|p| p.at);
        planned
    }
}

/// Where things go.
struct Sites {
    /// Running sum of the places' weights.
    weights: Vec<u64>,
    lockers: Vec<FacilityId>,
    stations: Vec<FacilityId>,
}

impl Sites {
    fn of(city: &City) -> Option<Self> {
        let mut sum = 0_u64;
        let weights = city
            .places
            .iter()
            .map(|place| {
                sum += u64::from(place.weight.max(1));
                sum
            })
            .collect::<Vec<_>>();
        let of_kind = |kind| {
            (0..city.facilities.len())
                .filter(|idx| city.facilities[*idx].kind == kind)
                .map(FacilityId::from_idx)
                .collect::<Vec<_>>()
        };
        (!weights.is_empty()).then(|| Self {
            weights,
            lockers: of_kind(FacilityKind::Locker),
            stations: of_kind(FacilityKind::Station),
        })
    }

    fn place(&self, rng: &mut Rng) -> PlaceId {
        let total = self.weights[self.weights.len() - 1];
        let drawn = (rng.unit() * total as f64) as u64;
        PlaceId::from_idx(self.weights.partition_point(|w| *w <= drawn).min(self.weights.len() - 1))
    }
}

/// Makes one tenant's orders.
struct Maker<'a> {
    model: &'a DemandModel,
    sites: &'a Sites,
    day: &'a DemandDay,
    tenant: TenantId,
}

impl Maker<'_> {
    fn end(&self) -> Timestamp {
        self.day.start + self.day.length
    }

    /// Orders that are known before the day, in bulk.
    fn announced(
        &self,
        rng: &mut Rng,
        n_parcels: u32,
        make: impl Fn(&Self, &mut Rng, u32) -> OrderRequest,
    ) -> Vec<Planned> {
        let mut requests = Vec::new();
        let mut left = n_parcels;
        while left > 0 {
            let mut request = make(self, rng, requests.len() as u32);
            request.n_parcels = request.n_parcels.min(left.min(200) as u16);
            left -= u32::from(request.n_parcels);
            requests.push(request);
        }
        let at = self.day.start - self.model.announced_before_s;
        requests
            .chunks(BULK_MAX)
            .map(|chunk| Planned {
                at,
                actor: Actor::tenant(self.tenant),
                command: Command::PlaceOrders(chunk.to_vec()),
            })
            .collect()
    }

    fn request(&self, idx: u32, window: TimeWindow) -> OrderRequest {
        OrderRequest {
            key: format!("{}-{}-{}", self.day.start.0 / 1000, self.day.seed, idx),
            tenant: self.tenant,
            kind: OrderKind::Delivery,
            site: Site::Place(PlaceId(0)),
            handover: Handover::Door,
            n_parcels: 1,
            parcel_mass: Kilograms(1.0),
            window,
        }
    }

    fn post(&self, rng: &mut Rng, idx: u32) -> OrderRequest {
        let whole_day = TimeWindow { start: self.day.start, end: self.end() };
        let mut request = self.request(idx, whole_day);
        request.parcel_mass = Kilograms(light_kg(rng, 1.3));
        let kind = rng.unit();
        let n = rng.unit();
        if kind < self.model.lockers && !self.sites.lockers.is_empty() {
            let locker = rng.below(self.sites.lockers.len());
            request.site = Site::Facility(self.sites.lockers[locker]);
            request.handover = Handover::Locker;
        } else if kind < self.model.lockers + self.model.stations && !self.sites.stations.is_empty()
        {
            let station = rng.below(self.sites.stations.len());
            request.site = Site::Facility(self.sites.stations[station]);
            request.handover = Handover::Station;
        } else {
            request.site = Site::Place(self.sites.place(rng));
            // Windows lie anywhere in the day, on the half hour; the first leaves time to load.
            let width = self.model.post_window_s.min(self.day.length);
            let lead = Seconds(1800.0).min(self.day.length - width);
            let latest = (self.day.length - width - lead).max(Seconds::ZERO);
            let steps = (latest.0 / 1800.0).floor() as usize + 1;
            let start = self.day.start + lead + Seconds(1800.0) * rng.below(steps) as f64;
            request.window = TimeWindow { start, end: start + width };
            request.n_parcels = if n < 0.85 { 1 } else { 2 };
        }
        request
    }

    fn urban(&self, rng: &mut Rng, idx: u32) -> OrderRequest {
        // Shops want their goods in the first hours.
        let start = self.day.start + Seconds(1800.0).min(self.day.length * 0.1);
        let width = Seconds(4.0 * 3600.0).min(self.day.length * 0.9);
        let mut request = self.request(idx, TimeWindow { start, end: start + width });
        request.kind = OrderKind::Replenishment;
        request.site = Site::Place(self.sites.place(rng));
        request.n_parcels = 4 + rng.below(9) as u16;
        request.parcel_mass = Kilograms((rng.range(5.0, 14.0) * 10.0).round() / 10.0);
        request
    }

    /// Orders over the day, singly.
    fn express(&self, rng: &mut Rng, n_parcels: u32) -> Vec<Planned> {
        let width = self.model.express_window_s.min(self.day.length * 0.5);
        // The last ones leave their window's time before the end.
        let open = (self.day.length - width - Seconds(1800.0)).max(self.day.length * 0.25);
        let n_slots = ((open.0 / 900.0).ceil() as usize).max(1);
        let weights: Vec<f64> = (0..n_slots)
            .map(|slot| {
                let at = self.day.start + Seconds(900.0) * slot as f64 + self.day.utc_offset;
                EXPRESS_BY_HOUR[(at.second_of_day() / 3600) as usize]
            })
            .collect();
        (0..n_parcels)
            .map(|idx| {
                let slot = rng.choose_weighted(&weights).unwrap_or(0);
                let into = Seconds(900.0) * (slot as f64 + rng.unit());
                let at = self.day.start + into.min(open);
                let window = TimeWindow { start: at + Seconds(600.0), end: at + width };
                let mut request = self.request(idx, window);
                request.site = Site::Place(self.sites.place(rng));
                request.parcel_mass = Kilograms(light_kg(rng, 2.0));
                if rng.chance(self.model.collections) {
                    request.kind = OrderKind::Collection;
                }
                Planned {
                    at,
                    actor: Actor::tenant(self.tenant),
                    command: Command::PlaceOrder(request),
                }
            })
            .collect()
    }
}

/// Mass of a light parcel, to 10 g: most are below the mean, few far above.
fn light_kg(rng: &mut Rng, mean_kg: f64) -> f64 {
    ((0.1 + rng.exponential(mean_kg - 0.1)).min(20.0) * 100.0).round() / 100.0
}
