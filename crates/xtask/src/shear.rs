use std::{path::Path, process::Command};

use anyhow::Context;

use crate::cargo::{cargo, run};

/// The tool that finds unused dependencies, also those of tests: the newest version that Rust 1.95 builds.
const TOOL: (&str, &str) = ("cargo-shear", "1.13.4");

/// Its folder, in the target folder, which may be deleted.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools");

/// Installs it, unless this version is installed.
pub(crate) fn install() -> anyhow::Result<()> {
    let (name, version) = TOOL;
    let mut install = cargo(&["install", name, "--version", version]);
    // A debug build takes less time, and is fast enough.
    install.args(["--locked", "--debug", "--quiet", "--root", FOLDER]);
    run(&mut install).with_context(|| {
        format!("the check of dependencies needs {name} {version}, which is not installed")
    })
}

/// Fails if a package has a dependency that it does not use, or if the workspace has one that no package uses.
pub(crate) fn check() -> anyhow::Result<()> {
    let program = Path::new(FOLDER).join("bin").join(TOOL.0);
    let mut check = Command::new(program);
    run(check.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")))
}
