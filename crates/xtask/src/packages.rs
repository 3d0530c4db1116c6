use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{
    Services,
    cargo::{cargo, run},
    suites::run_tests,
    tally::Tally,
};

/// A program that uses only the packages.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/outside");
/// The versions with which everything else is tested.
const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");

/// The program's package.
const SERVER: &str = "lemon-server";

/// Packages every crate that is published, unpacks the packages beside a program that uses nothing else of this
/// workspace, and runs the program's tests.
pub(crate) fn test(tally: &mut Tally, way: Services) -> anyhow::Result<()> {
    let (published, target) = workspace()?;
    let mut package = cargo(&["package", "--no-verify", "--allow-dirty", "--quiet"]);
    for Package { name, .. } in &published {
        package.args(["--package", name]);
    }
    run(&mut package)?;

    let folder = &target.join("outside");
    let _none = fs::remove_dir_all(folder);
    let program = folder.join("program");
    copy(Path::new(PROGRAM), &program)?;
    fs::copy(LOCK, program.join("Cargo.lock"))?;
    let mut patches = Vec::new();
    for package in &published {
        let unpacked = package.unpack(&target.join("package"), folder)?;
        let path = unpacked.display().to_string();
        patches.push("--config".to_owned());
        patches.push(format!("patch.crates-io.{}.path={path:?}", package.name));
    }
    let with_packages = |command: &str, manifest: &Path| {
        let mut command = cargo(&[command, "--quiet", "--manifest-path"]);
        // Shared with the workspace, so that nothing is built twice.
        command.env("CARGO_TARGET_DIR", &target);
        command.arg(manifest).args(&patches);
        command
    };
    // Nothing depends on the server's package, so it is checked separately.
    let server = published.iter().find(|package| package.name == SERVER);
    let server = server
        .context("the program is not among the published packages")?
        .folder(folder);
    run(&mut with_packages("check", &server.join("Cargo.toml")))?;
    let mut test = with_packages("test", &program.join("Cargo.toml"));
    test.arg("--no-fail-fast");
    run_tests(tally, test, way)
}

struct Package {
    name: String,
    version: String,
}

impl Package {
    /// The folder into which it is unpacked.
    fn folder(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}-{}", self.name, self.version))
    }

    fn unpack(&self, packages: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
        let Self { name, version } = self;
        let packed = packages.join(format!("{name}-{version}.crate"));
        let mut tar = Command::new("tar");
        // The files of a package are dated alike, and cargo would take what it built of an earlier one for up to date.
        tar.args(["--extract", "--touch", "--file"]).arg(&packed);
        run(tar.arg("--directory").arg(folder))?;
        let unpacked = self.folder(folder);
        for text in ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"] {
            ensure!(
                unpacked.join(text).exists(),
                "{name} is packaged without {text}"
            );
        }
        Ok(unpacked)
    }
}

/// The packages of the workspace that are published, and the target folder.
fn workspace() -> anyhow::Result<(Vec<Package>, PathBuf)> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let metadata: Value = serde_json::from_slice(&metadata.stdout)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    // `publish = false` becomes an empty list of registries.
    let published = packages.filter(|package| package["publish"].is_null());
    let published = published.map(|package| {
        let text = |key: &str| package[key].as_str().map(ToOwned::to_owned);
        Some(Package {
            name: text("name")?,
            version: text("version")?,
        })
    });
    let published: Option<_> = published.collect();
    let target = metadata["target_directory"].as_str();
    published
        .zip(target.map(PathBuf::from))
        .context("the answer of cargo metadata has no names, versions or target folder")
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
