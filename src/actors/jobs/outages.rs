//! Whose failure an attempt is: the job's own, or that of something it needs, which costs no attempt.

use std::{error::Error, io};

use super::{attempt::End, engine::Engine};
use crate::{
    actors::data::{contents::ContentError, storage::StorageError},
    jobs::{Attempt, Dependency, Outage, Outcome, registry::Kind},
};

/// The end of an attempt; one that failed by what its kind needs is put off instead.
pub(super) async fn excused(engine: &Engine, kind: &Kind, attempt: &Attempt, end: End) -> End {
    let End::Error(error) = end else { return end };
    let Some(accused) = accused(&error).filter(|it| kind.needs.contains(it)) else {
        return End::Error(error);
    };
    let Some(pause) = engine.resources.breakers.accuse(accused, &format!("{error:#}")).await else {
        return End::Error(error);
    };
    tracing::warn!(
        job.id = %attempt.job, job.kind = kind.name, dependency = %accused, job.error = format!("{error:#}"),
        job.retry_ms = pause.as_millis() as u64, "an attempt failed by what it needs: it does not count"
    );
    // Jobs that were put off together do not come back together.
    End::Outcome(Outcome::Snooze(pause.mul_f64(1.0 + attempt.noise() / 4.0)))
}

/// What an error blames.
fn accused(error: &anyhow::Error) -> Option<Dependency> {
    error.chain().find_map(of)
}

fn of(cause: &(dyn Error + 'static)) -> Option<Dependency> {
    if let Some(outage) = cause.downcast_ref::<Outage>() {
        return Some(outage.dependency);
    }
    let of_a_content = match cause.downcast_ref() {
        Some(ContentError::BrokeOff(_)) => return Some(Dependency::Storage),
        Some(ContentError::Storage(error)) => Some(error),
        _ => None,
    };
    if let Some(StorageError::Away | StorageError::Failed(_) | StorageError::BrokeOff(_)) =
        of_a_content.or_else(|| cause.downcast_ref())
    {
        return Some(Dependency::Storage);
    }
    // What an error of a stream was made of is no source of it.
    of(cause.downcast_ref::<io::Error>()?.get_ref()?)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn errors_blame_what_they_are_about() {
        let of = |error: anyhow::Error| accused(&error.context("while reading"));
        let outage = Outage { dependency: Dependency::Tesseract, why: "exit 3".to_owned() };
        assert_eq!(of(outage.into()), Some(Dependency::Tesseract));
        assert_eq!(of(StorageError::Failed("503".to_owned()).into()), Some(Dependency::Storage));
        assert_eq!(of(ContentError::from(StorageError::Away).into()), Some(Dependency::Storage));
        assert_eq!(of(StorageError::NoKey.into()), None);
        assert_eq!(of(anyhow::anyhow!("the input is wrong")), None);
        let inside = io::Error::other(StorageError::Failed("503".to_owned()));
        assert_eq!(of(io::Error::other(inside).into()), Some(Dependency::Storage));
        let io: Result<(), _> = Err(std::io::Error::other("x"));
        assert_eq!(of(io.context("x").unwrap_err()), None);
    }
}
