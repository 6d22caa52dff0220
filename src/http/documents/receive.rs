//! Receiving a file: in parts that are stored while it arrives. One part is in memory, however long the file is.
//!
//! A body that breaks off is kept as far as it came, so that the client goes on from there; unless it has a checksum, which
//! is of the whole body.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use axum::{body::Bytes, http::StatusCode};
use bytes::BytesMut;
use futures_util::{Stream, StreamExt as _};
use ring::digest;
use tokio::time::{Instant, timeout};

use super::tus::Checksum;
use crate::{
    documents::{
        orphans::part_key,
        uploads::{self, Part, Upload, UploadError},
    },
    http::{extract::body_timeout, problem::Problem, state::AppState},
    ids::{UploadId, UserId},
    jobs::{JobId, NoAnswer, documents::FinishUpload},
};

/// So much must have arrived…
const MOUTHFUL: usize = 64 << 10;
/// …in so much time: somebody who sends a byte now and then would keep a place for ever.
const MOUTHFUL_WITHIN: Duration = Duration::from_secs(30);
/// How long the client waits for its file to be checked and stored; then it asks for the upload.
const PATIENCE: Duration = Duration::from_secs(40);

/// Where a body belongs.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Arriving {
    pub(in crate::http) id: UploadId,
    pub(in crate::http) user: UserId,
    /// The first byte of the body.
    pub(in crate::http) offset: i64,
    /// Of the whole file.
    pub(in crate::http) length: i64,
}

/// What has become of it.
pub(in crate::http) struct Received {
    /// The upload, if anything was added to it.
    pub(in crate::http) upload: Option<Upload>,
    /// Finishes it, when it is complete.
    pub(in crate::http) job: Option<JobId>,
    /// Of the body.
    pub(in crate::http) sha256: digest::Digest,
}

/// Why no more of a body is taken.
enum Stop {
    /// It broke off: what is there is good.
    Broken(Problem),
    /// Nothing of it is wanted.
    Refused(Problem),
}

struct Receiver {
    state: AppState,
    to: Arriving,
    checksum: Option<Checksum>,
    buffer: BytesMut,
    /// Stored, and not yet committed.
    stored: Vec<Part>,
    /// Where the next byte belongs, and the next part to be committed.
    at: i64,
    committed: i64,
    hash: digest::Context,
    upload: Option<Upload>,
    job: Option<JobId>,
}

/// Receives a body.
pub(in crate::http) async fn receive<E>(
    state: &AppState,
    to: Arriving,
    checksum: Option<Checksum>,
    body: impl Stream<Item = Result<Bytes, E>> + Send,
) -> Result<Received, Problem>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let mut receiver = Receiver {
        state: state.clone(),
        to,
        checksum,
        buffer: BytesMut::new(),
        stored: Vec::new(),
        at: to.offset,
        committed: to.offset,
        hash: digest::Context::new(&digest::SHA256),
        upload: None,
        job: None,
    };
    let passed = receiver.pass(pin!(body)).await;
    let ended = match passed {
        Ok(()) => receiver.end().await,
        Err(Stop::Broken(problem)) if receiver.checksum.is_none() => receiver.end().await.and(Err(problem)),
        Err(Stop::Broken(problem) | Stop::Refused(problem)) => Err(problem),
    };
    if let Err(problem) = ended {
        receiver.discard().await;
        return Err(problem);
    }
    Ok(Received { upload: receiver.upload, job: receiver.job, sha256: receiver.hash.finish() })
}

