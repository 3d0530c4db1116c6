use std::{path::Path, process::Command};

use anyhow::Context;

use crate::cargo::{cargo, run};

/// What looks for dependencies that nobody uses, those of tests included: the newest that Rust 1.95 builds.
const TOOL: (&str, &str) = ("cargo-shear", "1.13.4");

/// Where it is: in the target folder, which is nobody's to keep.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools");

/// Installs it, unless it is there in this version.
pub(crate) fn install() -> anyhow::Result<()> {
    let (name, version) = TOOL;
    let mut install = cargo(&["install", name, "--version", version]);
    // Built in less time, though slower than it could be.
    install.args(["--locked", "--debug", "--quiet", "--root", FOLDER]);
    run(&mut install)
        .with_context(|| format!("dependencies are checked by {name} {version}: it is not there"))
}

/// Fails if a package has a dependency that it does not use, or the workspace one that no package has.
pub(crate) fn check() -> anyhow::Result<()> {
    let program = Path::new(FOLDER).join("bin").join(TOOL.0);
    let mut check = Command::new(program);
    run(check.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")))
}
