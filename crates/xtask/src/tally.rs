use std::fmt;

/// How many tests passed, failed and did not run, and which failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u32,
    failed: u32,
    pub(crate) ignored: u32,
    /// In the order in which they ended: the output of a long run is often cut, but never its end.
    failures: Vec<String>,
}

impl Tally {
    /// Notes the test of the line, if it failed (`test contract::it_holds ... FAILED`), or adds the counts, if it is the
    /// last of a suite (`test result: ok. 5 passed; 0 failed; 0 ignored; …`).
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(test) = line
            .strip_prefix("test ")
            .and_then(|test| test.strip_suffix(" ... FAILED"))
        {
            self.failures.push(test.to_owned());
        }
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|result| result.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let (number, what) = count.split_once(' ').unwrap_or_default();
            let number = number.parse::<u32>().unwrap_or_default();
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for test in &self.failures {
            writeln!(f, "failed: {test}")?;
        }
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_add_up_and_failures_are_named() {
        let mut tally = Tally::default();
        for line in [
            "running 5 tests",
            "test a_test ... ok",
            "test a_room::another_test ... FAILED",
            "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.43s",
            "test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            tally.read(line);
        }
        assert_eq!(
            tally.to_string(),
            "failed: a_room::another_test\n8 passed, 1 failed"
        );
        assert_eq!(tally.ignored, 1);
    }
}
