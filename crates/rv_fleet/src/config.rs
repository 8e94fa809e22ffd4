//! What a fleet consists of and how it works.

use rv_base::{
    CircuitId, FacilityId, HourSet, Money, PermitId, Seconds, TenantId, Timestamp, VanId, WattHours,
};
use rv_map::{City, FacilityKind, Place, RoadKind};
use rv_model::{Permit, PermitArea, Template, Tenant, TrafficProfile, Van, VanClass, VehicleKind};
use serde::{Deserialize, Serialize};

/// Everything the brain is told at its start. The same city, configuration and inputs give the
/// same events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetConfig {
    /// Seed of all randomness in the brain (planning, simulated operators).
    pub seed: u64,
    /// Key from which one-time codes are derived.
    pub secret: [u8; 32],
    /// Clients; an id is an index here.
    pub tenants: Vec<Tenant>,
    /// Classes of van.
    pub classes: Vec<VanClass>,
    /// Vans; an id is an index here.
    pub vans: Vec<Van>,
    /// Permits in force at the beginning.
    pub permits: Vec<Permit>,
    /// Fixed circuits between hubs and their stations and lockers.
    pub circuits: Vec<Circuit>,
    /// Expected traffic.
    pub traffic: TrafficProfile,
    /// Seconds to add to a timestamp to get the city's time.
    pub utc_offset_s: Seconds,
    /// Expected times at stops, to begin with; the brain learns better ones.
    pub service: ServiceTimes,
    /// Costs beside those of the vans.
    pub costs: FleetCosts,
    /// Remote operators.
    pub operators: Operators,
    /// How plans are made.
    pub planning: Planning,
    /// What is done when something goes wrong.
    pub policy: Policy,
}

/// A round that is driven every day at the same times from a hub to its stations and lockers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Circuit {
    /// Identity.
    pub id: CircuitId,
    /// Where it begins and ends.
    pub hub: FacilityId,
    /// Stations and lockers it serves.
    pub facilities: Vec<FacilityId>,
    /// Departures, in seconds of the city's day, ascending.
    pub departures_s: Vec<u32>,
}

/// Expected times at stops.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceTimes {
    /// Loading one parcel.
    pub load_s: Seconds,
    /// A handover at the kerb: waiting for the recipient, code, doors.
    pub handover_s: Seconds,
    /// Each further parcel of a handover.
    pub handover_parcel_s: Seconds,
    /// A visit to a locker or station.
    pub facility_s: Seconds,
    /// Each parcel dropped at a locker, station or hub.
    pub drop_s: Seconds,
    /// Giving back at the hub, beside the parcels.
    pub unload_s: Seconds,
}

/// Costs beside those of the vans.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetCosts {
    /// ISO 4217 code of the currency, such as `EUR`.
    pub currency: [char; 3],
    /// An hour of a remote operator's attention.
    pub operator_per_hour: Money,
    /// Handling a parcel at the hub.
    pub hub_per_parcel: Money,
    /// Handover to a courier or by locker, each parcel.
    pub courier_per_parcel: Money,
    /// Hours over which a van's costs of a day are spread.
    pub van_day: Seconds,
}

/// Remote operators.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operators {
    /// How many.
    pub n: u16,
    /// If given, operators answer by themselves after a random delay; without, people answer.
    pub simulated: Option<SimulatedOperators>,
    /// After so long without an answer the safe default is done.
    pub timeout_s: Seconds,
    /// Attention that an answer of a person takes, for the account.
    pub answer_s: Seconds,
}

/// How simulated operators answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatedOperators {
    /// Shortest time for looking at a ticket.
    pub delay_min_s: Seconds,
    /// Mean of the exponential time beyond that.
    pub delay_mean_s: Seconds,
}

