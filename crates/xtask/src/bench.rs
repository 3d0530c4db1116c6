use std::env;

use crate::{
    cargo::{cargo, run},
    localstack, machine,
    steps::Steps,
};

/// How the bench comes to its servers: see `lemon-test-servers`.
const SERVICES: &str = "LEMON_TEST_SERVICES";

/// Builds the program in this profile, builds the bench, and measures these parts, or all if none is given.
pub(crate) fn measure(steps: &mut Steps, profile: &str, parts: &[String]) {
    steps.run("bench", |_| {
        let way = env::var_os(SERVICES);
        if way.is_none() {
            machine::install_services()?;
            localstack::install()?;
        }
        let bench = [
            "bench",
            "--package",
            "lemon-tests",
            "--bench",
            "system",
            "--",
        ];
        let mut bench = cargo(&bench);
        // A container's port leads through a proxy, which costs more than what is measured.
        bench.env(SERVICES, way.unwrap_or_else(|| "local".into()));
        run(bench.args(parts).env("LEMON_TEST_PROFILE", profile))
    });
}
