//! Files of the routing literature and our own JSON, as text in memory.
//!
//! One unit of a file's coordinates and times becomes 10 m and 10 s, so that four decimals are
//! kept; [`Convention`] says how a distance is rounded.

mod city;
mod evrptw;
mod json;
mod li_lim;
mod literature;
mod plan_json;
mod plot;
mod reach;
mod solomon;
mod solution;
mod vrplib;

use rv_model::dispatch::{Problem, ProblemError, Task};

pub use city::{CityParams, random_city};
pub use json::{
    DocArea, DocBattery, DocCharger, DocCompartment, DocDepot, DocLocation, DocOrder, DocSoft,
    DocStop, DocTenant, DocTold, DocTravel, DocVehicle, Document,
};
pub use plan_json::{describe_all, plan_to_json};
pub use plot::plot_svg;
pub use solution::{cost_in_units, length_in_units, read_solution, write_csv, write_solution};

/// Millimetres, and milliseconds, of one unit of a literature file.
pub(crate) const UNIT: f64 = 10_000.0;

/// Most vehicles of a file.
pub(crate) const VEHICLES_MAX: usize = 200_000;

/// How distances are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// As the file's own type asks: whole numbers for CVRP, one decimal for MTVRPTWR,
    /// else `Exact`.
    OfFile,
    /// Euclidean, kept to four decimals and never below the true length.
    Exact,
    /// Truncated to one decimal (DIMACS 2021, CVRPLIB).
    Dimacs,
    /// Rounded to the nearest whole number (TSPLIB's EUC_2D).
    Integer,
}

impl Convention {
    /// A length in file units after rounding.
    pub fn round(self, length: f64) -> f64 {
        match self {
            Self::OfFile | Self::Exact => length,
            Self::Dimacs => (length * 10.0 + 1e-9).floor() / 10.0,
            Self::Integer => (length + 0.5).floor(),
        }
    }

    /// A length in millimetres (or a time in milliseconds).
    pub(crate) fn mm(self, length: f64) -> i32 {
        match self {
            // A hair less keeps what is whole whole after a rounding error.
            Self::OfFile | Self::Exact => (length * UNIT - 1e-6).ceil() as i32,
            _ => (self.round(length) * UNIT).round() as i32,
        }
    }
}

/// A problem read from a file, with what is needed to speak of it in the file's words.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Name in the file.
    pub name: String,
    /// The problem.
    pub problem: Problem,
    /// Coordinates of each location in file units; empty if the file has none.
    pub points: Vec<(f64, f64)>,
    /// What solutions call each location.
    pub labels: Vec<String>,
    /// How distances were rounded; `None` for our own JSON.
    pub convention: Option<Convention>,
    /// Whether route `k` of a solution belongs to vehicle `k`.
    pub has_distinct_vehicles: bool,
    /// Names of capabilities, by bit.
    pub skills: Vec<String>,
    /// Names of areas that ask for a permit, by bit.
    pub areas: Vec<String>,
}

impl Loaded {
    /// The location of a task.
    pub fn location(&self, task: Task) -> u32 {
        use rv_model::dispatch::OrderKind;
        match task {
            Task::Serve(order) | Task::Collect(order) => {
                match &self.problem.orders()[order as usize].kind {
                    OrderKind::Delivery(stop) | OrderKind::Pickup(stop) => stop.location,
                    OrderKind::Transfer { pickup, dropoff } => {
                        if matches!(task, Task::Collect(_)) {
                            pickup.location
                        } else {
                            dropoff.location
                        }
                    }
                }
            }
            Task::Reload(depot) => self.problem.depots()[depot as usize].location,
            Task::Charge { charger, .. } => self.problem.chargers()[charger as usize].location,
        }
    }
}

/// Cost per kilometre of a vehicle for which the file sets none.
pub(crate) fn plain_cost_per_km() -> rv_base::Money {
    literature::cost_per_km(1.0)
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A line that is not as it should be.
    #[error("line {line}: {reason}")]
    Line {
        /// Counted from one.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Something is missing or contradicts itself.
    #[error("{0}")]
    Whole(String),
    /// The data was read and makes no sound problem.
    #[error("the problem is not sound")]
    Problem(#[from] ProblemError),
    /// Our own JSON does not parse.
    #[error("{0}")]
    Json(String),
}

pub(crate) fn line_error<T>(line: usize, reason: impl Into<String>) -> Result<T, FormatError> {
    Err(FormatError::Line { line, reason: reason.into() })
}

/// Reads a problem in any known format, which it finds out by itself.
pub fn read_problem(text: &str, convention: Convention) -> Result<Loaded, FormatError> {
    let head: String = text.chars().take(4000).collect();
    if head.trim_start().starts_with('{') {
        return json::read(text);
    }
    if head.trim_start().starts_with("StringID") {
        return evrptw::read(text, convention);
    }
    if head.contains("NODE_COORD_SECTION") || head.contains("DIMENSION") {
        return vrplib::read(text, convention);
    }
    if head.contains("CUSTOMER") || head.contains("VEHICLE") {
        return solomon::read(text, convention);
    }
    let first: Vec<&str> = head.lines().next().unwrap_or("").split_whitespace().collect();
    if first.len() == 3 && first.iter().all(|word| word.parse::<f64>().is_ok()) {
        return li_lim::read(text, convention);
    }
    Err(FormatError::Whole(
        "unknown format: expected JSON, Solomon, Li & Lim, VRPLIB or Schneider EVRPTW".into(),
    ))
}

/// Parses the words of a line as numbers.
pub(crate) fn numbers(line: usize, text: &str) -> Result<Vec<f64>, FormatError> {
    text.split_whitespace()
        .map(|word| match word.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => line_error(line, format!("\"{word}\" is not a number")),
        })
        .collect()
}
