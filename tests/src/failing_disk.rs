use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::system::SystemBuilder;

const SHIM: &str = include_str!("failing_disk.c");

/// A disk that fails when it is told to, as far as a program can tell: it takes what is written and says that it could not be
/// flushed. The system's linker puts this between the program and the kernel, so that it needs no rights.
pub struct FailingDisk {
    folder: TempDir,
    shim: PathBuf,
}

impl FailingDisk {
    /// Compiles it with the C compiler that SQLite is built with.
    #[must_use]
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("lemon-").expect("a temporary folder can be made");
        let (source, shim) = (folder.path().join("shim.c"), folder.path().join("shim.so"));
        fs::write(&source, SHIM).expect("it can be written");
        let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let compiled = Command::new(cc)
            .args(["-shared", "-fPIC", "-o"])
            .args([&shim, &source])
            .output()
            .expect("there is a C compiler");
        assert!(compiled.status.success(), "{compiled:?}");
        Self { folder, shim }
    }

    /// The system with files whose path contains this on the disk, or ends with it if a `$` follows.
    #[must_use]
    pub fn under(&self, system: SystemBuilder, path: &str) -> SystemBuilder {
        system
            .env("LD_PRELOAD", &self.shim.to_string_lossy())
            .env("FAILING_DISK_OF", path)
            .env("FAILING_DISK_SINCE", &self.since().to_string_lossy())
    }

    /// From now on no flush succeeds.
    pub fn fail(&self) {
        fs::write(self.since(), "").expect("it can be written");
    }

    /// From now on it has no room: no write succeeds.
    pub fn fill(&self) {
        // At once, for it is read while it is written.
        let draft = self.folder.path().join("full");
        fs::write(&draft, "full").expect("it can be written");
        fs::rename(draft, self.since()).expect("it can be renamed");
    }

    /// It is another, which works.
    pub fn replace(&self) {
        fs::remove_file(self.since()).expect("it has failed");
    }

    fn since(&self) -> PathBuf {
        self.folder.path().join("since")
    }
}

impl Default for FailingDisk {
    fn default() -> Self {
        Self::new()
    }
}
