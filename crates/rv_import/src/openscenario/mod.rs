//! OpenSCENARIO XML 1.0 to 1.3: scenarios, their catalogs, and parameter variations.
//!
//! A [`Template`] is a scenario file with its catalogs; with a set of parameters it becomes a
//! [`Scenario`], in which nothing is left to look up. What is not played (an unknown action, a
//! condition of another kind) stays in the scenario as unsupported, and is counted by name.
//!
//! Files are fetched by the caller ([`Files`]); nothing here opens one.

mod build;
mod entities;
mod expression;
mod places;
mod story;
mod types;
mod variations;

use std::collections::BTreeMap;

use crate::xml::{self, Element as Xml, XmlError};
pub use types::*;
pub use variations::{Assignment, Variations};

/// Largest scenario or catalog file, bytes.
const BYTES_MAX: usize = 32 << 20;
/// Most files of a catalog folder.
const CATALOG_FILES_MAX: usize = 200;
/// Deepest catalog reference within catalog entries.
pub(crate) const REFERENCES_DEEP_MAX: usize = 8;

/// Where files come from; paths are as the scenario names them, from its own folder.
pub trait Files {
    /// Content of a file.
    fn file(&mut self, path: &str) -> Result<Vec<u8>, String>;
    /// Paths of the files of a folder whose names end in `.xosc`, in order.
    fn folder(&mut self, path: &str) -> Result<Vec<String>, String>;
}

/// Why there is no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenScenarioError {
    /// The input breaks the rules of XML.
    #[error("the scenario is broken near byte {at_byte}: {what}")]
    Syntax {
        /// Where.
        at_byte: u64,
        /// What is wrong.
        what: String,
    },
    /// There is too much of something.
    #[error("the scenario has more than {limit} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Another kind of document.
    #[error("a scenario starts with <OpenSCENARIO> and has a <Storyboard>; this is {found}")]
    NotAScenario {
        /// What it is.
        found: String,
    },
    /// Something is missing.
    #[error("<{element}> lacks {what}")]
    Missing {
        /// In which element.
        element: String,
        /// What.
        what: String,
    },
    /// An attribute has no meaning.
    #[error("{attribute}=\"{value}\" of <{element}>: {why}")]
    Value {
        /// In which element.
        element: String,
        /// Which attribute.
        attribute: String,
        /// What stands there.
        value: String,
        /// What is wrong.
        why: String,
    },
    /// A name that leads nowhere.
    #[error("there is no {kind} named `{name}`")]
    NoSuch {
        /// Of what kind.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {path}: {why}")]
    File {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
}

impl OpenScenarioError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "is the file whole? validate it against OpenSCENARIO.xsd",
            Self::TooLarge { .. } => "cut the scenario into smaller ones",
            Self::NotAScenario { .. } => {
                "give an OpenSCENARIO 1.x file; for a parameter variation, `drive bench` plays it"
            }
            Self::Missing { .. } | Self::Value { .. } => {
                "see the element in the ASAM OpenSCENARIO XML reference"
            }
            Self::NoSuch { .. } => "is the name spelt as in its declaration or catalog?",
            Self::File { .. } => "paths count from the scenario's own folder",
        }
    }
}

impl From<XmlError> for OpenScenarioError {
    fn from(error: XmlError) -> Self {
        match error {
            XmlError::Syntax { at_byte, what } => Self::Syntax { at_byte, what },
            XmlError::TooLarge { what, limit } => Self::TooLarge { what, limit },
        }
    }
}

/// A scenario file and its catalogs.
#[derive(Clone, Debug)]
pub struct Template {
    root: Xml,
    /// Entries by name of their catalog.
    catalogs: BTreeMap<String, Vec<Xml>>,
}

impl Template {
    /// Reads a scenario and the catalogs that it names.
    pub fn read(bytes: &[u8], files: &mut dyn Files) -> Result<Self, OpenScenarioError> {
        let root = parse(bytes)?;
        if root.child("Storyboard").is_none() {
            return Err(OpenScenarioError::NotAScenario { found: what_it_is(&root) });
        }
        let mut template = Self { root, catalogs: BTreeMap::new() };
        let folders = template.catalog_folders()?;
        for folder in folders {
            let paths = files
                .folder(&folder)
                .map_err(|why| OpenScenarioError::File { path: folder.clone(), why })?;
            if paths.len() > CATALOG_FILES_MAX {
                let limit = CATALOG_FILES_MAX;
                return Err(OpenScenarioError::TooLarge { what: "files in a catalog", limit });
            }
            for path in paths {
                let bytes = files
                    .file(&path)
                    .map_err(|why| OpenScenarioError::File { path: path.clone(), why })?;
                let mut root = parse(&bytes)?;
                root.children.retain(|child| child.name == "Catalog");
                for catalog in root.children {
                    let name = catalog.attribute("name").unwrap_or_default().to_owned();
                    template.catalogs.entry(name).or_default().extend(catalog.children);
                }
            }
        }
        Ok(template)
    }

    /// The scenario with some parameters set; the others as they are declared.
    pub fn scenario(&self, set: &[Assignment]) -> Result<Scenario, OpenScenarioError> {
        build::Builder::new(self, set)?.scenario()
    }

    fn catalog_folders(&self) -> Result<Vec<String>, OpenScenarioError> {
        let scope = build::parameters(&self.root, &[], None)?.0;
        let locations = self.root.child("CatalogLocations");
        let mut folders = Vec::new();
        for location in locations.into_iter().flat_map(|all| &all.children) {
            let Some(folder) = location.child("Directory") else { continue };
            let path = build::text(folder, "path", &scope)?;
            if !folders.contains(&path) {
                folders.push(path);
            }
        }
        Ok(folders)
    }
}

fn parse(bytes: &[u8]) -> Result<Xml, OpenScenarioError> {
    if bytes.len() > BYTES_MAX {
        return Err(OpenScenarioError::TooLarge { what: "bytes", limit: BYTES_MAX });
    }
    // A byte-order mark is common in these files.
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    let root = xml::parse_packed(bytes)?;
    if root.name == "OpenSCENARIO" {
        Ok(root)
    } else {
        Err(OpenScenarioError::NotAScenario { found: what_it_is(&root) })
    }
}

fn what_it_is(root: &Xml) -> String {
    let part = ["ParameterValueDistribution", "Catalog"]
        .into_iter()
        .find(|part| root.child(part).is_some());
    match part {
        Some(part) => format!("a <{part}>"),
        None => format!("a <{}>", root.name.chars().take(40).collect::<String>()),
    }
}

#[cfg(test)]
mod tests;
