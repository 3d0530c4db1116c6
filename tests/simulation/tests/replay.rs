//! A seed is a run: always the same one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    process::{Command, Output},
    thread,
};

use lemon_simulation::{Mutation, run};

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lemon-simulation"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_same_seed_has_the_same_events_in_every_thread() {
    for seed in 1..4 {
        let others: Vec<_> = (0..2)
            .map(|_| thread::spawn(move || run(seed, None, true)))
            .collect();
        let here = run(seed, None, true);
        assert!(here.events > 500, "seed {seed} has {} events", here.events);
        for other in others {
            assert_eq!(other.join().unwrap(), here, "seed {seed}");
        }
    }
    assert_ne!(run(1, None, false).digest, run(2, None, false).digest);
}

#[test]
fn the_same_seed_has_the_same_events_in_every_process() {
    let digest = || {
        let ran = program(&["--seeds", "1", "--from", "7"]);
        assert!(ran.status.success(), "{ran:?}");
        let printed = text(ran.stdout);
        printed
            .lines()
            .find(|line| line.starts_with("digest "))
            .unwrap()
            .to_owned()
    };
    assert_eq!(digest(), digest());
    assert_eq!(
        digest(),
        format!("digest {:016x}", run(7, None, false).digest)
    );
}

#[test]
fn words_change_nothing() {
    let mutation = Mutation::named("finished-mark");
    let (silent, told) = (run(2, mutation, false), run(2, mutation, true));
    assert_eq!(
        (silent.digest, silent.violation),
        (told.digest, told.violation)
    );
    assert!(silent.words.is_empty());
    assert!(told.words.contains("replica 1"), "{}", told.words);
}

#[test]
fn a_seed_that_fails_is_shown_with_the_command_that_replays_it() {
    let ran = program(&["--mutation", "purge-slack", "--seeds", "10"]);
    assert_eq!(ran.status.code(), Some(1));
    let shown = text(ran.stdout);
    let replay = "cargo xtask simulate --seeds 1 --from 1 --mutation purge-slack";
    assert!(shown.contains(replay), "{shown}");
    assert!(shown.contains("nothing is purged early"), "{shown}");
    assert!(shown.contains("purges"), "{shown}");
}

#[test]
fn wrong_arguments_are_one_sentence_and_exit_2() {
    for arguments in [
        &["--seeds", "many"][..],
        &["--seeds", "0"],
        &["--seeds"],
        &["--from", "-1"],
        &["--from", "99999999999999999999"],
        &["--mutation", "gravity"],
        &["--mutation"],
        &["--mutations", "--mutation", "lease"],
        &["now"],
    ] {
        let ran = program(arguments);
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stdout.is_empty());
        let fault = text(ran.stderr);
        assert_eq!(fault.lines().count(), 1, "{fault}");
        assert!(fault.starts_with("error: "), "{fault}");
        assert!(
            !fault.contains("many") && !fault.contains("gravity") && !fault.contains("now"),
            "{fault}"
        );
    }
}

#[test]
fn the_table_has_every_mutation() {
    let readme = include_str!("../README.md");
    for mutation in Mutation::ALL {
        let row = format!("| `{}` | {} |", mutation.name, mutation.mechanism);
        assert!(readme.contains(&row), "{row}");
    }
    assert_eq!(
        readme
            .lines()
            .filter(|line| line.starts_with("| `"))
            .count(),
        Mutation::ALL.len()
    );
}
