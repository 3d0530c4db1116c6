use std::{env, path::Path, process::Command};

use crate::python::PythonEnvironment;

/// What other people wrote and ours is compared with: oauthlib signs and verifies as Twitter does, schemathesis reads `OpenAPI`
/// documents. It is where `lemon-test-servers` looks for it.
const PROOFS: PythonEnvironment = PythonEnvironment {
    name: "oauthlib and schemathesis",
    folder: concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/proofs"),
    packages: &["oauthlib==3.3.1", "schemathesis==4.32.5"],
    other: Some(OTHER),
};

const OTHER: &str = "LEMON_TEST_PROOFS";

/// Installs it, unless it is installed or the tests use another.
pub(crate) fn install() -> anyhow::Result<()> {
    if env::var_os(OTHER).is_some() {
        return Ok(());
    }
    PROOFS.install()
}

/// A program of the environment that the tests use.
pub(crate) fn program(name: &str) -> Command {
    env::var_os(OTHER).map_or_else(
        || PROOFS.program(name),
        |folder| Command::new(Path::new(&folder).join("bin").join(name)),
    )
}
