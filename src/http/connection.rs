//! One connection: which protocol it speaks, its deadlines, and its place of rest while nothing happens.
//!
//! hyper keeps two buffers of 8 KiB for every connection it drives. An HTTP/1.1 connection that has been idle for
//! [`PARK_AFTER`] is therefore taken out of hyper's hands and waits as a bare socket; the next byte wakes it. Ten
//! thousand idle connections cost so a few kilobytes each.
//!
//! Who is answered while still sending a body may finish (see [`super::watched`]): the rest is read beside the answer.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    net::IpAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::HttpBody as _,
    http::{HeaderValue, Request, Version, header},
    response::Response,
};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    activity::{Activity, Busy, Limits},
    counted::Counted,
    front::Front,
    server::{Executor, Stopping},
    watched::{Rest, Tally, Watched},
};
use crate::metrics::{self, Metrics};

/// What an HTTP/2 client with prior knowledge says first (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Clients that send requests one after another pause shorter than this.
pub(super) const PARK_AFTER: Duration = Duration::from_secs(5);
/// When a stop begins: how long who has just connected may take to say something. It may be on its way.
const FIRST_BYTES: Duration = Duration::from_millis(500);
const CLOSE: HeaderValue = HeaderValue::from_static("close");
/// While a handler works, its own deadline counts; this one only keeps the timer defined.
const LONG: Duration = Duration::from_secs(3600);

/// How connections are driven.
#[derive(Clone)]
pub(super) struct Driver {
    pub(super) front: Front,
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<Executor>,
    pub(super) limits: Limits,
    pub(super) park_after: Duration,
    pub(super) stopping: Stopping,
    pub(super) metrics: Arc<Metrics>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Closed by either side, in order.
    Closed,
    /// The client was too slow.
    Cut,
}

/// Why the driving of an HTTP/1.1 connection stopped.
enum Pause {
    End(End),
    Park,
}

impl Driver {
    /// Serves a connection to its end.
    pub(super) async fn serve(&self, stream: TcpStream, peer: IpAddr) -> End {
        let activity = Activity::new(self.limits);
        let mut socket = Socket { stream, activity: activity.clone(), prefix: [0; 24], from: 0, to: 0 };
        match self.greet(&mut socket).await {
            Some(Protocol::Http1) => {}
            Some(Protocol::Http2) => return self.http2(socket, peer).await,
            None => return if activity.idle_until() <= Instant::now() { End::Cut } else { End::Closed },
        }
        loop {
            // Boxed, so that a parked connection does not keep the room of a busy one.
            let (pause, parked) = Box::pin(self.http1(socket, peer)).await;
            match (pause, parked) {
                (Pause::Park, Some(rested)) => socket = rested,
                (Pause::End(end), _) => return end,
                (Pause::Park, None) => return End::Closed,
            }
            if !self.rest(&socket.stream, &activity).await {
                return End::Closed;
            }
        }
    }

    /// Reads the first bytes; `None` if they do not come.
    async fn greet(&self, socket: &mut Socket) -> Option<Protocol> {
        let deadline = socket.activity.idle_until();
        let reading = async {
            loop {
                socket.stream.readable().await.ok()?;
                let free = &mut socket.prefix[socket.to..];
                match socket.stream.try_read(free) {
                    Ok(0) => return None,
                    Ok(read) => socket.to += read,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    Err(_) => return None,
                }
                socket.activity.read();
                let said = &socket.prefix[..socket.to];
                if !PREFACE.starts_with(said) {
                    return Some(Protocol::Http1);
                }
                if said.len() == PREFACE.len() {
                    return Some(Protocol::Http2);
                }
            }
        };
        let mut reading = pin!(reading);
        tokio::select! {
            biased;
            version = timeout_at(deadline, &mut reading) => return version.ok().flatten(),
            () = self.stopping.draining() => {}
        }
        let deadline = deadline.min(Instant::now() + FIRST_BYTES);
        timeout_at(deadline, reading).await.ok().flatten()
    }

    /// Waits for the next request of a parked connection; `false` if it is to be closed.
    async fn rest(&self, stream: &TcpStream, activity: &Activity) -> bool {
        let _parked = metrics::Guard::new(&self.metrics.http.parked);
        tokio::select! {
            biased;
            readable = timeout_at(activity.idle_until(), stream.readable()) => matches!(readable, Ok(Ok(()))),
            () = self.stopping.draining() => false,
        }
    }

    async fn http1(&self, socket: Socket, peer: IpAddr) -> (Pause, Option<Socket>) {
        let activity = socket.activity.clone();
        let unread = Unread::default();
        let service = service_fn(|request| async {
            let (answer, rest) = self.answer(request, peer, activity.begin()).await;
            let rest = rest.map(|body| Rest::new(body, activity.begin()));
            Ok::<_, Infallible>(unread.keep(answer, rest))
        });
        let mut connection = self.http1.serve_connection(TokioIo::new(socket), service);
        let shut = http1::Connection::graceful_shutdown;
        let park = Some((self.park_after, &unread));
        let pause = self.drive(Pin::new(&mut connection), shut, &activity, park).await;
        if matches!(pause, Pause::Park) {
            let parts = connection.into_parts();
            if parts.read_buf.is_empty() {
                return (Pause::Park, Some(parts.io.into_inner()));
            }
        }
        (pause, None)
    }

