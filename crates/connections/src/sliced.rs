use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_http::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use pin_project_lite::pin_project;

/// The size of a slice: as much as actix-web writes at once.
const SLICE: usize = 32 * 1024;

pin_project! {
    /// A body in slices. actix-web copies each chunk of a body, for each connection: with large chunks and callers that
    /// do not read, that would need much memory.
    pub(crate) struct Sliced<B> {
        #[pin]
        body: B,
        rest: Bytes,
    }
}

impl<B> Sliced<B> {
    pub(crate) const fn new(body: B) -> Self {
        Self {
            body,
            rest: Bytes::new(),
        }
    }
}

impl<B: MessageBody> MessageBody for Sliced<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        if this.rest.is_empty() {
            match ready!(this.body.poll_next(context)) {
                Some(Ok(bytes)) => *this.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        let slice = this.rest.split_to(this.rest.len().min(SLICE));
        Poll::Ready(Some(Ok(slice)))
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::poll_fn, pin::pin};

    use actix_http::body::BodyStream;
    use futures::stream;

    use super::*;

    async fn slices(body: impl MessageBody<Error: std::fmt::Debug>) -> Vec<Bytes> {
        let mut body = pin!(Sliced::new(body));
        let mut slices = Vec::new();
        while let Some(slice) = poll_fn(|context| body.as_mut().poll_next(context)).await {
            slices.push(slice.unwrap());
        }
        slices
    }

    #[tokio::test]
    async fn a_large_body_comes_in_slices_and_whole() {
        let body: Bytes = (0..=u8::MAX).cycle().take(3 * SLICE + 1).collect();
        let slices = slices(body.clone()).await;
        let lengths: Vec<usize> = slices.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [SLICE, SLICE, SLICE, 1]);
        assert_eq!(slices.concat(), body);
        assert_eq!(Sliced::new(body).size(), BodySize::Sized(3 * 32 * 1024 + 1));
    }

    #[tokio::test]
    async fn small_parts_of_a_body_come_as_they_are() {
        let parts = ["one", "two"].map(|part| Ok::<_, Infallible>(Bytes::from(part)));
        let body = BodyStream::new(stream::iter(parts));
        assert_eq!(slices(body).await, ["one", "two"]);
        assert_eq!(slices(()).await, [""; 0]);
    }
}
