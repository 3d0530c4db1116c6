use std::{
    env, fs, io,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context;

use crate::cargo::run;

/// The folder in which `lemon-test-servers` looks for it: a Python environment in the target folder, which may be
/// deleted.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/localstack");

/// Variables that name another SQS for the tests.
const OTHERS: [&str; 2] = ["LEMON_TEST_SQS_URL", "LEMON_TEST_LOCALSTACK"];

/// An SQS without Docker. Newer versions of the last three packages are incompatible with it.
const PACKAGES: [&str; 4] = [
    "localstack-core[base-runtime]==4.13.1",
    "cbor2<6",
    "pyopenssl<26",
    "localstack-twisted<26",
];

/// Installs `LocalStack`, unless it is installed or the tests use another SQS.
pub(crate) fn install() -> anyhow::Result<()> {
    let folder = Path::new(FOLDER);
    // Written last: an incomplete installation has no mark, and one of other versions has a different mark.
    let (mark, wanted) = (folder.join("installed"), PACKAGES.join("\n"));
    let is_there = fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted);
    if is_there || OTHERS.iter().any(|name| env::var_os(name).is_some()) {
        return Ok(());
    }
    println!("installing LocalStack, the tests' SQS");
    install_into(folder)
        .and_then(|()| Ok(fs::write(mark, wanted)?))
        .with_context(|| {
            format!(
                "the tests need an SQS: install {} into the Python environment {FOLDER}, or set {}",
                PACKAGES.join(" "),
                OTHERS.join(" or ")
            )
        })
}

fn install_into(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut make = Command::new("python3");
    run(make.args(["-m", "venv"]).arg(folder).stdin(Stdio::null()))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    run(pip.args(PACKAGES).stdin(Stdio::null()))
}
