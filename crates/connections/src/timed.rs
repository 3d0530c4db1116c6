use std::{
    cell::Cell,
    future::Future,
    io,
    mem::{self, MaybeUninit},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::SystemTime,
};

use actix_web::http::header::HttpDate;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use crate::{address_cap::AddressMember, crowd::CrowdMember, limits::Limits};

/// The largest head that actix-web parses.
const LARGEST_HEAD: usize = 128 * 1024;

/// The activity of a connection: shared by its stream and the handlers of its requests.
#[derive(Clone)]
pub(crate) struct Activity(Rc<ConnectionState>);

struct ConnectionState {
    /// The number of requests that arrived completely.
    requests: Cell<u64>,
    handlers: Cell<usize>,
    /// Since when no handler has been running, while none is.
    idle_since: Cell<Instant>,
    /// Whether bytes have arrived since then.
    heard: Cell<bool>,
    /// Whether the latest request may not be at its end.
    unfinished: Cell<bool>,
}

impl Activity {
    fn begin() -> Self {
        Self(Rc::new(ConnectionState {
            requests: Cell::new(0),
            handlers: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            heard: Cell::new(false),
            unfinished: Cell::new(false),
        }))
    }

    /// Notes whether more may come of the body of the latest request.
    pub(crate) fn expects_more(&self, more: bool) {
        self.0.unfinished.set(more);
    }

    /// Marks a handler as running until the returned value is dropped.
    pub(crate) fn handler(&self) -> RunningHandler {
        let state = &*self.0;
        state.requests.set(state.requests.get() + 1);
        state.handlers.set(state.handlers.get() + 1);
        RunningHandler(self.clone())
    }

    fn requests(&self) -> u64 {
        self.0.requests.get()
    }

    fn heard(&self) -> bool {
        self.0.heard.get()
    }

    fn is_unfinished(&self) -> bool {
        self.0.unfinished.get()
    }

    fn idle_since(&self) -> Option<Instant> {
        (self.0.handlers.get() == 0).then(|| self.0.idle_since.get())
    }
}

/// A running handler.
pub(crate) struct RunningHandler(Activity);

impl Drop for RunningHandler {
    fn drop(&mut self) {
        let state = &*self.0.0;
        state.handlers.set(state.handlers.get().saturating_sub(1));
        state.idle_since.set(Instant::now());
        // Bytes of a body may have come while the handler ran: they do not begin another request.
        state.heard.set(false);
    }
}

/// A connection that breaks off at its deadline, whatever it is waiting for.
///
/// Bytes that arrived in time but waited, because this program was busy, are not late.
pub(crate) struct Timed {
    stream: TcpStream,
    activity: Activity,
    limits: Limits,
    member: CrowdMember,
    /// Counts this connection for its address.
    of_address: Option<AddressMember>,
    /// Whether the caller is not taking what is written.
    blocked: bool,
    /// When the caller last took data that had been blocked: the time for the next request counts from then.
    taken: Option<Instant>,
    /// Whether read bytes have not been parsed yet.
    unparsed: bool,
    /// The number of bytes read since the deadline.
    late: usize,
    /// Always runs. It is not reset for each request: when it fires, the real deadline is checked.
    timer: Pin<Box<Sleep>>,
}

impl Timed {
    pub(crate) fn new(stream: TcpStream, limits: &Limits, member: CrowdMember) -> Self {
        let timer = sleep_until(Instant::now() + limits.shortest());
        Self {
            stream,
            activity: Activity::begin(),
            limits: *limits,
            member,
            of_address: None,
            blocked: false,
            taken: None,
            unparsed: false,
            late: 0,
            timer: Box::pin(timer),
        }
    }

    /// Counts the connection for its address until it ends.
    pub(crate) fn counted(mut self, member: AddressMember) -> Self {
        self.of_address = Some(member);
        self
    }

    pub(crate) fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// The deadline, unless a handler runs.
    fn end(&self) -> Option<Instant> {
        let idle_since = self.activity.idle_since()?;
        if self.blocked {
            return Some(idle_since + self.limits.answer);
        }
        let time = if self.activity.requests() == 0 {
            self.limits.head
        } else if self.activity.heard() {
            self.limits.idle
        } else {
            self.member.keep_alive(self.limits.keep_alive)
        };
        // A body that nobody reads any more is waited for no longer than a head.
        let time = if self.activity.is_unfinished() {
            time.min(self.limits.head)
        } else {
            time
        };
        let since = self.taken.map_or(idle_since, |taken| taken.max(idle_since));
        Some(since + time)
    }

