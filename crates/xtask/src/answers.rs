use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{
    cargo::{cargo, run},
    machine, proofs,
    steps::Steps,
    suites::run_counted,
};

/// The root of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The variable that names another seed than this one.
const SEED: (&str, &str) = ("LEMON_TEST_SEED", "7807");

/// Compares the answers of the debug build with the OpenAPI document that it serves, in some hundred random calls.
pub(crate) fn compare(steps: &mut Steps) -> anyhow::Result<()> {
    machine::install_python()?;
    proofs::install()?;
    steps.run("answers", |tally| {
        run(&mut cargo(&["build", "--package", "lemon-server"]))?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let program = Path::new(ROOT).join(target).join("debug/lemon-toolbox");
        let (variable, otherwise) = SEED;
        let mut python = proofs::program("python");
        python
            .args(["-c", include_str!("answers/compare.py")])
            .arg(program)
            .arg(proofs::program("schemathesis").get_program())
            .arg(env::var_os(variable).unwrap_or_else(|| otherwise.into()));
        run_counted(tally, python)
    });
    Ok(())
}
