//! What is true of every suite.

use std::{fs, io, path::Path};

/// What cases are made of.
const TOOLS: [&str; 2] = ["race.rs", "restoring.rs"];

fn sources(folder: &Path) -> io::Result<String> {
    let mut text = String::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            text += &sources(&path)?;
        } else if !TOOLS.iter().any(|tool| path.ends_with(tool)) {
            text += &fs::read_to_string(path)?;
        }
    }
    Ok(text)
}

#[test]
fn every_case_is_emitted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text = sources(&folder).unwrap();
    let cases: Vec<&str> = text
        .split("\npub async fn ")
        .skip(1)
        .map(|rest| rest.split('(').next().unwrap())
        .collect();
    assert!(cases.len() > 100, "only {} cases were found", cases.len());
    for case in cases {
        // A list of one stands in a line with its brackets.
        let listed = text
            .lines()
            .any(|line| line.trim().trim_matches(['[', ']', ',']) == case);
        assert!(listed, "no suite emits the case {case}");
    }
}
