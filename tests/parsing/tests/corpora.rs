//! Each target with every input of its corpus, and with changed ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, panic, path::Path};

use lemon_parsing::Target;

/// The corpora are small enough to be kept in the repository.
const MOST_BYTES: u64 = 40_000;

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora");
    let files = fs::read_dir(folder.join(target.name)).unwrap();
    let mut inputs: Vec<_> = files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    inputs.sort_unstable();
    assert!(!inputs.is_empty(), "{} has no input", target.name);
    inputs
}

/// Tries what is made of each input. One fault hides no other.
fn try_all(made_of: fn(&[u8]) -> Vec<Vec<u8>>) {
    let mut faults = Vec::new();
    for target in Target::ALL {
        for input in corpus(&target).iter().flat_map(|input| made_of(input)) {
            if panic::catch_unwind(|| (target.run)(&input)).is_err() {
                faults.push(format!("{}: \"{}\"", target.name, input.escape_ascii()));
            }
        }
    }
    let faults = faults.join("\n");
    assert!(
        faults.is_empty(),
        "inputs for which something does not hold:\n{faults}"
    );
}

#[test]
fn every_input_of_the_corpora_is_answered_as_it_must_be() {
    try_all(|input| vec![input.to_vec()]);
}

#[test]
fn inputs_with_a_change_are_answered_as_they_must_be() {
    try_all(changed);
}

/// A changed byte, an end that is cut off, and a repeated beginning, at some places of the input.
fn changed(input: &[u8]) -> Vec<Vec<u8>> {
    let places = (0..input.len()).step_by(1 + input.len() / 8);
    let changed = places.flat_map(|at| {
        let mut flipped = input.to_vec();
        flipped[at] ^= 0x11;
        let mut longer = flipped.clone();
        longer.splice(at..at, input.iter().copied().take(7));
        [flipped, input[..at].to_vec(), longer]
    });
    changed.collect()
}

#[test]
fn the_corpora_are_small_and_belong_to_targets() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora");
    let (mut bytes, mut names) = (0, BTreeSet::new());
    for target in fs::read_dir(folder).unwrap() {
        let target = target.unwrap();
        names.insert(target.file_name().into_string().unwrap());
        for file in fs::read_dir(target.path()).unwrap() {
            bytes += file.unwrap().metadata().unwrap().len();
        }
    }
    let targets: BTreeSet<_> = Target::ALL.map(|it| it.name.to_owned()).into();
    assert_eq!(names, targets);
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}
