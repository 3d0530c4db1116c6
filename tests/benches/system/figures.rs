use std::{fmt, process::ExitCode};

/// What was measured, as a table, and what could not be.
#[derive(Default)]
pub(crate) struct Figures {
    figures: Vec<Figure>,
    failures: Vec<String>,
}

struct Figure {
    name: &'static str,
    measured: f64,
    unit: &'static str,
    /// What the machine does at best, if it is a matter of the machine.
    limit: Option<f64>,
    target: f64,
    met: bool,
}

impl Figures {
    /// A rate that is to be at least `target` times the limit.
    pub(crate) fn rate(&mut self, name: &'static str, measured: f64, limit: f64, target: f64) {
        self.figures.push(Figure {
            name,
            measured,
            unit: "/s",
            limit: Some(limit),
            target,
            met: measured >= target * limit,
        });
    }

    /// A cost that is to stay below `target`.
    pub(crate) fn cost(
        &mut self,
        name: &'static str,
        measured: f64,
        unit: &'static str,
        target: f64,
    ) {
        self.figures.push(Figure {
            name,
            measured,
            unit,
            limit: None,
            target,
            met: measured < target,
        });
    }

    /// A part of the figures could not be measured to its end.
    pub(crate) fn failed(&mut self, part: &str, error: &anyhow::Error) {
        self.failures.push(format!("{part}: FAILED: {error:#}"));
    }

    /// Success if every target was met.
    pub(crate) fn verdict(&self) -> ExitCode {
        if self.failures.is_empty() && self.figures.iter().all(|figure| figure.met) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<56}{:>14}{:>14}{:>8}{:>12}  verdict",
            "figure", "measured", "limit", "ratio", "target"
        )?;
        for Figure {
            name,
            measured,
            unit,
            limit,
            target,
            met,
        } in &self.figures
        {
            let of = |value: f64| {
                format!(
                    "{value:.digits$} {unit}",
                    digits = usize::from(value < 100.0)
                )
            };
            let (ratio, bound) = match limit {
                Some(limit) => (
                    format!("{:.2}", measured / limit),
                    format!(">= {target:.2}"),
                ),
                None => (String::new(), format!("< {target} {unit}")),
            };
            let limit = limit.map(of).unwrap_or_default();
            let verdict = if *met { "ok" } else { "MISSED" };
            writeln!(
                f,
                "{name:<56}{:>14}{limit:>14}{ratio:>8}{bound:>12}  {verdict}",
                of(*measured)
            )?;
        }
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        Ok(())
    }
}
