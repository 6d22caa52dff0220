//! Whose failure an attempt is: the job's own, or that of something it needs, which costs no attempt.

use super::{attempt::End, engine::Engine};
use crate::jobs::{Attempt, Outcome, breaker::accused, registry::Kind};

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
