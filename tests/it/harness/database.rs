//! A migrated database per test, cloned from a template on one shared server.
//!
//! The server is started by the first test that needs it and stays for the next ones (`script/test` stops it): tests
//! run in many processes. It keeps nothing durable (`fsync = off`) and listens on a Unix socket only. A server of one's
//! own can be given as `SPORTELLO_TEST_DATABASE_URL`, for example `host=/tmp/pg user=postgres`.

use std::{
    fs::{self, File},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use sportello::{db::Connector, migrate, postgres};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, error::SqlState};

/// Databases of tests are called `sportello_t_<process>_<number>`.
const PREFIX: &str = "sportello_t_";
/// Only one test at a time makes the template.
const TEMPLATE_LOCK: i64 = 0x7e57;

/// A database of one test; dropped at its end.
pub(crate) struct TestDatabase {
    name: String,
    maintenance: Config,
    /// It ends with the server that an application of the test manages.
    managed: bool,
}

impl TestDatabase {
    pub(crate) async fn create() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let maintenance = server();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}_{number}", std::process::id());
        let client = connect(&maintenance).await;
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
        loop {
            let template = template(&maintenance).await;
            match client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await {
                // The tests of another checkout, with another schema, have swept it away.
                Err(error) if error.code() == Some(&SqlState::INVALID_CATALOG_NAME) => {}
                made => break made.unwrap(),
            }
        }
        Self { name, maintenance, managed: false }
    }

    /// The database of a running managed server.
    pub(crate) fn of_managed(server: &Config) -> Self {
        let name = server.get_dbname().expect("a managed server says which database it serves").to_owned();
        Self { name, maintenance: server.clone(), managed: true }
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = self.maintenance.clone();
        config.dbname(&self.name);
        config
    }

    /// As a connection string, for `database.url`.
    pub(crate) fn url(&self) -> String {
        let host = match &self.maintenance.get_hosts()[0] {
            tokio_postgres::config::Host::Tcp(host) => host.clone(),
            tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
        };
        format!("host={host} user={} dbname={}", self.maintenance.get_user().unwrap_or("postgres"), self.name)
    }

    /// Whether it belongs to the server that serves it.
    pub(crate) fn is_managed(&self) -> bool {
        self.managed
    }

    pub(crate) async fn client(&self) -> Client {
        connect(&self.config()).await
    }

    /// What is announced on `channel` from now on.
    pub(crate) async fn listen(&self, channel: &str) -> mpsc::Receiver<String> {
        let (client, mut connection) = self.config().connect(NoTls).await.unwrap();
        let (sender, heard) = mpsc::channel(64);
        let listening = format!("LISTEN {channel}");
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        #[expect(clippy::disallowed_methods, reason = "ends with its receiver or the database")]
        tokio::spawn(async move {
            let asking = async {
                client.batch_execute(&listening).await.unwrap();
                let _ = ready.send(());
                std::future::pending::<()>().await; // keeps the client, and with it the connection
            };
            let hearing = async {
                while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                    if let AsyncMessage::Notification(notification) = message
                        && sender.send(notification.payload().to_owned()).await.is_err()
                    {
                        return;
                    }
                }
            };
            tokio::select! { () = asking => {}, () = hearing => {} }
        });
        is_ready.await.unwrap();
        heard
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.managed {
            return;
        }
        let (name, maintenance) = (self.name.clone(), self.maintenance.clone());
        // A thread of its own: the test's runtime may be on its way out.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = connect(&maintenance).await;
                let _ = client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            });
        });
        let _ = dropping.join();
    }
}

pub(crate) async fn connect(config: &Config) -> Client {
    let (client, driver) = config.connect(NoTls).await.expect("the test server answers");
    #[expect(clippy::disallowed_methods, reason = "ends with the client")]
    tokio::spawn(driver);
    client
}

/// The name of the migrated template, made once per schema.
async fn template(maintenance: &Config) -> String {
    let name = format!("sportello_template_{}", migrate::fingerprint());
    let client = connect(maintenance).await;
    client.execute("SELECT pg_advisory_lock($1)", &[&TEMPLATE_LOCK]).await.unwrap();
    let known = client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await.unwrap();
    if known.is_none() {
        sweep(&client).await;
        let making = format!("{name}_making");
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)")).await.unwrap();
        client.batch_execute(&format!("CREATE DATABASE {making}")).await.unwrap();
        let mut config = maintenance.clone();
        config.dbname(&making);
        migrate::run(&Connector::new(config)).await.expect("the migrations apply to an empty database");
        client.batch_execute(&format!("ALTER DATABASE {making} RENAME TO {name}")).await.unwrap();
    }
    client.execute("SELECT pg_advisory_unlock($1)", &[&TEMPLATE_LOCK]).await.unwrap();
    name
}

/// Removes templates of other schemas, and databases whose test was killed.
async fn sweep(client: &Client) {
    const OURS: &str = "SELECT datname FROM pg_database
        WHERE datname LIKE 'sportello\\_t\\_%' OR datname LIKE 'sportello\\_template\\_%'";
    for row in client.query(OURS, &[]).await.unwrap() {
        let name: String = row.get(0);
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next());
        if process.is_none_or(|process| !Path::new("/proc").join(process).exists()) {
            let _ = client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await;
        }
    }
}

fn server() -> Config {
    if let Ok(url) = std::env::var("SPORTELLO_TEST_DATABASE_URL") {
        let mut config = Config::from_str(&url).expect("SPORTELLO_TEST_DATABASE_URL is a connection string");
        config.dbname("postgres");
        return config;
    }
    let home = std::env::temp_dir().join("sportello-test-postgres");
    start_once(&home);
    let mut config = Config::new();
    config.host_path(&home).user("postgres").dbname("postgres");
    config
}

/// Starts the shared server unless it runs; a file lock lets one process do it.
fn start_once(home: &PathBuf) {
    fs::create_dir_all(home).unwrap();
    let lock = File::create(home.join("lock")).unwrap();
    lock.lock().unwrap();
    let binaries = postgres::locate(None).expect("PostgreSQL is installed (script/setup)");
    let cluster = home.join("cluster");
    let account = unprivileged(home);
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new(binaries.program(program));
        command.args(args).current_dir(home).stdin(std::process::Stdio::null());
        if let Some((uid, gid)) = account {
            command.uid(uid).gid(gid);
        }
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.status().unwrap().success()
    };
    let data = cluster.to_str().unwrap();
    if run("pg_ctl", &["-D", data, "status"]) {
        return;
    }
    if !cluster.join("PG_VERSION").exists() {
        assert!(run(
            "initdb",
            &["-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]
        ));
    }
    let options = format!(
        "-k {} -c listen_addresses='' -c fsync=off -c synchronous_commit=off -c max_connections=500 -c shared_buffers=256MB",
        home.display()
    );
    let log = home.join("log");
    let started = run("pg_ctl", &["-D", data, "-l", log.to_str().unwrap(), "-o", &options, "-w", "start"]);
    assert!(started, "the test server did not start: {}", fs::read_to_string(log).unwrap_or_default());
}

/// PostgreSQL refuses to run as root: as root, everything belongs to the user `postgres`.
fn unprivileged(home: &Path) -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let entry =
        passwd.lines().find(|line| line.starts_with("postgres:")).expect("the package made this user");
    let mut fields = entry.split(':').skip(2).map(|field| field.parse::<u32>().unwrap());
    let ids = (fields.next().unwrap(), fields.next().unwrap());
    std::os::unix::fs::chown(home, Some(ids.0), Some(ids.1)).unwrap();
    Some(ids)
}
