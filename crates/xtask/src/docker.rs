use std::{
    env,
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

/// Fails unless a Docker engine answers the `docker` program.
pub(crate) fn check_engine() -> anyhow::Result<()> {
    let asked = docker(&["version", "--format", "{{.Server.Version}}"]).output();
    let answer = asked.context("there is no program `docker`")?;
    ensure!(
        answer.status.success(),
        "no Docker engine answers: {}",
        last_line(&answer.stderr)
    );
    Ok(())
}

/// Tells whether the engine has an image.
pub(crate) fn has_image(name: &str) -> bool {
    succeeds(&mut docker(&["image", "inspect", name]))
}

/// Tells whether the engine has an image or can pull it from its registry.
pub(crate) fn can_have_image(name: &str) -> bool {
    has_image(name) || succeeds(&mut docker(&["pull", "--quiet", name]))
}

pub(crate) fn docker(arguments: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A build of the image of this name, which reaches what this machine reaches. The folder is still to be named.
pub(crate) fn build(name: &str) -> Command {
    let mut build = docker(&["build", "--network", "host", "--tag", name]);
    for variable in ["http_proxy", "https_proxy", "no_proxy"] {
        if env::var_os(variable).is_some() {
            build.args(["--build-arg", variable]);
        }
    }
    build
}

/// Compose, as the engine's plug-in or as a program of its own.
pub(crate) fn compose() -> anyhow::Result<Command> {
    if succeeds(&mut docker(&["compose", "version"])) {
        return Ok(docker(&["compose"]));
    }
    let mut program = Command::new("docker-compose");
    ensure!(
        succeeds(program.arg("version")),
        "there is neither `docker compose` nor `docker-compose`"
    );
    let mut program = Command::new("docker-compose");
    program.stdin(Stdio::null());
    Ok(program)
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn last_line(output: &[u8]) -> String {
    let words = String::from_utf8_lossy(output);
    words.trim().lines().last().unwrap_or_default().to_owned()
}
