//! Whether PostgreSQL can be reached, as those who connect find out: told once when it goes, and once when it is back. What
//! each connection says meanwhile is its owner's.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering::SeqCst},
};

use tokio_postgres::{Config, config::Host, error::SqlState};

/// Before that nobody has connected yet: whoever cannot says so by itself.
const THERE: u8 = 1;
const AWAY: u8 = 2;

/// What is known of one server, shared by all who connect to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach(Arc<AtomicU8>);

impl Reach {
    /// A connection was opened; whether that is news.
    pub(super) fn opened(&self, config: &Config) -> bool {
        let is_news = self.0.swap(THERE, SeqCst) == AWAY;
        if is_news {
            tracing::info!(server = server(config), "PostgreSQL is back");
        }
        is_news
    }

    /// A connection could not be opened, because nobody answered; whether that is news.
    pub(super) fn lost(&self, config: &Config, error: &str) -> bool {
        let is_news = self.0.compare_exchange(THERE, AWAY, SeqCst, SeqCst).is_ok();
        if is_news {
            tracing::warn!(
                server = server(config),
                error,
                "PostgreSQL is away: it is tried again until it is back"
            );
        }
        is_news
    }
}

/// Whether the server is away, rather than against us (a wrong password, too many connections).
pub(super) fn is_away(error: &tokio_postgres::Error) -> bool {
    const GOING: [SqlState; 3] =
        [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
    error.code().is_none_or(|code| GOING.contains(code))
}

/// An error with its causes, and what PostgreSQL calls it.
pub fn told(error: tokio_postgres::Error) -> String {
    let code = error.code().map(|code| format!(" ({})", code.code())).unwrap_or_default();
    format!("{:#}{code}", anyhow::Error::new(error))
}

fn server(config: &Config) -> String {
    let host = config.get_hosts().first().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let port = config.get_ports().first().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", host.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_it_is_away_and_back_is_told_once_each() {
        let (reach, config) = (Reach::default(), Config::new());
        assert!(!reach.lost(&config, "refused"), "it was never there: whoever starts says so");
        assert!(!reach.opened(&config), "the first connection is no news");
        let other = reach.clone();
        assert_eq!((reach.lost(&config, "refused"), other.lost(&config, "refused")), (true, false));
        assert_eq!((other.opened(&config), reach.opened(&config)), (true, false));
        assert!(reach.lost(&config, "refused"));
    }
}
