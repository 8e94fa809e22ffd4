//! What a data directory was started with, so that the next start goes on with the same.

use std::path::Path;

use crate::city;
use crate::config::{Given, Settings, Sources};
use crate::output::{self, HintExt};

/// Name of the file within the data directory.
const FILE: &str = "run.toml";

/// True if nothing has been started in this data directory before.
pub(crate) fn is_first_start(data_dir: &Path) -> bool {
    !data_dir.join(FILE).exists()
}

/// The settings in force: what is given now, over what the data directory was started with. What
/// shapes the run cannot change any more.
pub(crate) fn settle(sources: &Sources, data_dir: &Path) -> anyhow::Result<Settings> {
    let path = data_dir.join(FILE);
    if !path.exists() {
        return sources.load();
    }
    let text = std::fs::read_to_string(&path)
        .hint(format!("cannot read {}", path.display()), "give this user access to it")?;
    let before: Given = toml::from_str(&text).hint(
        format!("{} is wrong", path.display()),
        "it is written by robovan; choose another --data-dir to start afresh",
    )?;
    let settings = sources.load_over(&before)?;
    let changed = settings.differences(&before);
    if changed.is_empty() {
        return Ok(settings);
    }
    Err(output::error_with_hint(
        format!("{} was started with {}", data_dir.display(), changed.join(", ")),
        "leave these settings out to go on, or choose another --data-dir to start afresh",
    ))
}

/// Notes the settings for the next start.
pub(crate) fn write(settings: &Settings, data_dir: &Path) -> anyhow::Result<()> {
    let path = data_dir.join(FILE);
    if path.exists() {
        return Ok(());
    }
    city::write_whole(&path, toml::to_string(&settings.of_the_run())?.as_bytes())
}
