use crate::{
    cargo::{cargo, run},
    steps::Steps,
};

/// Builds the program and the bench for release, and measures these parts, or all.
pub(crate) fn measure(steps: &mut Steps, parts: &[String]) {
    steps.run("bench", |_| {
        let bench = [
            "bench",
            "--package",
            "lemon-tests",
            "--bench",
            "system",
            "--",
        ];
        run(cargo(&bench).args(parts))
    });
}
