use std::cell::Cell;

use actix_web::{
    dev::ServiceRequest,
    http::header::{HeaderName, HeaderValue},
};
use lemon_domain::ports::IdSource;
use uuid::Uuid;

/// The header that names a request, in answers and logs.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id accepted from a caller.
const MAX_LENGTH: usize = 64;

/// Names requests. Each worker has one, which begins at an unpredictable id and counts up from there: a name must be
/// unique but need not be secret, and fresh randomness costs a system call.
pub(crate) struct RequestIds {
    next: Cell<u64>,
    worker: u64,
}

impl RequestIds {
    pub(crate) fn new(ids: &dyn IdSource) -> Self {
        let (high, low) = ids.uuid().as_u64_pair();
        Self {
            next: Cell::new(high),
            worker: low,
        }
    }

    /// The caller's id if it is valid, otherwise a fresh one.
    pub(crate) fn name(&self, request: &ServiceRequest) -> HeaderValue {
        match request.headers().get(X_REQUEST_ID) {
            Some(id) if is_sane(id.as_bytes()) => id.clone(),
            _ => self.fresh(),
        }
    }

    fn fresh(&self) -> HeaderValue {
        let id = self.next.replace(self.next.get().wrapping_add(1));
        let mut text = Uuid::encode_buffer();
        let text = Uuid::from_u64_pair(id, self.worker)
            .simple()
            .encode_lower(&mut text);
        HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
    }
}

/// Whether the id can be put in a log line and a header unchanged.
fn is_sane(id: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use lemon_fakes::SequentialIds;

    use super::*;

    fn name(ids: &RequestIds, given: &str) -> String {
        let request = TestRequest::default()
            .insert_header((X_REQUEST_ID, given))
            .to_srv_request();
        ids.name(&request).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_valid_id_of_the_caller_is_kept() {
        let ids = RequestIds::new(&SequentialIds::default());
        assert_eq!(name(&ids, "web-7f.3_A"), "web-7f.3_A");
    }

    #[test]
    fn an_invalid_id_of_the_caller_is_replaced() {
        let ids = RequestIds::new(&SequentialIds::default());
        let long = "a".repeat(MAX_LENGTH + 1);
        for given in ["", "two words", "a\"b", "a,b", long.as_str()] {
            let named = name(&ids, given);
            assert_eq!(named.len(), 32, "{given:?}");
        }
    }

    #[test]
    fn ids_of_one_worker_and_of_two_differ() {
        let source = SequentialIds::default();
        let (one, other) = (RequestIds::new(&source), RequestIds::new(&source));
        let mut names = vec![one.fresh(), one.fresh(), other.fresh(), other.fresh()];
        names.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        names.dedup();
        assert_eq!(names.len(), 4);
    }
}
