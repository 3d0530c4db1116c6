//! The marks, and the search for them.

use std::{fs, path::Path};

/// In every secret here.
pub(crate) const MARK: &str = "mark0";
pub(crate) const CONSUMER_SECRET: &str = "mark0-consumer-secret";
pub(crate) const REQUEST_SECRET: &str = "mark0-request-secret";
pub(crate) const ACCESS_TOKEN: &str = "783214-mark0-access-token";
pub(crate) const ACCESS_SECRET: &str = "mark0-access-secret";
pub(crate) const VERIFIER: &str = "mark0-verifier";
pub(crate) const PASSWORD: &str = "mark0-password";
/// Base64 of a text that begins with the mark.
pub(crate) const JWT_SECRET: &str = "bWFyazAgaXMgaW4gdGhlIGtleSB3aXRoIHdoaWNoIHRva2VucyBhcmUgc2lnbmVkLCB3aGljaCBpcyBsb25nIGVub3VnaC4=";
pub(crate) const SEALING_KEY: &str = "k1:bWFyazAgc2VhbHMgdGhlIHN0b3JlJ3Mgc2VjcmV0cyE=";

/// The mark, and its beginning in the forms that programs give to bytes.
const FORMS: [&str; 4] = [MARK, "bWFyazAg", "6d61726b30", "6D61726B30"];

/// What was looked through, and where a mark was found.
#[derive(Default)]
pub(crate) struct Search {
    looked: usize,
    found: Vec<String>,
    more: Vec<String>,
}

impl Search {
    /// Looks for this text, too.
    pub(crate) fn also(&mut self, secret: &str) {
        self.more.push(secret.to_owned());
    }

    pub(crate) fn look(&mut self, place: &str, content: &[u8]) {
        self.looked += 1;
        let forms = FORMS
            .into_iter()
            .chain(self.more.iter().map(String::as_str));
        for form in forms {
            let at = content
                .windows(form.len())
                .position(|it| it == form.as_bytes());
            if let Some(at) = at {
                let around = &content[at.saturating_sub(150)..content.len().min(at + 80)];
                let around = String::from_utf8_lossy(around).into_owned();
                self.found.push(format!("{place}: …{around}…"));
                break;
            }
        }
    }

    /// Every file of a folder and of those in it.
    pub(crate) fn look_at_files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.look_at_files(&path);
            } else {
                self.look(&path.display().to_string(), &fs::read(&path).unwrap());
            }
        }
    }

    pub(crate) fn must_have_found_nothing(&self, looked: usize) {
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
        assert!(self.looked >= looked, "only {} places", self.looked);
    }
}

#[test]
fn a_mark_is_found_in_every_form() {
    for content in [
        "a mark0-token",
        JWT_SECRET,
        SEALING_KEY,
        "\\x6d61726b302d",
        "6D61726B302D",
        "the signature",
    ] {
        let mut search = Search::default();
        search.also("signature");
        search.look("here", content.as_bytes());
        assert_eq!(search.found.len(), 1, "{content}");
    }
}
