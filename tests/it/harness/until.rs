//! Waiting for something that will be so in a moment, without guessing how long.

use std::time::Duration;

use super::client::PATIENCE;

/// How often is looked: seldom enough to leave the processor to what is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Waits until something is so; fails when it never is.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        while !is_so() {
            looks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} never came"));
}

/// The same for what can only be asked for.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = tokio::time::Instant::now();
    let mut looks = tokio::time::interval(LOOK_EVERY * 5);
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "never happened: {what}");
        looks.tick().await;
    }
}