/// How plans are made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planning {
    /// Time between two plans of a hub.
    pub every_s: Seconds,
    /// Virtual time from asking for a plan to getting it.
    pub ready_after_s: Seconds,
    /// Longest tour, from loading to being back.
    pub tour_max_s: Seconds,
    /// Longest tour of a circuit.
    pub circuit_max_s: Seconds,
    /// Time kept between the planned begin of a handover and the end of its window.
    pub slack_s: Seconds,
    /// Shortest time from accepting an order to a van's departure with it.
    pub lead_s: Seconds,
    /// Most orders of one job.
    pub orders_max: u32,
    /// Most vans of one job.
    pub vans_max: u32,
    /// Iterations of the dispatch engine for each order of a job.
    pub iterations_per_order: u32,
    /// Share of the vans' time that may be promised to orders.
    pub utilisation_max: f64,
    /// Charge below which a van at its hub charges before anything else.
    pub charge_below: WattHours,
    /// Most energy of one charge while a van waits for work.
    pub charge_step: WattHours,
}

/// What is done when something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Most attempts at a door.
    pub attempts_max: u8,
    /// A second attempt needs so much of the window left.
    pub again_if_left_s: Seconds,
    /// Couriers of stations within this distance take over what could not be handed over.
    pub courier_within: rv_base::Meters,
    /// Time until a lost van and its parcels are back at the hub.
    pub fetch_s: Seconds,
    /// A van not heard for so long gets a ticket.
    pub silent_ticket_s: Seconds,
    /// A van not heard for so long is lost.
    pub silent_lost_s: Seconds,
    /// An order that is not on its way so long after its window's end is given up.
    pub grace_s: Seconds,
    /// Changes of permits come into force so long after they are announced; enough to leave a
    /// district.
    pub permit_notice_s: Seconds,
}

/// Why a configuration is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The city has no hub, so no van has a home.
    #[error("the city has no hub")]
    NoHub,
    /// A table's ids are not its indices.
    #[error("{table} must be numbered from 0 without gaps, entry {idx} is not")]
    Numbering {
        /// Which table.
        table: &'static str,
        /// Which entry.
        idx: usize,
    },
    /// A van refers to what does not exist.
    #[error("van {van}: {what} does not exist")]
    Van {
        /// Which.
        van: VanId,
        /// Its class or hub.
        what: &'static str,
    },
    /// A circuit refers to what does not exist, or its departures are out of order.
    #[error("circuit {circuit}: {what}")]
    Circuit {
        /// Which.
        circuit: CircuitId,
        /// What is wrong.
        what: &'static str,
    },
    /// A number is out of range.
    #[error("{field} is out of range")]
    Range {
        /// Which.
        field: &'static str,
    },
    /// A permit is malformed.
    #[error("permit: {0}")]
    Permit(String),
    /// The city's road graph is empty.
    #[error("the city has no roads")]
    NoRoads,
}

impl FleetConfig {
    /// A fleet for a city: three tenants (post, express, urban), `n_vans` vans of class
    /// `robovan-35` spread over the hubs by the demand around them, circuits from each hub three
    /// times a day, one permit for the whole city, one that keeps vans off pedestrian roads from
    /// 10 to 19 h where the city has such roads, and an operator for every 100 vans.
    pub fn for_city(city: &City, n_vans: u32, seed: u64) -> Self {
        let permits = city_permits(city);
        let permit_ids: Vec<PermitId> = permits.iter().map(|p| p.id).collect();
        let classes = VanClass::shipped();
        let class_idx = classes.iter().position(|c| c.name == "robovan-35").unwrap_or(0) as u16;
        let width = n_vans.to_string().len().max(3);
        let vans = hubs_of_vans(city, n_vans)
            .into_iter()
            .enumerate()
            .map(|(idx, hub)| Van {
                id: VanId::from_idx(idx),
                name: format!("V{:0width$}", idx + 1),
                class_idx,
                hub,
                permits: permit_ids.clone(),
            })
            .collect();
        let mut secret = [0; 32];
        let mut rng = rv_base::Rng::from_seed(seed).fork("fleet secret");
        secret.chunks_mut(8).for_each(|c| c.copy_from_slice(&rng.next_u64().to_le_bytes()));
        Self {
            seed,
            secret,
            tenants: three_tenants(),
            classes,
            vans,
            permits,
            circuits: city_circuits(city),
            traffic: TrafficProfile::typical(),
            utc_offset_s: Seconds::ZERO,
            service: ServiceTimes {
                load_s: Seconds(5.0),
                handover_s: Seconds(120.0),
                handover_parcel_s: Seconds(15.0),
                facility_s: Seconds(90.0),
                drop_s: Seconds(10.0),
                unload_s: Seconds(60.0),
            },
            costs: FleetCosts {
                currency: ['E', 'U', 'R'],
                operator_per_hour: Money::from_units(30.0),
                hub_per_parcel: Money::from_units(0.12),
                courier_per_parcel: Money::from_units(0.60),
                van_day: Seconds(12.0 * 3600.0),
            },
            operators: Operators {
                n: u16::try_from(n_vans.div_ceil(100).max(1)).unwrap_or(u16::MAX),
                simulated: Some(SimulatedOperators {
                    delay_min_s: Seconds(15.0),
                    delay_mean_s: Seconds(30.0),
                }),
                timeout_s: Seconds(240.0),
                answer_s: Seconds(45.0),
            },
            planning: Planning {
                every_s: Seconds(300.0),
                ready_after_s: Seconds(20.0),
                tour_max_s: Seconds(3.0 * 3600.0),
                circuit_max_s: Seconds(4.0 * 3600.0),
                slack_s: Seconds(600.0),
                lead_s: Seconds(900.0),
                orders_max: 300,
                vans_max: 12,
                iterations_per_order: 10,
                utilisation_max: 0.85,
                charge_below: WattHours(12_000.0),
                charge_step: WattHours(5_000.0),
            },
            policy: Policy {
                attempts_max: 2,
                again_if_left_s: Seconds(5400.0),
                courier_within: rv_base::Meters(1500.0),
                fetch_s: Seconds(3600.0),
                silent_ticket_s: Seconds(600.0),
                silent_lost_s: Seconds(3600.0),
                grace_s: Seconds(3600.0),
                permit_notice_s: Seconds(2700.0),
            },
        }
    }

