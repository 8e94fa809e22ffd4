//! The brain against scripted vans: random commands, reports, losses and restarts, with the
//! invariants checked all the way.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod city;
mod haul;
mod peer;
mod review;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;
use rv_base::{
    EdgeId, FacilityId, HourSet, Kilograms, OrderId, PermitId, PlaceId, Rng, Seconds, TenantId,
    TimeWindow, Timestamp, VanId,
};
use rv_fleet::audit::Audit;
use rv_fleet::{
    Actor, Command, Custodian, Done, Event, Fleet, FleetConfig, Haul, Input, Notice, OrderEnd,
    Output, PlanResult, Record, Rejection, RoadPlace,
};
use rv_map::City;
use rv_model::{
    Handover, OrderKind, OrderRequest, OrderStatus, Permit, PermitArea, RefusalReason, Site,
    VehicleKind,
};

use peer::{Parcels, Peer, Whereabouts};

/// Monday, 2 March 2026, 07:00.
const START: Timestamp = Timestamp::from_secs(1_772_434_800);

struct World {
    city: Arc<City>,
    config: FleetConfig,
    fleet: Fleet,
    peers: Vec<Peer>,
    parcels: Parcels,
    records: Vec<Record>,
    plans: Vec<(Timestamp, PlanResult)>,
    replies: VecDeque<Result<Done, Rejection>>,
    ends: BTreeMap<OrderId, OrderEnd>,
    codes: BTreeMap<OrderId, String>,
    now: Timestamp,
    rng: Rng,
    loss: f64,
    n_orders: u64,
    /// Whether permits come and go.
    grants: bool,
    granted: Vec<PermitId>,
    /// Trucks that were named, if any come at all.
    trucks: Option<u32>,
}

impl World {
    fn new(n_vans: u32, seed: u64, loss: f64) -> Self {
        let city = Arc::new(city::grid());
        let mut config = FleetConfig::for_city(&city, n_vans, seed);
        config.planning.iterations_per_order = 3;
        let fleet = Fleet::new(city.clone(), config.clone()).unwrap();
        let home = city.facilities[0].stop;
        let mut world = Self {
            peers: (0..n_vans).map(|_| Peer::new(home)).collect(),
            parcels: Parcels::default(),
            city,
            config,
            fleet,
            records: Vec::new(),
            plans: Vec::new(),
            replies: VecDeque::new(),
            ends: BTreeMap::new(),
            codes: BTreeMap::new(),
            now: START,
            rng: Rng::from_seed(seed).fork("world"),
            loss,
            n_orders: 0,
            grants: false,
            granted: Vec::new(),
            trucks: None,
        };
        world.feed(Input::Start);
        world
    }

    fn feed(&mut self, input: Input) {
        for output in self.fleet.step(self.now, input) {
            match output {
                Output::Append(events) => {
                    for event in events {
                        self.note(&event);
                        let position = self.records.len() as u64;
                        self.records.push(Record { position, at: self.now, event });
                    }
                }
                Output::Reply { result, .. } => self.replies.push_back(result),
                Output::Send { van, envelope } => {
                    while !self.rng.chance(self.loss) {
                        self.peers[van.idx()].receive(envelope.clone());
                        if self.rng.chance(0.9) {
                            break;
                        }
                    }
                }
                Output::Plan(job) => {
                    let ready = self.now + job.ready_after;
                    self.plans.push((ready, job.run()));
                }
                Output::Notify(Notice::FetchVan { van, hub }) => {
                    let home = self.city.facilities[hub.idx()].stop;
                    self.peers[van.idx()].fetched(self.now, home, &mut self.parcels);
                }
                Output::Notify(Notice::Code { order, code, .. }) => {
                    self.codes.insert(order, code);
                }
                Output::Notify(_) => {}
            }
        }
    }

