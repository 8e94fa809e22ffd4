//! Small days in which everything goes wrong, and what must hold after each.

use rv_base::{
    EdgeId, HourSet, LatLon, LocalFrame, Meters, PermitId, Point2, Rng, Seconds, Timestamp,
};
use rv_fleet::audit::Roads;
use rv_fleet::{Actor, Command, Event, Fleet, FleetConfig, RoadPlace};
use rv_map::{City, FacilityKind, Mode};
use rv_model::{Permit, PermitArea, VehicleKind};

use crate::config::TwinConfig;
use crate::day::{DayConfig, DayResult};
use crate::demand::{DemandDay, Planned};
use crate::faults::FaultRates;
use crate::link::LinkModel;

/// How large a torture is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TortureSize {
    /// Vans.
    pub n_vans: u32,
    /// Parcels.
    pub n_parcels: u32,
    /// Hours in which orders are served.
    pub hours: f64,
}

/// A day with heavy faults, a bad link on every second seed, closures, cancellations, changes,
/// repeated orders and crashes of the fleet's process, all from the seed.
pub fn torture_day(city: &City, size: TortureSize, seed: u64) -> DayConfig {
    let mut rng = Rng::from_seed(seed).fork("torture");
    let mut fleet = FleetConfig::for_city(city, size.n_vans, seed);
    let mut twin = TwinConfig::usual(seed, size.n_parcels, Seconds(size.hours * 3600.0));
    twin.faults = FaultRates::HEAVY;
    twin.people.absent = rng.range(0.0, 0.3);
    twin.people.wrong_code = rng.range(0.0, 0.3);
    if rng.chance(0.5) {
        twin.link = LinkModel::BAD;
    }
    let day = DemandDay {
        start: twin.start,
        length: twin.day_length_s,
        n_parcels: size.n_parcels,
        utc_offset: fleet.utc_offset_s,
        seed,
    };
    let mut orders = twin.demand.orders(city, &fleet.tenants, &day);
    let end = day.start + day.length;
    add_commands(city, &mut orders, day.start, end, &mut rng);
    let mut zones = Rng::from_seed(seed).fork("zones");
    if zones.chance(0.5) {
        forbid_district(city, &mut fleet, day.start, size.hours, &mut zones);
    }
    announce_district(city, &mut orders, day.start, end, &mut Rng::from_seed(seed).fork("notice"));
    let mut config = DayConfig::new(fleet, twin);
    config.orders = Some(orders);
    let mut crashes: Vec<Timestamp> = (0..rng.below(4))
        .map(|_| day.start + Seconds(rng.range(0.0, size.hours * 3600.0 + 1800.0)))
        .collect();
    crashes.sort();
    config.crashes = crashes;
    config
}

/// Closes a district around some place to all or half of the vans, for one or two hours of the day.
fn forbid_district(
    city: &City,
    fleet: &mut FleetConfig,
    start: Timestamp,
    hours: f64,
    rng: &mut Rng,
) {
    let first = (start + fleet.utc_offset_s).hour_of_week() % 24;
    let from = first + rng.below((hours.ceil() as usize).max(1)) as u32;
    let to = from + 1 + rng.below(2) as u32;
    let half = Meters(rng.range(60.0, 250.0));
    let Some(area) = district(city, half, HourSet::daily(from % 24, to % 24), rng) else { return };
    let kinds = [VehicleKind::Van, VehicleKind::Robot, VehicleKind::Truck];
    let group = rng.below(2) as u32;
    fleet.forbid("district", &kinds, vec![area], |van| group == 0 || van.id.0 % 2 == 0);
}

/// On every second day, announces that a district closes to all vans; on half of these, that it
/// opens again.
fn announce_district(
    city: &City,
    orders: &mut Vec<Planned>,
    start: Timestamp,
    end: Timestamp,
    rng: &mut Rng,
) {
    let half = Meters(rng.range(60.0, 250.0));
    let Some(area) = district(city, half, HourSet::ALWAYS, rng) else { return };
    let (first, again) = (rng.range(0.0, 0.7), rng.range(0.0, 1.0));
    if rng.chance(0.5) {
        return;
    }
    let at = |share: f64| start + (end - start) * share;
    let permit = Permit {
        id: PermitId(0),
        name: "district".to_owned(),
        kinds: vec![VehicleKind::Van, VehicleKind::Robot, VehicleKind::Truck],
        allowed: Vec::new(),
        forbidden: vec![area],
        hours: HourSet::NEVER,
    };
    let announce = Command::GrantPermit { permit, is_new: true };
    orders.push(Planned { at: at(first), actor: Actor::ADMIN, command: announce });
    if rng.chance(0.5) {
        // The first that is granted during a day of these gets one of these numbers.
        for permit in [PermitId(1), PermitId(2)] {
            let command = Command::RevokePermit { permit };
            let at = at(first + (1.0 - first) * again);
            orders.push(Planned { at, actor: Actor::ADMIN, command });
        }
    }
}

/// A square around a random place in which no hub lies, of so many metres to each side; none if
/// hubs lie everywhere.
pub fn district(city: &City, half: Meters, hours: HourSet, rng: &mut Rng) -> Option<PermitArea> {
    /// Places tried.
    const TRIES: usize = 50;
    let has_hub = |frame: &LocalFrame| {
        let hubs = city.facilities.iter().filter(|f| f.kind == FacilityKind::Hub);
        let line = |f: &rv_map::Facility| city.graph.polyline(f.stop.edge);
        let is_near = |at: LatLon| {
            let at = frame.to_local(at);
            at.x_m.abs() < half.0 + 60.0 && at.y_m.abs() < half.0 + 60.0
        };
        hubs.into_iter().any(|f| line(f).into_iter().any(is_near))
    };
    for _ in 0..TRIES {
        let frame = LocalFrame::at(rng.choose(&city.places)?.position);
        if has_hub(&frame) {
            continue;
        }
        let corners = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
        let corner =
            |(x, y): (f64, f64)| frame.to_world(Point2 { x_m: x * half.0, y_m: y * half.0 }).ok();
        let outline = corners.into_iter().map(corner).collect::<Option<Vec<LatLon>>>()?;
        return Some(PermitArea { name: "district".to_owned(), outline, hours });
    }
    None
}

