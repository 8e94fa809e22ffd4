//! The `.dow` text of the Canad instances, and its timed variant with a travel time per arc and
//! release and due times per commodity.

use rv_model::linehaul::{DesignArc, DesignCommodity, DesignError, NetworkDesign, Timing};
use thiserror::Error;

/// Why a `.dow` text is not an instance.
#[derive(Debug, Error)]
pub enum DowError {
    /// Fewer lines than the header promises.
    #[error("the text ends in line {line}, where {expected} was expected")]
    Short {
        /// First missing line (1-based).
        line: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// A line has the wrong number of fields.
    #[error("line {line} has {n} numbers, {expected} were expected")]
    Fields {
        /// Line (1-based).
        line: usize,
        /// Numbers in it.
        n: usize,
        /// Numbers that were expected.
        expected: &'static str,
    },
    /// A field is not a number.
    #[error("line {line}: `{text}` is not a number")]
    Number {
        /// Line (1-based).
        line: usize,
        /// What stands there.
        text: String,
    },
    /// A node or count is not a whole number in range.
    #[error("line {line}: {value} is not a whole number from 1 to {max}")]
    Whole {
        /// Line (1-based).
        line: usize,
        /// What stands there.
        value: f64,
        /// Largest allowed.
        max: usize,
    },
    /// There is more after the last commodity.
    #[error("line {line} stands after the last commodity that the header counts")]
    Trailing {
        /// Line (1-based).
        line: usize,
    },
    /// The instance makes no sense.
    #[error("the instance is wrong in line {line}")]
    Design {
        /// Line of what is wrong, or of the counts (1-based).
        line: usize,
        /// What is wrong.
        source: DesignError,
    },
}

/// Reads a `.dow` instance; six numbers per arc make it timed, seven (as the Canad generator
/// writes) or five make it static.
pub fn read_dow(text: &str) -> Result<NetworkDesign, DowError> {
    let mut lines = Lines { lines: text.lines().enumerate(), n_lines: text.lines().count() };
    lines.lines.next();
    let header = lines.numbers("the counts of nodes, arcs and commodities")?;
    let header_line = header.line;
    let [n_nodes, n_arcs, n_commodities] = header.values[..] else {
        return Err(header.wrong_count("3"));
    };
    let n_nodes = whole(n_nodes, header.line, rv_model::linehaul::MAX_NODES)?;
    let n_arcs = whole(n_arcs, header.line, rv_model::linehaul::MAX_ARCS)?;
    let n_commodities = whole(n_commodities, header.line, rv_model::linehaul::MAX_COMMODITIES)?;
    let mut timing = None;
    let mut arcs = Vec::with_capacity(n_arcs);
    let mut arc_lines = Vec::with_capacity(n_arcs);
    for _ in 0..n_arcs {
        let row = lines.numbers("an arc")?;
        let (arc, row_timing) = read_arc(&row, n_nodes)?;
        if *timing.get_or_insert(row_timing) != row_timing {
            return Err(row.wrong_count("as many as in the lines above"));
        }
        arcs.push(arc);
        arc_lines.push(row.line);
    }
    let timing = timing.unwrap_or(Timing::Static);
    let mut commodities = Vec::with_capacity(n_commodities);
    let mut commodity_lines = Vec::with_capacity(n_commodities);
    for _ in 0..n_commodities {
        let row = lines.numbers("a commodity")?;
        commodities.push(read_commodity(&row, timing, n_nodes)?);
        commodity_lines.push(row.line);
    }
    if let Ok(row) = lines.numbers("") {
        return Err(DowError::Trailing { line: row.line });
    }
    NetworkDesign::new(timing, n_nodes, arcs, commodities).map_err(|source| {
        let line_of = |lines: &[usize], idx: usize| lines.get(idx.wrapping_sub(1)).copied();
        let line = match source {
            DesignError::UnknownNode { what: "arc", idx, .. }
            | DesignError::Loop { what: "arc", idx, .. }
            | DesignError::OutOfRange { what: "arc", idx, .. } => line_of(&arc_lines, idx),
            DesignError::UnknownNode { idx, .. }
            | DesignError::Loop { idx, .. }
            | DesignError::OutOfRange { idx, .. }
            | DesignError::DueBeforeRelease { idx, .. }
            | DesignError::Disconnected { idx, .. } => line_of(&commodity_lines, idx),
            DesignError::TooMany { .. } | DesignError::None(_) => None,
        };
        DowError::Design { line: line.unwrap_or(header_line), source }
    })
}

fn read_arc(row: &Row, n_nodes: usize) -> Result<(DesignArc, Timing), DowError> {
    let (timing, travel) = match row.values.len() {
        5 | 7 => (Timing::Static, 0.0),
        6 => (Timing::Timed, row.values[5]),
        _ => return Err(row.wrong_count("5, 6 or 7")),
    };
    let v = &row.values;
    let arc = DesignArc {
        tail: node(v[0], row.line, n_nodes)?,
        head: node(v[1], row.line, n_nodes)?,
        cost_per_unit: v[2],
        capacity: v[3],
        cost_fixed: v[4],
        travel,
    };
    Ok((arc, timing))
}

fn read_commodity(row: &Row, timing: Timing, n_nodes: usize) -> Result<DesignCommodity, DowError> {
    let v = &row.values;
    let (release, due) = match (timing, v.len()) {
        (Timing::Static, 3) => (0.0, f64::INFINITY),
        (Timing::Timed, 5) => (v[3], v[4]),
        (Timing::Static, _) => return Err(row.wrong_count("3")),
        (Timing::Timed, _) => return Err(row.wrong_count("5")),
    };
    Ok(DesignCommodity {
        origin: node(v[0], row.line, n_nodes)?,
        destination: node(v[1], row.line, n_nodes)?,
        size: v[2],
        release,
        due,
    })
}

fn node(value: f64, line: usize, n_nodes: usize) -> Result<u32, DowError> {
    Ok(whole(value, line, n_nodes)? as u32 - 1)
}

fn whole(value: f64, line: usize, max: usize) -> Result<usize, DowError> {
    if value.fract() == 0.0 && value >= 1.0 && value <= max as f64 {
        Ok(value as usize)
    } else {
        Err(DowError::Whole { line, value, max })
    }
}

struct Lines<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    n_lines: usize,
}

struct Row {
    line: usize,
    values: Vec<f64>,
}

impl Row {
    fn wrong_count(&self, expected: &'static str) -> DowError {
        DowError::Fields { line: self.line, n: self.values.len(), expected }
    }
}

impl Lines<'_> {
    /// The numbers of the next line that is not blank.
    fn numbers(&mut self, expected: &'static str) -> Result<Row, DowError> {
        for (idx, text) in self.lines.by_ref() {
            let line = idx + 1;
            let values = text
                .split_whitespace()
                .map(|word| {
                    word.parse().map_err(|_| DowError::Number { line, text: word.to_owned() })
                })
                .collect::<Result<Vec<f64>, _>>()?;
            if !values.is_empty() {
                return Ok(Row { line, values });
            }
        }
        Err(DowError::Short { line: self.n_lines + 1, expected })
    }
}
