//! Installing what is missing where that is possible, else naming it.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use anyhow::{Context, bail};

use crate::shell::{built, exists, say, sh, words};

/// Builds the console and the binary, then runs `robovan up`.
pub(crate) fn up(args: &[String]) -> anyhow::Result<ExitCode> {
    need_c_compiler()?;
    console()?;
    say("building robovan (a few minutes the first time)");
    sh(&mut words("cargo build --release --package robovan"))?;
    let mut server = Command::new(built("release", "robovan")?);
    server.arg("up").args(args);
    become_it(server)
}

/// Runs a program in the place of this one, so that Ctrl-C and its end are the program's own.
#[cfg(unix)]
fn become_it(mut program: Command) -> anyhow::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(program.exec()).with_context(|| format!("cannot run {}", program.get_program().display()))
}

/// Runs a program to its end.
#[cfg(not(unix))]
fn become_it(mut program: Command) -> anyhow::Result<ExitCode> {
    let status = program
        .status()
        .with_context(|| format!("cannot run {}", program.get_program().display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Everything that building and testing need.
pub(crate) fn everything() -> anyhow::Result<()> {
    need_c_compiler()?;
    console()?;
    chromium()?;
    cargo_deny()
}

/// The console's packages and its build; skipped while the sources have not changed.
pub(crate) fn console() -> anyhow::Result<()> {
    need_node()?;
    if !is_older("console/node_modules/.package-lock.json", &["console/package-lock.json"])? {
        // Up to date.
    } else {
        say("installing the console's packages");
        sh(words("npm ci --no-audit --no-fund --prefer-offline").current_dir("console"))?;
    }
    let sources =
        ["console/src", "console/index.html", "console/package-lock.json", "console/public"];
    if is_older("console/dist/index.html", &sources)? {
        say("building the console");
        sh(words("npm run build --silent").current_dir("console"))?;
    }
    Ok(())
}

/// A C compiler, for the embedded store.
fn need_c_compiler() -> anyhow::Result<()> {
    if ["cc", "gcc", "clang"].into_iter().any(exists) {
        return Ok(());
    }
    install("a C compiler", "gcc libc6-dev")
}

/// Node and npm, for the console.
fn need_node() -> anyhow::Result<()> {
    if exists("node") && exists("npm") {
        return Ok(());
    }
    install("Node and npm", "nodejs npm")
}

/// What the feature `mip` needs to compile HiGHS and its bindings: cmake, a C++ compiler, libclang.
pub(crate) fn mip() -> anyhow::Result<()> {
    need_c_compiler()?;
    if !exists("cmake") {
        install("cmake", "cmake")?;
    }
    if !["c++", "g++", "clang++"].into_iter().any(exists) {
        install("a C++ compiler", "g++")?;
    }
    if std::env::var_os("LIBCLANG_PATH").is_none() && !has_libclang()? {
        install("libclang", "libclang-dev")?;
    }
    Ok(())
}

/// True if libclang is where distributions keep it.
fn has_libclang() -> anyhow::Result<bool> {
    let mut folders = vec![Path::new("/usr/lib").to_owned()];
    folders.push(Path::new("/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH)));
    if let Ok(all) = std::fs::read_dir("/usr/lib") {
        let llvm = all.filter_map(|entry| Some(entry.ok()?.path()));
        folders
            .extend(llvm.filter(|p| p.to_string_lossy().contains("llvm")).map(|p| p.join("lib")));
    }
    let is_libclang = |name: &str| name.starts_with("libclang.so") || name.starts_with("libclang-");
    Ok(folders.iter().any(|folder| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            is_libclang(&name) && !name.contains("cpp")
        })
    }))
}

/// Chromium, for the end-to-end tests.
pub(crate) fn chromium() -> anyhow::Result<()> {
    if exists("chromium") {
        return Ok(());
    }
    install("Chromium", "chromium")
}

/// cargo-deny, for licences, sources and bans.
pub(crate) fn cargo_deny() -> anyhow::Result<()> {
    if exists("cargo-deny") {
        return Ok(());
    }
    say("installing cargo-deny (once; about five minutes)");
    sh(&mut words("cargo install --locked --quiet cargo-deny"))
}

/// Installs Debian packages as root, else names them.
fn install(what: &str, packages: &str) -> anyhow::Result<()> {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root || !exists("apt-get") {
        bail!("{what} is missing\nhint: sudo apt-get install {packages}");
    }
    say(&format!("installing {what}"));
    sh(&mut words("apt-get update -qq"))?;
    sh(words(&format!("apt-get install -y -qq --no-install-recommends {packages}"))
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(std::process::Stdio::null()))
}

/// True if `target` is missing, or older than anything in `sources` (files or folders).
fn is_older(target: &str, sources: &[&str]) -> anyhow::Result<bool> {
    let Ok(made) = std::fs::metadata(target).and_then(|m| m.modified()) else {
        return Ok(true);
    };
    for source in sources {
        if newest(Path::new(source))?.is_some_and(|changed| changed > made) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn newest(path: &Path) -> anyhow::Result<Option<SystemTime>> {
    let Ok(meta) = std::fs::metadata(path) else {
        return Ok(None);
    };
    let mut latest = meta.modified()?;
    if meta.is_dir() {
        for entry in std::fs::read_dir(path)? {
            latest = newest(&entry?.path())?.map_or(latest, |t| t.max(latest));
        }
    }
    Ok(Some(latest))
}
