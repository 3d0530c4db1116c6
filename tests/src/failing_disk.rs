use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::system::SystemBuilder;

const SHIM: &str = include_str!("failing_disk.c");

/// A disk that fails on command, from a program's point of view: it accepts writes and reports that a flush failed. The
/// dynamic linker loads it between the program and the kernel, so it needs no rights.
pub struct FailingDisk {
    folder: TempDir,
    shim: PathBuf,
}

impl FailingDisk {
    /// Compiles it with the C compiler that builds SQLite.
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

    /// Puts the system's files whose path contains this text on the disk (or ends with it, if a `$` follows).
    #[must_use]
    pub fn under(&self, system: SystemBuilder, path: &str) -> SystemBuilder {
        system
            .env("LD_PRELOAD", &self.shim.to_string_lossy())
            .env("FAILING_DISK_OF", path)
            .env("FAILING_DISK_SINCE", &self.since().to_string_lossy())
    }

    /// Makes every flush fail from now on.
    pub fn fail(&self) {
        fs::write(self.since(), "").expect("it can be written");
    }

    /// Makes the disk full: from now on every write fails.
    pub fn fill(&self) {
        // Atomically, because the file may be read at the same time.
        let draft = self.folder.path().join("full");
        fs::write(&draft, "full").expect("it can be written");
        fs::rename(draft, self.since()).expect("it can be renamed");
    }

    /// Replaces the disk by one that works.
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
