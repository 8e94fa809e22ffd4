//! The floors of the house: which crate may depend on which, as data in the workspace manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::shell::say;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
    metadata: WorkspaceMetadata,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDep>,
}

#[derive(Deserialize)]
struct NodeDep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    kind: Option<String>,
}

#[derive(Deserialize)]
struct WorkspaceMetadata {
    floors: Floors,
}

#[derive(Deserialize)]
struct Floors {
    order: Vec<String>,
    crates: BTreeMap<String, Rule>,
    images: BTreeMap<String, Image>,
}

#[derive(Deserialize)]
struct Rule {
    floor: String,
    may_use: Vec<String>,
}

#[derive(Deserialize)]
struct Image {
    excludes: Vec<String>,
}

/// Checks every edge between workspace crates, and what the images contain.
pub(crate) fn check() -> anyhow::Result<()> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1"])
        .output()
        .context("cannot run `cargo metadata`")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cannot read `cargo metadata`")?;
    let mut faults = rule_faults(&metadata.metadata.floors);
    faults.extend(edge_faults(&metadata));
    faults.extend(image_faults(&metadata));
    if !faults.is_empty() {
        bail!("the floors do not hold:\n  {}", faults.join("\n  "));
    }
    say(&format!("{} crates keep to their floors", metadata.metadata.floors.crates.len()));
    Ok(())
}

/// Allowed edges must lead to a lower floor.
fn rule_faults(floors: &Floors) -> Vec<String> {
    let height = |name: &str| {
        let floor = &floors.crates.get(name)?.floor;
        floors.order.iter().position(|f| f == floor)
    };
    let mut faults = Vec::new();
    for (name, rule) in &floors.crates {
        for used in &rule.may_use {
            match (height(name), height(used)) {
                (Some(upper), Some(lower)) if lower < upper => {}
                _ => faults.push(format!("{name} may not be allowed {used}: it is not below it")),
            }
        }
    }
    faults
}

/// Dependencies between workspace crates (tests' own excepted) must be allowed.
fn edge_faults(metadata: &Metadata) -> Vec<String> {
    let floors = &metadata.metadata.floors;
    let members: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .filter(|p| metadata.workspace_members.contains(&p.id))
        .map(|p| (p.name.as_str(), p))
        .collect();
    let mut faults = Vec::new();
    for (name, package) in &members {
        if *name == "xtask" {
            continue;
        }
        let Some(rule) = floors.crates.get(*name) else {
            faults.push(format!("{name} stands on no floor"));
            continue;
        };
        for dependency in &package.dependencies {
            let is_of_house = members.contains_key(dependency.name.as_str());
            let is_for_tests = dependency.kind.as_deref() == Some("dev");
            if is_of_house && !is_for_tests && !rule.may_use.contains(&dependency.name) {
                faults.push(format!("{name} may not use {}", dependency.name));
            }
        }
    }
    faults
}

/// An image must not contain what it excludes, however far down.
fn image_faults(metadata: &Metadata) -> Vec<String> {
    let name_of: BTreeMap<&str, &str> =
        metadata.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|n| (n.id.as_str(), n)).collect();
    let mut faults = Vec::new();
    for (image, rule) in &metadata.metadata.floors.images {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> =
            name_of.iter().filter(|(_, name)| *name == image).map(|(id, _)| *id).collect();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            let deps = nodes.get(id).map_or(&[][..], |node| &node.deps);
            open.extend(deps.iter().filter_map(|dep| {
                let is_built_in = dep.dep_kinds.iter().any(|k| k.kind.as_deref() != Some("dev"));
                is_built_in.then_some(dep.pkg.as_str())
            }));
        }
        for excluded in &rule.excludes {
            if seen.iter().any(|id| name_of.get(id) == Some(&excluded.as_str())) {
                faults.push(format!("{image} contains {excluded}"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(app_uses: &str, kind: &str) -> Metadata {
        let json = format!(
            r#"{{
            "packages": [
                {{"id": "a", "name": "app", "dependencies": [{{"name": "{app_uses}", "kind": {kind}}}]}},
                {{"id": "b", "name": "base", "dependencies": []}},
                {{"id": "c", "name": "car", "dependencies": []}}
            ],
            "workspace_members": ["a", "b", "c"],
            "resolve": {{"nodes": [{{"id": "a", "deps": [
                {{"pkg": "c", "dep_kinds": [{{"kind": {kind}}}]}}
            ]}}]}},
            "metadata": {{"floors": {{
                "order": ["low", "high"],
                "crates": {{
                    "app": {{"floor": "high", "may_use": ["base"]}},
                    "base": {{"floor": "low", "may_use": []}},
                    "car": {{"floor": "low", "may_use": []}}
                }},
                "images": {{"app": {{"excludes": ["car"]}}}}
            }}}}
        }}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn allowed_edges_pass_and_others_are_named() {
        assert!(edge_faults(&metadata("base", "null")).is_empty());
        assert_eq!(edge_faults(&metadata("car", "null")), ["app may not use car"]);
        assert!(edge_faults(&metadata("car", "\"dev\"")).is_empty());
    }

    #[test]
    fn images_are_searched_all_the_way_down() {
        assert_eq!(image_faults(&metadata("base", "null")), ["app contains car"]);
        assert!(image_faults(&metadata("base", "\"dev\"")).is_empty());
    }

    #[test]
    fn a_rule_may_not_point_upwards_or_sideways() {
        let mut metadata = metadata("base", "null");
        let crates = &mut metadata.metadata.floors.crates;
        crates.get_mut("base").unwrap().may_use.push("car".into());
        assert_eq!(rule_faults(&metadata.metadata.floors).len(), 1);
    }
}
