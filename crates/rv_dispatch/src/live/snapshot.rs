//! The tours of a fleet under way as a problem and its plan, for the judge.

use std::sync::Arc;

use rv_model::dispatch::{
    Leg, MAX_LOAD_DIMS, OrderKind, PermitMap, Plan, Problem, ProblemData, ProblemError, Route,
    Start, Task, Travel, TravelSource, Unassigned, Visit,
};

use super::Live;

impl Live {
    /// The tours of some vehicles as a problem and its plan, for the judge; the vehicles' own
    /// orders are in it and no others.
    pub fn snapshot(&self, vehicles: &[u32]) -> Result<(Problem, Plan), ProblemError> {
        let mut data = ProblemData {
            n_load_dims: MAX_LOAD_DIMS,
            depots: Vec::new(),
            chargers: Vec::new(),
            vehicles: Vec::new(),
            orders: Vec::new(),
            travels: Vec::new(),
            tenants: Vec::new(),
            permits: PermitMap::default(),
        };
        let mut excerpt = Excerpt { travel: Arc::clone(&self.travel), locations: Vec::new() };
        let mut plan = Plan::default();
        for &v in vehicles {
            let idx = data.vehicles.len() as u32;
            let tour = &self.tours[v as usize];
            let mut own = self.vehicles[v as usize].clone();
            let mut numbers = tour.numbers();
            numbers.extend(&tour.handed_back);
            let first = data.orders.len() as u32;
            let local = |number: u32| {
                let at = numbers.iter().position(|n| *n == number);
                first + at.map_or(0, |at| at as u32)
            };
            let told = |task: Task| match task {
                Task::Serve(number) => Task::Serve(local(number)),
                Task::Collect(number) => Task::Collect(local(number)),
                task => task,
            };
            own.profile = 0;
            if let Start::Road(at) = &mut own.start {
                *at = excerpt.local(*at);
            }
            own.end = own.end.map(|end| excerpt.local(end));
            own.committed = own.committed.iter().map(|t| told(*t)).collect();
            let visits = tour.tasks.iter().map(|t| Visit::untimed(told(*t))).collect();
            for &number in &numbers {
                let mut order = self.orders[number].clone();
                order.id = u64::from(number);
                order.on_board = order.on_board.map(|_| idx);
                let is_told_here = order.told.vehicle.is_some_and(|(told, _)| told == v);
                order.told.vehicle = order.told.vehicle.filter(|_| is_told_here);
                order.told.vehicle = order.told.vehicle.map(|(_, cost)| (idx, cost));
                match &mut order.kind {
                    OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => {
                        stop.location = excerpt.local(stop.location);
                    }
                    OrderKind::Transfer { pickup, dropoff } => {
                        pickup.location = excerpt.local(pickup.location);
                        dropoff.location = excerpt.local(dropoff.location);
                    }
                }
                if self.handed_back.contains(&number) {
                    plan.unassigned.push(Unassigned::silent(local(number)));
                }
                data.orders.push(order);
            }
            if !tour.tasks.is_empty() {
                let depart_ms = own.shift.start_ms;
                plan.routes.push(Route {
                    vehicle: idx,
                    depart_ms,
                    end_ms: 0,
                    distance_mm: 0,
                    visits,
                });
            }
            data.vehicles.push(own);
        }
        let at = excerpt.locations.iter().map(|l| self.permits[*l as usize]);
        data.permits.of_location = at.collect();
        data.travels.push(Travel::Source(Arc::new(excerpt)));
        Ok((Problem::new(data)?, plan))
    }
}

/// A few of the fleet's locations.
struct Excerpt {
    travel: Arc<dyn TravelSource>,
    locations: Vec<u32>,
}

impl Excerpt {
    fn local(&mut self, location: u32) -> u32 {
        let known = self.locations.iter().position(|l| *l == location);
        known.unwrap_or_else(|| {
            self.locations.push(location);
            self.locations.len() - 1
        }) as u32
    }
}

impl TravelSource for Excerpt {
    fn n_locations(&self) -> usize {
        self.locations.len()
    }

    fn leg(&self, from: u32, to: u32) -> Leg {
        self.travel.leg(self.locations[from as usize], self.locations[to as usize])
    }
}