    /// Adds a permit that keeps vehicles of some kinds out of areas, and gives it to the vans of a
    /// group.
    pub fn forbid(
        &mut self,
        name: &str,
        kinds: &[VehicleKind],
        areas: Vec<PermitArea>,
        is_held: impl Fn(&Van) -> bool,
    ) -> PermitId {
        let next = self.permits.iter().map(|p| p.id.0 + 1).max().unwrap_or(0);
        let id = PermitId(next);
        self.permits.push(Permit {
            id,
            name: name.to_owned(),
            kinds: kinds.to_vec(),
            allowed: Vec::new(),
            forbidden: areas,
            hours: HourSet::NEVER,
        });
        for van in &mut self.vans {
            if is_held(van) {
                van.permits.push(id);
            }
        }
        id
    }

    /// How many areas the permits that vans hold forbid.
    pub fn n_areas_closed(&self) -> usize {
        let is_held =
            |permit: &&Permit| self.vans.iter().any(|van| van.permits.contains(&permit.id));
        self.permits.iter().filter(is_held).map(|permit| permit.forbidden.len()).sum()
    }

    /// Checks that everything referred to exists and numbers are sane.
    pub fn check(&self, city: &City) -> Result<(), ConfigError> {
        if city.graph.edges.is_empty() {
            return Err(ConfigError::NoRoads);
        }
        let numbering = |table, idx| Err(ConfigError::Numbering { table, idx });
        if let Some(idx) = (0..self.tenants.len()).find(|i| self.tenants[*i].id.idx() != *i) {
            return numbering("tenants", idx);
        }
        if let Some(idx) = (0..self.vans.len()).find(|i| self.vans[*i].id.idx() != *i) {
            return numbering("vans", idx);
        }
        let kind = |id: FacilityId| city.facilities.get(id.idx()).map(|f| f.kind);
        if !city.facilities.iter().any(|f| f.kind == FacilityKind::Hub) {
            return Err(ConfigError::NoHub);
        }
        for van in &self.vans {
            if usize::from(van.class_idx) >= self.classes.len() {
                return Err(ConfigError::Van { van: van.id, what: "its class" });
            }
            if kind(van.hub) != Some(FacilityKind::Hub) {
                return Err(ConfigError::Van { van: van.id, what: "its hub" });
            }
        }
        for circuit in &self.circuits {
            let fail = |what| Err(ConfigError::Circuit { circuit: circuit.id, what });
            if kind(circuit.hub) != Some(FacilityKind::Hub) {
                return fail("its hub does not exist");
            }
            let serves = |f| matches!(kind(f), Some(FacilityKind::Station | FacilityKind::Locker));
            if !circuit.facilities.iter().all(|f| serves(*f)) {
                return fail("it visits what is neither station nor locker");
            }
            let is_ascending = circuit.departures_s.windows(2).all(|w| w[0] < w[1]);
            if !is_ascending || circuit.departures_s.iter().any(|s| *s >= 86_400) {
                return fail("its departures are not ascending seconds of a day");
            }
        }
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), ConfigError> {
        let range = |is_good: bool, field| {
            if is_good { Ok(()) } else { Err(ConfigError::Range { field }) }
        };
        let positive = |s: Seconds| s.0 >= 1.0 && s.0 <= 7.0 * 86_400.0;
        let p = &self.planning;
        range(positive(p.every_s), "planning.every_s")?;
        range(p.ready_after_s.0 >= 0.0 && p.ready_after_s.0 <= 3600.0, "planning.ready_after_s")?;
        range(positive(p.tour_max_s), "planning.tour_max_s")?;
        range(positive(p.circuit_max_s), "planning.circuit_max_s")?;
        range(p.slack_s.0 >= 0.0 && p.slack_s.0 <= 86_400.0, "planning.slack_s")?;
        range(p.lead_s.0 >= 0.0 && p.lead_s.0 <= 86_400.0, "planning.lead_s")?;
        range((1..=5_000).contains(&p.orders_max), "planning.orders_max")?;
        range((1..=1_000).contains(&p.vans_max), "planning.vans_max")?;
        range(p.utilisation_max > 0.0 && p.utilisation_max <= 1.0, "planning.utilisation_max")?;
        range(positive(self.costs.van_day), "costs.van_day")?;
        range(positive(self.operators.timeout_s), "operators.timeout_s")?;
        range(positive(self.policy.fetch_s), "policy.fetch_s")?;
        range(positive(self.policy.silent_ticket_s), "policy.silent_ticket_s")?;
        range(self.policy.silent_lost_s > self.policy.silent_ticket_s, "policy.silent_lost_s")?;
        range(self.utc_offset_s.0.abs() <= 86_400.0, "utc_offset_s")
    }

