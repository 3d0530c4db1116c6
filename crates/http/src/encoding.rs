//! Compressed bodies, for the few answers that gain by it.
//!
//! Not the middleware of actix-web: every answer would pass it, also `can-use`, which is small and asked for most, and the answer
//! to a sign-in, whose token may not be compressed beside text that a caller chooses (<https://breachattack.com>). Here only
//! bodies that are the same for everybody are compressed, and those that do not change only once.

use std::io::{self, Read, Write};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{self, AcceptEncoding, ContentEncoding, Encoding, Header, HeaderValue},
    web::Bytes,
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};

/// A body that does not change, and its compressed form.
#[derive(Clone)]
pub(crate) struct CompressibleBody {
    plain: Bytes,
    gzip: Bytes,
}

impl CompressibleBody {
    /// Compresses the body.
    pub(crate) fn new(plain: impl Into<Bytes>) -> Self {
        let plain = plain.into();
        let gzip = gzip(&plain);
        Self { plain, gzip }
    }

    /// From its compressed form.
    ///
    /// # Errors
    /// If that is not gzip.
    pub(crate) fn of_gzip(gzip: impl Into<Bytes>) -> io::Result<Self> {
        let gzip = gzip.into();
        let mut plain = Vec::new();
        GzDecoder::new(&*gzip).read_to_end(&mut plain)?;
        Ok(Self {
            plain: plain.into(),
            gzip,
        })
    }

    /// Ends the answer with the form that the caller takes.
    pub(crate) fn answer(
        &self,
        request: &HttpRequest,
        answer: &mut HttpResponseBuilder,
    ) -> HttpResponse {
        if takes_gzip(request, answer) {
            answer.body(self.gzip.clone())
        } else {
            answer.body(self.plain.clone())
        }
    }
}

/// Ends the answer with a body that is made for this caller alone.
pub(crate) fn compressed(
    request: &HttpRequest,
    answer: &mut HttpResponseBuilder,
    body: String,
) -> HttpResponse {
    if takes_gzip(request, answer) {
        answer.body(gzip(body.as_bytes()))
    } else {
        answer.body(body)
    }
}

/// Tells whether the caller takes gzip, and sets the headers accordingly.
fn takes_gzip(request: &HttpRequest, answer: &mut HttpResponseBuilder) -> bool {
    answer.append_header((header::VARY, HeaderValue::from_static("Accept-Encoding")));
    let offered = [Encoding::gzip(), Encoding::identity()];
    let takes_gzip = request.headers().contains_key(header::ACCEPT_ENCODING)
        && AcceptEncoding::parse(request)
            .is_ok_and(|accepted| accepted.negotiate(offered.iter()) == Some(Encoding::gzip()));
    if takes_gzip {
        answer.insert_header(ContentEncoding::Gzip);
    }
    takes_gzip
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // A vector takes everything.
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    written.unwrap_or_default().into()
}
