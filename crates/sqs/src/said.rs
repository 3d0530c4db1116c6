use std::{error::Error, fmt};

/// The number of characters of a message that are shown: enough for a sentence.
const SHOWN: usize = 200;
/// The number of characters that are stored: a message may repeat a receipt, which is long, before it names the fault.
const KEPT: usize = 4096;

/// The error answer of SQS: its code and the first line of its message.
///
/// Later lines may repeat the signed text, including a session token, so they are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: String,
    words: String,
}

impl Said {
    pub(crate) fn new(code: Option<&str>, message: Option<&str>) -> Self {
        Self {
            code: first_line(code.unwrap_or_default()),
            words: first_line(message.unwrap_or_default()),
        }
    }

    /// The code without the prefix of the older protocol.
    pub(crate) fn name(&self) -> &str {
        let code = self.code.as_str();
        code.rsplit(['.', '#']).next().unwrap_or(code)
    }

    pub(crate) fn mentions(&self, word: &str) -> bool {
        self.words.contains(word)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.words.as_str()) {
            ("", "") => f.write_str("no reason given"),
            (one, "") | ("", one) => write!(f, "{one:.SHOWN$}"),
            (code, words) => write!(f, "{code}, {words:.SHOWN$}"),
        }
    }
}

/// The messages of an error and its causes, each once, in one line.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = first_line(&error.to_string());
        if !said.is_empty() && !words.iter().any(|before| before.contains(&said)) {
            words.push(said);
        }
        next = error.source();
    }
    words.join(": ")
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.trim_end_matches('.').chars().take(KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_is_kept_because_later_ones_may_repeat_a_token() {
        let message = "The signature does not match.\n\n'x-amz-security-token:hush'";
        let said = Said::new(Some("SignatureDoesNotMatch"), Some(message));
        let shown = format!("{said} {said:?}");
        assert!(shown.starts_with("SignatureDoesNotMatch, The signature does not match "));
        assert!(!shown.contains("hush"));
    }

    #[test]
    fn codes_of_both_protocols_have_one_name() {
        for code in [
            "AWS.SimpleQueueService.NonExistentQueue",
            "com.amazonaws.sqs#NonExistentQueue",
            "NonExistentQueue",
        ] {
            assert_eq!(Said::new(Some(code), None).name(), "NonExistentQueue");
        }
        assert_eq!(Said::new(None, None).to_string(), "no reason given");
    }
}
