use crate::{
    cargo::{cargo, run},
    steps::Steps,
};

/// Builds the program and the bench for release, and measures.
pub(crate) fn measure(steps: &mut Steps) {
    steps.run("bench", |_| {
        let bench = ["bench", "--package", "lemon-tests", "--bench", "system"];
        run(&mut cargo(&bench))
    });
}
