//! One command: one transaction on the database, and what is printed of it.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use super::{
    super::{exit::Usage, operator, print, session::Session},
    arguments::{Args, Command, Of, Preview, Why},
    told::{as_json, tell, tell_fires, tell_preview, tell_view},
};
use crate::{
    actors::jobs::CHANNEL,
    clock::Clock,
    config::{Config, Loaded},
    db::Tx,
    jobs::{
        Hint, Jobs,
        registry::registry,
        schedules::{self, Definition, Fold, Gap, Operator, Refusal, Timing, View},
        seal::KeyRing,
        store::cron,
    },
};

/// What every subcommand needs.
struct Desk {
    jobs: Jobs,
    clock: Clock,
    who: Operator,
}

pub(in crate::cli) async fn run(args: Args, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let _telemetry = crate::telemetry::start(&loaded.config.logs)?;
    let config = &loaded.config;
    if let Command::Preview(Preview { of: Of { spec: Some(spec), .. }, .. }) = &args.command {
        let Command::Preview(preview) = &args.command else { unreachable!("it is a preview") };
        let tz = preview.tz.as_deref().unwrap_or("UTC");
        let (gap, fold) = (preview.gap.unwrap_or(Gap::Shift), preview.fold.unwrap_or(Fold::First));
        show_preview(preview, spec, tz, (gap, fold), &Clock::system())?;
        return Ok(ExitCode::SUCCESS); // nobody is asked
    }
    let clock = Clock::system();
    let kinds = registry();
    let seal = KeyRing::of(&config.jobs, &kinds)?;
    let desk = Desk {
        jobs: Jobs::new(clock.clone(), kinds, seal),
        who: Operator { user: None, name: operator::name(), details: operator::details() },
        clock: clock.clone(),
    };
    let session = Session::open(config, clock).await?;
    let done = async {
        // This process has no engine that could tell the servers.
        const TELL: &str = "-- cli.cron.tell\nSELECT pg_notify($1, $2)";
        let mut tx = session.db.begin("cli.cron").await?;
        let changes = args.command.changes();
        // What is told is told after the commit.
        let told = desk.serve(&mut tx, args.command, config).await?;
        if changes {
            let words = Hint::all().map(Hint::word).collect::<Vec<_>>().join(",");
            tx.query(TELL, &[&CHANNEL, &words]).await?;
        }
        tx.commit().await?;
        anyhow::Ok(told)
    };
    let done = done.await;
    session.close(config).await;
    print(&done?);
    Ok(ExitCode::SUCCESS)
}

