use std::{
    cell::Cell,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use crate::Limits;

/// How busy a connection is: shared by its stream and the handlers of its requests.
#[derive(Clone)]
pub(crate) struct Activity(Rc<State>);

struct State {
    handlers: Cell<usize>,
    /// Since when no handler runs, while none does.
    idle_since: Cell<Instant>,
}

impl Activity {
    fn begin() -> Self {
        Self(Rc::new(State {
            handlers: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
        }))
    }

    /// A handler runs for as long as the answer lives.
    pub(crate) fn handler(&self) -> Handler {
        self.0.handlers.set(self.0.handlers.get() + 1);
        Handler(self.clone())
    }

    fn idle_since(&self) -> Option<Instant> {
        (self.0.handlers.get() == 0).then(|| self.0.idle_since.get())
    }
}

/// A handler that runs.
pub(crate) struct Handler(Activity);

impl Drop for Handler {
    fn drop(&mut self) {
        let state = &*self.0.0;
        state.handlers.set(state.handlers.get().saturating_sub(1));
        state.idle_since.set(Instant::now());
    }
}

/// A connection that breaks off when nothing comes of it in time, whatever it is waited for.
pub(crate) struct Timed {
    stream: TcpStream,
    activity: Activity,
    idle: Duration,
    answer: Duration,
    /// The caller does not take what is written.
    blocked: bool,
    /// Runs always. It is not moved at each request: what there is to do is looked at when it ends.
    timer: Pin<Box<Sleep>>,
}

impl Timed {
    pub(crate) fn new(stream: TcpStream, limits: &Limits) -> Self {
        let Limits { idle, answer, .. } = *limits;
        Self {
            stream,
            activity: Activity::begin(),
            idle,
            answer,
            blocked: false,
            timer: Box::pin(sleep_until(Instant::now() + idle)),
        }
    }

    pub(crate) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// Fails when the time is over; wakes the task when it may be.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            let end = match self.activity.idle_since() {
                Some(since) if self.blocked => since + self.answer,
                Some(since) => since + self.idle,
                None => now + self.idle,
            };
            if end <= now {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.timer.as_mut().reset(end);
        }
        Ok(())
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check(context)?;
        Pin::new(&mut this.stream).poll_read(context, buffer)
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
        this.blocked = written.is_pending();
        if this.blocked {
            this.check(context)?;
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
