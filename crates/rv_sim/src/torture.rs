//! Small days in which everything goes wrong, and what must hold after each.

use rv_base::{EdgeId, Meters, Rng, Seconds, Timestamp};
use rv_fleet::audit::Roads;
use rv_fleet::{Actor, Command, Fleet, FleetConfig, RoadPlace};
use rv_map::{City, Mode};

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
    let fleet = FleetConfig::for_city(city, size.n_vans, seed);
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
    let mut config = DayConfig::new(fleet, twin);
    config.orders = Some(orders);
    let mut crashes: Vec<Timestamp> = (0..rng.below(4))
        .map(|_| day.start + Seconds(rng.range(0.0, size.hours * 3600.0 + 1800.0)))
        .collect();
    crashes.sort();
    config.crashes = crashes;
    config
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
    if let Some(setup) = &fleet.state().setup {
        let mut roads = Roads::new(&city.graph);
        if let Err(error) = roads.set_up(setup) {
            broken.push(error);
        }
        let outside: Meters =
            result.driven.iter().map(|(van, driven)| roads.check_drive(*van, driven)).sum();
        if outside > Meters::ZERO {
            broken.push(format!("{outside:.0} driven outside permits"));
        }
    }
    broken
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
