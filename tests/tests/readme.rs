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
fn every_command_of_the_program_is_explained() {
    let help = Command::new(binary()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let listed = listed.lines().take_while(|line| !line.is_empty());
    // A line that continues an explanation is further to the right.
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<_> = names
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    assert!(names.len() > 10, "{help}");
    for name in names {
        let is_there = readme().lines().any(|line| {
            let first = line
                .strip_prefix("| ")
                .and_then(|row| row.split('|').next());
            first.is_some_and(|cell| cell.contains(&format!("`{name}`")))
        });
        assert!(is_there, "README does not explain `{name}`");
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
    let names: BTreeSet<String> = readme()
        .split(typed)
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_lowercase).collect())
        .filter(|name: &String| !name.is_empty())
        .collect();
    assert!(!names.is_empty(), "the README shows no `{typed}…`");
    names
}

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap_or_default()
}

fn must_explain_itself(command: &mut Command) {
    let help = command.arg("--help").output();
    assert!(help.is_ok_and(|help| help.status.success()), "{command:?}");
}
