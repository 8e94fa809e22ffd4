//! Corridors solved by HiGHS: poor plans become optimal ones where instances are small, and public
//! ones become cheaper; every plan passes the checker.

use proptest::prelude::*;
use rv_base::Rng;
use rv_linehaul::{Budget, check_static, improve_static, read_dow, solve_static};
use rv_model::linehaul::{NetworkDesign, PathFlow, StaticPlan, Timing};

use crate::canad::data;
use crate::small::{design, least_static, paths};

/// Everything on its longest way over the wide ring.
fn poor(design: &NetworkDesign) -> StaticPlan {
    let flows = (design.commodities().iter().enumerate()).map(|(k, com)| {
        let wide = |a: usize| design.arcs()[a].capacity >= 64.0;
        let ways = paths(design, com, &wide);
        let way = ways.into_iter().max_by_key(Vec::len).unwrap();
        PathFlow { commodity: k as u32, arcs: way, amount: com.size }
    });
    StaticPlan { flows: flows.collect() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn small_plans_become_optimal(design in design(Timing::Static)) {
        let budget = Budget::steps(1);
        let rng = Rng::from_seed(1);
        let plan = improve_static(&design, poor(&design), &budget, &rng, &mut |_| {});
        let report = check_static(&design, &plan);
        prop_assert_eq!(report.violations, []);
        let before = check_static(&design, &poor(&design)).cost;
        prop_assert!(report.cost <= before + 1e-9);
        let least = least_static(&design, report.cost + 1.0);
        prop_assert!(report.cost <= least * 1.0002 + 1e-6, "{} against {least}", report.cost);
    }
}

#[test]
fn a_public_plan_becomes_cheaper() {
    let Some(text) = data("canad/instances/C/c37.dow") else { return };
    let design = read_dow(&text).unwrap();
    let rng = Rng::from_seed(1);
    let found = solve_static(&design, &Budget::steps(20), 1, &rng, &mut |_, _| {});
    let plan = improve_static(&design, found.plan, &Budget::steps(1), &rng, &mut |_| {});
    let report = check_static(&design, &plan);
    assert_eq!(report.violations, []);
    assert!(report.cost < found.cost, "{} after {}", report.cost, found.cost);
}
