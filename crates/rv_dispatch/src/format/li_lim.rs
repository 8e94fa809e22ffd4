//! Li and Lim's text: pickups and deliveries in pairs.

use rv_model::dispatch::{OrderKind, PermitMap, ProblemData};

use super::literature::{
    Clock, Rows, Site, capacity, depot, finish, load, n_vehicles, order, stop, travel, vehicle,
};
use super::{Convention, FormatError, Loaded, line_error, numbers};

pub(super) fn read(text: &str, convention: Convention) -> Result<Loaded, FormatError> {
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let (idx, head) = lines.next().ok_or_else(|| FormatError::Whole("the file is empty".into()))?;
    let &[n, capacity_of_each, _speed] = numbers(idx + 1, head)?.as_slice() else {
        return line_error(idx + 1, "expected the number of vehicles, the capacity, the speed");
    };
    let n_vehicles = n_vehicles(idx + 1, n)?;
    let capacity = capacity(idx + 1, capacity_of_each)?;
    let mut rows = Rows::default();
    let mut partners: Vec<(usize, usize, usize)> = Vec::new();
    for (idx, line) in lines {
        let line_no = idx + 1;
        let &[id, x, y, demand, open, close, service, pickup, delivery] =
            numbers(line_no, line)?.as_slice()
        else {
            return line_error(line_no, "expected 9 numbers");
        };
        let expected = rows.sites.len();
        if id != expected as f64 {
            return line_error(line_no, format!("expected row {expected}, found {id}"));
        }
        partners.push((line_no, pickup.max(0.0) as usize, delivery.max(0.0) as usize));
        let label = format!("{id}");
        let is_dropoff = delivery == 0.0 && pickup > 0.0;
        rows.add(line_no, Site { label, at: (x, y), demand, open, close, service }, is_dropoff)?;
    }
    let sites = rows.sites;
    if sites.is_empty() {
        return Err(FormatError::Whole("there is no depot row".into()));
    }
    let mut orders = Vec::new();
    for (at, &(line_no, pickup, delivery)) in partners.iter().enumerate().skip(1) {
        if delivery == 0 {
            let is_answered = partners.get(pickup).is_some_and(|p| p.2 == at);
            if pickup == 0 || !is_answered {
                return line_error(line_no, "the row has no pickup that leads to it");
            }
            continue;
        }
        if delivery == at || partners.get(delivery).is_none_or(|p| p.1 != at || p.2 != 0) {
            return line_error(line_no, format!("row {delivery} does not name it as its pickup"));
        }
        let (loaded, dropped) = (sites[at].demand, sites[delivery].demand);
        if loaded + dropped != 0.0 {
            let reason = format!("{loaded} is loaded here and {} dropped off", -dropped);
            return line_error(line_no, reason);
        }
        let kind = OrderKind::Transfer {
            pickup: stop(at, &sites[at]),
            dropoff: stop(delivery, &sites[delivery]),
        };
        orders.push(order(at, kind, load(sites[at].demand, 1.0)));
    }
    let points: Vec<_> = sites.iter().map(|s| s.at).collect();
    let vehicles =
        (0..n_vehicles).map(|id| vehicle(id, 0, 0, &sites[0], load(capacity, 1.0))).collect();
    let data = ProblemData {
        n_load_dims: 1,
        depots: vec![depot(0, &sites[0])],
        chargers: Vec::new(),
        vehicles,
        orders,
        travels: vec![travel(&points, convention, Clock::Distance, None)?],
        tenants: Vec::new(),
        permits: PermitMap::default(),
    };
    finish(String::new(), data, sites, convention)
}
