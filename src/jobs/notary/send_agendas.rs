//! Mails the agenda of the day to the people of the offices: first a job that finds them, run every morning, then one for each.

use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use minijinja::context;

use crate::{
    accounts::users,
    actors::data::mailer::MailError,
    ids::{NotaryId, UserId},
    jobs::{Hold, Job, JobContext, NewJob, Outcome, QueueName},
    mail::{Text, date, render},
    notary::{
        agenda::daily::{self, BATCH},
        time::ZONE,
    },
};

/// When it is sent, at the offices; [`crate::jobs::schedules`] says so, too.
const HOUR: i8 = 7;

/// Finds who is sent the agenda of today.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SendAgendas {}

impl Job for SendAgendas {
    const KIND: &'static str = "notary.send_agendas";
    const QUEUE: QueueName = QueueName::Maintenance;

    /// Safe to run twice: for a person and a day there is one job, whatever becomes of it.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let now = ctx.clock.now().to_zoned(TimeZone::get(ZONE)?);
        if now.hour() < HOUR {
            return Ok(Outcome::Cancel("the day it was for is over".to_owned()));
        }
        let (day, mut after) = (now.date(), None);
        // The key outlives the day: a tick that is made up for late finds it.
        let until = now.checked_add(2.days())?.timestamp();
        loop {
            let readers = daily::readers(&ctx.db, day, after).await?;
            let mails: Vec<NewJob> = readers
                .iter()
                .map(|(notary, user)| {
                    let mail = SendAgenda { user: *user, notary: *notary, day };
                    NewJob::of(&mail).unique(format!("{user} {day}"), Hold::Until(until)).subject(*user)
                })
                .collect();
            let mut tx = ctx.db.begin("notary.send_agendas").await?;
            ctx.jobs.insert(&mut tx, &mails).await?;
            tx.commit().await?;
            after = readers.last().copied();
            if (readers.len() as i64) < BATCH {
                return Ok(Outcome::Done);
            }
        }
    }
}

/// Mails the agenda of a day to somebody.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SendAgenda {
    /// To whom.
    pub user: UserId,
    /// Of which office.
    pub notary: NotaryId,
    /// Of which day.
    pub day: Date,
}

impl Job for SendAgenda {
    const KIND: &'static str = "notary.send_agenda";
    const QUEUE: QueueName = QueueName::Mail;

    /// Safe to run twice: the mail's id is made of the person and the day, and the outbox keeps one per id.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some(user) = users::find(&ctx.db, self.user).await? else {
            return Ok(Outcome::Cancel("the account is gone".to_owned()));
        };
        let today = ctx.clock.now().to_zoned(TimeZone::get(ZONE)?).date();
        if today != self.day {
            return Ok(Outcome::Cancel("the day is over".to_owned()));
        }
        let place = (self.notary, self.user);
        let Some((office, lines)) = daily::lines(&ctx.db, place, self.day, user.language).await? else {
            return Ok(Outcome::Cancel("nothing is left of the day's agenda".to_owned()));
        };
        let id = format!("{}.{}.{}", user.id, Text::DailyAgenda.name(), self.day);
        let values = context! {
            name => &user.name, office => office, date => date(self.day, user.language), appointments => lines.join("\n"),
        };
        let mail = render(Text::DailyAgenda, user.language, (&user.email, &user.name), values, id)?;
        match ctx.mailer.send(mail).await {
            Ok(()) => Ok(Outcome::Done),
            Err(error @ (MailError::Invalid(_) | MailError::Refused(_))) => {
                Ok(Outcome::Discard(error.to_string()))
            }
            Err(error @ MailError::Temporary(_)) => Err(error.into()),
        }
    }
}
