use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context;

use crate::cargo::run;

/// A Python environment in the target folder, which may be deleted.
pub(crate) struct PythonEnvironment {
    /// What it is, for people.
    pub(crate) name: &'static str,
    pub(crate) folder: &'static str,
    pub(crate) packages: &'static [&'static str],
    /// The variable that names another one for the tests, if one does.
    pub(crate) other: Option<&'static str>,
}

impl PythonEnvironment {
    /// Installs the packages, unless they are installed.
    pub(crate) fn install(&self) -> anyhow::Result<()> {
        let folder = Path::new(self.folder);
        // Written last: an incomplete installation has no mark, and one of other versions has a different mark.
        let (mark, wanted) = (folder.join("installed"), self.packages.join("\n"));
        if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        println!("installing {}", self.name);
        self.install_into(folder)
            .and_then(|()| Ok(fs::write(mark, wanted)?))
            .with_context(|| {
                let otherwise = self.other.map(|name| format!(", or set {name}"));
                format!(
                    "the tests need {}: install {} into the Python environment {}{}",
                    self.name,
                    self.packages.join(" "),
                    self.folder,
                    otherwise.unwrap_or_default(),
                )
            })
    }

    /// A program that is installed in it.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(Path::new(self.folder).join("bin").join(name))
    }

    fn install_into(&self, folder: &Path) -> anyhow::Result<()> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut make = Command::new("python3");
        run(make.args(["-m", "venv"]).arg(folder).stdin(Stdio::null()))?;
        let mut pip = self.program("python");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        run(pip.args(self.packages).stdin(Stdio::null()))
    }
}
