//! What APIs and reports read.

use rv_base::{
    FacilityId, LatLon, MetersPerSecond, OrderId, Radians, RoadPosition, Seconds, StopId,
    Timestamp, VanId,
};
use rv_map::RoadGraph;
use rv_model::Site;
use rv_wire::{OnboardState, StopKind};

use crate::Fleet;
use crate::event::Service;
use crate::kpi::Kpi;
use crate::state::OrderView;

/// Time without telemetry after which a van counts as offline.
const OFFLINE_AFTER: Seconds = Seconds(60.0);

/// What a van does, in the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum VanActivity {
    /// Nothing to do.
    Idle = 0,
    /// Loading at the hub.
    Loading = 1,
    /// On its way.
    Driving = 2,
    /// At a stop.
    Serving = 3,
    /// At a stop before its time, or for its recipient.
    Waiting = 4,
    /// Charging.
    Charging = 5,
    /// At fault or waiting for help.
    Trouble = 6,
    /// Halted or before a closure.
    Stopped = 7,
    /// Given up where it was.
    Lost = 8,
    /// Not heard for a minute.
    Offline = 9,
}

impl VanActivity {
    /// The API's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Loading => "loading",
            Self::Driving => "driving",
            Self::Serving => "serving",
            Self::Waiting => "waiting",
            Self::Charging => "charging",
            Self::Trouble => "trouble",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
            Self::Offline => "offline",
        }
    }
}

/// What a view of a van shows.
#[derive(Clone, Debug, PartialEq)]
pub struct VanView {
    /// Which.
    pub id: VanId,
    /// Its name.
    pub name: String,
    /// Name of its class.
    pub class: String,
    /// What it does.
    pub activity: VanActivity,
    /// Given work or not.
    pub service: Service,
    /// Its hub.
    pub hub: FacilityId,
    /// Stored energy over usable battery, 0..=1.
    pub soc: f64,
    /// Parcels on board over the most, 0..=1.
    pub load: f64,
    /// Parcels on board.
    pub n_parcels: usize,
    /// Where on the road.
    pub road: RoadPosition,
    /// Where on the Earth.
    pub position: LatLon,
    /// Speed.
    pub speed: MetersPerSecond,
    /// Heading, clockwise from north.
    pub heading: Radians,
    /// When it was last heard.
    pub heard_at: Option<Timestamp>,
    /// Stops left.
    pub n_stops_left: usize,
    /// Expected arrival at the next.
    pub next_eta: Option<Timestamp>,
}

/// What a view of a van's stop shows.
#[derive(Clone, Debug, PartialEq)]
pub struct StopView {
    /// Which.
    pub id: StopId,
    /// What for.
    pub kind: StopKind,
    /// Where.
    pub position: LatLon,
    /// The hub, station, locker or charging place, if it is one.
    pub facility: Option<FacilityId>,
    /// Expected or actual arrival.
    pub eta: Timestamp,
    /// True while it is driven to or served.
    pub is_current: bool,
    /// Orders handled there.
    pub orders: Vec<OrderId>,
}

impl Fleet {
    /// A view of a van.
    pub fn van_view(&self, id: VanId) -> Option<VanView> {
        let van = self.state.van(id)?;
        let fixed = self.config.vans.get(id.idx())?;
        let class = &self.config.classes[usize::from(fixed.class_idx)];
        let live = self.live(id);
        let road = live.map_or(van.position, |l| l.status.position);
        let stored = live.map_or(van.stored, |l| l.status.stored);
        let n_parcels = van.on_board.len();
        Some(VanView {
            id,
            name: fixed.name.clone(),
            class: class.name.clone(),
            activity: self.activity(id, self.state.at),
            service: van.service,
            hub: fixed.hub,
            soc: (stored.0 / class.battery.0).clamp(0.0, 1.0),
            load: n_parcels as f64 / f64::from(class.parcels_max.max(1)),
            n_parcels,
            road,
            position: live.map_or_else(|| self.world(road), |l| l.status.world),
            speed: live.map_or(MetersPerSecond::ZERO, |l| l.status.speed),
            heading: live.map_or(Radians::ZERO, |l| l.status.heading),
            heard_at: live.map(|l| l.heard_at),
            n_stops_left: van.stops.len(),
            next_eta: van.expected(self.state.at).first().map(|times| times.0),
        })
    }

    /// Views of all vans, by id.
    pub fn van_views(&self) -> Vec<VanView> {
        (0..self.state.vans.len()).filter_map(|i| self.van_view(VanId::from_idx(i))).collect()
    }

    /// What a van does.
    pub fn activity(&self, id: VanId, now: Timestamp) -> VanActivity {
        let Some(van) = self.state.van(id) else { return VanActivity::Offline };
        if van.lost_until.is_some() {
            return VanActivity::Lost;
        }
        let Some(live) = self.live(id) else {
            let is_busy = van.stops.first().is_some_and(|s| s.departed.is_some());
            return if is_busy { VanActivity::Offline } else { VanActivity::Idle };
        };
        if now.since(live.heard_at) > OFFLINE_AFTER {
            return VanActivity::Offline;
        }
        let kind = van.stops.first().map(|s| s.stop.kind);
        match live.status.state {
            OnboardState::Idle => VanActivity::Idle,
            OnboardState::Driving => VanActivity::Driving,
            OnboardState::Waiting => VanActivity::Waiting,
            OnboardState::Serving if kind == Some(StopKind::Load) => VanActivity::Loading,
            OnboardState::Serving => VanActivity::Serving,
            OnboardState::Charging => VanActivity::Charging,
            OnboardState::Stopped => VanActivity::Stopped,
            OnboardState::MinimalRisk => VanActivity::Trouble,
        }
    }