    fn note(&mut self, event: &Event) {
        if let Event::OrderEnded { order, end } = event {
            assert!(self.ends.insert(*order, *end).is_none(), "order {order} ended twice");
        }
        // People bring back by hand what a van left behind of an order that was not whole.
        if let Event::ParcelsMoved { parcels, from: Custodian::Facility(_), .. } = event {
            parcels.iter().for_each(|p| self.parcels.put(*p, Whereabouts::Hub));
        }
        if let Event::ParcelsMoved { parcels, from: Custodian::Truck(_), .. } = event {
            parcels.iter().for_each(|p| self.parcels.put(*p, Whereabouts::Hub));
        }
        if let Event::ParcelsMoved { parcels, to: Custodian::Truck(_), .. } = event {
            parcels.iter().for_each(|p| self.parcels.put(*p, Whereabouts::Truck));
        }
        if let Event::HaulAccepted { order, haul, .. } = event {
            let at = match haul {
                Haul::In(_) => Whereabouts::Truck,
                Haul::Out { .. } => Whereabouts::Sender,
            };
            order.parcels().for_each(|p| self.parcels.put(p, at));
        }
        if let Event::OrderAccepted { order, .. } = event {
            let at = match order.request.kind {
                OrderKind::Collection => Whereabouts::Sender,
                OrderKind::Delivery | OrderKind::Replenishment => Whereabouts::Hub,
            };
            order.parcels().for_each(|p| self.parcels.put(p, at));
        }
    }

    fn command(&mut self, command: Command) -> Result<Done, Rejection> {
        self.feed(Input::Command { tag: 1, actor: Actor::ADMIN, command });
        self.replies.pop_back().expect("every command is answered")
    }

    /// Lets time pass; vans act and are heard.
    fn pass(&mut self, seconds: f64) {
        self.now = self.now + Seconds(seconds);
        while let Some(idx) = self.plans.iter().position(|(at, _)| *at <= self.now) {
            let (_, result) = self.plans.remove(idx);
            self.feed(Input::Planned(result));
        }
        self.feed(Input::Tick);
        for idx in 0..self.peers.len() {
            for _ in 0..self.rng.below(4) {
                self.peers[idx].act(self.now, &mut self.rng, &mut self.parcels);
            }
            for envelope in self.peers[idx].due(self.now) {
                while !self.rng.chance(self.loss) {
                    let van = VanId::from_idx(idx);
                    self.feed(Input::Uplink { van, envelope: envelope.clone() });
                    if self.rng.chance(0.9) {
                        break;
                    }
                }
            }
        }
    }

    fn request(&mut self) -> OrderRequest {
        self.n_orders += 1;
        let (site, handover) = match self.rng.below(10) {
            0 => (Site::Facility(FacilityId(2)), Handover::Locker),
            1 => (Site::Facility(FacilityId(1)), Handover::Station),
            _ => (
                Site::Place(PlaceId::from_idx(self.rng.below(self.city.places.len()))),
                Handover::Door,
            ),
        };
        let is_collection = handover == Handover::Door && self.rng.chance(0.2);
        let start = self.now + Seconds(self.rng.range(-600.0, 3600.0));
        OrderRequest {
            key: format!("k{}", self.n_orders),
            tenant: TenantId(self.rng.below(3) as u16),
            kind: if is_collection { OrderKind::Collection } else { OrderKind::Delivery },
            site,
            handover,
            n_parcels: 1 + self.rng.below(3) as u16,
            parcel_mass: Kilograms(2.0),
            window: TimeWindow { start, end: start + Seconds(self.rng.range(3600.0, 20_000.0)) },
        }
    }

    /// A permit that keeps every van out of a block or two for some hours of each day.
    fn permit(&mut self) -> Permit {
        let middle = self.rng.below(self.city.graph.junctions.len());
        let frame = rv_base::LocalFrame::at(self.city.graph.junctions[middle]);
        let half_m = self.rng.range(20.0, 200.0);
        let from = self.rng.below(24) as u32;
        let outline = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
            .map(|(x, y)| rv_base::Point2 { x_m: x * half_m, y_m: y * half_m })
            .map(|corner| frame.to_world(corner).unwrap())
            .to_vec();
        let hours = HourSet::daily(from, (from + 2) % 24);
        Permit {
            id: PermitId(0),
            name: "blocks".into(),
            kinds: vec![VehicleKind::Van],
            allowed: Vec::new(),
            forbidden: vec![PermitArea { name: "blocks".into(), outline, hours }],
            hours: HourSet::NEVER,
        }
    }

