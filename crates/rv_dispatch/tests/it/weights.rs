//! What kinds of cost count for decides between plans.

use rv_base::{Money, Rng};
use rv_dispatch::{Budget, Costs, Criterion, Params, Weights, check, solve};
use rv_model::dispatch::*;

use crate::random::{Features, problem};

const H: i64 = 3_600_000;

/// Three stops west, east and west again of the depot, 8 km away, with windows one after the other
/// (hard, or soft at a price); two vehicles. One vehicle drives 48 km, two drive 32 km.
fn west_east_west(late_per_hour: Option<f64>) -> ProblemData {
    let mut data = problem(1, 3, 2, Features(0)).into_data();
    let mut points_m = vec![(0.0, 0.0); 13];
    for (k, x) in [(0, -8e3), (1, 8e3), (2, -8e3)] {
        points_m[5 + 2 * k] = (x, 0.0);
        let window = Window { start_ms: (1 + k as i64) * H, end_ms: (1 + k as i64) * H + H / 2 };
        let OrderKind::Delivery(stop) = &mut data.orders[k].kind else { panic!("deliveries") };
        stop.service_ms = 0;
        match late_per_hour {
            Some(price) => {
                let price = Money::from_units(price);
                stop.soft =
                    Some(SoftWindow { window, early_per_hour: price, late_per_hour: price });
            }
            None => stop.windows = vec![window],
        }
    }
    data.travels = vec![Travel::Plane { points_m, speed_mps: 20.0, mwh_per_km: 0 }];
    for vehicle in &mut data.vehicles {
        vehicle.end = Some(0);
        vehicle.cost_per_km = Money::from_units(1.0);
    }
    data
}

fn costs(data: ProblemData, weights: Weights) -> Costs {
    let problem = Problem::new(data).expect("it is valid");
    let params = Params { weights, ..Params::standard() };
    let budget = Budget::iterations(500);
    let plan = solve(&problem, None, &params, &budget, &mut Rng::from_seed(1)).plan;
    let report = check(&problem, &plan);
    assert_eq!(report.violations, []);
    report.costs
}

#[test]
fn vehicles_ranked_before_cost_are_saved_at_any_distance() {
    let money = costs(west_east_west(None), Weights::equal());
    assert_eq!((money.n_vehicles, money.distance), (2, Money::from_units(32.0)));
    let rank = Weights::lexicographic(&[Criterion::Vehicles, Criterion::Cost]);
    let ranked = costs(west_east_west(None), rank);
    assert_eq!((ranked.n_vehicles, ranked.distance), (1, Money::from_units(48.0)));
    let dear = Weights { vehicle: Money::from_units(15.0), ..Weights::equal() };
    assert_eq!(costs(west_east_west(None), dear).n_vehicles, 2);
    let dearer = Weights { vehicle: Money::from_units(17.0), ..Weights::equal() };
    assert_eq!(costs(west_east_west(None), dearer).n_vehicles, 1);
}

#[test]
fn lateness_counts_by_its_weight() {
    let one_vehicle = || {
        let mut data = west_east_west(Some(100.0));
        data.vehicles.truncate(1);
        data
    };
    let on_time = costs(one_vehicle(), Weights::equal());
    assert_eq!(on_time.distance, Money::from_units(48.0));
    assert_eq!(on_time.lateness, Money::ZERO);
    let careless = Weights { lateness: 0.0, ..Weights::equal() };
    assert_eq!(costs(one_vehicle(), careless).distance, Money::from_units(32.0));
    let rank = Weights::lexicographic(&[Criterion::Lateness, Criterion::Cost]);
    assert_eq!(costs(one_vehicle(), rank).lateness, Money::ZERO);
}

#[test]
fn prizes_count_by_the_weight_of_what_is_unserved() {
    let optional = || {
        let mut data = west_east_west(None);
        data.orders[1].presence = Presence::Optional(Money::from_units(10.0));
        data
    };
    let equal = costs(optional(), Weights::equal());
    assert_eq!(equal.prizes_lost, Money::from_units(10.0), "a detour of 16 km for a prize of 10");
    let eager = Weights { unserved: 2.0, ..Weights::equal() };
    assert_eq!(costs(optional(), eager).prizes_lost, Money::ZERO);
    let rank = Weights::lexicographic(&[Criterion::Unserved, Criterion::Cost]);
    assert_eq!(costs(optional(), rank).prizes_lost, Money::ZERO);
}
