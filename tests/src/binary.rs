use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The path of `lemon-toolbox`. The first call builds it with the [`profile`].
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build)
}

/// The Cargo profile of the program: that of `LEMON_TEST_PROFILE`, or the one with which this is built.
#[must_use]
pub fn profile() -> String {
    let otherwise = if cfg!(debug_assertions) {
        "dev"
    } else {
        "release"
    };
    env::var("LEMON_TEST_PROFILE").unwrap_or_else(|_| otherwise.to_owned())
}

/// Cargo in the workspace, as if called from a shell.
///
/// The variables that Cargo sets for the program that it runs are removed: otherwise build scripts that watch them
/// would run again, and rebuild their dependents, on each change between Cargo and a shell.
#[must_use]
pub fn cargo() -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(ROOT).stdin(Stdio::null());
    for (name, _) in env::vars_os().filter(|(name, _)| set_by_cargo(name)) {
        command.env_remove(name);
    }
    command
}

fn set_by_cargo(name: &OsStr) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
        .iter()
        .any(|prefix| name.to_string_lossy().starts_with(prefix))
}

fn build() -> PathBuf {
    let mut command = cargo();
    command.args([
        "build",
        "--package",
        "lemon-server",
        "--message-format=json",
        "--profile",
    ]);
    command.arg(profile());
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "cargo built no server");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "lemon-toolbox")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the executable")
}
