//! Claims with our signature that are nobody's: RFC 7519, section 4.1, and RFC 8725, sections 3.8 to 3.12.

use serde_json::{Map, Value, json};

use super::{CLAIMS, Forgery, with_claims};

/// Values of which none is right for any claim that is read.
fn of_no_use() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!([]),
        json!({}),
        json!([1]),
        json!(["user"]),
        json!([null]),
        json!({ "value": 1 }),
        json!(""),
        json!(" "),
        json!("now"),
        json!("2027-01-01T00:00:00Z"),
        json!("NaN"),
        json!("Infinity"),
        json!("0x1"),
        json!("1e3"),
        json!("null"),
        json!("-1"),
        json!("\u{661}"),
        json!("1\0"),
    ]
}

fn with(claim: &str, value: Value) -> Forgery {
    let mut claims: Map<String, Value> = serde_json::from_str(CLAIMS).unwrap();
    claims.insert(claim.to_owned(), value);
    with_claims(Value::Object(claims).to_string())
}

fn of_wrong_types() -> Vec<Forgery> {
    let claims = ["sub", "user_id", "oauth_token", "exp", "nbf", "iat"];
    claims
        .iter()
        .flat_map(|claim| of_no_use().into_iter().map(|value| with(claim, value)))
        .collect()
}

fn of_wrong_values() -> Vec<Forgery> {
    let subjects = [
        json!("User"),
        json!("USER"),
        json!("user "),
        json!(" user"),
        json!("user\0"),
        json!("us\u{435}r"),
        json!("\u{ff55}\u{ff53}\u{ff45}\u{ff52}"),
        json!("users"),
        json!("admin"),
        json!("worker"),
        json!("1"),
        json!(1),
    ];
    let users = [
        json!("1"),
        json!(1.5),
        json!(1.0),
        json!(1e30),
        json!(-1e30),
        json!(u64::MAX),
        json!(9_223_372_036_854_775_808_u64),
        json!(0.1),
    ];
    let accounts = [
        json!(1),
        json!(1_500_000_000_000_000_001_i64),
        json!("0"),
        json!("-1500000000000000001"),
        json!("+1500000000000000001"),
        json!(" 1500000000000000001"),
        json!("1500000000000000001 "),
        json!("1500000000000000001\n"),
        json!("1500000000000000001.0"),
        json!("1_500_000_000_000_000_001"),
        json!("1,500,000,000,000,000,001"),
        json!("1.500000000000000001e18"),
        json!("\u{ff11}500000000000000001"),
        json!("9223372036854775808"),
        json!("99999999999999999999"),
        json!("twitter:1500000000000000001"),
        json!("1500000000000000001,2"),
    ];
    let ends = [
        json!(0),
        json!(-0.0),
        json!(-1),
        json!(1),
        json!(1_795_402_799),
        json!(1_795_402_800),
        json!(1_795_402_800.0),
        json!(i64::MIN),
        json!(-1e300),
        json!(1e300),
        json!(f64::MAX),
        json!(1e20),
        json!("1795406400"),
    ];
    let starts = [
        json!(1_795_402_801),
        json!(1_795_402_800.5),
        json!(1_795_406_399),
        json!(u64::MAX),
        json!(1e300),
        json!("1"),
    ];
    let issues = [
        json!(-1),
        json!(-0.5),
        json!(i64::MIN),
        json!(1_795_406_401),
        json!(u64::MAX),
        json!(1e300),
        json!("1795402800"),
    ];
    [
        subjects.map(|value| with("sub", value)).to_vec(),
        users.map(|value| with("user_id", value)).to_vec(),
        accounts.map(|value| with("oauth_token", value)).to_vec(),
        ends.map(|value| with("exp", value)).to_vec(),
        starts.map(|value| with("nbf", value)).to_vec(),
        issues.map(|value| with("iat", value)).to_vec(),
        // For somebody else to read.
        ["lemon", "https://other.example", ""]
            .map(|value| with("aud", json!(value)))
            .to_vec(),
    ]
    .concat()
}

/// The members of good claims.
const MEMBERS: [(&str, &str); 4] = [
    (r#""sub""#, r#""user""#),
    (r#""user_id""#, "1"),
    (r#""oauth_token""#, r#""1500000000000000001""#),
    (r#""exp""#, "1795406400"),
];

fn written(members: &[(&str, &str)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Each claim left out, twice, and under a name that is almost its own.
fn of_other_members() -> Vec<Forgery> {
    let mut all = Vec::new();
    for (at, (name, value)) in MEMBERS.into_iter().enumerate() {
        let mut others = MEMBERS.to_vec();
        others.remove(at);
        all.push(written(&others));
        for (second, first) in [(value, value), ("2", value), (value, "2"), (value, "null")] {
            let both = [(name, first), (name, second)];
            all.push(written(&[&both, &others[..]].concat()));
        }
        let escaped = format!("\"\\u{:04x}{}", u32::from(name.as_bytes()[1]), &name[2..]);
        let apart = [(name, value), (escaped.as_str(), value)];
        all.push(written(&[&apart[..1], &others, &apart[1..]].concat()));
        let bare = name.trim_matches('"');
        let almost = [
            bare.to_uppercase(),
            format!("{bare} "),
            format!(" {bare}"),
            format!("{bare}\\u0000"),
            format!("{bare}[]"),
            format!("\u{feff}{bare}"),
            bare.replace(['_', 'e'], "-"),
        ];
        for name in almost.iter().filter(|almost| *almost != bare) {
            let name = format!("\"{name}\"");
            all.push(written(&[&[(name.as_str(), value)], &others[..]].concat()));
        }
    }
    all.into_iter().map(with_claims).collect()
}

/// The claims at another depth, and with numbers that are no JSON.
fn of_other_forms() -> Vec<Forgery> {
    let wrapped = ["claims", "payload", "__proto__", "", "sub", "jwt"]
        .map(|name| format!("{{\"{name}\":{CLAIMS}}}"));
    let user = [
        "01", "+1", "0x1", "1.", ".5", "1e", "1e999", "--1", "1n", "\u{661}", "1_0", "1 0",
    ]
    .map(|number| CLAIMS.replace("\"user_id\":1,", &format!("\"user_id\":{number},")));
    let end = [
        "Infinity",
        "-Infinity",
        "NaN",
        "1e999",
        "017954064000",
        "1795406400d",
        "now()",
    ]
    .map(|number| CLAIMS.replace("1795406400", number));
    wrapped
        .into_iter()
        .chain(user)
        .chain(end)
        .map(with_claims)
        .collect()
}

pub(super) fn forgeries() -> Vec<Forgery> {
    [
        of_wrong_types(),
        of_wrong_values(),
        of_other_members(),
        of_other_forms(),
    ]
    .concat()
}
