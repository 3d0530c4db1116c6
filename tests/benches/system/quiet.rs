use std::{fs, time::Duration};

use anyhow::Context;
use lemon_tests::{System, wait_until};
use tokio::time::sleep;

/// Long enough to tell work from a timer's tick.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until the system has nothing left to do: what it works off behind a round would slow the other side's.
pub(crate) async fn quiet(system: &System) -> anyhow::Result<()> {
    let pid = system.pid().context("the system runs")?;
    wait_until("the system is quiet", async || {
        let before = cpu_ticks(pid)?;
        sleep(LOOK).await;
        (cpu_ticks(pid)? <= before + 1).then_some(())
    })
    .await;
    Ok(())
}

/// Hundredths of a second of processor time the process has used
/// ([`/proc/pid/stat`](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html), fields 14 and 15).
fn cpu_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let used = fields.split(' ').skip(11).take(2);
    used.map(|ticks| ticks.parse::<u64>().ok()).sum()
}
