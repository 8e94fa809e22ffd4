//! The one check that all input passes.

use std::collections::BTreeSet;

use rv_base::Money;

use super::plan::Task;
use super::problem::{
    Battery, ChargeKind, Load, MAX_LOAD_DIMS, Order, OrderKind, Presence, ProblemData, SoftWindow,
    Start, Stop, Told, Vehicle, Window,
};
use super::travel::Travel;

/// What is wrong with a problem, and where: `field` reads like `orders[3].windows[0]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct ProblemError {
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Largest load, capacity or demand, so that sums of two never overflow 32 bits.
const LOAD_MAX: i32 = 1 << 29;
/// Largest span between the earliest shift start and any finite time that matters, ms: 12 days.
const SPAN_MS_MAX: i64 = 1 << 30;
/// Latest moment after the earliest shift start at which something can begin, ms: 6 days.
const BEGIN_MS_MAX: i64 = (1 << 29) - 1;
/// Largest cost per kilometre, hour or vehicle: a billion units.
const COST_MAX: i64 = 1_000_000_000_000_000;
/// Largest energy, mWh: 2 MWh.
const ENERGY_MAX: i64 = 2_000_000_000;
/// Largest power, mW: a gigawatt.
const POWER_MAX: i64 = 1_000_000_000_000;
/// Longest leg, ms, mm and mWh, so that sums of two never overflow 32 bits.
const LEG_MAX: f64 = 1_073_741_822.0;
/// Most compartments of one vehicle.
const COMPARTMENTS_MAX: usize = 64;
/// Most orders, vehicles or locations of one problem.
const COUNT_MAX: usize = 4_000_000;

type Check = Result<(), ProblemError>;

fn fail<T>(field: impl Into<String>, reason: impl Into<String>) -> Result<T, ProblemError> {
    Err(ProblemError { field: field.into(), reason: reason.into() })
}

pub(super) fn validate(data: &ProblemData) -> Check {
    if !(1..=MAX_LOAD_DIMS).contains(&data.n_load_dims) {
        return fail("n_load_dims", format!("must be 1..={MAX_LOAD_DIMS}"));
    }
    for (name, count) in [("orders", data.orders.len()), ("vehicles", data.vehicles.len())] {
        if count > COUNT_MAX {
            return fail(name, format!("{count} entries, the most is {COUNT_MAX}"));
        }
    }
    let n_locations = check_travels(data)?;
    let origin_ms = data.vehicles.iter().map(|v| v.shift.start_ms).min().unwrap_or(0);
    let checker = Checker { data, n_locations, origin_ms };
    for (idx, depot) in data.depots.iter().enumerate() {
        let field = format!("depots[{idx}]");
        checker.location(&field, depot.location)?;
        checker.window(&format!("{field}.window"), &depot.window)?;
        checker.span(&format!("{field}.reload_ms"), depot.reload_ms)?;
        if let Some(stock) = &depot.stock {
            checker.load(&format!("{field}.stock"), stock)?;
        }
    }
    for (idx, charger) in data.chargers.iter().enumerate() {
        let field = format!("chargers[{idx}]");
        checker.location(&field, charger.location)?;
        checker.window(&format!("{field}.window"), &charger.window)?;
        checker.span(&format!("{field}.setup_ms"), charger.setup_ms)?;
        if let ChargeKind::Plug { power_mw } = charger.kind
            && !(1..=POWER_MAX).contains(&power_mw)
        {
            return fail(format!("{field}.power_mw"), format!("is not within 1..={POWER_MAX}"));
        }
        if charger.bays == Some(0) {
            return fail(format!("{field}.bays"), "must be at least one");
        }
    }
    for (idx, tenant) in data.tenants.iter().enumerate() {
        let field = format!("tenants[{idx}]");
        if tenant.share_permille > 1000 {
            return fail(format!("{field}.share_permille"), "is above 1000");
        }
        cost(&format!("{field}.cost_per_order"), tenant.cost_per_order)?;
    }
    checker.permits()?;
    let mut ids = BTreeSet::new();
    for (idx, vehicle) in data.vehicles.iter().enumerate() {
        if !ids.insert(vehicle.id) {
            return fail(format!("vehicles[{idx}].id"), format!("{} is used twice", vehicle.id));
        }
        checker.vehicle(&format!("vehicles[{idx}]"), vehicle)?;
    }
    ids.clear();
    for (idx, order) in data.orders.iter().enumerate() {
        if !ids.insert(order.id) {
            return fail(format!("orders[{idx}].id"), format!("{} is used twice", order.id));
        }
        checker.order(&format!("orders[{idx}]"), order)?;
    }
    checker.committed()
}

