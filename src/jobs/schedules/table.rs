//! The cron table of this binary.

use super::Schedule;
use crate::{
    config::Config,
    jobs::{
        accounts::{EndRetention, ForgetIdempotencyKeys, PruneAccounts},
        audit::{RemoveOldEntries, SealEntries},
        clinic::{AnonymisePatients, EndLostAnalyses, RecheckScores, RefreshSummary, RemoveAnalysisBatches},
        documents::{CollectOrphans, ExpireSharing, ExpireUploads, RewrapKeys},
        events::{CompleteBookings, ExpireBookings, PruneImages, SendReminders, SettlePayments, WarmCache},
        notary::{
            EndDeskRetention, ExpireRequests, ExpireSignatureRequests, GiveUpCertifiedMail,
            PruneNotifications, RemindOfAppointments, SendAgendas, WarnLicences,
            conservation::{PlanConservation, VerifyConservation},
        },
        signing::RewrapSigningKeys,
    },
    notary::time::ZONE,
};

/// Every schedule, by key. Adding one is one line here.
pub fn schedules(config: &Config) -> Vec<Schedule> {
    let zone = &config.events.time_zone;
    vec![
        Schedule::new("accounts.end_retention", "37 3 * * *", &EndRetention {}).in_zone(zone),
        Schedule::new("accounts.forget_idempotency_keys", "47 3 * * *", &ForgetIdempotencyKeys {})
            .in_zone(zone),
        Schedule::new("accounts.prune", "17 3 * * *", &PruneAccounts {}),
        Schedule::new("audit.remove_old_entries", "27 3 * * *", &RemoveOldEntries {}).in_zone(zone),
        Schedule::new("audit.seal_entries", "*/10 * * * * *", &SealEntries {}),
        Schedule::new("clinic.anonymise_patients", "33 4 * * *", &AnonymisePatients {}).in_zone(ZONE),
        Schedule::new("clinic.end_lost_analyses", "* * * * *", &EndLostAnalyses {}),
        Schedule::new("clinic.refresh_summary", "* * * * *", &RefreshSummary {}),
        Schedule::new("clinic.recheck_scores", "21 4 * * *", &RecheckScores {}).in_zone(ZONE),
        Schedule::new("clinic.remove_analysis_batches", "29 4 * * *", &RemoveAnalysisBatches {})
            .in_zone(ZONE),
        Schedule::new("documents.collect_orphans", "51 3 * * *", &CollectOrphans {}).in_zone(zone),
        Schedule::new("documents.expire_sharing", "3/10 * * * *", &ExpireSharing {}),
        Schedule::new("documents.expire_uploads", "*/10 * * * *", &ExpireUploads {}),
        Schedule::new("documents.rewrap_keys", "57 3 * * *", &RewrapKeys {}).in_zone(zone),
        Schedule::new("events.complete_bookings", "5 * * * *", &CompleteBookings {}).in_zone(zone),
        Schedule::new("events.expire_bookings", "* * * * *", &ExpireBookings {}),
        Schedule::new("events.prune_images", "43 3 * * *", &PruneImages {}),
        Schedule::new("events.send_reminders", "*/5 * * * *", &SendReminders {}),
        Schedule::new("events.settle_payments", "* * * * *", &SettlePayments {}),
        Schedule::new("events.warm_cache", "*/5 * * * *", &WarmCache {}),
        Schedule::new("notary.end_retention", "13 4 * * *", &EndDeskRetention {}).in_zone(zone),
        Schedule::new("notary.expire_requests", "* * * * *", &ExpireRequests {}),
        Schedule::new("notary.expire_signature_requests", "4/10 * * * *", &ExpireSignatureRequests {}),
        Schedule::new("notary.give_up_certified_mail", "23 * * * *", &GiveUpCertifiedMail {}),
        Schedule::new("notary.prune_notifications", "7 4 * * *", &PruneNotifications {}).in_zone(zone),
        Schedule::new("notary.remind_of_appointments", "2/5 * * * *", &RemindOfAppointments {}),
        Schedule::new("notary.send_agendas", "0 7 * * *", &SendAgendas {}).in_zone(ZONE),
        Schedule::new("notary.plan_conservation", "31 2 1 * *", &PlanConservation::default()).in_zone(ZONE),
        Schedule::new("notary.verify_conservation", "41 2 * * *", &VerifyConservation {}).in_zone(ZONE),
        Schedule::new("notary.warn_licences", "11 7 * * *", &WarnLicences {}).in_zone(ZONE),
        Schedule::new("signing.rewrap_keys", "2 4 * * *", &RewrapSigningKeys {}).in_zone(zone),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{config::Config, jobs::registry::registry};

    #[test]
    fn every_scheduled_kind_is_known_and_its_timing_can_be_read() {
        for schedule in super::schedules(&Config::defaults()) {
            let kind = registry().get(schedule.kind).map(|kind| kind.sealed);
            assert_eq!(kind, Some(false), "{} is known, and no secret", schedule.kind);
            assert!(schedule.timing().is_ok(), "{}", schedule.key);
        }
    }
}
