//! Routes and travel matrices: turn-aware, by vehicle class and permit.
//!
//! It refuses to know what a route is for (orders, vans, plans), who may drive where (it is handed
//! a set of forbidden edges) and what time it is (it is handed factors on driving times).
//!
//! A [`Network`] is built once from a city's road graph; a [`Metric`] weighs it for one
//! [`VehicleClass`] under one permit and one state of the traffic; questions are asked of the
//! metric.
//!
//! ```
//! use std::sync::Arc;
//! use rv_map::{ModeSet, RoadGraph};
//! use rv_route::{Conditions, Metric, Network, VehicleClass};
//!
//! let graph = RoadGraph { first_out: vec![0], ..RoadGraph::default() };
//! let network = Arc::new(Network::build(&graph, ModeSet::MOTOR));
//! let class = VehicleClass::by_name("robovan-35").unwrap();
//! let metric = Metric::build(network, &class, Conditions::default(), 1);
//! assert_eq!(metric.epoch(), 1);
//! ```

mod alternatives;
mod blocks;
mod cch;
mod class;
mod cost;
mod customize;
mod cut;
mod dijkstra;
mod edge_set;
mod guide;
mod hierarchy;
mod isochrone;
mod lane_groups;
mod live;
mod matching;
mod matrix;
mod metric;
mod network;
mod order;
mod partial;
mod perfect;
mod permits;
mod query;
mod reference;
mod route;
mod simd;
mod slots;
mod table;
mod weight;

pub use alternatives::AlternativeOptions;
pub use class::{EnergyUse, RoadKindSet, TurnCosts, VehicleClass};
pub use cost::Cost;
pub use edge_set::EdgeSet;
pub use guide::{Step, StepTurn, point_on};
pub use isochrone::{OutlineOptions, Polygon, outline};
pub use lane_groups::{LaneGroup, LaneGroups, LaneSight};
pub use live::LiveMetric;
pub use matching::{
    Integrity, MatchMap, MatchOptions, MatchScratch, Matched, Matcher, Observation,
};
pub use matrix::Matrix;
pub use metric::{ClassCosts, Climb, Conditions, Metric, MetricBatch, MetricSpec, RouteError};
pub use network::Network;
pub use permits::PermitMetrics;
pub use reference::Reference;
pub use route::{Reach, Reached, Route, RouteEdge, Scratch};
pub use slots::{SlotError, WeekSlots};

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod testnet;
