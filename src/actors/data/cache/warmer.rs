//! Asking for what people ask most before they do, so that it is kept: after a start, and while the database is away.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::db::DbError;

/// What a round of warming found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Warmed {
    /// Answers that are kept now.
    pub pages: usize,
}

type Round = Pin<Box<dyn Future<Output = Result<Warmed, DbError>> + Send>>;

/// Asks for the answers that people ask for most. Who knows how answers are made provides it; who runs it does not.
#[derive(Clone)]
pub struct Warmer(Arc<dyn Fn() -> Round + Send + Sync>);

impl Warmer {
    /// A warmer that asks as `round` does.
    pub fn new<F>(round: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Warmed, DbError>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(round())))
    }

    /// One round.
    pub async fn warm(&self) -> Result<Warmed, DbError> {
        (self.0)().await
    }
}
