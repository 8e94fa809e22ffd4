//! Rich vehicle routing: which van carries which parcels, in which order, when it reloads and
//! charges, and which order has to be refused and why.
//!
//! It refuses to know where travel times come from (the caller brings tables or a
//! [`TravelSource`](rv_model::dispatch::TravelSource)), what time it is (a [`Budget`] brings the
//! clock), and what an order means to a tenant. The search is slack induction by string removals
//! with annealing, and for plain problems with windows also a local search over routes that may run
//! late at a price; problems above [`Params::part_stops_max`] stops are cut into neighbourhoods of
//! routes that are improved side by side. Every plan can be judged by [`check()`], which shares no
//! code with the search.
//!
//! The main entries are [`solve()`] and [`check()`]; the words are those of [`rv_model::dispatch`].
//!
//! A live fleet calls [`solve()`] again and again: vehicles carry what is on board, their committed
//! next stops and their remaining shift, and the last plan is the warm start. A day of 30,000
//! orders is one problem: `solve` cuts it by itself and asks a `TravelSource` only for the legs
//! inside each part (`fill` is called with a few hundred locations at a time). Callers that cannot
//! offer travel between all locations cut the orders first with [`decompose()`].
//!
//! ```
//! use rv_base::{Money, Rng};
//! use rv_dispatch::{check, solve, Budget, Params};
//! use rv_model::dispatch::*;
//!
//! let stop = |location| Stop { location, windows: vec![Window::ALWAYS], service_ms: 60_000, soft: None };
//! let order = |id| Order {
//!     id: u64::from(id),
//!     kind: OrderKind::Delivery(stop(id)),
//!     load: [1, 0, 0, 0],
//!     release_ms: 0,
//!     skills: 0,
//!     presence: Presence::Required,
//!     on_board: None,
//!     tenant: None,
//!     compartment: None,
//!     told: Told::default(),
//! };
//! let problem = Problem::new(ProblemData {
//!     n_load_dims: 1,
//!     depots: vec![Depot { location: 0, window: Window::ALWAYS, reload_ms: 300_000, stock: None }],
//!     chargers: vec![],
//!     vehicles: vec![Vehicle {
//!         id: 7,
//!         start: Start::Depot(0),
//!         end: Some(0),
//!         shift: Window { start_ms: 0, end_ms: 8 * 3_600_000 },
//!         duration_ms_max: None,
//!         distance_mm_max: None,
//!         capacity: [10, 0, 0, 0],
//!         extra_load: [0; 4],
//!         compartments: vec![],
//!         skills: 0,
//!         permits: 0,
//!         profile: 0,
//!         cost_fixed: Money::ZERO,
//!         cost_per_km: Money::from_units(0.5),
//!         cost_per_hour: Money::ZERO,
//!         reload_depots: vec![],
//!         reloads_max: 0,
//!         battery: None,
//!         committed: vec![],
//!     }],
//!     orders: vec![order(1), order(2)],
//!     travels: vec![Travel::Plane {
//!         points_m: vec![(0.0, 0.0), (1000.0, 0.0), (1000.0, 500.0)],
//!         speed_mps: 5.0,
//!         mwh_per_km: 0,
//!     }],
//!     tenants: vec![],
//!     permits: PermitMap::default(),
//! })
//! .unwrap();
//! let budget = Budget::iterations(200);
//! let outcome = solve(&problem, None, &Params::standard(), &budget, &mut Rng::from_seed(1));
//! assert!(outcome.plan.unassigned.is_empty());
//! assert!(check(&problem, &outcome.plan).violations.is_empty());
//! ```

mod adopt;
mod budget;
mod charging;
mod check;
mod construct;
mod decompose;
mod exact;
mod explain;
mod fleet;
pub mod format;
mod instance;
pub mod live;
mod near;
mod output;
mod parts;
mod recreate;
mod rich;
mod rounds;
mod route;
mod search;
mod shared;
mod simple;
mod solve;
mod squeeze;
mod state;
mod stow;
mod timing;
mod volt;
mod warp;
mod weights;

pub use budget::{Budget, Progress};
pub use check::{Costs, Report, Violation, check, confirm};
pub use decompose::decompose;
pub use solve::{Objective, Outcome, Params, Stats, solve};
pub use weights::{Criterion, Weights};
