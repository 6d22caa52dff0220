//! `sportello audit`: whether the audit log is as it was written.

use std::process::ExitCode;

use super::{print, session::Session};
use crate::{
    audit::verify::{self, Report},
    clock::Clock,
    config::Loaded,
};

/// What to do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Hashes every entry again and says where the chain does not fit; exit code 1 if it does not.
    Verify {
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let Command::Verify { json } = args.command;
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    let session = Session::open(&loaded.config, Clock::system()).await?;
    let found = async {
        let mut tx = session.db.begin_admin("cli.audit.verify").await?;
        // One moment, however long it takes: others write meanwhile.
        tx.execute("-- cli.audit.one_moment\nSET TRANSACTION ISOLATION LEVEL REPEATABLE READ", &[]).await?;
        let report = verify::verify(&mut tx).await?;
        tx.rollback().await?;
        anyhow::Ok(report)
    };
    let found = found.await;
    session.close(&loaded.config).await;
    let report = found?;
    if json {
        print(&serde_json::to_string_pretty(&report)?);
    } else {
        tell(&report);
    }
    Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(report: &Report) {
    let Report { from, to, hash, entries, waiting, stray, broken } = report;
    if let Some(broken) = broken {
        let entry = broken.entry.map(|entry| format!(" (entry {entry})")).unwrap_or_default();
        print(&format!("BROKEN at place {}{entry}: {}", broken.seq, broken.why));
        print(&format!("{entries} entries before it fit"));
    } else {
        print(&format!("{entries} entries fit, places {from} to {to}, the last hash is {hash}"));
    }
    if *stray > 0 {
        print(&format!(
            "BROKEN: {stray} entries have no seal and wait for none: somebody added them, or removed a seal"
        ));
    }
    if *waiting > 0 {
        print(&format!("{waiting} entries wait to be sealed"));
    }
}
