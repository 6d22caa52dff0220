//! The body of an answer, which records the request's figures when its last byte has left (or nobody wants it).

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use super::activity::Busy;
use crate::metrics;

/// An axum body with an end that is noticed.
pub struct Counted {
    body: Body,
    /// `None` once they are recorded.
    figures: Option<metrics::Route>,
    status: u16,
    started: Instant,
    _in_flight: metrics::Guard,
    busy: Option<Busy>,
}

impl Counted {
    pub(super) fn new(
        body: Body,
        in_flight: metrics::Guard,
        figures: metrics::Route,
        status: u16,
        started: Instant,
    ) -> Self {
        Self { body, figures: Some(figures), status, started, _in_flight: in_flight, busy: None }
    }

    /// A stream of events is answered when it begins: how long people listen says nothing about the server.
    pub(super) fn answered(mut self) -> Self {
        self.record();
        self
    }

    fn record(&mut self) {
        if let Some(figures) = self.figures.take() {
            figures.record(self.status, self.started.elapsed());
        }
    }

    /// Keeps the connection busy until the body is gone.
    pub(super) fn keeping(mut self, busy: Busy) -> Self {
        self.busy = Some(busy);
        self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.record();
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