    fn something(&mut self) {
        let van = VanId::from_idx(self.rng.below(self.peers.len()));
        let order = OrderId(self.rng.below(self.n_orders as usize + 2) as u64);
        match self.rng.below(100) {
            0..30 => {
                let request = self.request();
                let _ = self.command(Command::PlaceOrder(request));
            }
            30..34 => {
                let _ = self.command(Command::CancelOrder { order });
            }
            34..38 => {
                let place = PlaceId::from_idx(self.rng.below(self.city.places.len()));
                let site = Some(Site::Place(place));
                let _ = self.command(Command::ChangeOrder { order, site, window: None });
            }
            38..40 => {
                let edge = EdgeId::from_idx(self.rng.below(self.city.graph.n_edges()));
                let until = Some(self.now + Seconds(900.0));
                let at = RoadPlace::Edges(vec![edge]);
                let _ = self.command(Command::CloseRoad { at, until });
            }
            40 => {
                let _ = self.command(Command::DeclareVanLost { van });
            }
            41..44 => {
                let _ = self.command(Command::SetVanInService { van });
            }
            44 => {
                let _ = self.command(Command::HaltVan { van });
            }
            45..48 => {
                let _ = self.command(Command::ResumeVan { van });
            }
            48 => self.restart(),
            49 if self.grants => {
                let permit = self.permit();
                let done = self.command(Command::GrantPermit { permit, is_new: true });
                let Ok(Done::PermitAnnounced { permit, .. }) = done else { panic!("{done:?}") };
                self.granted.push(permit);
            }
            50 if self.grants => {
                if let Some(permit) = self.granted.pop() {
                    self.command(Command::RevokePermit { permit }).unwrap();
                }
            }
            51..65 if self.trucks.is_some() => self.truck(),
            _ => {
                let seconds = self.rng.range(1.0, 120.0);
                self.pass(seconds);
            }
        }
    }

    /// The fleet dies and comes back from its ledger.
    fn restart(&mut self) {
        let live = postcard::to_stdvec(self.fleet.state()).unwrap();
        let records = self.records.iter().cloned();
        self.fleet = Fleet::restore(self.city.clone(), self.config.clone(), records).unwrap();
        let restored = postcard::to_stdvec(self.fleet.state()).unwrap();
        assert!(live == restored, "the fold of the ledger is the state");
        self.plans.clear();
        self.feed(Input::Start);
    }

    fn check(&self) {
        let state = self.fleet.state();
        for (idx, van) in state.vans.iter().enumerate() {
            let custodian = Custodian::Van(VanId::from_idx(idx));
            let held = state.parcels.iter().filter(|p| p.custodian == custodian).count();
            assert_eq!(held, van.on_board.len());
            assert!(van.on_board.keys().all(|p| state.parcels[p.idx()].custodian == custodian));
        }
        for order in &state.orders {
            assert_eq!(order.status.is_final(), order.end.is_some());
            assert_eq!(order.end, self.ends.get(&order.order.id).copied());
        }
        for order in state.open.values().flatten() {
            let order = &state.orders[order.idx()];
            assert!(order.status == OrderStatus::Accepted && order.van.is_none());
        }
    }

    /// When all is said, every parcel is where the ledger says.
    fn compare(&self) {
        for (idx, parcel) in self.fleet.state().parcels.iter().enumerate() {
            let booked = match parcel.custodian {
                Custodian::Sender => Whereabouts::Sender,
                Custodian::Hub(_) => Whereabouts::Hub,
                Custodian::Van(_) => Whereabouts::Van,
                Custodian::Facility(_) => Whereabouts::Facility,
                Custodian::Recipient => Whereabouts::Recipient,
                Custodian::Truck(_) => Whereabouts::Truck,
            };
            let really = self.parcels.at(rv_base::ParcelId(idx as u64));
            assert_eq!(booked, really, "parcel {idx} of {}", parcel.order);
        }
    }

