//! `sportello seed`: deterministic, realistic data for tests, benchmarks and demonstrations.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use super::print;
use crate::{
    accounts::passwords::{Argon, Password},
    app,
    clock::Clock,
    config::Loaded,
    migrate,
    seed::{self, Options},
};

/// Enough of the checksum to compare two runs by eye.
const CHECKSUM_SHOWN: usize = 12;

/// How much.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Events; twice as many bookings and half as many reviews.
    #[arg(long, default_value_t = 1000)]
    events: usize,
    /// The same number gives the same data on the same day: dates are relative to today.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// As JSON, for scripts.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    let password_hash = Argon::new(&loaded.config.accounts)?.hash(&Password::new(seed::DEMO_PASSWORD));
    let database = app::Database::attach(&loaded.config).await?;
    let seeding = async {
        migrate::run(&database.connector).await?;
        let (mut client, driver) = database.connector.connect().await?;
        let options = Options::sized(args.events, args.seed, Clock::system().now(), password_hash);
        let bar = ProgressBar::new(options.rows() as u64);
        bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {elapsed}, {msg}")?);
        let filling = async {
            let report = seed::run(&mut client, &options, |table, rows| {
                bar.set_message(table);
                bar.inc(rows as u64);
            })
            .await;
            drop(client);
            report
        };
        let (report, _) = tokio::join!(filling, driver);
        bar.finish();
        report
    };
    let report = seeding.await;
    database.close().await;
    let report = report?;
    if args.json {
        print(&serde_json::to_string_pretty(&report)?);
    } else {
        let (events, bookings, reviews) = (report.events, report.bookings, report.reviews);
        let (seconds, checksum) = (report.seconds, &report.checksum[..CHECKSUM_SHOWN]);
        print(&format!(
            "{events} events, {bookings} bookings, {reviews} reviews in {seconds:.1} s ({checksum})"
        ));
    }
    Ok(ExitCode::SUCCESS)
}
