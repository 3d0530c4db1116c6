//! What the README tells people to type is there.

use std::{collections::BTreeSet, fs, process::Command};

use lemon_tests::{binary, cargo};

#[test]
fn every_command_of_the_program_exists() {
    for name in commands("cargo run --release -- ") {
        must_explain_itself(Command::new(binary()).arg(name));
    }
}

#[test]
fn every_chore_exists() {
    for name in commands("cargo xtask ") {
        must_explain_itself(cargo().args(["xtask", &name]));
    }
}

/// The words that follow what was typed, each once; at least one.
fn commands(typed: &str) -> BTreeSet<String> {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"));
    let readme = readme.unwrap_or_default();
    let names: BTreeSet<String> = readme
        .split(typed)
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_lowercase).collect())
        .filter(|name: &String| !name.is_empty())
        .collect();
    assert!(!names.is_empty(), "the README shows no `{typed}…`");
    names
}

fn must_explain_itself(command: &mut Command) {
    let help = command.arg("--help").output();
    assert!(help.is_ok_and(|help| help.status.success()), "{command:?}");
}