impl Receiver {
    async fn pass<E>(&mut self, mut body: Pin<&mut impl Stream<Item = Result<Bytes, E>>>) -> Result<(), Stop>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let (mut waited, mut since) = (Duration::ZERO, 0);
        loop {
            let began = Instant::now();
            let next = timeout(MOUTHFUL_WITHIN.saturating_sub(waited), body.next()).await;
            waited += began.elapsed();
            let piece = match next {
                Ok(None) => return Ok(()),
                Ok(Some(Ok(piece))) => piece,
                Ok(Some(Err(error))) => {
                    let detail = "the body did not arrive whole";
                    return Err(Stop::Broken(Problem::bad_request("incomplete_body", detail).because(error)));
                }
                Err(_) => return Err(Stop::Broken(body_timeout(MOUTHFUL_WITHIN))),
            };
            since += piece.len();
            if since >= MOUTHFUL {
                (waited, since) = (Duration::ZERO, 0);
            }
            self.take(piece).await?;
        }
    }

    async fn take(&mut self, mut piece: Bytes) -> Result<(), Stop> {
        let left = self.to.length - self.at - self.buffer.len() as i64;
        if piece.len() as i64 > left {
            let detail = "there is more than was announced";
            return Err(Stop::Refused(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "upload_too_long",
                detail,
            )));
        }
        self.hash.update(&piece);
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&piece);
        }
        let part = *self.state.config.documents.part_bytes;
        while !piece.is_empty() {
            if self.buffer.capacity() == 0 {
                let rest = usize::try_from(self.to.length - self.at).unwrap_or(part);
                self.buffer = BytesMut::with_capacity(part.min(rest)); // pages that are not written to cost nothing
            }
            let length = piece.len().min(part - self.buffer.len());
            self.buffer.extend_from_slice(&piece.split_to(length));
            if self.buffer.len() >= part {
                self.store().await.map_err(Stop::Refused)?;
            }
        }
        Ok(())
    }

    /// Stores what is in memory as a part; commits it, unless the checksum has to be seen first.
    async fn store(&mut self) -> Result<(), Problem> {
        let bytes = std::mem::take(&mut self.buffer).freeze();
        let random = getrandom::u64().map_err(|error| Problem::internal(error.to_string()))?;
        let object = part_key(self.to.id, self.at, random);
        let part = Part { offset: self.at, bytes: bytes.len() as i32, object };
        self.at += bytes.len() as i64;
        self.stored.push(part.clone());
        self.state.storage.put(&part.object, bytes).await?;
        if self.checksum.is_none() { self.commit().await } else { Ok(()) }
    }

    async fn commit(&mut self) -> Result<(), Problem> {
        if self.stored.is_empty() {
            return Ok(());
        }
        let mut tx = self.state.db.begin("documents.uploads.add_parts").await?;
        let (owner, now) = ((self.to.user, self.to.id), self.state.clock.now());
        let upload = uploads::add_parts(&mut tx, owner, self.committed, &self.stored, now).await?;
        let job = if upload.state == uploads::State::Finishing {
            Some(self.state.jobs.enqueue(&mut tx, &FinishUpload { upload: self.to.id }).await?)
        } else {
            None
        };
        let committed = tx.commit().await;
        if matches!(committed, Ok(()) | Err(crate::db::DbError::Unknown)) {
            self.stored.clear(); // they may be named by now: what is not is collected
        }
        committed?;
        (self.committed, self.upload, self.job) = (self.at, Some(upload), job);
        Ok(())
    }

    /// The last part.
    async fn end(&mut self) -> Result<(), Problem> {
        if !self.buffer.is_empty() {
            self.store().await?;
        }
        if let Some(checksum) = self.checksum.take() {
            checksum.verify()?;
        }
        self.commit().await
    }

    /// Removes what nobody will name. What cannot be removed is collected later.
    async fn discard(&mut self) {
        for part in self.stored.drain(..) {
            if let Err(error) = self.state.storage.delete(&part.object).await {
                tracing::warn!(%error, "a part without a row is left behind");
            }
        }
    }
}

/// Waits until a complete upload was checked and stored, or for as long as a client waits.
pub(super) async fn settled(
    state: &AppState,
    user: UserId,
    id: UploadId,
    job: JobId,
) -> Result<Upload, Problem> {
    // How it ended stands in the upload.
    if let Err(NoAnswer::Db(error)) = state.jobs.await_result(&state.db, job, PATIENCE).await {
        return Err(error.into());
    }
    uploads::find(&state.db, user, id).await?.ok_or_else(|| UploadError::Unknown.into())
}
