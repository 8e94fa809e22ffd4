//! The simplest fleet that can be: one tour for each van, made at the start.

use std::collections::BTreeMap;
use std::sync::Arc;

use rv_base::{
    Kilograms, LatLon, MissionId, OrderId, ParcelId, PlaceId, Rng, RoadPosition, Seconds, StopId,
    Timestamp, VanId, WattHours,
};
use rv_fleet::Notice;
use rv_map::{City, ModeSet};
use rv_route::{Conditions, Metric, Network, Scratch, VehicleClass};
use rv_sim::{FromFleet, ToFleet, Twin};
use rv_wire::{Channel, CodeHash, Down, Mission, Stop, StopKind, Task, TaskResult, Up};
use sha2::{Digest, Sha256};

pub struct Dispatcher {
    links: Vec<Channel<Down, Up>>,
    pub heard: BTreeMap<VanId, Vec<Up>>,
    pub notices: Vec<Notice>,
    pub n_status: usize,
}

impl Dispatcher {
    /// Gives each van a tour of `n_stops` deliveries, one visit to the first locker, the way home
    /// and a charge there.
    pub fn new(city: &Arc<City>, hub: RoadPosition, n_vans: u32, n_stops: u64) -> Self {
        let network = Arc::new(Network::build(&city.graph, ModeSet::MOTOR));
        let class = VehicleClass::by_name("robovan-35").unwrap();
        let metric = Metric::build(network, &class, Conditions::default(), 1);
        let mut maker = Maker { city, metric, scratch: Scratch::default(), notices: Vec::new() };
        let mut links = Vec::new();
        for van in 0..n_vans {
            let mut link = Channel::new(1);
            link.send(Down::Mission(maker.tour(VanId(van), hub, n_stops))).unwrap();
            links.push(link);
        }
        Self { links, heard: BTreeMap::new(), notices: maker.notices, n_status: 0 }
    }

    /// Says one thing more to a van.
    pub fn tell(&mut self, van: VanId, down: Down) {
        self.links[van.idx()].send(down).unwrap();
    }

    /// Runs the twin for some seconds.
    pub fn run(&mut self, twin: &mut Twin, seconds: i64) {
        for _ in 0..seconds {
            let now = twin.now() + Seconds(1.0);
            let mut inbox: Vec<_> = self.notices.drain(..).map(FromFleet::Notice).collect();
            for (van, link) in self.links.iter_mut().enumerate() {
                for envelope in link.due(now) {
                    inbox.push(FromFleet::Downlink(
                        VanId::from_idx(van),
                        rv_wire::encode(&envelope),
                    ));
                }
            }
            for said in twin.advance(now, inbox) {
                let ToFleet::Uplink(van, bytes) = said else { continue };
                match self.links[van.idx()].receive(rv_wire::decode(&bytes).unwrap()) {
                    Some(Up::Status(_)) => self.n_status += 1,
                    Some(up) => self.heard.entry(van).or_default().push(up),
                    None => {}
                }
            }
        }
    }

    pub fn results(&self) -> impl Iterator<Item = &TaskResult> {
        self.heard.values().flatten().filter_map(|up| match up {
            Up::Task { result, .. } => Some(result),
            _ => None,
        })
    }

    pub fn n_done(&self, stop_of_van: u64) -> usize {
        let is_it =
            |up: &&Up| matches!(up, Up::StopDone { stop, .. } if stop.0 % 1000 == stop_of_van);
        self.heard.values().flatten().filter(is_it).count()
    }
}

struct Maker<'a> {
    city: &'a City,
    metric: Metric,
    scratch: Scratch,
    notices: Vec<Notice>,
}

impl Maker<'_> {
    fn tour(&mut self, van: VanId, hub: RoadPosition, n_stops: u64) -> Mission {
        let mut rng = Rng::from_seed(u64::from(van.0));
        let base = u64::from(van.0) * 1000;
        let mut stops = vec![];
        let loads = (1..=n_stops + 1)
            .map(|i| Task::Load {
                parcel: ParcelId(base + i),
                compartment: i as u16,
                mass: Kilograms(1.0),
            })
            .collect();
        self.push(&mut stops, base, StopKind::Load, hub, hub, loads);
        let mut from = hub;
        for i in 1..=n_stops {
            let place = PlaceId::from_idx(rng.below(self.city.places.len()));
            let to = self.city.places[place.idx()].stop;
            let (stop, order) = (StopId(base + i), OrderId(base + i));
            let code = format!("CODE{i}");
            let task = Task::HandOver {
                order,
                parcels: vec![ParcelId(base + i)],
                code: hash(stop, order, &code),
            };
            if self.push(&mut stops, base + i, StopKind::Deliver, from, to, vec![task]) {
                from = to;
                self.notices.push(Notice::Code {
                    order,
                    stop,
                    van,
                    code,
                    position: LatLon::default(),
                    eta: Timestamp::ZERO,
                    until: Timestamp::FAR_FUTURE,
                });
            }
        }
        let locker = self.city.facilities[2].stop;
        let drop = Task::Drop { parcels: vec![ParcelId(base + n_stops + 1)] };
        if self.push(&mut stops, base + 900, StopKind::Locker, from, locker, vec![drop]) {
            from = locker;
        }
        let drop = Task::Drop { parcels: vec![] };
        self.push(&mut stops, base + 901, StopKind::Unload, from, hub, vec![drop]);
        let charge = Task::Charge { until: WattHours(32_000.0) };
        self.push(&mut stops, base + 902, StopKind::Charge, hub, hub, vec![charge]);
        Mission { id: MissionId(u64::from(van.0)), version: 1, stops }
    }

    fn push(
        &mut self,
        stops: &mut Vec<Stop>,
        id: u64,
        kind: StopKind,
        from: RoadPosition,
        at: RoadPosition,
        tasks: Vec<Task>,
    ) -> bool {
        let Ok(route) = self.metric.route(&mut self.scratch, from, at) else { return false };
        stops.push(Stop {
            id: StopId(id),
            kind,
            at,
            route: route.edge_ids().collect(),
            earliest: Timestamp::ZERO,
            wait_max: Seconds(180.0),
            tasks,
        });
        true
    }
}

fn hash(stop: StopId, order: OrderId, code: &str) -> CodeHash {
    let mut bytes = stop.0.to_le_bytes().to_vec();
    bytes.extend(order.0.to_le_bytes());
    bytes.extend(code.as_bytes());
    Sha256::digest(&bytes).into()
}
