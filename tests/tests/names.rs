//! A type's name has one meaning in the whole workspace: whoever searches for it finds one thing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use syn::Item;

/// Names that mean the same wherever they stand: what sea-orm asks for of each table, and what several adapters have of one kind.
const SHARED: [&str; 4] = ["Checkpoints", "Migration", "Model", "Relation"];

#[test]
fn a_type_name_has_one_meaning() {
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        for name in types(&text) {
            homes
                .entry(name)
                .or_default()
                .push(file.display().to_string());
        }
    }
    assert!(homes.contains_key("Reservation"), "nothing was read");
    homes.retain(|name, files| files.len() > 1 && !SHARED.contains(&name.as_str()));
    assert!(homes.is_empty(), "several types have one name: {homes:#?}");
}

#[test]
fn every_kind_of_type_counts_and_those_of_tests_do_not() {
    let text =
        "struct A; enum B {} trait C {} type D = A; fn e() {} #[cfg(test)] mod tests { struct F; }";
    assert_eq!(types(text), ["A", "B", "C", "D"]);
}

/// The types that a file defines.
fn types(text: &str) -> Vec<String> {
    let items = syn::parse_file(text).unwrap().items.into_iter();
    let names = items.filter_map(|item| match item {
        Item::Struct(item) => Some(item.ident),
        Item::Enum(item) => Some(item.ident),
        Item::Trait(item) => Some(item.ident),
        Item::Type(item) => Some(item.ident),
        _ => None,
    });
    names.map(|name| name.to_string()).collect()
}

/// The files of all crates, without their tests.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let crates = fs::read_dir(root.join("crates")).unwrap();
    let mut open: Vec<_> = crates
        .map(|entry| entry.unwrap().path().join("src"))
        .collect();
    open.extend(
        [
            "migrations/src",
            "tests/differential/src",
            "tests/parsing/src",
            "tests/simulation/src",
        ]
        .map(|it| root.join(it)),
    );
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}
