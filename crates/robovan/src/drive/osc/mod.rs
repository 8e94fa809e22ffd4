//! OpenSCENARIO on the command line: played as written, or with the driver as the vehicle under
//! test.

mod animate;
mod bench;
mod play;
mod torture;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rv_sim::openscenario::drive::Who;
use rv_sim::openscenario::reference::Reference;

pub(super) use bench::{run_files, scenarios_in};
pub(super) use play::{PlayArgs, run as play};
pub(super) use torture::{TortureArgs, run as torture};

/// Options of `drive run` and `drive bench` that OpenSCENARIO files use.
#[derive(Args, Clone)]
pub(crate) struct OscArgs {
    /// OpenSCENARIO: who drives the vehicle under test
    #[arg(long, value_enum, default_value_t = WhoArg::Driver)]
    who: WhoArg,
    /// OpenSCENARIO: take every N-th combination of a parameter variation
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// OpenSCENARIO: of those, only every N-th, from the K-th on; all parts together are the whole
    #[arg(long, default_value = "1/1", value_name = "K/N", value_parser = part)]
    part: Part,
    /// OpenSCENARIO: longest drive
    #[arg(long, default_value_t = 600.0, value_name = "SECONDS")]
    until: f64,
    /// OpenSCENARIO: drive the same with the reference drivers of UN R157 beside it
    #[arg(long)]
    rivals: bool,
    /// OpenSCENARIO: set a parameter (repeatable)
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// OpenSCENARIO: tell processor time of each cycle
    #[arg(long)]
    timing: bool,
}

/// Who drives the vehicle under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WhoArg {
    /// Our driver, with the monitor
    Driver,
    /// Nobody: it goes on as the scenario started it
    Nobody,
    /// Careful and competent human of UN R157
    Human,
    /// The formula of UN R157, 5.2.5.2
    Regulation,
    /// Responsibility-sensitive safety
    Rss,
    /// Fuzzy safety model
    Fuzzy,
}

impl WhoArg {
    fn who(self) -> Who {
        match self {
            Self::Driver => Who::Driver,
            Self::Nobody => Who::Nobody,
            Self::Human => Who::Reference(Reference::Human),
            Self::Regulation => Who::Reference(Reference::Regulation),
            Self::Rss => Who::Reference(Reference::Rss),
            Self::Fuzzy => Who::Reference(Reference::Fuzzy),
        }
    }
}

/// True if a file is an OpenSCENARIO one by its name.
pub(super) fn is_osc(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("xosc"))
}

/// A share of a parameter variation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    /// Which, from 1 on.
    k: u64,
    /// Of how many.
    n: u64,
}

impl Part {
    /// Its combinations of all, every so many.
    fn of(self, n_all: u64, every: u64) -> Vec<u64> {
        let (first, step) = (self.k - 1, self.n);
        let picked = (0..n_all).step_by(every.max(1) as usize);
        picked.skip(first as usize).step_by(step as usize).collect()
    }
}

fn part(text: &str) -> Result<Part, String> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((k, n)) if (1..=n).contains(&k) => Ok(Part { k, n }),
        _ => Err("give K/N, with K from 1 to N".to_owned()),
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn stem(file: &Path) -> String {
    file.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn trace_of(dir: &Path, name: &str) -> Option<PathBuf> {
    [format!("{name}.csv.gz"), format!("{name}.csv")]
        .into_iter()
        .map(|file| dir.join(file))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_up_the_whole_once() {
        let mut all: Vec<u64> = (1..=4).flat_map(|k| Part { k, n: 4 }.of(103, 3)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..103).step_by(3).collect::<Vec<u64>>());
        assert_eq!(part("2/3"), Ok(Part { k: 2, n: 3 }));
        for wrong in ["0/3", "4/3", "1", "a/b", "1/0"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }
}
