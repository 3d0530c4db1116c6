//! What ARCHITECTURE names is there: words, files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Fewer are no glossary.
const WORDS: usize = 30;

#[test]
fn every_type_and_column_of_the_glossary_exists() {
    let rows = rows();
    assert!(rows.len() >= WORDS, "{} words", rows.len());
    let sources = sources("crates");
    for [word, _, type_, column] in &rows {
        for name in quoted(type_) {
            assert!(is_declared(&sources, name), "{word}: there is no {name}");
        }
        for name in quoted(column) {
            let (table, column) = name.split_once('.').unwrap_or_default();
            let entity = format!("{ROOT}/crates/postgres/src/entity/{table}.rs");
            let entity = fs::read_to_string(entity).unwrap_or_default();
            let is_there = entity.contains(&format!("pub {column}:"));
            let is_table = column == "*" && !entity.is_empty();
            assert!(is_there || is_table, "{word}: there is no {name}");
        }
    }
}

/// A crate, a type or function, or a part of a type that is declared in the same file.
fn is_declared(sources: &[String], name: &str) -> bool {
    if let Some(folder) = name.strip_prefix("lemon-") {
        return Path::new(ROOT).join("crates").join(folder).exists();
    }
    let (first, part) = name.split_once("::").unwrap_or((name, ""));
    sources.iter().any(|source| {
        let kinds = ["struct", "enum", "trait", "fn"];
        let ends = ["(", "{", "<", ";", ":", " "];
        let declares = |kind| {
            let is_followed_by = |end| source.contains(&format!("{kind} {first}{end}"));
            ends.into_iter().any(is_followed_by)
        };
        kinds.into_iter().any(declares) && source.contains(part)
    })
}

#[test]
fn every_word_is_explained_once() {
    let rows = rows();
    let words: BTreeSet<&String> = rows.iter().map(|[word, ..]| word).collect();
    assert_eq!(words.len(), rows.len());
}

#[test]
fn every_file_to_start_reading_at_exists() {
    let section = section("Start reading at");
    let files: Vec<&str> = quoted(&section).collect();
    assert!(files.len() > 10, "{} files", files.len());
    for file in files {
        let path = Path::new(ROOT).join("crates").join(file);
        assert!(path.exists(), "there is no {file}");
    }
}

/// The text below a heading, up to the next.
fn section(heading: &str) -> String {
    let text = fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).unwrap_or_default();
    let below = text.split(&format!("\n## {heading}\n")).nth(1);
    let section = below.unwrap_or_default().split("\n## ").next();
    section.unwrap_or_default().to_owned()
}

/// The cells of the glossary.
fn rows() -> Vec<[String; 4]> {
    section("Words")
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(2)
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            [(); 4].map(|()| cells.next().unwrap_or_default().to_owned())
        })
        .collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// All Rust sources below a folder of the workspace.
fn sources(folder: &str) -> Vec<String> {
    let mut folders = vec![PathBuf::from(ROOT).join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.extend(fs::read_to_string(path));
            }
        }
    }
    sources
}