    /// Tells whether the deadline has passed; if not, the task is woken when that may be so.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let end = self.end();
            if end.is_some_and(|end| end <= now) {
                return true;
            }
            let next = now + self.limits.shortest();
            self.timer
                .as_mut()
                .reset(end.map_or(next, |end| end.min(next)));
        }
        self.late = 0;
        false
    }

    /// Notes received bytes. They are accepted after the deadline as long as they can be a head that waited.
    fn took(&mut self, bytes: usize, is_over: bool) -> io::Result<()> {
        self.activity.0.heard.set(true);
        self.unparsed = true;
        if is_over {
            self.late += bytes;
            if self.late > LARGEST_HEAD {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Ends the connection after the deadline if nothing came, unless bytes are on their way from the system to a
    /// handler.
    fn give_up(&self, unparsed: bool, context: &Context<'_>) -> Poll<io::Result<()>> {
        if unparsed || self.has_more() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.activity.requests() == 0 && self.activity.heard() {
            // The send buffer has room, because nothing was written before.
            let _ = self.stream.try_write(&request_timeout());
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Tells whether bytes wait in the system; the runtime may not know of them yet.
    fn has_more(&self) -> bool {
        let peeked = SockRef::from(&self.stream).peek(&mut [MaybeUninit::uninit()]);
        peeked.is_ok_and(|bytes| bytes > 0)
    }
}

/// The complete answer to an incomplete head: below actix-web, nothing would complete it.
fn request_timeout() -> Vec<u8> {
    #[expect(
        clippy::disallowed_methods,
        reason = "what a proxy compares with its own clock"
    )]
    let date = HttpDate::from(SystemTime::now());
    format!(
        "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\ndate: {date}\r\n\r\n"
    )
    .into_bytes()
}

impl AsyncRead for Timed {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let is_over = this.is_over(context);
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_pending() {
            let unparsed = mem::take(&mut this.unparsed);
            return if is_over {
                this.give_up(unparsed, context)
            } else {
                Poll::Pending
            };
        }
        let bytes = buffer.filled().len() - before;
        if bytes > 0 {
            this.took(bytes, is_over)?;
        }
        read
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        let was_blocked = mem::replace(&mut this.blocked, written.is_pending());
        if was_blocked && !this.blocked {
            this.taken = Some(Instant::now());
        }
        if this.blocked && this.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        io::Write,
        net::{TcpListener, TcpStream as Peer},
        pin::pin,
        time::Duration,
    };

    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::crowd::Crowd;

    /// A connection whose deadline has passed when it begins, and its peer.
    async fn late() -> (Timed, Peer) {
        let mut over = Box::pin(sleep_until(Instant::now()));
        over.as_mut().await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Peer::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let limits = Limits {
            workers: None,
            max_connections: 1,
            head: Duration::ZERO,
            keep_alive: Duration::ZERO,
            idle: Duration::ZERO,
            answer: Duration::ZERO,
            shutdown: Duration::ZERO,
        };
        let stream = TcpStream::from_std(stream).unwrap();
        let mut connection = Timed::new(stream, &limits, Crowd::new(8).join());
        connection.timer = over;
        (connection, peer)
    }

    #[tokio::test]
    async fn bytes_that_the_runtime_has_not_noticed_yet_are_waited_for() {
        let (mut connection, mut peer) = late().await;
        peer.write_all(b"GET /").unwrap();
        let mut bytes = [0; 16];
        let mut buffer = ReadBuf::new(&mut bytes);
        let first = poll_fn(|context| {
            let read = pin!(&mut connection).poll_read(context, &mut buffer);
            Poll::Ready(read.map_err(|error| error.kind()))
        });
        assert_eq!(first.await, Poll::Pending);
        assert_eq!(connection.read(&mut bytes).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn a_peer_that_sends_without_an_end_is_not_read_for_ever() {
        let (mut connection, mut peer) = late().await;
        peer.set_nonblocking(true).unwrap();
        let mut sent = 0;
        while let Ok(bytes) = peer.write(&[b'x'; 4096]) {
            sent += bytes;
        }
        let mut bytes = [0; 4096];
        assert!(sent > LARGEST_HEAD + bytes.len(), "{sent}");
        let mut read = 0;
        let error = loop {
            match connection.read(&mut bytes).await {
                Ok(bytes) => read += bytes,
                Err(error) => break error.kind(),
            }
        };
        assert_eq!(error, io::ErrorKind::TimedOut);
        assert!(read <= LARGEST_HEAD, "{read}");
    }
}
