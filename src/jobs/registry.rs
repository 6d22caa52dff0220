//! Every kind of job this binary knows.

use std::{collections::BTreeMap, future::Future, pin::Pin, time::Duration};

pub use super::arguments::WrongArgs;
use super::{Dependency, Job, JobContext, Keep, Outcome, QueueName, Retry, arguments};

/// Every kind, in alphabetical order. Adding a job is one line here.
pub fn registry() -> Registry {
    use super::{accounts, audit, clinic, documents, events, notary, signing};
    Registry::default()
        .with::<accounts::EndRetention>()
        .with::<accounts::EraseAccount>()
        .with::<accounts::ExportAccount>()
        .with::<accounts::ForgetIdempotencyKeys>()
        .with::<accounts::PruneAccounts>()
        .with::<accounts::SendAccountMail>()
        .with::<audit::RemoveOldEntries>()
        .with::<audit::SealEntries>()
        .with::<clinic::AnalyseBatchItem>()
        .with::<clinic::AnalyseDocument>()
        .with::<clinic::AnonymisePatients>()
        .with::<clinic::FinishAnalysisBatch>()
        .with::<clinic::EndLostAnalyses>()
        .with::<clinic::RefreshSummary>()
        .with::<clinic::RecheckScores>()
        .with::<clinic::RecomputeScore>()
        .with::<clinic::RemoveAnalysisBatches>()
        .with::<clinic::RenderReport>()
        .with::<clinic::SendClinicMail>()
        .with::<documents::CollectOrphans>()
        .with::<documents::ExpireSharing>()
        .with::<documents::ExpireUploads>()
        .with::<documents::FinishUpload>()
        .with::<documents::RemoveObjects>()
        .with::<documents::RewrapKeys>()
        .with::<documents::SendShareMail>()
        .with::<events::CompleteBookings>()
        .with::<events::ExpireBookings>()
        .with::<events::MakeThumbnails>()
        .with::<events::PruneImages>()
        .with::<events::RefundBooking>()
        .with::<events::RemoveImage>()
        .with::<events::SendBookingMail>()
        .with::<events::SendReminders>()
        .with::<events::SettlePayments>()
        .with::<events::WarmCache>()
        .with::<events::WithdrawBookings>()
        .with::<notary::EndDeskRetention>()
        .with::<notary::ExpireRequests>()
        .with::<notary::ExpireSignatureRequests>()
        .with::<notary::GiveUpCertifiedMail>()
        .with::<notary::conservation::HandOverConservationPackage>()
        .with::<notary::MailNotification>()
        .with::<notary::conservation::MakeConservationPackage>()
        .with::<notary::conservation::PlanConservation>()
        .with::<notary::PruneNotifications>()
        .with::<notary::RemindOfAppointments>()
        .with::<notary::SendAgenda>()
        .with::<notary::SendAgendas>()
        .with::<notary::SendCertifiedMail>()
        .with::<notary::SendOfficeMail>()
        .with::<notary::SendSignatureMail>()
        .with::<notary::conservation::VerifyConservation>()
        .with::<notary::conservation::VerifyConservationPackage>()
        .with::<notary::WarnLicences>()
        .with::<signing::RewrapSigningKeys>()
}

/// A running attempt.
pub type Running = Pin<Box<dyn Future<Output = anyhow::Result<Outcome>> + Send>>;

/// What the engine knows of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Where its jobs wait.
    pub queue: QueueName,
    /// Attempts before a job is discarded.
    pub max_attempts: u16,
    /// Longest attempt.
    pub timeout: Duration,
    /// Smaller runs first.
    pub priority: i16,
    /// What stays of a job that has ended.
    pub keep: Keep,
    /// The pause after a failed attempt.
    pub retry: Retry,
    /// At most so many run at once.
    pub max_running: Option<u16>,
    /// What it needs besides the database.
    pub needs: &'static [Dependency],
    /// Whether the arguments are encrypted.
    pub sealed: bool,
    /// The shape of the arguments.
    pub version: i16,
    /// Decodes the arguments and starts an attempt.
    pub start: fn(&str, i16, JobContext) -> Result<Running, ArgsError>,
    /// Turns arguments of an older shape into those of the newest.
    pub upcast: fn(serde_json::Value, i16) -> Result<serde_json::Value, ArgsError>,
    /// Whether people may give these as arguments of this kind, in its newest shape: they decode, and say nothing that
    /// would not be heard.
    pub check: fn(&serde_json::Value) -> Result<(), WrongArgs>,
    /// Whether stored arguments decode: those of a newer server may have members more.
    pub fits: fn(&serde_json::Value) -> Result<(), WrongArgs>,
}

/// Arguments that people write are parameters, not documents: so many bytes of JSON.
pub const ARGS_MAX: usize = 64 * 1024;

/// Why arguments could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum ArgsError {
    /// A newer server wrote them: it can read them.
    #[error("arguments of version {found}, newer than this server's {known}")]
    Newer {
        /// Of the arguments.
        found: i16,
        /// The newest this binary knows.
        known: i16,
    },
    /// They do not fit the kind.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// They are of an older shape and could not be brought up to date.
    #[error("{0:#}")]
    Upcast(anyhow::Error),
}

/// Decodes arguments of any shape up to the newest.
fn decode<J: Job>(args: &str, version: i16) -> Result<J, ArgsError> {
    if version == J::VERSION {
        return Ok(serde_json::from_str(args)?);
    }
    Ok(serde_json::from_value(upcast::<J>(serde_json::from_str(args)?, version)?)?)
}

/// Brings arguments of any shape up to the newest.
fn upcast<J: Job>(args: serde_json::Value, version: i16) -> Result<serde_json::Value, ArgsError> {
    if version > J::VERSION {
        return Err(ArgsError::Newer { found: version, known: J::VERSION });
    }
    let new = (version..J::VERSION).try_fold(args, |args, version| J::upcast(version, args));
    new.map_err(ArgsError::Upcast)
}

/// Kinds by name.
#[derive(Debug, Clone, Default)]
pub struct Registry(BTreeMap<&'static str, Kind>);

impl Registry {
    /// Adds a kind.
    ///
    /// # Panics
    /// When another kind has its name: a duplicate stops the start-up.
    #[must_use]
    pub fn with<J: Job>(mut self) -> Self {
        let kind = Kind {
            name: J::KIND,
            queue: J::QUEUE,
            max_attempts: J::MAX_ATTEMPTS,
            timeout: J::TIMEOUT,
            priority: J::PRIORITY,
            keep: J::KEEP,
            retry: J::RETRY,
            max_running: J::MAX_RUNNING,
            needs: J::NEEDS,
            sealed: J::SEALED,
            version: J::VERSION,
            start: |args, version, ctx| {
                let job: J = decode(args, version)?;
                // The only boxed future of the crate: kinds meet in one table.
                Ok(Box::pin(async move { job.run(&ctx).await }))
            },
            upcast: upcast::<J>,
            check: arguments::check::<J>,
            fits: arguments::fits::<J>,
        };
        let earlier = self.0.insert(J::KIND, kind);
        assert!(earlier.is_none(), "two jobs are called {:?}", J::KIND);
        self
    }

    /// The kind called `name`.
    pub fn get(&self, name: &str) -> Option<&Kind> {
        self.0.get(name)
    }

    /// Every kind, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.0.values()
    }
}
