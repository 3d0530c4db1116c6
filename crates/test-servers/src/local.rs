use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// Runs a program until standard input ends, which happens when the test's process ends in any way.
const LEASH: &str =
    r#"stop=$1; shift; "$@" </dev/null & cat >/dev/null; kill -s "$stop" $!; wait $!"#;

/// The folder in which Debian puts PostgreSQL's programs, by version; they are not on the `PATH`.
const DEBIAN_POSTGRESQL: &str = "/usr/lib/postgresql";

/// The folder of programs that Debian means for root; it may not be on the `PATH`.
const ROOT_PROGRAMS: &str = "/usr/sbin";

/// The signal that ends a server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    #[cfg(feature = "postgres")]
    Int,
    Term,
}

impl Stop {
    const fn signal(self) -> &'static str {
        match self {
            #[cfg(feature = "postgres")]
            Self::Int => "INT",
            Self::Term => "TERM",
        }
    }
}

/// The path of the first program that exists.
pub(super) fn program(names: &[&str]) -> Result<String, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir(DEBIAN_POSTGRESQL).into_iter().flatten();
    let folders: Vec<PathBuf> = env::split_paths(&path)
        .chain(versions.flatten().map(|version| version.path().join("bin")))
        .chain([PathBuf::from(ROOT_PROGRAMS)])
        .collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
        .map(|file| file.to_string_lossy().into_owned())
        .ok_or_else(|| format!("there is no {} on the PATH", names.join(" or ")))
}

/// A port on which nothing listens. If another process takes it first, the server does not start: try another port.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// A started program and its working folder. Both are removed when it is dropped.
#[derive(Debug)]
pub(super) struct LocalServer {
    leash: Child,
    folder: TempDir,
}

impl LocalServer {
    /// Starts a program. Its arguments are made from the path of its folder.
    pub(super) fn start(
        program: &str,
        stop: Stop,
        args: impl FnOnce(&Path) -> Vec<String>,
    ) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let leash = Command::new("sh")
            .args(["-c", LEASH, "sh", stop.signal(), program])
            .args(args(folder.path()))
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{program} does not start: {error}"))?;
        Ok(Self { leash, folder })
    }

    /// The working folder of the program.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        drop(self.leash.stdin.take());
        self.leash.wait().ok();
    }
}
