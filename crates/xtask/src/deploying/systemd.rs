use std::{fs, process::Command};

use anyhow::ensure;

use super::{ROOT, SCRATCH};

/// The unit's file.
const UNIT: &str = "lemon-toolbox.service";

/// The program's place, which need not exist where the unit is checked.
const PROGRAM: &str = "ExecStart=/usr/local/bin/lemon-toolbox ";

/// How much the service may do, from 0 (nothing) to 100, by the scale of `systemd-analyze security`.
const EXPOSURE: &str = "15";

/// Lets systemd read the unit, and judge what the service could do to the machine.
pub(super) fn check() -> anyhow::Result<()> {
    let unit = fs::read_to_string(format!("{ROOT}/deploy/systemd/{UNIT}"))?;
    ensure!(unit.contains(PROGRAM), "{UNIT} does not start the program");
    fs::create_dir_all(SCRATCH)?;
    let copy = format!("{SCRATCH}/{UNIT}");
    fs::write(&copy, unit.replace(PROGRAM, "ExecStart=/bin/true "))?;
    let mut verify = Command::new("systemd-analyze");
    let verified = verify.arg("verify").arg(&copy).output()?;
    let said = String::from_utf8_lossy(&verified.stderr);
    // It succeeds with a key that it does not know, and it also talks of other units of the machine.
    let faults: Vec<_> = said.lines().filter(|line| line.contains(UNIT)).collect();
    ensure!(
        verified.status.success() && faults.is_empty(),
        "systemd does not understand the unit: {said}"
    );
    let mut judge = Command::new("systemd-analyze");
    judge.args(["security", "--offline=true", "--no-pager"]);
    judge.arg(format!("--threshold={EXPOSURE}")).arg(&copy);
    let judged = judge.output()?;
    let said = String::from_utf8_lossy(&judged.stdout);
    ensure!(
        judged.status.success(),
        "the service may do more than it needs: {said}{}",
        String::from_utf8_lossy(&judged.stderr)
    );
    Ok(())
}
