use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web};

use super::in_shape;
use crate::{oauth::form_pairs, provider::ReceivedCall, x_error::XError};

/// A call with its complete body.
pub(super) struct SignedCall {
    pub(super) request: HttpRequest,
    pub(super) body: web::Bytes,
}

impl FromRequest for SignedCall {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let body = web::Bytes::from_request(&request, payload);
        Box::pin(async move {
            match body.await {
                Ok(body) => Ok(Self { request, body }),
                Err(error) => {
                    let too_large = error.as_response_error().status_code().as_u16() == 413;
                    let error = if too_large {
                        XError::TooLarge
                    } else {
                        XError::InvalidRequest("The body cannot be read.".to_owned())
                    };
                    Err(in_shape(&request, error))
                }
            }
        })
    }
}

impl SignedCall {
    /// The parts of the call that are signed.
    pub(super) fn received(&self) -> ReceivedCall {
        let connection = self.request.connection_info();
        let (scheme, host) = (connection.scheme(), connection.host().to_ascii_lowercase());
        let own_port = if scheme == "https" { ":443" } else { ":80" };
        let host = host.strip_suffix(own_port).unwrap_or(&host);
        let form = if self.is_form() {
            self.body.to_vec()
        } else {
            Vec::new()
        };
        ReceivedCall {
            method: self.request.method().as_str().to_owned(),
            url: format!("{scheme}://{host}{}", self.request.uri().path()),
            query: self.query().to_vec(),
            form,
            authorization: self.header(header::AUTHORIZATION),
        }
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        field(self.query(), name)
    }

    /// A field of the form in the body.
    pub(super) fn form_field(&self, name: &str) -> Option<String> {
        self.is_form().then(|| field(&self.body, name))?
    }

    fn query(&self) -> &[u8] {
        self.request.uri().query().unwrap_or_default().as_bytes()
    }

    pub(super) fn is_form(&self) -> bool {
        self.request
            .content_type()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }

    /// A header that occurs once and is text.
    fn header(&self, name: header::HeaderName) -> Option<String> {
        let mut values = self.request.headers().get_all(name);
        let value = values.next()?.to_str().ok()?.to_owned();
        values.next().is_none().then_some(value)
    }
}

fn field(form: &[u8], name: &str) -> Option<String> {
    form_pairs(form)
        .into_iter()
        .find(|(key, _)| key == name.as_bytes())
        .and_then(|(_, value)| String::from_utf8(value).ok())
}

#[cfg(test)]
mod tests;