impl Desk {
    async fn serve(&self, tx: &mut Tx, command: Command, config: &Config) -> anyhow::Result<String> {
        let now = self.clock.now();
        match command {
            Command::List { source, paused, limit, json } => {
                let filter = cron::Filter { source, paused: paused.then_some(true), kind: None };
                let found = cron::list(tx, &filter, None, limit.into()).await?;
                let views: Vec<View> = found.into_iter().map(View::from).collect();
                Ok(if json { as_json(&json!({ "schedules": views }))? } else { tell(&views) })
            }
            Command::Show { key, json } => shown(&self.find(tx, &key).await?, json),
            Command::Create { key, kind, spec, terms, json } => {
                let wanted = terms.applied(Definition::new(key, kind, spec))?;
                let made = schedules::create(tx, &self.jobs, &wanted, &self.who, now).await;
                shown(&made.map_err(|it| named(it, &wanted.key))?.into(), json)
            }
            Command::Change { key, kind, spec, terms, json } => {
                let before = schedules::locked(tx, &key).await.map_err(|it| named(it, &key))?;
                let mut wanted = terms.applied(before.definition.clone())?;
                wanted.kind = kind.unwrap_or(wanted.kind);
                wanted.spec = spec.unwrap_or(wanted.spec);
                let changed = schedules::change(tx, &self.jobs, &before, &wanted, &self.who, now).await;
                shown(&changed.map_err(|it| named(it, &key))?.into(), json)
            }
            Command::Pause(Why { key, reason, json }) => {
                let who = (&self.who, reason.as_deref());
                let paused = schedules::pause(tx, &self.jobs, &key, who, now).await;
                shown(&paused.map_err(|it| named(it, &key))?.into(), json)
            }
            Command::Resume(Why { key, reason, json }) => {
                let resumed =
                    schedules::resume(tx, &self.jobs, &key, (&self.who, reason.as_deref()), now).await;
                shown(&resumed.map_err(|it| named(it, &key))?.into(), json)
            }
            Command::Run(why) => self.run_now(tx, &why).await,
            Command::Delete(Why { key, reason, json }) => {
                let before = schedules::locked(tx, &key).await.map_err(|it| named(it, &key))?;
                let in_code = schedules::schedules(config).iter().any(|it| it.key == key);
                let who = (&self.who, reason.as_deref());
                schedules::delete(tx, &before, in_code, who, now).await.map_err(|it| named(it, &key))?;
                Ok(if json { as_json(&json!({ "deleted": key }))? } else { format!("{key}: deleted") })
            }
            Command::Preview(preview) => {
                let key = preview.of.key.clone().unwrap_or_default();
                let it = self.find(tx, &key).await?.schedule;
                let (tz, gap, fold) = (
                    preview.tz.as_deref().unwrap_or(&it.tz),
                    preview.gap.unwrap_or(it.gap),
                    preview.fold.unwrap_or(it.fold),
                );
                previewed(&preview, &it.spec, tz, (gap, fold), &self.clock)
            }
            Command::Fires { key, outcome, limit, json } => {
                self.find(tx, &key).await?;
                let found = cron::fires(tx, &key, outcome, None, limit.into()).await?;
                Ok(if json { as_json(&json!({ "fires": found }))? } else { tell_fires(&found) })
            }
        }
    }

    async fn find(&self, tx: &mut Tx, key: &str) -> anyhow::Result<View> {
        let found = cron::find(tx, key).await?.ok_or(Refusal::NotFound);
        found.map(View::from).map_err(|it| named(it, key))
    }

    async fn run_now(&self, tx: &mut Tx, Why { key, reason, json }: &Why) -> anyhow::Result<String> {
        #[derive(Serialize)]
        struct Ran<'a> {
            key: &'a str,
            job: crate::jobs::JobId,
            fire_at: jiff::Timestamp,
        }
        let who = (&self.who, reason.as_deref());
        let ran = schedules::run(tx, &self.jobs, key, who, self.clock.now()).await;
        let (job, fire_at) = ran.map_err(|it| named(it, key))?;
        Ok(if *json { as_json(&Ran { key, job, fire_at })? } else { format!("{key}: job {job} is enqueued") })
    }
}

fn shown(view: &View, json: bool) -> anyhow::Result<String> {
    if json { as_json(view) } else { Ok(tell_view(view)) }
}

fn show_preview(
    preview: &Preview,
    spec: &str,
    tz: &str,
    edges: (Gap, Fold),
    clock: &Clock,
) -> anyhow::Result<()> {
    print(&previewed(preview, spec, tz, edges, clock)?);
    Ok(())
}

fn previewed(
    preview: &Preview,
    spec: &str,
    tz: &str,
    (gap, fold): (Gap, Fold),
    clock: &Clock,
) -> anyhow::Result<String> {
    let timing = Timing::new(spec, tz, gap, fold).map_err(|error| Usage(error.to_string()))?;
    let ticks =
        schedules::preview(&timing, preview.after.unwrap_or_else(|| clock.now()), preview.count.into());
    if preview.json { as_json(&ticks) } else { Ok(tell_preview(&ticks)) }
}

/// What is wrong with what was written is wrong usage; everything else is about this schedule.
fn named(refusal: Refusal, key: &str) -> anyhow::Error {
    match refusal {
        Refusal::Wrong(_) => Usage(refusal.to_string()).into(),
        refusal => anyhow::Error::new(refusal).context(format!("{key:?}")),
    }
}