/// What a day broke; nothing if all is well.
pub fn verdict(city: &City, result: &DayResult, fleet: &Fleet) -> Vec<String> {
    let audit = &result.audit;
    let mut broken: Vec<String> = audit
        .violations
        .iter()
        .take(5)
        .map(|v| format!("record {}: {}", v.position, v.text))
        .collect();
    let mut must = |holds: bool, what: String| {
        if !holds {
            broken.push(what);
        }
    };
    must(audit.n_violations <= 5, format!("{} contradictions in all", audit.n_violations));
    must(audit.is_closed, "the day was not closed".to_owned());
    must(audit.n_lost == 0, format!("{} orders lost", audit.n_lost));
    must(audit.n_duplicated == 0, format!("{} orders twice", audit.n_duplicated));
    must(
        audit.n_accepted == audit.n_delivered + audit.n_returned + audit.n_cancelled + audit.n_lost,
        "accepted is not the sum of its ends".to_owned(),
    );
    must(result.n_overruns == 0, format!("{} overruns of a path", result.n_overruns));
    must(
        audit.outside_permit == Meters::ZERO,
        format!("{:.0} outside permits by the ledger", audit.outside_permit),
    );
    let tally = &result.tally;
    must(
        (tally.n_delivered, tally.n_returned, tally.n_cancelled)
            == (audit.n_delivered, audit.n_returned, audit.n_cancelled),
        "the brain's sums differ from the audit's".to_owned(),
    );
    match driven_outside(city, &result.rules, result) {
        Ok(outside) if outside > Meters::ZERO => {
            broken.push(format!("{outside:.0} driven outside permits"));
        }
        Ok(_) => {}
        Err(error) => broken.push(error),
    }
    for (van, on_board) in &result.on_board {
        let booked = fleet.state().van(*van).map(|v| v.on_board.keys().copied().collect());
        if booked.as_ref() != Some(on_board) {
            broken.push(format!("van {van} has {on_board:?} on board, the books say {booked:?}"));
        }
    }
    broken
}

/// Metres that were really driven outside the permits of some rules, by the twin's own log and
/// exact times.
pub fn driven_outside(city: &City, rules: &[Event], result: &DayResult) -> Result<Meters, String> {
    let mut roads = Roads::new(&city.graph);
    rules.iter().try_for_each(|event| roads.take(event))?;
    Ok(result.driven.iter().map(|(van, driven)| roads.check_drive(*van, driven)).sum())
}

/// Repeats some orders, and adds closures, a lost van, and cancellations by number.
fn add_commands(
    city: &City,
    orders: &mut Vec<Planned>,
    start: Timestamp,
    end: Timestamp,
    rng: &mut Rng,
) {
    let length = (end - start).0;
    let at = |rng: &mut Rng| start + Seconds(rng.range(0.0, length));
    let n_orders = orders.len();
    for _ in 0..n_orders / 8 {
        // A client that got no answer asks again.
        let mut again = orders[rng.below(n_orders)].clone();
        again.at = again.at + Seconds(rng.range(0.0, 120.0));
        orders.push(again);
    }
    let graph = &city.graph;
    for _ in 0..rng.below(4) {
        let edge = EdgeId::from_idx(rng.below(graph.n_edges()));
        if graph.edge(edge).modes.contains(Mode::Van) {
            let edges = std::iter::once(edge).chain(graph.edge(edge).reverse).collect();
            let from = at(rng);
            let until = Some(from + Seconds(rng.range(300.0, 5400.0)));
            let command = Command::CloseRoad { at: RoadPlace::Edges(edges), until };
            orders.push(Planned { at: from, actor: Actor::ADMIN, command });
        }
    }
    for _ in 0..rng.below(6) {
        let order = rv_base::OrderId(rng.below(60) as u64);
        let command = Command::CancelOrder { order };
        orders.push(Planned { at: at(rng), actor: Actor::ADMIN, command });
    }
    for _ in 0..rng.below(4) {
        let place = rv_base::PlaceId::from_idx(rng.below(city.places.len().max(1)));
        let order = rv_base::OrderId(rng.below(60) as u64);
        let site = Some(rv_model::Site::Place(place));
        let command = Command::ChangeOrder { order, site, window: None };
        orders.push(Planned { at: at(rng), actor: Actor::ADMIN, command });
    }
    if rng.chance(0.3) {
        let van = rv_base::VanId(rng.below(4) as u32);
        let (halted, resumed) = (at(rng), Seconds(rng.range(60.0, 900.0)));
        let actor = Actor::ADMIN;
        orders.push(Planned { at: halted, actor, command: Command::HaltVan { van } });
        let command = Command::ResumeVan { van };
        orders.push(Planned { at: halted + resumed, actor, command });
    }
    if rng.chance(0.3) {
        let van = rv_base::VanId(rng.below(4) as u32);
        let command = Command::DeclareVanLost { van };
        orders.push(Planned { at: at(rng), actor: Actor::ADMIN, command });
    }
}
