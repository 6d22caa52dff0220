//! Opening connections: one configuration and one TLS stack for lanes, pool, listener and migrations.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::reach::{self, Reach};

/// Opening a connection may not take longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The connection half that must be polled by somebody.
pub type Driver = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// PostgreSQL refused or could not be reached.
    #[error("could not connect to PostgreSQL")]
    Postgres(#[from] tokio_postgres::Error),
    /// It did not answer.
    #[error("PostgreSQL did not answer within {CONNECT_TIMEOUT:?}")]
    Timeout,
}

/// Opens connections to one server. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    reach: Reach,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector") // the configuration holds a password
    }
}

impl Connector {
    /// Connections to the server of `config`; TLS as its `sslmode` says, trusting the system's roots.
    pub fn new(mut config: Config) -> Self {
        config.connect_timeout(CONNECT_TIMEOUT);
        config.keepalives_idle(Duration::from_secs(30));
        Self { config, tls: MakeRustlsConnect::new(tls_config()), reach: Reach::default() }
    }

    /// The same server, with a name shown in `pg_stat_activity` and a limit on each statement. Nothing is compiled for
    /// a single execution: that takes longer than any statement of ours.
    #[must_use]
    pub fn for_use(&self, name: &str, statement_timeout: Duration) -> Self {
        let mut config = self.config.clone();
        config.application_name(format!("sportello {name}"));
        config.options(format!(
            "-c statement_timeout={} -c idle_in_transaction_session_timeout=60000 -c plan_cache_mode=auto -c jit=off",
            statement_timeout.as_millis()
        ));
        Self { config, ..self.clone() }
    }

    /// The same server, with one more setting of the session: `enable_nestloop=off`.
    #[must_use]
    pub fn setting(&self, setting: &str) -> Self {
        let mut config = self.config.clone();
        config.options(format!("{} -c {setting}", config.get_options().unwrap_or_default()));
        Self { config, ..self.clone() }
    }

    /// The configuration, for the pool.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The TLS connector, for the pool.
    pub fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }

    /// Opens one connection.
    pub async fn connect(&self) -> Result<(Client, Driver), ConnectError> {
        let connecting = self.config.connect(self.tls.clone());
        if let Ok(connected) = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            return Ok(self.noticed(connected)?);
        }
        self.reach.lost(&self.config, &ConnectError::Timeout.to_string());
        Err(ConnectError::Timeout)
    }

    /// What somebody found who connects in another way: whether the server is there is told from it.
    pub fn noticed<T>(
        &self,
        connected: Result<T, tokio_postgres::Error>,
    ) -> Result<T, tokio_postgres::Error> {
        match &connected {
            Ok(_) => {
                self.reach.opened(&self.config);
            }
            Err(error) if reach::is_away(error) => {
                self.reach.lost(&self.config, &error.to_string());
            }
            Err(_) => {}
        }
        connected
    }
}

fn tls_config() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default TLS versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
