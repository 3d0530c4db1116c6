use std::{error, iter::successors};

/// An error and its causes on one line, for a log: no `Display` repeats that of its source.
#[must_use]
pub fn with_causes(error: &(dyn error::Error + 'static)) -> String {
    let texts: Vec<String> = successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::StoreError;

    #[test]
    fn each_cause_follows_the_error_that_it_caused() {
        let broken = std::io::Error::other("the connection broke");
        let error = StoreError::Unavailable(Box::new(broken));
        assert_eq!(
            with_causes(&error),
            "the store is unavailable: the connection broke"
        );
    }
}
