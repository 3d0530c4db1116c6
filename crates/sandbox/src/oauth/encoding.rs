/// Percent-encodes all but RFC 3986's unreserved characters: RFC 5849, section 3.6.
pub(super) fn encode(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    text
}

/// Decodes the output of [`encode`]; `None` if a `%` is not followed by two hexadecimal digits, or it is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, after) = match (first, tail) {
            (b'%', [high, low, after @ ..]) => (escaped(*high, *low)?, after),
            (b'%', _) => return None,
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// The pairs of a query or form body as bytes, `+` for a space, stray `%` as they are: RFC 5849, section 3.4.1.3.1.
pub(crate) fn form_pairs(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=');
            let (key, value) = at.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
            (form_decode(key), form_decode(value))
        })
        .collect()
}

fn form_decode(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let decoded = match (first, tail) {
            (b'%', [high, low, ..]) => escaped(*high, *low),
            _ => None,
        };
        let (byte, after) = match (decoded, first) {
            (Some(byte), _) => (byte, &tail[2..]),
            (None, b'+') => (b' ', tail),
            (None, byte) => (*byte, tail),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

/// The byte of two hexadecimal digits.
fn escaped(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(encode(b"Ladies + Gentlemen"), "Ladies%20%2B%20Gentlemen");
        assert_eq!(
            encode("An encoded string!".as_bytes()),
            "An%20encoded%20string%21"
        );
        assert_eq!(encode("\u{2603}".as_bytes()), "%E2%98%83");
        assert_eq!(encode(b"-._~"), "-._~");
    }

    #[test]
    fn malformed_escapes_do_not_decode() {
        for text in ["%", "%4", "%zz", "a%4", "%ff", "%+1"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_form_is_read_leniently() {
        let pairs = form_pairs(b"a=2+q&&c2&b=%3D%253D&odd=%zz%4");
        let expected: [(&[u8], &[u8]); 4] = [
            (b"a", b"2 q"),
            (b"c2", b""),
            (b"b", b"=%3D"),
            (b"odd", b"%zz%4"),
        ];
        let expected = expected.map(|(key, value)| (key.to_vec(), value.to_vec()));
        assert_eq!(pairs, expected);
    }

    proptest! {
        #[test]
        fn any_text_decodes_to_what_was_encoded(text in ".*") {
            prop_assert_eq!(decode(&encode(text.as_bytes())), Some(text));
        }

        #[test]
        fn any_bytes_are_read_as_a_form(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            form_pairs(&bytes);
        }
    }
}
