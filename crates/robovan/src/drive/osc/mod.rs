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
