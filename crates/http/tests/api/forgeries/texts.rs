//! What is almost JSON, in the header and in the claims, with our signature: parsers differ in what they take.

use super::{CLAIMS, Forgery, HEADER, with_claims, with_header};

/// A change to a JSON text.
type Change = fn(&str) -> Vec<u8>;

const CHANGES: [Change; 50] = [
    // Around it.
    |_| Vec::new(),
    |_| b" ".to_vec(),
    |json| format!("{json}x").into(),
    |json| format!("{json}{json}").into(),
    |json| format!("{json},").into(),
    |json| format!("{json}\0\0").into(),
    |json| format!("{json};").into(),
    |json| format!("{json}]").into(),
    |json| format!("x{json}").into(),
    |json| format!("\0{json}").into(),
    |json| format!("\u{feff}{json}").into(),
    |json| format!("\u{a0}{json}").into(),
    |json| format!("\u{b}{json}").into(),
    |json| format!("\u{c}{json}").into(),
    |json| format!("//\n{json}").into(),
    |json| format!("/**/{json}").into(),
    |json| format!("#\n{json}").into(),
    |json| format!("[{json}]").into(),
    |json| format!("({json})").into(),
    |json| format!("{json}/**/").into(),
    |json| format!(")]}}',\n{json}").into(),
    |json| format!("a={json}").into(),
    |json| serde_json::json!(json).to_string().into(),
    // Not closed.
    |json| json[..json.len() - 1].into(),
    |json| json[1..].into(),
    |json| json[..json.len() / 2].into(),
    |json| json.replacen('"', "", 1).into(),
    |json| json.replacen(':', "", 1).into(),
    |json| json.replacen(',', "", 1).into(),
    // Other notations.
    |json| json.replace('"', "'").into(),
    |json| json.replace('"', "\u{201d}").into(),
    |json| json.replace('"', "\\\"").into(),
    |json| json.replace(':', "=").into(),
    |json| json.replace(':', "=>").into(),
    |json| json.replace(',', ";").into(),
    |json| json.replace(',', ",,").into(),
    |json| json.replace('}', ",}").into(),
    |json| json.replace('{', "{,").into(),
    |json| json.replace("{\"", "{ /* */ \"").into(),
    |json| json.replace('}', ",\"a\":NaN}").into(),
    |json| json.replace('}', ",\"a\":Infinity}").into(),
    |json| json.replace('}', ",\"a\":\"\n\"}").into(),
    |json| json.replace('}', ",\"a\":\"\\x41\"}").into(),
    |json| json.replace('}', ",\"a\":\"\\ud800\"}").into(),
    |json| json.replace('}', ",a:1}").into(),
    |json| json.replace('}', ",\"a\"}").into(),
    // Other encodings.
    |json| json.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    |json| json.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    |json| [&json.as_bytes()[..json.len() - 1], b",\"a\":\"\xff\"}"].concat(),
    // The letter A in two bytes instead of one.
    |json| [&json.as_bytes()[..json.len() - 1], b",\"a\":\"\xc1\x81\"}"].concat(),
];

/// Values as deep as no honest token is.
fn deep() -> Vec<String> {
    let list = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let object = |depth| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    vec![
        list(200),
        list(5_000),
        object(200),
        object(3_000),
        "[".repeat(5_000),
        "{\"a\":".repeat(3_000),
    ]
}

fn with_member(json: &str, value: &str) -> String {
    format!("{},\"a\":{value}}}", &json[..json.len() - 1])
}

/// JSON, but not an object.
const NO_OBJECTS: [&str; 12] = [
    "null", "true", "false", "0", "1.5", "\"\"", "\"user\"", "[]", "[[]]", "[1,2]", "{}", "[{}]",
];

pub(super) fn forgeries() -> Vec<Forgery> {
    let changed = CHANGES
        .iter()
        .flat_map(|change| [with_header(change(HEADER)), with_claims(change(CLAIMS))]);
    let deep = deep().into_iter().flat_map(|value| {
        [
            with_header(with_member(HEADER, &value)),
            with_claims(with_member(CLAIMS, &value)),
        ]
    });
    let others = NO_OBJECTS
        .iter()
        .flat_map(|text| [with_header(text), with_claims(text)]);
    let lists = [
        r#"["user",1,"1500000000000000001",1795406400]"#,
        r#"["sub","user","user_id",1]"#,
        r#"[["sub","user"],["user_id",1]]"#,
    ];
    let all = changed.chain(deep).chain(others);
    all.chain(lists.iter().map(with_claims)).collect()
}
