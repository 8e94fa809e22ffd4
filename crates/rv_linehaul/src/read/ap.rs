//! The text of the OR-Library's Australian Post hub-location data (Ernst and Krishnamoorthy 1996):
//! the number of nodes, their places, the flow between all of them, the number of hubs, and the
//! costs of collection, transfer and distribution.

use rv_model::linehaul::{Allocation, HubError, HubProblem, HubRule, MAX_SITES};
use thiserror::Error;

/// The data's objectives are stated in thousands, and its fixed costs count beside them.
const COST_SCALE: f64 = 1e-3;

/// Why a text is not such a problem.
#[derive(Debug, Error)]
pub enum ApError {
    /// Something else than a number.
    #[error("line {line}: `{text}` is not a number")]
    Number {
        /// Line (1-based).
        line: usize,
        /// What stands there.
        text: String,
    },
    /// The count of nodes or hubs is no whole number in range.
    #[error("line {line}: {value} is not a whole number from 1 to {max}")]
    Whole {
        /// Line (1-based).
        line: usize,
        /// What stands there.
        value: f64,
        /// Largest allowed.
        max: usize,
    },
    /// Too few or too many numbers.
    #[error("{n} numbers stand there, {expected} were expected")]
    Count {
        /// How many there are.
        n: usize,
        /// How many there should be.
        expected: usize,
    },
    /// The problem makes no sense.
    #[error("the problem is wrong")]
    Problem(#[from] HubError),
}

/// True if a text begins like such a problem: with one whole number on a line of its own.
pub fn is_ap(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    first.trim().parse::<u32>().is_ok()
}

/// Reads a problem. `n_hubs` stands for the number of hubs in the text if it is given; with fixed
/// costs there may be any number of hubs.
///
/// # Errors
/// The text is no such problem; see [`ApError`].
pub fn read_ap(
    text: &str,
    allocation: Allocation,
    n_hubs: Option<usize>,
    fixed: Option<Vec<f64>>,
    capacity: Option<Vec<f64>>,
) -> Result<HubProblem, ApError> {
    let numbers = numbers(text, 3 + 2 * MAX_SITES + MAX_SITES * MAX_SITES + 2)?;
    let Some(&(line, first)) = numbers.first() else {
        return Err(ApError::Count { n: 0, expected: 1 });
    };
    let n = whole(line, first, MAX_SITES)?;
    let expected = 1 + 2 * n + n * n + 4;
    if numbers.len() != expected {
        return Err(ApError::Count { n: numbers.len(), expected });
    }
    let value = |i: usize| numbers[i].1;
    let places = (0..n).map(|i| (value(1 + 2 * i), value(2 + 2 * i))).collect();
    let flow = (0..n * n).map(|i| value(1 + 2 * n + i)).collect();
    let (line, count) = numbers[expected - 4];
    let in_text = if fixed.is_none() { Some(whole(line, count, n)?) } else { None };
    let rule = HubRule {
        costs: [expected - 3, expected - 2, expected - 1].map(|i| value(i) * COST_SCALE),
        allocation,
        n_hubs: n_hubs.or(in_text),
        fixed,
        capacity,
    };
    Ok(HubProblem::new(places, flow, rule)?)
}

/// Reads a table of one number for every node, as fixed costs and capacities are.
///
/// # Errors
/// Something in it is no number.
pub fn read_ap_table(text: &str) -> Result<Vec<f64>, ApError> {
    Ok(numbers(text, MAX_SITES)?.into_iter().map(|(_, value)| value).collect())
}

/// All numbers with their lines, at most one more than `most`.
fn numbers(text: &str, most: usize) -> Result<Vec<(usize, f64)>, ApError> {
    let words = text
        .lines()
        .enumerate()
        .flat_map(|(idx, line)| line.split_whitespace().map(move |word| (idx + 1, word)));
    words
        .take(most + 1)
        .map(|(line, word)| match word.parse() {
            Ok(value) => Ok((line, value)),
            Err(_) => Err(ApError::Number { line, text: word.chars().take(40).collect() }),
        })
        .collect()
}

fn whole(line: usize, value: f64, max: usize) -> Result<usize, ApError> {
    if value.fract() == 0.0 && value >= 1.0 && value <= max as f64 {
        Ok(value as usize)
    } else {
        Err(ApError::Whole { line, value, max })
    }
}
