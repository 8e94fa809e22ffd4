//! The flow programme against a plain simplex over all paths, cold and from the basis before.

use proptest::prelude::*;
use rv_model::linehaul::{DesignArc, DesignCommodity, NetworkDesign, Timing};

use super::super::net::Net;
use super::{Flows, Precision};

#[path = "../../tests/it/simplex.rs"]
mod simplex;

const PENALTY: f64 = 1000.0;

/// All paths without circles over open arcs.
fn ways(net: &Net, is_open: &[bool], from: u32, to: u32) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    let mut begun = vec![(from, Vec::<u32>::new())];
    while let Some((at, path)) = begun.pop() {
        if at == to {
            found.push(path);
            continue;
        }
        for &a in net.out(at).iter().filter(|a| is_open[**a as usize]) {
            let head = net.arcs[a as usize].head;
            let is_seen = head == from || path.iter().any(|&b| net.arcs[b as usize].head == head);
            if !is_seen {
                begun.push((head, path.iter().copied().chain([a]).collect()));
            }
        }
    }
    found
}

fn least(net: &Net, is_open: &[bool]) -> f64 {
    let (mut costs, mut paths) = (Vec::new(), Vec::new());
    for (k, com) in net.coms.iter().enumerate() {
        for path in ways(net, is_open, com.from, com.to) {
            costs.push(path.iter().map(|&a| net.arcs[a as usize].cost).sum());
            paths.push((k, path));
        }
        costs.push(PENALTY);
        paths.push((k, Vec::new()));
    }
    let row = |is_in: &dyn Fn(&(usize, Vec<u32>)) -> bool| -> Vec<f64> {
        paths.iter().map(|path| f64::from(u8::from(is_in(path)))).collect()
    };
    let equal: Vec<_> = (net.coms.iter().enumerate())
        .map(|(k, com)| (row(&|path| path.0 == k), com.size))
        .collect();
    let at_most: Vec<_> = (net.arcs.iter().enumerate())
        .map(|(a, arc)| (row(&|path| path.1.contains(&(a as u32))), arc.capacity))
        .collect();
    simplex::minimum(&costs, &equal, &at_most).unwrap()
}

fn nets() -> impl Strategy<Value = Net> {
    let arcs = prop::collection::vec((0..5_u32, 1..5_u32, 1..20_u32, 1..12_u32), 6..16);
    let coms = prop::collection::vec((0..5_u32, 1..5_u32, 1..10_u32), 1..7);
    (arcs, coms).prop_map(|(arcs, coms)| {
        // A ring connects everything.
        let ring = (0..5).map(|tail| (tail, 1, 19, 4));
        let arcs = ring.chain(arcs).map(|(tail, by, cost, capacity)| DesignArc {
            tail,
            head: (tail + by) % 5,
            cost_per_unit: f64::from(cost),
            capacity: f64::from(capacity),
            cost_fixed: 1.0,
            travel: 0.0,
        });
        let coms = coms.into_iter().map(|(origin, by, size)| DesignCommodity {
            origin,
            destination: (origin + by) % 5,
            size: f64::from(size),
            release: 0.0,
            due: f64::INFINITY,
        });
        let (arcs, coms) = (arcs.collect(), coms.collect());
        Net::new(&NetworkDesign::new(Timing::Static, 5, arcs, coms).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn flows_cost_what_a_plain_simplex_says(
        net in nets(),
        flips in prop::collection::vec(0..21_usize, 0..12),
    ) {
        let mut flows = Flows::new(&net, PENALTY, Precision::Exact);
        let mut basis = flows.empty(vec![true; net.arcs.len()]);
        prop_assert!(flows.solve(&mut basis, f64::INFINITY));
        for flip in flips {
            let a = flip % net.arcs.len();
            basis.is_open[a] = !basis.is_open[a];
            let expected = least(&net, &basis.is_open);
            // A limit that is too low is noticed, and leaves a basis from which one can go on.
            let mut beyond = basis.clone();
            prop_assert!(!flows.solve(&mut beyond, expected * 0.999 - 1.0));
            prop_assert!(flows.solve(&mut beyond, f64::INFINITY));
            prop_assert!((beyond.cost - expected).abs() < 1e-6 * expected);
            prop_assert!(flows.solve(&mut basis, expected * 1.001 + 1.0));
            prop_assert!((basis.cost - expected).abs() < 1e-6 * expected, "{} {expected}", basis.cost);
            let mut load = vec![0.0; net.arcs.len()];
            let mut moved = vec![0.0; net.coms.len()];
            for (k, arcs, units) in flows.paths(&basis) {
                moved[k] += units;
                let mut at = net.coms[k].from;
                for &a in arcs {
                    prop_assert!(basis.is_open[a as usize] && net.arcs[a as usize].tail == at);
                    at = net.arcs[a as usize].head;
                    load[a as usize] += units;
                }
                prop_assert!(arcs.is_empty() || at == net.coms[k].to);
            }
            for (com, moved) in net.coms.iter().zip(moved) {
                prop_assert!((com.size - moved).abs() < 1e-6);
            }
            for (arc, load) in net.arcs.iter().zip(load) {
                prop_assert!(load < arc.capacity + 1e-6);
            }
        }
    }
}
