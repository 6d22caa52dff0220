//! The body of a request, watched: how long its client was waited for, how much of it came, and what becomes of the rest
//! when the answer does not need it.
//!
//! A server that closes while its client still sends makes the kernel reset the connection, and the client may never read
//! why it was refused (RFC 9112, 9.6). So what a handler leaves unread is read and thrown away after the answer, within
//! [`REST_MAX`] and [`REST_WITHIN`]; beyond them the connection is closed all the same.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::HttpBody;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use super::activity::Busy;

/// What is read and thrown away of one body: the largest file that is taken by default.
const REST_MAX: usize = 256 << 20;
/// And for how long: less than a stop waits for answers under way.
const REST_WITHIN: Duration = Duration::from_secs(15);
/// Who has more to send than this is told that the connection will be closed, so that they need not send it.
const SMALL: u64 = 64 << 10;

/// What is known of a body. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Tally(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waited_us: AtomicU64,
    bytes: AtomicU64,
    rest: Mutex<Place>,
}

/// Where the rest of a body goes.
#[derive(Default)]
enum Place {
    /// To whoever gives the answer.
    #[default]
    Free,
    Left(Incoming),
    /// The answer was given without it.
    Closed,
}

impl Tally {
    /// How long the handler had to wait for the client, and how many bytes it got.
    pub(super) fn arrived(&self) -> (Duration, u64) {
        (Duration::from_micros(self.0.waited_us.load(Relaxed)), self.0.bytes.load(Relaxed))
    }

    /// What the handler has left of the body; to be asked for once, when it has answered.
    pub(super) fn rest(&self) -> Option<Incoming> {
        let mut place = self.0.rest.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *place, Place::Closed) {
            Place::Left(body) => Some(body),
            Place::Free | Place::Closed => None,
        }
    }

    fn leave(&self, body: Incoming) {
        let mut place = self.0.rest.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*place, Place::Free) {
            *place = Place::Left(body);
        }
    }
}

/// A body on its way to its handler.
pub(super) struct Watched {
    body: Option<Incoming>,
    tally: Tally,
    /// Since when the handler waits for the client.
    since: Option<Instant>,
    /// The client sends nothing before it is asked to (`Expect: 100-continue`), and was not asked yet.
    is_held_back: bool,
}

impl Watched {
    pub(super) fn new(body: Incoming, tally: Tally, is_held_back: bool) -> Self {
        Self { body: Some(body), tally, since: None, is_held_back }
    }

    fn stop_waiting(&mut self) {
        if let Some(since) = self.since.take() {
            self.tally.0.waited_us.fetch_add(since.elapsed().as_micros() as u64, Relaxed);
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.is_held_back = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if polled.is_pending() {
            self.since.get_or_insert_with(Instant::now);
            return Poll::Pending;
        }
        self.stop_waiting();
        let polled = ready!(polled);
        match &polled {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.tally.0.bytes.fetch_add(bytes, Relaxed);
            }
            Some(Err(_)) | None => self.body = None,
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.stop_waiting();
        if !self.is_held_back
            && let Some(body) = self.body.take().filter(|body| !body.is_end_stream())
        {
            self.tally.leave(body);
        }
    }
}

/// What is left of a body, on its way to nowhere.
pub(super) struct Rest {
    body: Incoming,
    left: usize,
    until: Pin<Box<Sleep>>,
    _busy: Busy,
}

impl Rest {
    /// Keeps the connection busy until it has ended.
    pub(super) fn new(body: Incoming, busy: Busy) -> Self {
        Self { body, left: REST_MAX, until: Box::pin(sleep(REST_WITHIN)), _busy: busy }
    }

    /// Whether the client had better stop sending.
    pub(super) fn is_large(&self) -> bool {
        self.body.size_hint().upper().is_none_or(|left| left > SMALL)
    }

    /// Ready when the client has sent everything, or enough of it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        loop {
            let Some(Ok(frame)) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
                return Poll::Ready(());
            };
            match self.left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(left) => self.left = left,
                None => return Poll::Ready(()),
            }
        }
    }
}
