use crate::{
    cargo::{cargo, run},
    steps::Steps,
};

/// Builds the program in this profile, and the bench, and measures these parts, or all.
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
