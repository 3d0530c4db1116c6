use lemon_domain::ports::MAX_BODY_BYTES;

use crate::error::Fault;

/// Fails unless SQS takes the text as a body: 1 byte to 1 MiB of the characters it knows,
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>.
///
/// It would answer the same, but for a whole batch, and some servers take the text and change it.
pub(crate) fn check_body(body: &str) -> Result<(), Fault> {
    let (bytes, max) = (body.len(), MAX_BODY_BYTES);
    if bytes > max {
        return Err(Fault::TooLarge { bytes, max });
    }
    if body.is_empty() {
        return Err(Fault::Empty);
    }
    match body.chars().find(|character| !is_taken(*character)) {
        Some(character) => Err(Fault::Character(character.into())),
        None => Ok(()),
    }
}

/// The text as an attribute may have it, at most this many bytes long; `None` if nothing is left of it.
pub(crate) fn attribute(text: &str, max: usize) -> Option<String> {
    let mut taken = String::new();
    for character in text.trim().chars() {
        let character = if is_taken(character) {
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

/// `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`; the gap is no character of Rust's either.
const fn is_taken(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_what_sqs_takes() {
        for body in [
            "x",
            "\t\r\n",
            " \u{7f}\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}",
        ] {
            assert!(check_body(body).is_ok(), "{body:?}");
        }
        for (body, expected) in [
            ("a\0b", 0),
            ("\u{b}", 0xb),
            ("\u{1f}", 0x1f),
            ("\u{fffe}", 0xfffe),
            ("\u{ffff}", 0xffff),
        ] {
            let fault = check_body(body);
            assert!(
                matches!(fault, Err(Fault::Character(c)) if c == expected),
                "{body:?}"
            );
        }
        assert!(matches!(check_body(""), Err(Fault::Empty)));
    }

    #[test]
    fn a_size_is_counted_in_bytes() {
        let largest = "é".repeat(MAX_BODY_BYTES / 2);
        assert!(check_body(&largest).is_ok());
        let fault = check_body(&format!("{largest}x"));
        assert!(matches!(fault, Err(Fault::TooLarge { bytes, .. }) if bytes == MAX_BODY_BYTES + 1));
    }

    #[test]
    fn an_attribute_is_cut_between_characters_and_has_no_foreign_ones() {
        assert_eq!(
            attribute("no\0 JSON", 100).as_deref(),
            Some("no\u{fffd} JSON")
        );
        assert_eq!(attribute("레몬", 5).as_deref(), Some("레"));
        assert_eq!(attribute("레몬", 2), None);
        assert_eq!(attribute(" \n ", 100), None);
    }
}
