use lemon_domain::ports::is_body_character;

/// The text with only the characters that an attribute may have, at most `max` bytes long; `None` if it is empty.
pub(crate) fn attribute(text: &str, max: usize) -> Option<String> {
    let mut taken = String::new();
    for character in text.trim().chars() {
        let character = if is_body_character(character) {
            character
        } else {
            char::REPLACEMENT_CHARACTER
        };
        if taken.len() + character.len_utf8() > max {
            break;
        }
        taken.push(character);
    }
    (!taken.is_empty()).then_some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_cut_between_characters_and_has_only_valid_ones() {
        assert_eq!(
            attribute("no\0 JSON", 100).as_deref(),
            Some("no\u{fffd} JSON")
        );
        assert_eq!(attribute("레몬", 5).as_deref(), Some("레"));
        assert_eq!(attribute("레몬", 2), None);
        assert_eq!(attribute(" \n ", 100), None);
    }
}