    fn audit(&self) {
        let mut audit = Audit::new(None);
        self.records.iter().for_each(|record| audit.push(record));
        let report = audit.finish();
        assert!(report.violations.is_empty(), "{:#?}", report.violations);
    }

    /// Nothing goes wrong any more until every order has ended.
    fn wind_down(&mut self, seconds_max: u32) {
        self.loss = 0.0;
        self.peers.iter_mut().for_each(Peer::be_good);
        for van in 0..self.peers.len() {
            let _ = self.command(Command::ResumeVan { van: VanId::from_idx(van) });
        }
        for _ in 0..seconds_max / 10 {
            self.pass(10.0);
            if self.fleet.state().tally.n_pending() == 0 {
                break;
            }
        }
    }
}

fn delivery(key: &str, place: u32) -> OrderRequest {
    OrderRequest {
        key: key.into(),
        tenant: TenantId(1),
        kind: OrderKind::Delivery,
        site: Site::Place(PlaceId(place)),
        handover: Handover::Door,
        n_parcels: 2,
        parcel_mass: Kilograms(1.0),
        window: TimeWindow { start: START, end: START + Seconds(2.0 * 3600.0) },
    }
}

#[test]
fn one_order_goes_from_request_to_proof() {
    let mut world = World::new(1, 7, 0.0);
    let placed = world.command(Command::PlaceOrder(delivery("a", 33))).unwrap();
    let again = world.command(Command::PlaceOrder(delivery("a", 33))).unwrap();
    assert!(matches!(placed, Done::Placed(p) if !p.is_repeat && p.order == OrderId(0)));
    assert!(matches!(again, Done::Placed(p) if p.is_repeat && p.order == OrderId(0)));
    let other = world.command(Command::PlaceOrder(delivery("a", 34)));
    assert_eq!(other, Err(Rejection::Refused(RefusalReason::KeyReused)));
    world.wind_down(2 * 3600);
    let state = world.fleet.state();
    assert!(
        matches!(state.orders[0].end, Some(OrderEnd::Delivered { .. })),
        "{:?}",
        state.orders[0]
    );
    assert_eq!(state.tally.n_on_time, 1);
    assert_eq!(world.codes[&OrderId(0)].len(), 8);
    assert_eq!(world.fleet.code(OrderId(0)), None, "a used code is not shown");
    world.pass(3600.0);
    world.wind_down(600);
    assert!(world.peers[0].position == world.city.facilities[0].stop, "the van is home");
    world.audit();
    world.restart();
}

