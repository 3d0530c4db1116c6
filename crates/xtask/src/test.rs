use anyhow::Context;
use serde_json::Value;

use crate::{
    Services, answers,
    cargo::{cargo, run},
    compose, deploying, docker, guides, images, localstack, machine, packages, proofs, shear,
    simulation,
    steps::Steps,
    suites::run_tests,
    tally::Tally,
};

/// The suite that drives a browser.
const BROWSER_SUITE: &str = "page";

/// The suites of the adapters that need real servers; the crates' unit tests are in `--lib`. They show that servers which a machine
/// has itself serve as well as those in containers; the contract suites, which take longest, would be the same cases on
/// the same programs. They are selected from the whole workspace: built separately, these crates would be built once
/// more, with fewer features.
const ADAPTERS: [&str; 10] = [
    "--workspace",
    "--lib",
    "--test",
    "postgresql",
    "--test",
    "redis",
    "--test",
    "sqs",
    "--test",
    "engine",
];

/// Installs what is missing, checks everything and runs every test.
pub(crate) fn test(
    steps: &mut Steps,
    fast: bool,
    services: Option<Services>,
) -> anyhow::Result<()> {
    if !fast {
        machine::install_browser()?;
    }
    machine::install_python()?;
    guides::install()?;
    proofs::install()?;
    let ways = match services {
        Some(way) => prepare(steps, way).map(|()| vec![way])?,
        None => prepare_all(steps)?,
    };
    lint(steps)?;
    deploying::check(steps)?;
    // Built in the same way as the whole-system tests do, so that they need not build it again.
    steps.run("program", |_| {
        run(&mut cargo(&["build", "--package", "lemon-server"]))
    });
    let (first, others) = ways.split_first().context("the tests need servers")?;
    steps.run("tests", |tally| {
        if fast {
            without_browser(tally, *first)
        } else {
            run_suites(tally, &["--workspace"], *first)
        }
    });
    answers::compare(steps)?;
    steps.run("simulation", |_| simulation::check());
    steps.run("packages", |tally| packages::test(tally, *first));
    steps.run("tests, no sandbox", |tally| {
        let server = ["--package", "lemon-server", "--no-default-features"];
        run_suites(tally, &server, *first)
    });
    if ways.contains(&Services::Docker) {
        compose::start(steps, None)?;
    } else {
        let why = "it needs a Docker engine, and no --services that excludes it";
        steps.leave_out("compose", why.to_owned());
    }
    for other in others {
        steps.run("adapters again", |tally| {
            run_suites(tally, &ADAPTERS, *other)
        });
    }
    Ok(())
}

/// Makes sure that servers of this kind are available.
fn prepare(steps: &mut Steps, way: Services) -> anyhow::Result<()> {
    machine::install_pooler()?;
    match way {
        Services::Docker => {
            docker::check_engine()?;
            steps.run("images", |_| images::build_what_is_missing());
            Ok(())
        }
        Services::Local => {
            machine::install_services()?;
            localstack::install()
        }
        Services::Env => Ok(()),
    }
}

/// Makes sure that servers of each kind that this machine supports are available. Answers the kinds: all tests run with
/// the first, and the adapters' tests with the others as well.
fn prepare_all(steps: &mut Steps) -> anyhow::Result<Vec<Services>> {
    prepare(steps, Services::Local)?;
    match docker::check_engine() {
        Ok(()) => {
            prepare(steps, Services::Docker)?;
            Ok(vec![Services::Docker, Services::Local])
        }
        Err(why) => {
            steps.leave_out("tests, docker", format!("{why:#}"));
            Ok(vec![Services::Local])
        }
    }
}

/// Checks formatting, dependencies, lints and documentation.
pub(crate) fn lint(steps: &mut Steps) -> anyhow::Result<()> {
    machine::check_toolchain()?;
    steps.run("formatting", |_| {
        run(&mut cargo(&["fmt", "--all", "--check"]))?;
        let outside = "tests/outside/Cargo.toml";
        run(&mut cargo(&["fmt", "--manifest-path", outside, "--check"]))
    });
    steps.run("dependencies", |_| {
        shear::install()?;
        shear::check()
    });
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ];
    steps.run("lints", |_| run(&mut cargo(&clippy)));
    // The published program, and the smallest.
    for (name, features) in [("without sandbox", "traces"), ("without traces", "")] {
        let clippy = [
            "clippy",
            "--package",
            "lemon-server",
            "--no-default-features",
            "--features",
            features,
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ];
        steps.run(name, |_| run(&mut cargo(&clippy)));
    }
    let doc = ["doc", "--workspace", "--no-deps"];
    steps.run("documentation", |_| {
        run(cargo(&doc).env("RUSTDOCFLAGS", "--deny warnings"))
    });
    Ok(())
}

/// Cargo can select suites, but cannot exclude one.
fn without_browser(tally: &mut Tally, way: Services) -> anyhow::Result<()> {
    let suites = test_targets()?;
    let mut selection = vec!["--workspace", "--lib", "--bins", "--examples"];
    for suite in suites.iter().filter(|name| *name != BROWSER_SUITE) {
        selection.extend(["--test", suite]);
    }
    let documentation = run_suites(tally, &["--workspace", "--doc"], way);
    run_suites(tally, &selection, way).and(documentation)
}

/// The names of the workspace's test targets.
fn test_targets() -> anyhow::Result<Vec<String>> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let metadata: Value = serde_json::from_slice(&metadata.stdout)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut names: Vec<_> = packages
        .flat_map(|package| package["targets"].as_array().into_iter().flatten())
        .filter(|target| target["kind"][0] == "test")
        .filter_map(|target| Some(target["name"].as_str()?.to_owned()))
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// Runs all suites, even if some fail.
fn run_suites(tally: &mut Tally, selection: &[&str], way: Services) -> anyhow::Result<()> {
    let mut command = cargo(&["test", "--no-fail-fast"]);
    command.args(selection);
    run_tests(tally, command, way)
}
