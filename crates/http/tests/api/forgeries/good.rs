//! Good tokens, as JJWT and other libraries write them.

use super::{CLAIMS, HEADER, KEY, signed};

/// Headers of the libraries that may have written a token.
const HEADERS: [&str; 8] = [
    // JJWT, and JJWT with a type.
    r#"{"alg":"HS512"}"#,
    r#"{"typ":"JWT","alg":"HS512"}"#,
    r#"{"alg":"HS512","typ":"JWT"}"#,
    r#"{"alg":"HS512","typ":"jwt"}"#,
    r#"{"alg":"HS512","kid":"2026-11"}"#,
    r#"{"alg":"HS512","a":{"b":[1,null]}}"#,
    "{\"typ\":\"JWT\",\r\n \"alg\":\"HS512\"}",
    r#" { "\u0061lg" : "HS\u003512" } "#,
];

const ALL_CLAIMS: [&str; 14] = [
    // In the order in which JJWT puts them: as they were set, or with the registered ones last.
    r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","exp":1795406400}"#,
    r#"{"user_id":1,"oauth_token":"1500000000000000001","sub":"user","exp":1795406400}"#,
    r#"{"oauth_token":"1500000000000000001","exp":1795406400,"user_id":1,"sub":"user"}"#,
    r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","iat":1795402800,"exp":1795406400}"#,
    r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","iat":1795406400,"exp":1795406400}"#,
    r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","nbf":1795402800,"exp":1795406400}"#,
    r#"{"iss":"spring","jti":"a","sub":"user","user_id":1,"oauth_token":"1500000000000000001","exp":1795406400}"#,
    r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","exp":1795406400.5}"#,
    r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","exp":1.7954064e9}"#,
    r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","exp":253402300799}"#,
    r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","exp":1e18}"#,
    r#"{"sub":"user","user_id":1,"oauth_token":"1500000000000000001","exp":1795406400,"roles":["USER"],"name":"김민준","a":{"b":1,"b":2}}"#,
    "{ \"sub\" : \"user\" ,\r\n\t\"user_id\" : 1 , \"oauth_token\" : \"1500000000000000001\" , \"exp\" : 1795406400 }\n",
    r#"{"\u0073ub":"us\u0065r","user_id":1,"oauth_token":"\u0031500000000000000001","exp":1795406400}"#,
];

pub(super) fn tokens() -> Vec<(String, String)> {
    let headers = HEADERS.map(|header| (header.to_owned(), signed(header, CLAIMS, &KEY)));
    let claims = ALL_CLAIMS.map(|claims| (claims.to_owned(), signed(HEADER, claims, &KEY)));
    headers.into_iter().chain(claims).collect()
}
