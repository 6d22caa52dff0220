//! `sportello audit`: whether the audit log is as it was written.

use std::process::ExitCode;

use super::{print, session::Session};
use crate::{
    audit::{
        anchor::{Anchor, Expected, Found},
        verify::{self, Report},
    },
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
    ///
    /// What it prints at its end, the last place with its hash, is an anchor. Keep it where whoever may change the database
    /// cannot reach it (another machine, paper), and give it back with --expect: without one, nobody can tell that the last
    /// entries were cut off, or that the whole log was made anew. Renew it from time to time: retention (audit.keep) removes
    /// old entries, and an anchor from before them proves nothing any more.
    Verify {
        /// An anchor that an earlier run has printed; it fails when that place is missing or has another hash. May be repeated.
        #[arg(long, value_name = "PLACE:HASH")]
        expect: Vec<Anchor>,
        /// As JSON, for scripts.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let Command::Verify { expect, json } = args.command;
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    let session = Session::open(&loaded.config, Clock::system()).await?;
    let found = async {
        let mut tx = session.db.begin_admin("cli.audit.verify").await?;
        // One moment, however long it takes: others write meanwhile.
        tx.execute("-- cli.audit.one_moment\nSET TRANSACTION ISOLATION LEVEL REPEATABLE READ", &[]).await?;
        let report = verify::verify(&mut tx, &expect).await?;
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
    let Report { from, to, anchor, entries, waiting, stray, broken, expected } = report;
    if let Some(broken) = broken {
        let entry = broken.entry.map(|entry| format!(" (entry {entry})")).unwrap_or_default();
        print(&format!("BROKEN at place {}{entry}: {}", broken.seq, broken.why));
        print(&format!("{entries} entries before it fit"));
    } else if *entries == 0 {
        let gone = if *to > 0 { format!("; those up to place {to} were retired") } else { String::new() };
        print(&format!("no entries{gone}"));
    } else {
        print(&format!("{entries} entries fit, places {from} to {to}"));
    }
    if *stray > 0 {
        print(&format!(
            "BROKEN: {stray} entries have no seal and wait for none: somebody added them, or removed a seal"
        ));
    }
    if *waiting > 0 {
        print(&format!("{waiting} entries wait to be sealed"));
    }
    for Expected { anchor, found } in expected {
        let place = anchor.seq;
        print(&match found {
            Found::Same => format!("place {place} has the hash that was expected"),
            Found::Other => {
                format!("BROKEN: place {place} has another hash than was expected: the log was made anew")
            }
            Found::Missing => {
                format!("BROKEN: place {place} is missing, the log ends at {to}: its end was cut off")
            }
            Found::Retired => format!(
                "NOT PROVED: place {place} is older than what is kept (the log begins at {from}): if that is what audit.keep \
                 says, expect a younger anchor"
            ),
            Found::NotReached => format!("NOT PROVED: place {place} lies behind what is broken"),
        });
    }
    if let Some(anchor) = anchor {
        print(&format!("anchor, to be kept elsewhere and given back with --expect:\n{anchor}"));
    }
}
