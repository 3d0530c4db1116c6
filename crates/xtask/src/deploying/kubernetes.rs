use std::fs;

use anyhow::ensure;

use super::{ROOT, SCRATCH, here, references};
use crate::{cargo::run, python::PythonEnvironment};

/// The base, and an installation that is made from it.
const FOLDERS: [&str; 2] = ["base", "example"];

/// The oldest and the newest version of Kubernetes for which the objects must be right.
const VERSIONS: [&str; 2] = ["1.31", "1.37"];

/// Reads YAML and prints JSON.
const TO_JSON: &str =
    "import json, sys, yaml; json.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)";

/// Builds the objects as `kubectl apply --kustomize` does, and validates each by the schemas of Kubernetes, which must know every
/// field. What they name must be among them.
pub(super) fn check(tools: &PythonEnvironment) -> anyhow::Result<()> {
    fs::create_dir_all(SCRATCH)?;
    for folder in FOLDERS {
        let mut kustomize = tools.program("kubectl");
        kustomize.args(["kustomize", &format!("{ROOT}/deploy/kubernetes/{folder}")]);
        let built = kustomize.output()?;
        ensure!(
            built.status.success() && !built.stdout.is_empty(),
            "kustomize cannot build {folder}: {}",
            String::from_utf8_lossy(&built.stderr)
        );
        let objects = format!("{SCRATCH}/kubernetes-{folder}.yaml");
        fs::write(&objects, built.stdout)?;
        for version in VERSIONS {
            let mut validate = tools.program("kubernetes-validate");
            validate.args(["--strict", "--quiet", "--kubernetes-version", version]);
            run(here(&mut validate).arg(&objects))?;
        }
        let mut read = tools.program("python");
        let read = read.args(["-c", TO_JSON, &objects]).output()?;
        let objects: Vec<_> = serde_json::from_slice(&read.stdout)?;
        references::check(&objects)?;
    }
    Ok(())
}
