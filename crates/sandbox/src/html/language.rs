/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Korean,
    English,
}

impl Language {
    /// The preferred one of the two in an `Accept-Language` header; English if the header names neither.
    pub(crate) fn preferred(accept: &str) -> Self {
        let mut best = (0.0, Self::English);
        for entry in accept.split(',') {
            let (range, weight) = entry.split_once(';').unwrap_or((entry, "q=1"));
            let weight = weight
                .trim()
                .strip_prefix("q=")
                .and_then(|weight| weight.parse::<f32>().ok())
                .unwrap_or(0.0);
            let tag = range.trim().split('-').next().unwrap_or_default();
            let language = match tag.to_ascii_lowercase().as_str() {
                "ko" => Self::Korean,
                "en" => Self::English,
                _ => continue,
            };
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Korean => "ko",
            Self::English => "en",
        }
    }

    pub(crate) const fn say(self, korean: &'static str, english: &'static str) -> &'static str {
        match self {
            Self::Korean => korean,
            Self::English => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_is_used() {
        for (accept, expected) in [
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Language::Korean),
            ("en-US,en;q=0.9,ko;q=0.8", Language::English),
            ("fr, ko;q=0.3", Language::Korean),
            ("en;q=0.2, KO;q=0.3", Language::Korean),
            ("fr", Language::English),
            ("ko;q=0", Language::English),
            ("ko;q=nonsense", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::preferred(accept), expected, "{accept}");
        }
    }
}
