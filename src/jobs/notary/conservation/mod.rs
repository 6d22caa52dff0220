//! Jobs of conservation: packages are planned every month, made, handed over, and verified, then and every year.

mod hand_over;
mod make_package;
mod plan;
mod verify;
mod verify_all;

pub use hand_over::HandOverConservationPackage;
pub use make_package::MakeConservationPackage;
pub use plan::PlanConservation;
pub use verify::VerifyConservationPackage;
pub use verify_all::VerifyConservation;

use futures_util::StreamExt as _;

use super::super::JobContext;
use crate::{
    actors::data::contents::ContentError,
    db::DbError,
    documents::versions::{Content, Sha256},
    notary::conservation::conservator::hash,
};

/// Why a content is not what it was.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    /// The storage cannot be asked: later.
    #[error(transparent)]
    Content(ContentError),
    /// As above.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The hash of what the storage has of a content; `None` when it has none, or what it has does not open.
async fn stored_hash(ctx: &JobContext, content: &Content) -> Result<Option<Sha256>, ReadError> {
    let opened = match ctx.contents.open(content, 0..content.version.bytes.unsigned_abs()).await {
        Ok(opened) => opened,
        Err(ContentError::Missing(_)) => return Ok(None),
        Err(error) => return Err(ReadError::Content(error)),
    };
    // What breaks off is damaged, as far as anybody can say from here.
    Ok(hash(opened.boxed()).await.ok().map(|(sha256, _)| sha256))
}
