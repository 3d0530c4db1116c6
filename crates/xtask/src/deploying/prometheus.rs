use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use super::{SCRATCH, here};
use crate::{cargo::run, machine};

/// Debian's package of the tool. It is unpacked, not installed: an installation would start a server.
const PACKAGE: &str = "prometheus";

/// Lets Prometheus read its configuration and the rules that this names, and run the rules' tests.
pub(super) fn check() -> anyhow::Result<()> {
    let promtool = promtool()?;
    for arguments in [
        ["check", "config", "deploy/prometheus/prometheus.yml"],
        ["test", "rules", "deploy/prometheus/alerts.test.yml"],
    ] {
        run(here(Command::new(&promtool).args(arguments)))?;
    }
    Ok(())
}

fn promtool() -> anyhow::Result<PathBuf> {
    if machine::on_path("promtool") {
        return Ok("promtool".into());
    }
    let folder = Path::new(SCRATCH).join(PACKAGE);
    let program = folder.join("usr/bin/promtool");
    if !program.exists() {
        unpack(&folder).with_context(|| {
            format!("the rules are checked by promtool, of Debian's package {PACKAGE}")
        })?;
    }
    Ok(program)
}

fn unpack(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    machine::update_packages()?;
    let mut download = Command::new("apt-get");
    download.args(["--quiet", "--quiet", "download", PACKAGE]);
    run(download.current_dir(folder))?;
    let files = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let packages: Vec<_> = files
        .iter()
        .map(fs::DirEntry::path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .collect();
    ensure!(
        packages.len() == 1,
        "one package was expected: {packages:?}"
    );
    let mut extract = Command::new("dpkg-deb");
    run(extract.arg("--extract").args(&packages).arg(folder))
}
