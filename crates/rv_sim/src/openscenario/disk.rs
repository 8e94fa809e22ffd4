//! Scenarios on disk: the file, its catalogs, and the maps that it names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rv_import::lanes::LaneImportError;
use rv_import::lanes::opendrive::RoadNetwork;
use rv_import::openscenario::{Files, OpenScenarioError, Scenario, Template, Variations};

use super::Roads;

/// Largest file that is read, bytes.
const BYTES_MAX: u64 = 256 << 20;

/// Why a scenario on disk cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {why}")]
    File {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// The scenario is broken.
    #[error("{path}: {source}")]
    Scenario {
        /// Which file.
        path: String,
        /// What is wrong.
        source: OpenScenarioError,
    },
    /// The map is broken.
    #[error("{path}: {source}")]
    Map {
        /// Which file.
        path: String,
        /// What is wrong.
        source: LaneImportError,
    },
}

impl LoadError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { .. } => "paths count from the scenario's own folder",
            Self::Scenario { source, .. } => source.hint(),
            Self::Map { source, .. } => source.hint(),
        }
    }
}

/// A scenario file with its catalogs, and the maps used so far.
#[derive(Debug)]
pub struct Bundle {
    template: Template,
    folder: PathBuf,
    maps: Mutex<BTreeMap<String, Arc<Roads>>>,
}

/// What a file is.
#[derive(Debug)]
pub enum Kind {
    /// A scenario.
    Scenario(Box<Bundle>),
    /// A scenario and the values that its parameters take.
    Variations(Box<Bundle>, Variations),
}

impl Kind {
    /// Reads a scenario, or a parameter variation with the scenario that it names.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let bytes = read(path)?;
        let fault = |source| LoadError::Scenario { path: path.display().to_string(), source };
        match Variations::read(&bytes).map_err(fault)? {
            None => Ok(Self::Scenario(Box::new(Bundle::from_bytes(path, &bytes)?))),
            Some(variations) => {
                let folder = path.parent().unwrap_or(Path::new("."));
                let bundle = Bundle::load(&folder.join(&variations.scenario_file))?;
                Ok(Self::Variations(Box::new(bundle), variations))
            }
        }
    }
}

impl Bundle {
    /// Reads a scenario file and its catalogs.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::from_bytes(path, &read(path)?)
    }

    fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, LoadError> {
        let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        let template = Template::read(bytes, &mut Disk { folder: &folder });
        let fault = |source| LoadError::Scenario { path: path.display().to_string(), source };
        let template = template.map_err(fault)?;
        Ok(Self { template, folder, maps: Mutex::new(BTreeMap::new()) })
    }

    /// The scenario with some parameters set.
    pub fn scenario(&self, set: &[(String, String)]) -> Result<Scenario, OpenScenarioError> {
        self.template.scenario(set)
    }

    /// The roads that a scenario drives on; each map is read once.
    pub fn roads(&self, scenario: &Scenario) -> Result<Arc<Roads>, LoadError> {
        let mut maps = self.maps.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(roads) = maps.get(&scenario.road_file) {
            return Ok(Arc::clone(roads));
        }
        let roads = if scenario.road_file.is_empty() {
            Roads::default()
        } else {
            let path = self.folder.join(&scenario.road_file);
            let fault = |source| LoadError::Map { path: path.display().to_string(), source };
            Roads::new(&RoadNetwork::read(&read(&path)?).map_err(fault)?.0)
        };
        let roads = Arc::new(roads);
        maps.insert(scenario.road_file.clone(), Arc::clone(&roads));
        Ok(roads)
    }
}

struct Disk<'a> {
    folder: &'a Path,
}

impl Files for Disk<'_> {
    fn file(&mut self, path: &str) -> Result<Vec<u8>, String> {
        read(&self.folder.join(path)).map_err(|error| error.to_string())
    }

    fn folder(&mut self, path: &str) -> Result<Vec<String>, String> {
        let whole = self.folder.join(path);
        let entries = fs::read_dir(&whole).map_err(|error| error.to_string())?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut paths: Vec<String> =
            names.filter(|n| n.ends_with(".xosc")).map(|n| format!("{path}/{n}")).collect();
        paths.sort();
        Ok(paths)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let fault = |why: String| LoadError::File { path: path.display().to_string(), why };
    let n_bytes = fs::metadata(path).map_err(|error| fault(error.to_string()))?.len();
    if n_bytes > BYTES_MAX {
        return Err(fault(format!("it has more than {BYTES_MAX} bytes")));
    }
    fs::read(path).map_err(|error| fault(error.to_string()))
}
