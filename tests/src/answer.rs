use reqwest::{Response, header::HeaderMap};
use serde_json::Value;

/// A complete answer of the API.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON body; [`Value::Null`] if it is empty, a string if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// Reads a complete response.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn read(response: Response) -> Result<Self, reqwest::Error> {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await?;
        let body = match text.as_str() {
            "" => Value::Null,
            json => serde_json::from_str(json).unwrap_or_else(|_| Value::String(text)),
        };
        Ok(Self {
            status,
            headers,
            body,
        })
    }

    /// The body, if the status is this one; otherwise panics with the complete answer.
    #[track_caller]
    #[expect(
        clippy::must_use_candidate,
        reason = "often the status is all one wants"
    )]
    pub fn must_be(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }

    /// The problem's stable `code`, if the body is a problem.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.body["code"].as_str()
    }

    /// A header's value, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
