//! Why a file does not come in.

use std::{borrow::Cow, io};

/// Why a file does not come in: a stable word for programs, a sentence for people.
#[derive(
    Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema, thiserror::Error,
)]
#[error("{detail}")]
#[schema(as = UploadRefusal)]
pub struct Refusal {
    /// Stable word for programs.
    #[schema(value_type = String, example = "file_truncated")]
    pub code: Cow<'static, str>,
    /// Sentence for people.
    #[schema(value_type = String)]
    pub detail: Cow<'static, str>,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), detail: detail.into() }
    }

    /// The end is missing.
    pub(super) fn truncated(what: &str) -> Self {
        Self::new("file_truncated", format!("this {what} is damaged, or not all of it arrived"))
    }

    /// It would unpack to more than anybody needs.
    pub(super) fn bomb(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new("archive_too_large_inside", detail)
    }

    /// The right was taken away, or its time was over, before all of it was there.
    pub fn no_right() -> Self {
        Self::new("no_right", "you may not change this document any more")
    }

    /// Somebody else was faster.
    pub fn conflict() -> Self {
        Self::new("precondition_failed", "the document was changed since you read it; read it again")
    }
}

/// Why a file was not found to be good.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It is not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be read: try again later.
    #[error("the file could not be read")]
    Io(#[from] io::Error),
}
