use std::{
    env,
    io::{Seek, Write},
    path::{Path, PathBuf},
    process::Command,
};

/// The variable that names a Python environment with `oauthlib`, and the default, in the workspace.
const ENVIRONMENT: (&str, &str) = (
    "LEMON_TEST_PROOFS",
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/proofs"),
);

/// Runs a Python program, which may import `oauthlib`, with these lines as its input. Answers the lines that it prints.
///
/// # Panics
/// If there is no such Python, or the program fails.
pub fn python<I: AsRef<str>>(
    program: &str,
    arguments: &[&str],
    input: impl IntoIterator<Item = I>,
) -> Vec<String> {
    // A file: whoever writes to a pipe must also read what comes back.
    let mut lines = tempfile::tempfile().expect("a temporary file");
    let mut text = String::new();
    for line in input {
        text.push_str(line.as_ref());
        text.push('\n');
    }
    lines.write_all(text.as_bytes()).expect("the input");
    lines.rewind().expect("the input");
    let printed = Command::new(interpreter())
        .args(["-c", program])
        .args(arguments)
        .stdin(lines)
        .output()
        .expect("Python");
    let fault = String::from_utf8_lossy(&printed.stderr);
    assert!(printed.status.success(), "{}\n{fault}", printed.status);
    let printed = String::from_utf8(printed.stdout).expect("UTF-8");
    printed.lines().map(str::to_owned).collect()
}

/// The interpreter of the environment.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn interpreter() -> PathBuf {
    let (variable, otherwise) = ENVIRONMENT;
    let folder = env::var_os(variable).map_or_else(|| Path::new(otherwise).into(), PathBuf::from);
    let python = folder.join("bin").join("python");
    assert!(
        python.is_file(),
        "there is no Python in {}; `cargo xtask proofs` makes it, {variable} names another",
        folder.display()
    );
    python
}
