//! Jobs of the notary desk; one file each.

pub mod conservation;
mod end_desk_retention;
mod expire_requests;
mod expire_signature_requests;
mod give_up_certified_mail;
mod mail_notification;
mod prune_notifications;
mod remind;
mod send_agendas;
mod send_certified_mail;
mod send_office_mail;
mod send_signature_mail;
mod warn_licences;

pub use end_desk_retention::EndDeskRetention;
pub use expire_requests::ExpireRequests;
pub use expire_signature_requests::ExpireSignatureRequests;
pub use give_up_certified_mail::GiveUpCertifiedMail;
pub use mail_notification::MailNotification;
pub use prune_notifications::PruneNotifications;
pub use remind::RemindOfAppointments;
pub use send_agendas::{SendAgenda, SendAgendas};
pub use send_certified_mail::{SendCertifiedMail, store_receipt};
pub use send_office_mail::{Occasion, SendOfficeMail};
pub use send_signature_mail::{SendSignatureMail, SignatureMail};
pub use warn_licences::WarnLicences;

use jiff::Timestamp;

use super::{Jobs, NewJob};
use crate::{
    db::{DbError, Tx},
    notary::notifications::{self, Told},
};

/// Writes down what people are told and enqueues the mails of those who want them, in the transaction of what has happened.
pub async fn tell(jobs: &Jobs, tx: &mut Tx, told: &[Told], now: Timestamp) -> Result<(), DbError> {
    let mailed = notifications::tell(tx, told, now).await?;
    let mails: Vec<NewJob> = mailed
        .iter()
        .map(|(notification, user)| {
            NewJob::of(&MailNotification { notification: *notification }).subject(*user)
        })
        .collect();
    jobs.insert(tx, &mails).await?;
    Ok(())
}
