use std::{
    io::{BufRead, BufReader, pipe},
    process::Command,
};

use anyhow::ensure;
use clap::ValueEnum;

use crate::{Services, tally::Tally};

/// Runs tests with servers of this kind; prints their output and counts the results.
pub(crate) fn run_tests(
    tally: &mut Tally,
    mut command: Command,
    way: Services,
) -> anyhow::Result<()> {
    if let Some(way) = way.to_possible_value() {
        command.env("LEMON_TEST_SERVICES", way.get_name());
    }
    run_counted(tally, command)
}

/// Runs what prints its results as tests do; prints its output and counts the results.
pub(crate) fn run_counted(tally: &mut Tally, mut command: Command) -> anyhow::Result<()> {
    // Names of suites go to stderr and results to stdout: only one common pipe keeps them in order.
    let (reader, writer) = pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // Dropped, because its ends of the pipe would keep the pipe open.
    drop(command);
    for line in BufReader::new(reader).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally.read(&line);
    }
    ensure!(child.wait()?.success(), "some tests failed");
    ensure!(
        tally.ignored == 0,
        "some tests are ignored, and an ignored test proves nothing"
    );
    Ok(())
}
