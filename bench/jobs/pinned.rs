//! A transaction pinned open: nothing that died since can be removed, and queues walk over their dead.

use std::time::Duration;

use super::{Case, Report, Site, Target, Variant, pickup::paced};

/// Jobs per second.
const PACE: u32 = 800;
/// What is to be reached of the rate without it.
const RATIO: f64 = 0.8;

pub(crate) async fn run(site: &Site, report: &mut Report, time: Duration) -> anyhow::Result<()> {
    let title = format!("a transaction pinned open for {time:?}, {PACE}/s");
    if !site.options.common.wants(&title) {
        return Ok(());
    }
    let mut variants = Vec::new();
    for (name, is_pinned) in [("without", false), ("with", true)] {
        site.clean().await?;
        let engine = site.engine(|_| {}).await?;
        // The first statement takes the snapshot; the server would end a session that idles in a transaction.
        let (pin, driver) = site.ground.connector().connect().await?;
        let mut driving = tokio::task::JoinSet::new();
        driving.spawn(async move { drop(driver.await) });
        if is_pinned {
            pin.batch_execute(
                "SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ; \
                 SELECT count(*) FROM job.ready",
            )
            .await?;
        }
        let (figures, jobs) = paced(site, &engine, PACE, time).await?;
        if is_pinned {
            pin.batch_execute("COMMIT").await?;
        }
        site.end(engine, jobs, 0).await?;
        eprintln!("{title}: {name} {:.0}/s", figures.rate.unwrap_or_default());
        variants.push(Variant { name: name.to_owned(), rounds: vec![figures] });
    }
    let rate = |variant: &Variant| variant.median(|it| it.rate).unwrap_or_default();
    let ratio = rate(&variants[1]) / rate(&variants[0]);
    let targets = vec![Target::at_least("of the rate without", RATIO, vec![ratio])];
    report.add(Case { name: title, variants, targets });
    Ok(())
}
