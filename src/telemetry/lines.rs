//! The last log lines of a job attempt, for the history of those that fail.
//!
//! A layer like the others: what `logs.level` lets through is written as one short text into the ring of the running
//! task's [`crate::scope::Scope`], if that is an attempt. Tasks that are no attempts cost one look at a task-local; an
//! attempt that logs nothing costs nothing at all.

use std::fmt::{self, Write as _};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

use crate::scope;

/// A line that is longer is cut: twenty of them stand in one row.
const CHARS: usize = 500;

/// Keeps the lines of attempts.
#[derive(Debug, Clone, Copy)]
pub struct KeptLines;

impl<S: Subscriber> Layer<S> for KeptLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        scope::keep_line(|since| {
            let mut line = Line(format!("+{:.3}s {}", since.as_secs_f64(), event.metadata().level()));
            event.record(&mut line);
            line.cut()
        });
    }
}

/// A line being written.
struct Line(String);

impl Line {
    /// Bounded, on one line, and without the one character PostgreSQL cannot store.
    fn cut(self) -> String {
        let plain = self.0.chars().filter(|it| *it != '\0').map(|it| if it.is_control() { ' ' } else { it });
        plain.take(CHARS).collect()
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::KeptLines;
    use crate::scope::Scope;

    #[tokio::test]
    async fn the_last_twenty_lines_of_an_attempt_are_kept_and_none_of_anything_else() {
        let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(KeptLines));
        let (attempt, request) =
            (Scope::new("job-1".to_owned(), Instant::now()), Scope::new("r".to_owned(), Instant::now()));
        attempt.keep_lines(Instant::now());
        let talk = async {
            for n in 0..30 {
                tracing::info!(n, what = "two\nlines", "step {n}");
            }
        };
        attempt.clone().enter(talk).await;
        request.clone().enter(async { tracing::info!("not a job") }).await;
        let lines = attempt.take_lines();
        assert_eq!(lines.len(), 20);
        assert!(lines[0].contains("s INFO step 10 n=10 what=\"two\\nlines\""), "{}", lines[0]);
        assert!(lines[19].contains("step 29"), "{}", lines[19]);
        assert!(attempt.take_lines().is_empty() && request.take_lines().is_empty());
    }
}