    /// The second of the city's day.
    pub fn second_of_day(&self, at: Timestamp) -> u32 {
        (at + self.utc_offset_s).second_of_day()
    }
}

fn three_tenants() -> Vec<Tenant> {
    [
        ("City Post", Template::Post, 240.0),
        ("Swift Express", Template::Express, 300.0),
        ("Urban Supply", Template::Urban, 420.0),
    ]
    .into_iter()
    .enumerate()
    .map(|(idx, (name, template, wait_s))| Tenant {
        id: TenantId::from_idx(idx),
        name: name.into(),
        template,
        wait_max: Seconds(wait_s),
    })
    .collect()
}

fn hubs(city: &City) -> Vec<FacilityId> {
    (0..city.facilities.len())
        .filter(|idx| city.facilities[*idx].kind == FacilityKind::Hub)
        .map(FacilityId::from_idx)
        .collect()
}

fn nearest_hub(city: &City, hubs: &[FacilityId], place: rv_base::LatLon) -> usize {
    let distance = |idx: &usize| city.facilities[hubs[*idx].idx()].position.distance_to(place);
    (0..hubs.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
}

/// The hub of each van: hubs get vans by the weight of the places that are nearest to them
/// (largest remainder), at least one each while there are enough.
fn hubs_of_vans(city: &City, n_vans: u32) -> Vec<FacilityId> {
    let hubs = hubs(city);
    if hubs.is_empty() {
        return vec![FacilityId(0); n_vans as usize];
    }
    let mut weights = vec![1.0; hubs.len()];
    for Place { position, weight, .. } in &city.places {
        weights[nearest_hub(city, &hubs, *position)] += f64::from(*weight);
    }
    let mut counts = vec![0_u32; hubs.len()];
    for _ in 0..n_vans {
        // Sainte-Laguë: the next van goes where a van serves most.
        let share = |idx: &usize| weights[*idx] / f64::from(2 * counts[*idx] + 1);
        let most = (0..hubs.len())
            .max_by(|a, b| share(a).total_cmp(&share(b)).then(b.cmp(a)))
            .unwrap_or(0);
        counts[most] += 1;
    }
    counts.iter().zip(&hubs).flat_map(|(n, hub)| std::iter::repeat_n(*hub, *n as usize)).collect()
}

fn city_circuits(city: &City) -> Vec<Circuit> {
    let hubs = hubs(city);
    let mut circuits: Vec<Circuit> = hubs
        .iter()
        .enumerate()
        .map(|(idx, hub)| Circuit {
            id: CircuitId::from_idx(idx),
            hub: *hub,
            facilities: Vec::new(),
            departures_s: [7.5, 11.5, 15.5].iter().map(|h| (h * 3600.0) as u32).collect(),
        })
        .collect();
    for (idx, facility) in city.facilities.iter().enumerate() {
        if matches!(facility.kind, FacilityKind::Station | FacilityKind::Locker)
            && !circuits.is_empty()
        {
            let hub = nearest_hub(city, &hubs, facility.position);
            circuits[hub].facilities.push(FacilityId::from_idx(idx));
        }
    }
    circuits.retain(|c| !c.facilities.is_empty());
    for (idx, circuit) in circuits.iter_mut().enumerate() {
        circuit.id = CircuitId::from_idx(idx);
    }
    circuits
}

/// One permit for the whole city and, where it has pedestrian roads, one that closes a box around
/// each of the largest of them by day.
fn city_permits(city: &City) -> Vec<Permit> {
    let whole = Permit {
        id: PermitId(0),
        name: format!("{}: all roads", city.name),
        kinds: vec![VehicleKind::Van, VehicleKind::Robot, VehicleKind::Truck],
        allowed: Vec::new(),
        forbidden: Vec::new(),
        hours: HourSet::ALWAYS,
    };
    let zones = pedestrian_zones(city);
    if zones.is_empty() {
        return vec![whole];
    }
    let pedestrian = Permit {
        id: PermitId(1),
        name: "pedestrian hours".into(),
        kinds: vec![VehicleKind::Van, VehicleKind::Truck],
        allowed: Vec::new(),
        forbidden: zones,
        hours: HourSet::NEVER,
    };
    vec![whole, pedestrian]
}

/// Boxes around the pedestrian roads that vans may use, at most `MAX_ZONES`.
fn pedestrian_zones(city: &City) -> Vec<PermitArea> {
    /// A city needs no more to show what a forbidden area does.
    const MAX_ZONES: usize = 12;
    let graph = &city.graph;
    let mut lines: Vec<(f64, usize)> = (0..graph.n_edges())
        .filter(|idx| {
            let edge = &graph.edges[*idx];
            graph.roads[edge.road.idx()].kind == RoadKind::Pedestrian
                && edge.modes.contains(rv_map::Mode::Van)
                && edge.is_forward
        })
        .map(|idx| (graph.edges[idx].length.0, idx))
        .collect();
    lines.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    lines.truncate(MAX_ZONES);
    lines
        .into_iter()
        .filter_map(|(_, idx)| {
            let edge = rv_base::EdgeId::from_idx(idx);
            let middle = middle_box(&graph.polyline(edge))?;
            let name = &graph.road_of(edge).name;
            let name = if name.is_empty() { "pedestrian road" } else { name };
            Some(PermitArea {
                name: name.to_owned(),
                outline: middle,
                hours: HourSet::daily(10, 19),
            })
        })
        .collect()
}

/// A box of 6 m around the middle of a line, so that it closes this road and no crossing one.
fn middle_box(line: &[rv_base::LatLon]) -> Option<Vec<rv_base::LatLon>> {
    let segment =
        line.windows(2).max_by(|a, b| a[0].distance_to(a[1]).total_cmp(&b[0].distance_to(b[1])))?;
    let lat_deg = (segment[0].lat_deg() + segment[1].lat_deg()) / 2.0;
    let lon_deg = (segment[0].lon_deg() + segment[1].lon_deg()) / 2.0;
    let frame = rv_base::LocalFrame::at(rv_base::LatLon::from_degrees(lat_deg, lon_deg).ok()?);
    [(-3.0, -3.0), (3.0, -3.0), (3.0, 3.0), (-3.0, 3.0)]
        .into_iter()
        .map(|(x_m, y_m)| frame.to_world(rv_base::Point2 { x_m, y_m }).ok())
        .collect()
}
