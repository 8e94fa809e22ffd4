//! Traces of everybody's motion: esmini's CSV files, ours, and how far they differ.

use std::io::Read;

use flate2::read::GzDecoder;
use rv_base::Point2;

use super::Player;

/// Most bytes of a trace, unpacked.
const TEXT_BYTES_MAX: u64 = 512 << 20;

/// A moment of one who takes part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Reference point.
    pub at: Point2,
    /// From east, rad.
    pub heading_rad: f64,
    /// m/s.
    pub speed_mps: f64,
}

/// The motion of everybody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Seconds since the start.
    pub times_s: Vec<f64>,
    /// Names, and a moment for each time; none if it is not there.
    pub movers: Vec<(String, Vec<Option<Moment>>)>,
}

/// How far one is from where another trace has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Who.
    pub name: String,
    /// Largest distance, m.
    pub largest_m: f64,
    /// When, s.
    pub at_s: f64,
    /// Moments compared.
    pub n_moments: usize,
}

impl Trace {
    /// An empty trace of a scenario's entities.
    pub fn of(player: &Player<'_>) -> Self {
        let names = player.scenario().entities.iter().map(|e| (e.name.clone(), Vec::new()));
        Self { times_s: Vec::new(), movers: names.collect() }
    }

    /// Adds the present moment.
    pub fn note(&mut self, player: &Player<'_>) {
        self.times_s.push(player.time_s());
        for ((_, moments), mover) in self.movers.iter_mut().zip(player.movers()) {
            moments.push(mover.is_there.then_some(Moment {
                at: mover.pose.at,
                heading_rad: mover.pose.heading_rad,
                speed_mps: mover.speed_mps,
            }));
        }
    }

    /// Reads a CSV file as esmini writes it (`--csv_logger`), plain or gzipped.
    pub fn read_csv(bytes: &[u8]) -> Result<Self, String> {
        let mut text = String::new();
        let limit = TEXT_BYTES_MAX;
        let read = if bytes.starts_with(&[0x1f, 0x8b]) {
            GzDecoder::new(bytes).take(limit).read_to_string(&mut text)
        } else {
            bytes.take(limit).read_to_string(&mut text)
        };
        read.map_err(|error| error.to_string())?;
        Self::of_text(&text)
    }

    fn of_text(text: &str) -> Result<Self, String> {
        let header = text.lines().find(|line| line.starts_with("Index"));
        let header = header.ok_or("there is no line that starts with `Index`")?;
        let columns: Vec<&str> = header.split(',').map(str::trim).collect();
        let at_time = columns.iter().position(|c| c.starts_with("TimeStamp"));
        let at_time = at_time.ok_or("there is no column `TimeStamp`")?;
        let starts: Vec<usize> =
            (0..columns.len()).filter(|i| columns[*i].contains("Entity_Name")).collect();
        let within = |what: &str| -> Result<Vec<usize>, String> {
            let find = |start: &usize| {
                let rest = columns[*start..].iter().position(|c| c.contains(what));
                rest.map(|i| start + i).ok_or_else(|| format!("there is no column `{what}`"))
            };
            starts.iter().map(find).collect()
        };
        let (x, y) = (within("World_Position_X")?, within("World_Position_Y")?);
        let (heading, speed) = (within("World_Heading_Angle")?, within("Current_Speed")?);
        let mut trace = Self::default();
        for line in text.lines().skip_while(|line| !line.starts_with("Index")).skip(1) {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            let number = |i: usize| cells.get(i).and_then(|cell| cell.parse::<f64>().ok());
            let Some(time_s) = number(at_time) else { continue };
            trace.times_s.push(time_s);
            for (i, start) in starts.iter().enumerate() {
                let Some(name) = cells.get(*start).filter(|name| !name.is_empty()) else {
                    continue;
                };
                let moment = || {
                    Some(Moment {
                        at: Point2 { x_m: number(x[i])?, y_m: number(y[i])? },
                        heading_rad: number(heading[i])?,
                        speed_mps: number(speed[i])?,
                    })
                };
                let row = trace.times_s.len();
                let at = match trace.movers.iter().position(|(known, _)| known == name) {
                    Some(at) => at,
                    None => {
                        trace.movers.push(((*name).to_owned(), Vec::new()));
                        trace.movers.len() - 1
                    }
                };
                let moments = &mut trace.movers[at].1;
                moments.resize(row.saturating_sub(1), None);
                moments.push(moment());
            }
        }
        for (_, moments) in &mut trace.movers {
            moments.resize(trace.times_s.len(), None);
        }
        if trace.times_s.is_empty() { Err("there is no moment".to_owned()) } else { Ok(trace) }
    }

    /// How far everybody of another trace is from here, at moments of the same time.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        other
            .movers
            .iter()
            .map(|(name, theirs)| {
                let mut worst =
                    Difference { name: name.clone(), largest_m: 0.0, at_s: 0.0, n_moments: 0 };
                let Some((_, ours)) = self.movers.iter().find(|(known, _)| known == name) else {
                    worst.largest_m = f64::INFINITY;
                    return worst;
                };
                for (i, moment) in theirs.iter().enumerate() {
                    let time_s = other.times_s[i];
                    let at = self.times_s.partition_point(|t| *t < time_s - 1e-3);
                    let same = self.times_s.get(at).is_some_and(|t| (t - time_s).abs() < 1e-3);
                    let pair = (moment.as_ref(), ours.get(at).and_then(Option::as_ref));
                    let (Some(a), Some(b), true) = (pair.0, pair.1, same) else { continue };
                    worst.n_moments += 1;
                    let off_m = a.at.distance_to(b.at).0;
                    if off_m > worst.largest_m {
                        (worst.largest_m, worst.at_s) = (off_m, time_s);
                    }
                }
                worst
            })
            .collect()
    }
}
