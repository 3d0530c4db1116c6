use crate::{
    cargo::{cargo, run},
    steps::Steps,
};

/// Builds the program in this profile, builds the bench, and measures these parts, or all if none is given.
pub(crate) fn measure(steps: &mut Steps, profile: &str, parts: &[String]) {
    steps.run("bench", |_| {
        let bench = [
            "bench",
            "--package",
            "lemon-tests",
            "--bench",
            "system",
            "--",
        ];
        let mut bench = cargo(&bench);
        run(bench.args(parts).env("LEMON_TEST_PROFILE", profile))
    });
}
