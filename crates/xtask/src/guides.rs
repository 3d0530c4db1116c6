use std::env;

use crate::python::PythonEnvironment;

/// What runs the programs in `docs/`, where the tests look for it. Deno checks and runs TypeScript, and is on `PyPI`, which the
/// tests need anyway.
const GUIDES: PythonEnvironment = PythonEnvironment {
    name: "Python and Deno for the programs in docs/",
    folder: concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/guides"),
    packages: &["boto3==1.44.8", "PyJWT==2.15.1", "deno==2.9.8"],
    other: Some("LEMON_TEST_GUIDES"),
};

/// Installs it, unless it is installed or the tests use another.
pub(crate) fn install() -> anyhow::Result<()> {
    if GUIDES.other.and_then(env::var_os).is_some() {
        return Ok(());
    }
    GUIDES.install()
}
