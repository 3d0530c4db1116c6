use std::{fs, time::Duration};

use anyhow::Context;
use lemon_tests::{System, binary, profile};

use crate::{ROUNDS, figures::Figures, median};

const READY_MS: f64 = 300.0;

/// The size of the program.
pub(crate) fn size(figures: &mut Figures) -> anyhow::Result<()> {
    let bytes = u32::try_from(fs::metadata(binary())?.len())?;
    // A release build is for trying it out; what is published is a `dist` build.
    let (name, limit) = match profile().as_str() {
        "dist" => ("the program, dist", 30.0),
        _ => ("the program", 50.0),
    };
    figures.cost(name, f64::from(bytes) / 1e6, "MB", limit);
    Ok(())
}

/// How long the start in an empty folder took.
pub(crate) fn first_start(figures: &mut Figures, system: &System) {
    figures.cost(
        "ready to serve, in an empty folder",
        ms(system.ready_after()),
        "ms",
        READY_MS,
    );
}

/// How long a start with all the data takes.
pub(crate) async fn later_starts(figures: &mut Figures, system: &mut System) {
    let mut starts = Vec::new();
    for _ in 0..ROUNDS {
        system.restart().await;
        starts.push(system.ready_after());
    }
    figures.cost(
        "ready to serve, with the data of the load",
        ms(median(starts)),
        "ms",
        READY_MS,
    );
}

/// What the program holds in memory now.
pub(crate) fn memory(figures: &mut Figures, system: &System) -> anyhow::Result<()> {
    let pid = system.pid().context("the system runs")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib: u32 = status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .context("the kernel says how much memory is resident")?;
    figures.cost(
        "resident memory after the load",
        f64::from(kib) / 1024.0,
        "MiB",
        50.0,
    );
    Ok(())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
