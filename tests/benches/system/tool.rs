use std::{env, path::PathBuf, process::Stdio};

use anyhow::{Context, ensure};
use tokio::process::Command;

/// Where Debian keeps the programs of PostgreSQL that are not on the path.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Runs one of these programs, the first that is there; answers what it wrote to stdout.
pub(crate) async fn run(programs: &[&str], arguments: &[&str]) -> anyhow::Result<String> {
    let program = find(programs)
        .with_context(|| format!("the bench needs {}: install it", programs.join(" or ")))?;
    let output = Command::new(&program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await?;
    ensure!(
        output.status.success(),
        "{} {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The number that stands before or after some words of a text, the last time that they are there.
pub(crate) fn number(text: &str, before: &str, after: &str) -> anyhow::Result<f64> {
    let found = text
        .rmatch_indices(before)
        .map(|(at, _)| &text[at + before.len()..])
        .find_map(|rest| rest.split(after).next()?.trim().parse().ok());
    found.with_context(|| format!("no number between {before:?} and {after:?} in {text}"))
}

fn find(programs: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let versions = std::fs::read_dir(POSTGRESQL).into_iter().flatten();
    let folders: Vec<_> = env::split_paths(&path)
        .chain(versions.flatten().map(|version| version.path().join("bin")))
        .collect();
    programs
        .iter()
        .flat_map(|program| folders.iter().map(move |folder| folder.join(program)))
        .find(|program| program.is_file())
}
