use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

use crate::{
    cargo::{cargo, run},
    docker, images, machine,
    steps::Steps,
};

/// The root of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// The context of the image, and the file that Compose reads.
const SCRATCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/compose");
/// Other than the name that a user's replicas have.
const PROJECT: &str = "lemon-toolbox-check";
/// The image of this workspace's debug build.
const OWN: &str = "lemon-test/lemon-toolbox";

const REPLICAS: [&str; 2] = ["replica-1", "replica-2"];
/// A start that succeeds once may have been lucky.
const ROUNDS: u32 = 3;
/// For both replicas to be ready, once their neighbours are.
const PATIENCE: Duration = Duration::from_mins(3);

/// Starts the replicas of `deploy/compose.yml` from nothing, three times: each must become ready by the health check of its image, find
/// everything that `check` tries, and end with success when it is stopped.
pub(crate) fn start(steps: &mut Steps, image: Option<String>) -> anyhow::Result<()> {
    docker::check_engine()?;
    machine::install_deploy_tools()?;
    steps.run("compose", |_| {
        images::build_what_is_missing()?;
        let image = image.map_or_else(build, Ok)?;
        prepare(&image)?;
        let started = (1..=ROUNDS).try_for_each(start_and_stop);
        if started.is_err() {
            run(compose()?.args(["logs", "--no-color", "--tail=50"]))?;
        }
        remove()?;
        started
    });
    Ok(())
}

/// Builds the image of a program that is already built, as the Dockerfile says.
fn build() -> anyhow::Result<String> {
    run(&mut cargo(&["build", "--package", "lemon-server"]))?;
    let context = Path::new(SCRATCH).join("image");
    fs::create_dir_all(context.join("deploy"))?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(context.join("deploy/lemon-toolbox"));
    run(strip
        .current_dir(ROOT)
        .arg(target.join("debug/lemon-toolbox")))?;
    let mut image = docker::build(OWN);
    image.args(["--file", &format!("{ROOT}/deploy/Dockerfile")]);
    image.args(["--target", "prebuilt", "--build-arg"]);
    image.arg(format!("RUNTIME={}", images::runtime()?));
    let built = image.arg(context).output()?;
    ensure!(
        built.status.success(),
        "the image cannot be built:\n{}{}",
        String::from_utf8_lossy(&built.stdout),
        String::from_utf8_lossy(&built.stderr)
    );
    Ok(OWN.to_owned())
}

/// Prepares the file: it publishes no ports, because the user's own replicas may have them.
fn prepare(image: &str) -> anyhow::Result<()> {
    let mut config = docker::compose()?;
    config.args(["--file", "deploy/compose.yml", "config"]);
    config.env("TOOLBOX_IMAGE", image).envs(images::stand_ins());
    let config = config.current_dir(ROOT).output()?;
    ensure!(config.status.success(), "{config:?}");
    fs::create_dir_all(SCRATCH)?;
    let file = without_ports(&String::from_utf8(config.stdout)?);
    Ok(fs::write(format!("{SCRATCH}/compose.yml"), file)?)
}

fn start_and_stop(round: u32) -> anyhow::Result<()> {
    remove()?;
    let begin = Instant::now();
    run(compose()?.args(["up", "--detach", "--no-build"]))?;
    for replica in REPLICAS {
        wait_until_ready(replica)?;
    }
    let took = begin.elapsed().as_secs_f64();
    println!("start {round}: ready after {took:.1} s");
    for replica in REPLICAS {
        let container = container(replica)?;
        run(docker::docker(&["exec", &container]).args(["lemon-toolbox", "check"]))?;
    }
    run(compose()?.arg("stop").args(REPLICAS))?;
    for replica in REPLICAS {
        let code = state(replica, "{{.State.ExitCode}}")?;
        ensure!(code == "0", "{replica} ended with {code}");
    }
    Ok(())
}

fn wait_until_ready(replica: &str) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let health = state(replica, "{{.State.Health.Status}}")?;
        match &*health {
            "healthy" => return Ok(()),
            "unhealthy" => bail!("{replica} is unhealthy"),
            _ => thread::sleep(Duration::from_secs(1)),
        }
    }
    bail!("{replica} was not ready in {} s", PATIENCE.as_secs())
}

fn state(replica: &str, format: &str) -> anyhow::Result<String> {
    let container = container(replica)?;
    let asked = docker::docker(&["inspect", "--format", format, &container]).output()?;
    ensure!(asked.status.success(), "there is no {replica}");
    Ok(String::from_utf8(asked.stdout)?.trim().to_owned())
}

fn container(replica: &str) -> anyhow::Result<String> {
    let mut list = compose()?;
    let listed = list.args(["ps", "--quiet", "--all", replica]).output()?;
    let listed = String::from_utf8(listed.stdout)?;
    let id = listed.lines().next();
    Ok(id
        .with_context(|| format!("there is no {replica}"))?
        .to_owned())
}

fn remove() -> anyhow::Result<()> {
    let mut down = compose()?;
    down.args(["down", "--volumes", "--timeout=5", "--remove-orphans"]);
    let done = down.output()?;
    ensure!(done.status.success(), "{done:?}");
    Ok(())
}

fn compose() -> anyhow::Result<Command> {
    let mut compose = docker::compose()?;
    compose.args(["--project-name", PROJECT, "--file"]);
    compose.arg(format!("{SCRATCH}/compose.yml"));
    Ok(compose)
}

/// The file without the lists of ports.
fn without_ports(file: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut within: Option<usize> = None;
    let mut kept = String::new();
    for line in file.lines() {
        if let Some(ports) = within {
            let deeper = indent(line) > ports;
            // Compose 1 writes the items of a list below its name.
            let item = indent(line) == ports && line.trim_start().starts_with("- ");
            if deeper || item {
                continue;
            }
            within = None;
        }
        if line.trim() == "ports:" {
            within = Some(indent(line));
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_left_out_as_either_compose_writes_them() {
        let kept = "a:\n    image: x\n    restart: y\n    list:\n    - z\n";
        let first = "a:\n    image: x\n    ports:\n    - 1:1\n    - 2:2\n    restart: y\n    list:\n    - z\n";
        let second = "a:\n    image: x\n    ports:\n      - mode: ingress\n        target: 1\n    restart: y\n    list:\n    - z\n";
        assert_eq!(without_ports(first), kept);
        assert_eq!(without_ports(second), kept);
    }
}