fn check_travels(data: &ProblemData) -> Result<usize, ProblemError> {
    let Some(first) = data.travels.first() else {
        return fail("travels", "at least one travel profile is needed");
    };
    let n_locations = first.n_locations();
    if n_locations == 0 || n_locations > COUNT_MAX {
        return fail("travels[0]", format!("{n_locations} locations, must be 1..={COUNT_MAX}"));
    }
    for (idx, travel) in data.travels.iter().enumerate() {
        let field = format!("travels[{idx}]");
        if travel.n_locations() != n_locations {
            let n = travel.n_locations();
            return fail(field, format!("covers {n} locations, travels[0] covers {n_locations}"));
        }
        match travel {
            Travel::Table { n, duration_ms, distance_mm, energy_mwh } => {
                let tables = [
                    ("duration_ms", Some(duration_ms)),
                    ("distance_mm", Some(distance_mm)),
                    ("energy_mwh", energy_mwh.as_ref()),
                ];
                for (name, table) in tables {
                    let Some(table) = table else { continue };
                    if table.len() != n * n {
                        let len = table.len();
                        return fail(
                            format!("{field}.{name}"),
                            format!("has {len} entries, {n} locations need {}", n * n),
                        );
                    }
                    // Energy may be negative downhill; time and distance may not.
                    if name != "energy_mwh"
                        && let Some(at) = table.iter().position(|&v| v < 0)
                    {
                        return fail(format!("{field}.{name}[{at}]"), "is negative");
                    }
                }
            }
            Travel::Plane { points_m, speed_mps, mwh_per_km } => {
                if let Some(at) =
                    points_m.iter().position(|p| !(p.0.abs() < 1e6 && p.1.abs() < 1e6))
                {
                    return fail(format!("{field}.points_m[{at}]"), "is not within 1,000 km");
                }
                if !(speed_mps.is_finite() && *speed_mps > 1e-3) {
                    return fail(format!("{field}.speed_mps"), "must be above 0.001");
                }
                if !(0..=1_000_000_000).contains(mwh_per_km) {
                    return fail(format!("{field}.mwh_per_km"), "must be 0..=1000000000");
                }
                let longest_m = diagonal_m(points_m);
                let legs = [
                    ("points_m", longest_m * 1e3, "lie too far apart"),
                    ("speed_mps", longest_m / speed_mps * 1e3, "is too slow for such distances"),
                    ("mwh_per_km", longest_m * *mwh_per_km as f64 / 1e3, "is too much for them"),
                ];
                for (name, longest, what) in legs {
                    if longest > LEG_MAX {
                        return fail(format!("{field}.{name}"), what);
                    }
                }
            }
            Travel::Source(_) => {}
        }
    }
    Ok(n_locations)
}

/// Diagonal of the box around the points.
fn diagonal_m(points_m: &[(f64, f64)]) -> f64 {
    let span = |of: fn(&(f64, f64)) -> f64| {
        let values = points_m.iter().map(of);
        let (low, high) =
            values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        (high - low).max(0.0)
    };
    span(|p| p.0).hypot(span(|p| p.1))
}

struct Checker<'a> {
    data: &'a ProblemData,
    n_locations: usize,
    /// Earliest start of a shift.
    origin_ms: i64,
}