    async fn http2(&self, socket: Socket, peer: IpAddr) -> End {
        let activity = socket.activity.clone();
        let (driver, begun) = (self.clone(), activity.clone());
        // Streams are tasks of their own: they own what they need.
        let service = service_fn(move |request| {
            let (driver, busy) = (driver.clone(), begun.begin());
            // A stream is reset by itself: what is left of its body is in nobody's way.
            async move { Ok::<_, Infallible>(driver.answer(request, peer, busy).await.0) }
        });
        let connection = self.http2.serve_connection(TokioIo::new(socket), service);
        match self.drive(pin!(connection), http2::Connection::graceful_shutdown, &activity, None).await {
            Pause::End(end) => end,
            Pause::Park => End::Closed,
        }
    }

    /// The answer, and what is left of the request's body.
    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        busy: Busy,
    ) -> (Response<Counted>, Option<Incoming>) {
        let closable = request.version() < Version::HTTP_2;
        let mut tally = None;
        let answer = if request.body().is_end_stream() {
            self.front.call(peer, request).await
        } else {
            let known = tally.insert(Tally::default()).clone();
            let is_held_back = request.headers().contains_key(header::EXPECT);
            let mut request = request.map(|body| Watched::new(body, known.clone(), is_held_back));
            request.extensions_mut().insert(known);
            self.front.call(peer, request).await
        };
        let mut answer = answer.map(|body| body.keeping(busy));
        // hyper says so by itself only where it heard of the stop before the request was handled.
        if closable && self.stopping.is_stopping() {
            answer.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        (answer, tally.and_then(|tally| tally.rest()))
    }

    /// Polls a connection to its end, its deadline, or its rest.
    async fn drive<C: Future<Output = hyper::Result<()>>>(
        &self,
        mut connection: Pin<&mut C>,
        shut: impl Fn(Pin<&mut C>),
        activity: &Activity,
        http1: Option<(Duration, &Unread)>,
    ) -> Pause {
        let until = || match http1 {
            Some((after, _)) if activity.is_idle() => {
                Some(activity.idle_until().min(activity.idle_since() + after))
            }
            _ => activity.deadline(),
        };
        let mut timer = pin!(sleep_until(until().unwrap_or_else(|| Instant::now() + LONG)));
        let (mut draining, mut killed) = (pin!(self.stopping.draining()), pin!(self.stopping.killed()));
        let (mut shutting, mut registered) = (false, false);
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                    return Poll::Ready(Pause::End(end_of(&ended)));
                }
                if http1.is_some_and(|(_, unread)| unread.poll(cx).is_ready()) {
                    continue;
                }
                // The tokens are polled once, to be woken by them: polling them takes a lock.
                if !registered || self.stopping.is_stopping() {
                    registered = true;
                    if killed.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(Pause::End(End::Closed));
                    }
                    if !shutting && draining.as_mut().poll(cx).is_ready() {
                        shutting = true;
                        shut(connection.as_mut());
                        continue;
                    }
                }
                // The timer is moved forward only when it fires: deadlines mostly move away, request by request.
                let until = until();
                if let Some(until) = until.filter(|until| *until < timer.deadline()) {
                    timer.as_mut().reset(until);
                }
                ready!(timer.as_mut().poll(cx));
                let now = Instant::now();
                match until {
                    Some(until) if until <= now => {
                        if !activity.is_idle() {
                            return Poll::Ready(Pause::End(End::Cut));
                        }
                        if activity.idle_until() > now && !shutting {
                            return Poll::Ready(Pause::Park);
                        }
                        if std::mem::replace(&mut shutting, true) {
                            return Poll::Ready(Pause::End(End::Closed));
                        }
                        shut(connection.as_mut());
                    }
                    later => timer.as_mut().reset(later.unwrap_or(now + LONG)),
                }
            }
        })
        .await
    }
}

/// What was left unread of the body of the request that was answered last.
#[derive(Default)]
struct Unread(Mutex<Option<Rest>>);

impl Unread {
    /// Keeps the rest of a body; who has much of it is told with the answer that the connection will be closed.
    fn keep(&self, mut answer: Response<Counted>, rest: Option<Rest>) -> Response<Counted> {
        if rest.as_ref().is_some_and(Rest::is_large) {
            answer.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = rest;
        answer
    }

    /// Reads on; ready once, when there is nothing left to read or no more is read: then hyper closes or goes on.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rest) = &mut *place else { return Poll::Pending };
        ready!(rest.poll(cx));
        *place = None;
        Poll::Ready(())
    }
}

/// How a connection ended, by hyper's account.
fn end_of(ended: &hyper::Result<()>) -> End {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    End::Closed
}

/// What a client speaks.
enum Protocol {
    Http1,
    Http2,
}

/// The socket with the bytes that were read to find out the version, and an eye on what moves.
struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
    prefix: [u8; PREFACE.len()],
    /// `prefix[from..to]` has been read from the stream, but not by hyper.
    from: usize,
    to: usize,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.from < self.to {
            let take = buffer.remaining().min(self.to - self.from);
            buffer.put_slice(&self.prefix[self.from..self.from + take]);
            self.from += take;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            self.activity.read();
        }
        Poll::Ready(read)
    }
}

impl Socket {
    fn note(&self, written: Poll<io::Result<usize>>, wanted: usize) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.activity.blocked(),
            Poll::Ready(Ok(bytes)) => self.activity.wrote(*bytes, *bytes >= wanted),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.note(written, parts.iter().map(|part| part.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // a TCP socket has nothing to flush
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
