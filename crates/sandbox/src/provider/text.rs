//! The length of a post: <https://docs.x.com/fundamentals/counting-characters>.

use super::refusal::Refusal;

const LONGEST: usize = 280;
/// Every link counts as this many characters.
const LINK: usize = 23;

/// Checks that a post has at least one visible character, and at most 280 as X counts them.
pub(super) fn check(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::NoText);
    }
    if weight(text) > LONGEST {
        return Err(Refusal::TextTooLong);
    }
    Ok(())
}

fn weight(text: &str) -> usize {
    text.split_inclusive(char::is_whitespace)
        .map(|word| {
            let bare = word.trim_end_matches(char::is_whitespace);
            if bare.starts_with("https://") || bare.starts_with("http://") {
                LINK + word.chars().count() - bare.chars().count()
            } else {
                word.chars().map(weight_of).sum()
            }
        })
        .sum()
}

/// Latin and similar characters count as one; Korean, emoji and all others as two.
const fn weight_of(character: char) -> usize {
    match character as u32 {
        0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_counts_one_and_korean_two() {
        assert!(check(&"a".repeat(280)).is_ok());
        assert_eq!(check(&"a".repeat(281)), Err(Refusal::TextTooLong));
        assert!(check(&"학".repeat(140)).is_ok());
        assert_eq!(check(&"학".repeat(141)), Err(Refusal::TextTooLong));
    }

    #[test]
    fn a_link_counts_as_twenty_three() {
        let link = format!("https://example.com/{}", "a".repeat(500));
        assert_eq!(weight(&link), 23);
        assert_eq!(weight(&format!("see {link}\nnow")), 4 + 23 + 1 + 3);
    }

    #[test]
    fn an_empty_text_is_refused() {
        for text in ["", " ", "\n\t"] {
            assert!(matches!(check(text), Err(Refusal::NoText)));
        }
    }
}