impl Checker<'_> {
    fn location(&self, field: &str, location: u32) -> Check {
        if location as usize >= self.n_locations {
            let n = self.n_locations;
            return fail(format!("{field}.location"), format!("{location} is not below {n}"));
        }
        Ok(())
    }

    fn window(&self, field: &str, window: &Window) -> Check {
        if window.end_ms < window.start_ms {
            return fail(field, "ends before it begins");
        }
        Ok(())
    }

    fn span(&self, field: &str, span_ms: i64) -> Check {
        if !(0..=SPAN_MS_MAX).contains(&span_ms) {
            return fail(field, format!("{span_ms} ms is not within 0..={SPAN_MS_MAX}"));
        }
        Ok(())
    }

    /// Moments far beyond the first shift are a mistake: nothing could ever begin then.
    fn begin(&self, field: &str, at_ms: i64) -> Check {
        if at_ms.saturating_sub(self.origin_ms) > BEGIN_MS_MAX {
            return fail(field, "is more than 6 days after the first shift starts");
        }
        Ok(())
    }

    fn load(&self, field: &str, load: &Load) -> Check {
        for (dim, &amount) in load.iter().enumerate() {
            if !(0..=LOAD_MAX).contains(&amount) {
                let reason = format!("{amount} is not within 0..={LOAD_MAX}");
                return fail(format!("{field}[{dim}]"), reason);
            }
            if dim >= self.data.n_load_dims && amount != 0 {
                return fail(format!("{field}[{dim}]"), "is beyond n_load_dims and must be 0");
            }
        }
        Ok(())
    }

    fn stop(&self, field: &str, stop: &Stop) -> Check {
        self.location(field, stop.location)?;
        self.span(&format!("{field}.service_ms"), stop.service_ms)?;
        if stop.windows.is_empty() {
            return fail(format!("{field}.windows"), "is empty; one window is needed");
        }
        for (idx, window) in stop.windows.iter().enumerate() {
            let field = format!("{field}.windows[{idx}]");
            self.window(&field, window)?;
            self.begin(&field, window.start_ms)?;
            if idx > 0 && window.start_ms <= stop.windows[idx - 1].end_ms {
                return fail(field, "begins before the previous one ended");
            }
        }
        stop.soft.as_ref().map_or(Ok(()), |soft| self.soft(&format!("{field}.soft"), soft))
    }

    fn soft(&self, field: &str, soft: &SoftWindow) -> Check {
        self.window(&format!("{field}.window"), &soft.window)?;
        cost(&format!("{field}.early_per_hour"), soft.early_per_hour)?;
        cost(&format!("{field}.late_per_hour"), soft.late_per_hour)
    }

    fn permits(&self) -> Check {
        let permits = &self.data.permits;
        let n = permits.of_location.len();
        if n != 0 && n != self.n_locations {
            let reason = format!("has {n} entries, there are {} locations", self.n_locations);
            return fail("permits.of_location", reason);
        }
        let beyond = |at: &(u32, u32)| (at.0.max(at.1)) as usize >= self.n_locations;
        match permits.of_way.keys().find(|at| beyond(at)) {
            Some((a, b)) => {
                fail("permits.of_way", format!("{a} to {b} is beyond the last location"))
            }
            None => Ok(()),
        }
    }

    fn told(&self, field: &str, told: &Told) -> Check {
        if let Some((vehicle, money)) = told.vehicle {
            cost(&format!("{field}.vehicle"), money)?;
            if vehicle as usize >= self.data.vehicles.len() {
                return fail(format!("{field}.vehicle"), format!("{vehicle} does not exist"));
            }
        }
        if let Some((depot, money)) = told.depot {
            cost(&format!("{field}.depot"), money)?;
            self.depot(&format!("{field}.depot"), depot)?;
        }
        told.begin.as_ref().map_or(Ok(()), |soft| self.soft(&format!("{field}.begin"), soft))
    }

    fn order(&self, field: &str, order: &Order) -> Check {
        match &order.kind {
            OrderKind::Delivery(stop) => self.stop(field, stop)?,
            OrderKind::Pickup(stop) => {
                self.stop(field, stop)?;
                if order.on_board.is_some() {
                    return fail(format!("{field}.on_board"), "a pickup on board is extra_load");
                }
            }
            OrderKind::Transfer { pickup, dropoff } => {
                self.stop(&format!("{field}.pickup"), pickup)?;
                self.stop(&format!("{field}.dropoff"), dropoff)?;
            }
        }
        self.load(&format!("{field}.load"), &order.load)?;
        self.begin(&format!("{field}.release_ms"), order.release_ms)?;
        if let Presence::Optional(prize) = order.presence
            && !(0..=COST_MAX).contains(&prize.0)
        {
            return fail(format!("{field}.presence"), "the prize is negative or too large");
        }
        self.told(&format!("{field}.told"), &order.told)?;
        if order.tenant.is_some_and(|t| t as usize >= self.data.tenants.len()) {
            return fail(format!("{field}.tenant"), "there is no such tenant");
        }
        match order.on_board {
            Some(vehicle) if vehicle as usize >= self.data.vehicles.len() => {
                fail(format!("{field}.on_board"), format!("vehicle {vehicle} does not exist"))
            }
            _ => Ok(()),
        }
    }

    fn depot(&self, field: &str, depot: u32) -> Check {
        if depot as usize >= self.data.depots.len() {
            return fail(field, format!("depot {depot} does not exist"));
        }
        Ok(())
    }

    fn vehicle(&self, field: &str, vehicle: &Vehicle) -> Check {
        match vehicle.start {
            Start::Depot(depot) => self.depot(&format!("{field}.start"), depot)?,
            Start::Road(location) => self.location(&format!("{field}.start"), location)?,
        }
        if let Some(end) = vehicle.end {
            self.location(&format!("{field}.end"), end)?;
        }
        self.window(&format!("{field}.shift"), &vehicle.shift)?;
        self.begin(&format!("{field}.shift"), vehicle.shift.start_ms)?;
        if vehicle.shift.start_ms < i64::MIN / 2 || vehicle.shift.end_ms > i64::MAX / 2 {
            return fail(format!("{field}.shift"), "is beyond every calendar");
        }
        if let Some(span_ms) = vehicle.duration_ms_max {
            self.span(&format!("{field}.duration_ms_max"), span_ms)?;
        }
        if vehicle.distance_mm_max.is_some_and(|mm| mm < 0) {
            return fail(format!("{field}.distance_mm_max"), "is negative");
        }
        self.load(&format!("{field}.capacity"), &vehicle.capacity)?;
        self.load(&format!("{field}.extra_load"), &vehicle.extra_load)?;
        if vehicle.profile as usize >= self.data.travels.len() {
            return fail(format!("{field}.profile"), "there is no such travel");
        }
        let costs = [
            ("cost_fixed", vehicle.cost_fixed),
            ("cost_per_km", vehicle.cost_per_km),
            ("cost_per_hour", vehicle.cost_per_hour),
        ];
        for (name, money) in costs {
            cost(&format!("{field}.{name}"), money)?;
        }
        if vehicle.compartments.len() > COMPARTMENTS_MAX {
            let reason = format!("more than {COMPARTMENTS_MAX}");
            return fail(format!("{field}.compartments"), reason);
        }
        for (idx, compartment) in vehicle.compartments.iter().enumerate() {
            let field = format!("{field}.compartments[{idx}].capacity");
            self.load(&field, &compartment.capacity)?;
        }
        for (idx, &depot) in vehicle.reload_depots.iter().enumerate() {
            self.depot(&format!("{field}.reload_depots[{idx}]"), depot)?;
        }
        let Some(own) = &vehicle.battery else { return Ok(()) };
        let rates = format!("{field}.battery.load_uwh_per_km");
        self.load(&rates, &own.load_uwh_per_km)?;
        battery(&format!("{field}.battery"), own)
    }

    /// Committed tasks refer to orders that exist, once each, with pickups before dropoffs.
    fn committed(&self) -> Check {
        let mut seen = BTreeSet::new();
        for (idx, vehicle) in self.data.vehicles.iter().enumerate() {
            self.committed_trips(idx, vehicle)?;
            for (at, task) in vehicle.committed.iter().enumerate() {
                let field = format!("vehicles[{idx}].committed[{at}]");
                match *task {
                    Task::Serve(order) | Task::Collect(order) => {
                        let Some(found) = self.data.orders.get(order as usize) else {
                            return fail(field, format!("order {order} does not exist"));
                        };
                        if !seen.insert(*task) {
                            return fail(field, format!("order {order} is committed twice"));
                        }
                        self.committed_order(&field, idx as u32, found, *task, &seen)?;
                    }
                    Task::Reload(depot) => self.depot(&field, depot)?,
                    Task::Charge { charger, energy_mwh } => {
                        if charger as usize >= self.data.chargers.len() {
                            return fail(field, format!("charger {charger} does not exist"));
                        }
                        if vehicle.battery.is_none() || !(0..=ENERGY_MAX).contains(&energy_mwh) {
                            return fail(field, "no battery, or an impossible energy");
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// What is committed can be on board then: it was loaded at a depot, or is on board from the
    /// start and not yet brought back to one.
    fn committed_trips(&self, idx: usize, vehicle: &Vehicle) -> Check {
        let mut was_at_depot = matches!(vehicle.start, Start::Depot(_));
        let (mut n_reloads, mut n_open) = (0, 0);
        for (at, task) in vehicle.committed.iter().enumerate() {
            let wrong = |reason| fail(format!("vehicles[{idx}].committed[{at}]"), reason);
            match *task {
                Task::Reload(_) if n_open > 0 => {
                    return wrong("a transfer is collected and not yet served");
                }
                Task::Reload(_) => (was_at_depot, n_reloads) = (true, n_reloads + 1),
                Task::Collect(_) => n_open += 1,
                Task::Serve(order) => match self.data.orders.get(order as usize) {
                    Some(Order { on_board: Some(_), .. }) if n_reloads > 0 => {
                        return wrong("what is on board is served before a reload");
                    }
                    Some(Order { on_board: None, kind: OrderKind::Delivery(_), .. })
                        if !was_at_depot =>
                    {
                        return wrong("the order is not on board, and no depot comes before");
                    }
                    Some(Order { on_board: None, kind: OrderKind::Transfer { .. }, .. }) => {
                        n_open -= 1;
                    }
                    _ => {}
                },
                Task::Charge { .. } => {}
            }
        }
        Ok(())
    }

    fn committed_order(
        &self,
        field: &str,
        vehicle: u32,
        order: &Order,
        task: Task,
        seen: &BTreeSet<Task>,
    ) -> Check {
        if order.on_board.is_some_and(|v| v != vehicle) {
            return fail(field, "the order is on board of another vehicle");
        }
        let is_open_transfer =
            matches!(order.kind, OrderKind::Transfer { .. }) && order.on_board.is_none();
        match task {
            Task::Collect(_) if !is_open_transfer => {
                fail(field, "only a transfer that is not on board can be collected")
            }
            Task::Serve(idx) if is_open_transfer && !seen.contains(&Task::Collect(idx)) => {
                fail(field, "the transfer's pickup is not committed before its dropoff")
            }
            _ => Ok(()),
        }
    }
}

fn cost(field: &str, cost: Money) -> Check {
    if !(0..=COST_MAX).contains(&cost.0) {
        return fail(field, "is negative or too large");
    }
    Ok(())
}

fn battery(field: &str, battery: &Battery) -> Check {
    let energies = [
        ("capacity_mwh", battery.capacity_mwh),
        ("start_mwh", battery.start_mwh),
        ("reserve_mwh", battery.reserve_mwh),
    ];
    for (name, energy) in energies {
        if !(0..=ENERGY_MAX).contains(&energy) {
            return fail(format!("{field}.{name}"), format!("is not within 0..={ENERGY_MAX}"));
        }
    }
    if battery.start_mwh > battery.capacity_mwh {
        return fail(format!("{field}.start_mwh"), "is above the capacity");
    }
    let mut last_mwh = 0;
    for (idx, step) in battery.curve.iter().enumerate() {
        if step.up_to_mwh <= last_mwh || !(1..=POWER_MAX).contains(&step.power_mw) {
            let reason = format!("must ascend and have a power within 1..={POWER_MAX}");
            return fail(format!("{field}.curve[{idx}]"), reason);
        }
        last_mwh = step.up_to_mwh;
    }
    if last_mwh < battery.capacity_mwh {
        return fail(format!("{field}.curve"), "does not reach the capacity");
    }
    Ok(())
}