    /// The stops that a van has before it, in driving order.
    pub fn stop_views(&self, id: VanId) -> Vec<StopView> {
        let Some(van) = self.state.van(id) else { return Vec::new() };
        let times = van.expected(self.state.at);
        let views = van.stops.iter().zip(times).map(|(stop, (eta, _))| StopView {
            id: stop.stop.id,
            kind: stop.stop.kind,
            position: self.world(stop.stop.at),
            facility: stop.plan.facility,
            eta,
            is_current: stop.departed.is_some() || stop.arrived.is_some(),
            orders: self.state.orders_of(&stop.stop),
        });
        views.collect()
    }

    /// A view of an order.
    pub fn order_view(&self, id: OrderId) -> Option<OrderView> {
        let order = self.state.order(id)?;
        let site = order.order.request.site;
        let position = match site {
            Site::Place(place) => self.city.places.get(place.idx()).map(|p| p.position),
            Site::Facility(f) => self.city.facilities.get(f.idx()).map(|f| f.position),
            Site::Point(point) => Some(point),
        };
        let address = match site {
            Site::Place(place) => self.city.places.get(place.idx()).map(|p| p.address.clone()),
            Site::Facility(f) => self.city.facilities.get(f.idx()).map(|f| f.name.clone()),
            Site::Point(point) => Some(point.to_string()),
        };
        let on_board = order.van.and_then(|van| self.state.van(van)).map(|van| &van.on_board);
        let parcels = order.order.parcels().filter_map(|parcel| {
            let custodian = self.state.parcels.get(parcel.idx())?.custodian;
            let compartment = on_board.and_then(|on_board| on_board.get(&parcel)).copied();
            Some((parcel, custodian, compartment))
        });
        Some(OrderView {
            status: order.status,
            end: order.end,
            hub: order.hub,
            address: address.unwrap_or_default(),
            position: position.unwrap_or_else(|| self.world(order.stop_at)),
            van: order.van,
            eta: self.eta(id),
            cost: order.cost,
            parcels: parcels.collect(),
            order: order.order.clone(),
        })
    }

    /// Expected begin of an order's handover, if it is on a mission.
    pub fn eta(&self, id: OrderId) -> Option<Timestamp> {
        let order = self.state.order(id)?;
        let van = self.state.van(order.van?)?;
        let idx = van.stops.iter().position(|s| Some(s.stop.id) == order.stop)?;
        let (arrive, _) = van.expected(self.state.at)[idx];
        Some(arrive.max(van.stops[idx].stop.earliest))
    }

    /// Key figures at `now`.
    pub fn kpi(&self, now: Timestamp) -> Kpi {
        let activities: Vec<_> = (0..self.state.vans.len())
            .map(|idx| self.activity(VanId::from_idx(idx), now))
            .collect();
        let count = |of: &[VanActivity]| activities.iter().filter(|a| of.contains(a)).count();
        let tally = self.state.tally.clone();
        let elapsed = tally.since.map_or(Seconds::ZERO, |since| now.since(since)).max(Seconds(1.0));
        let n_operators = self.state.operators.len().max(1) as f64;
        let van_days = self.state.vans.len() as f64 * (elapsed / self.config.costs.van_day);
        Kpi {
            at: now,
            n_vans: activities.len(),
            n_driving: count(&[VanActivity::Driving]),
            n_charging: count(&[VanActivity::Charging]),
            n_trouble: count(&[VanActivity::Trouble, VanActivity::Lost]),
            n_tickets_open: self.state.open_tickets().count(),
            operator_load: tally.operator / (elapsed * n_operators),
            parcels_per_van_day: tally.n_parcels_delivered as f64 / van_days.max(1e-9),
            tally,
        }
    }

    /// Where a road position is on the Earth; for a broken position, the first junction.
    pub(crate) fn world(&self, at: RoadPosition) -> LatLon {
        position_on(&self.city.graph, at)
    }
}

/// Interpolates along an edge's polyline.
fn position_on(graph: &RoadGraph, at: RoadPosition) -> LatLon {
    if at.edge.idx() >= graph.n_edges() {
        return graph.junctions.first().copied().unwrap_or_default();
    }
    let line = graph.polyline(at.edge);
    let total: f64 = line.windows(2).map(|w| w[0].distance_to(w[1]).0).sum();
    let mut left_m = (at.offset.0 / graph.edge(at.edge).length.0).clamp(0.0, 1.0) * total;
    for pair in line.windows(2) {
        let length_m = pair[0].distance_to(pair[1]).0;
        if left_m <= length_m && length_m > 0.0 {
            let share = left_m / length_m;
            let mix = |a: i32, b: i32| {
                (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as i32
            };
            let lat_e7 = mix(pair[0].lat_e7(), pair[1].lat_e7());
            let lon_e7 = mix(pair[0].lon_e7(), pair[1].lon_e7());
            return LatLon::from_e7(lat_e7, lon_e7).unwrap_or(pair[0]);
        }
        left_m -= length_m;
    }
    line[line.len() - 1]
}