#[test]
fn what_cannot_be_served_is_refused_with_a_reason() {
    let mut world = World::new(1, 1, 0.0);
    let refusal = |world: &mut World, change: fn(&mut OrderRequest)| {
        let mut request = delivery("x", 3);
        change(&mut request);
        match world.command(Command::PlaceOrder(request)) {
            Err(Rejection::Refused(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    let reason = refusal(&mut world, |r| r.tenant = TenantId(9));
    assert_eq!(reason, RefusalReason::UnknownTenant);
    let reason = refusal(&mut world, |r| r.window.end = START + Seconds(60.0));
    assert_eq!(reason, RefusalReason::TooLate);
    let reason = refusal(&mut world, |r| r.parcel_mass = Kilograms(900.0));
    assert_eq!(reason, RefusalReason::TooLarge);
    let reason = refusal(&mut world, |r| r.site = Site::Place(PlaceId(9999)));
    assert!(matches!(reason, RefusalReason::Invalid(_)));
    let point = rv_base::LatLon::from_degrees(10.0, 10.0).unwrap();
    world
        .command(Command::PlaceOrder(OrderRequest { site: Site::Point(point), ..delivery("p", 0) }))
        .unwrap_err();
    assert_eq!(world.fleet.state().tally.n_refused, 5);
    let viewer = Actor { role: rv_fleet::Role::Viewer, tenant: None };
    world.feed(Input::Command { tag: 2, actor: viewer, command: Command::CloseDay });
    assert_eq!(world.replies.pop_back(), Some(Err(Rejection::NotAllowed)));
}

#[test]
fn where_no_van_gets_to_it_stops_a_short_walk_away() {
    let mut world = World::new(1, 2, 0.0);
    let edge = world.city.places[33].stop.edge;
    let at = RoadPlace::Edges(vec![edge]);
    world.command(Command::CloseRoad { at, until: None }).unwrap();
    world.command(Command::PlaceOrder(delivery("a", 33))).unwrap();
    let stop = world.fleet.state().orders[0].stop_at;
    assert_ne!(stop.edge, edge);
    let graph = &world.city.graph;
    let (a, b) = (graph.edge(edge), graph.edge(stop.edge));
    assert!([b.tail, b.head].contains(&a.tail), "at the corner where the recipient is");
    world.wind_down(2 * 3600);
    assert_eq!(world.fleet.state().tally.n_delivered, 1);
    world.audit();
}

#[test]
fn a_lost_van_gives_its_parcels_to_another() {
    let mut world = World::new(2, 3, 0.0);
    for n in 0..20 {
        let mut request = delivery(&format!("o{n}"), 10 + n);
        request.window.end = START + Seconds(6.0 * 3600.0);
        world.command(Command::PlaceOrder(request)).unwrap();
    }
    world.peers.iter_mut().for_each(Peer::be_good);
    let carrying =
        |world: &World| world.fleet.state().vans.iter().position(|van| van.on_board.len() > 4);
    while carrying(&world).is_none() {
        world.pass(10.0);
        assert!(world.now < START + Seconds(3.0 * 3600.0), "no van was ever loaded");
    }
    let van = VanId::from_idx(carrying(&world).unwrap());
    world.command(Command::DeclareVanLost { van }).unwrap();
    world.wind_down(6 * 3600);
    let tally = &world.fleet.state().tally;
    assert_eq!(tally.n_delivered, 20, "{tally:?}");
    world.audit();
}

/// A day of random commands, reports, losses and restarts, its end, and all invariants.
pub(crate) fn live_through(mut world: World) {
    for _ in 0..400 {
        world.something();
        world.check();
    }
    world.wind_down(3600);
    world.command(Command::CloseDay).unwrap();
    world.wind_down(3 * 3600);
    world.check();
    let pending: Vec<_> =
        world.fleet.state().orders.iter().filter(|order| order.end.is_none()).collect();
    assert!(pending.is_empty(), "{pending:#?}\n{:#?}", world.fleet.state().vans);
    world.audit();
    world.compare();
    world.restart();
}

/// Cases that once failed.
#[test]
fn invariants_hold_where_they_once_did_not() {
    for (seed, n_vans, loss) in [
        (0, 3, 0.0),
        (17_609_253_511_088_706_678, 3, 0.0),
        (42_699_734_456_761_923, 2, 0.115_650_230_624_015_68),
        (506_961_291_552_401_436, 2, 0.129_179_602_335_162_48),
        (11_539_485_160_373_505_495, 2, 0.258_526_003_886_370_2),
        (5_489_187_640_522_429_676, 3, 0.393_131_345_594_840_3),
        (16_310_784_637_748_013_781, 3, 0.393_710_906_775_557_1),
        (16_722_954_588_774_902_169, 3, 0.054_142_784_142_288_19),
        (11_687_789_429_697_304_646, 2, 0.147_562_896_943_309_9),
        (16_858_762_529_413_323_891, 2, 0.194_944_618_583_318_46),
        (16_858_762_529_413_443_679, 2, 0.194_944_618_583_318_46),
    ] {
        println!("seed {seed}, {n_vans} vans, loss {loss}");
        live_through(World::new(n_vans, seed, loss));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn invariants_hold_whatever_happens(seed: u64, n_vans in 1_u32..4, loss in 0.0..0.4) {
        live_through(World { grants: true, ..World::new(n_vans, seed, loss) });
    }
}
