//! Tells a buyer what became of a booking. Enqueued in the transaction that made it so.

use minijinja::context;

use crate::{
    actors::data::mailer::MailError,
    events::{
        booking::{Booking, Contact, Status, contact},
        ticket,
    },
    ids::BookingId,
    jobs::{Job, JobContext, Outcome, QueueName},
    mail::{Attachment, Language, Text, date, moment, money, render},
    pdf::Rendering as _,
};

/// What the file of a ticket is called.
const TICKET: &str = "ticket.pdf";

/// Mails the buyer of a booking.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct SendBookingMail {
    /// The booking.
    pub booking: BookingId,
    /// Why.
    pub occasion: Occasion,
}

/// Why a buyer is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// Tickets are held.
    Placed,
    /// Tickets are the buyer's.
    Confirmed,
    /// The buyer gave them back.
    Cancelled,
    /// They were not paid.
    Expired,
    /// The visit is near.
    Reminder,
    /// The host withdrew the event.
    Withdrawn,
}

impl Occasion {
    const fn text(self) -> Text {
        match self {
            Self::Placed => Text::BookingPlaced,
            Self::Confirmed => Text::BookingConfirmed,
            Self::Cancelled => Text::BookingCancelled,
            Self::Expired => Text::BookingExpired,
            Self::Reminder => Text::EventReminder,
            Self::Withdrawn => Text::EventWithdrawn,
        }
    }
}

impl SendBookingMail {
    /// For a booking that was just made: held, or free and confirmed at once.
    pub fn placed(booking: &Booking) -> Self {
        let occasion =
            if booking.status == Status::Confirmed { Occasion::Confirmed } else { Occasion::Placed };
        Self { booking: booking.id, occasion }
    }
}

impl SendBookingMail {
    /// The ticket, where there is one. The code stands in the text, too: a renderer that is busy holds no mail up.
    async fn ticket(
        &self,
        ctx: &JobContext,
        booking: &Booking,
        contact: &Contact,
        language: Language,
    ) -> Option<Attachment> {
        let is_of_ticket = matches!(self.occasion, Occasion::Confirmed | Occasion::Reminder);
        let document = ticket::document(booking, contact, language).filter(|_| is_of_ticket)?;
        match ctx.renderer.render(document).await {
            Ok(pdf) => Some(Attachment { name: TICKET.to_owned(), pdf }),
            Err(error) => {
                tracing::warn!(booking.id = %booking.id, %error, "a mail goes out without its ticket");
                None
            }
        }
    }
}

impl Job for SendBookingMail {
    const KIND: &'static str = "events.send_booking_mail";
    const QUEUE: QueueName = QueueName::Mail;

    /// Safe to run twice: the mail's id is made from the booking and the occasion, and the outbox keeps one per id.
    async fn run(&self, ctx: &JobContext) -> anyhow::Result<Outcome> {
        let Some((booking, contact)) = contact(&ctx.db, self.booking).await? else {
            return Ok(Outcome::Cancel("the booking, or its buyer, is gone".to_owned()));
        };
        let language = Language::of(&contact.language);
        let begins = moment(booking.visit().begins(), &booking.visit.time_zone, language);
        let values = context! {
            name => &contact.name,
            title => &booking.title,
            tickets => booking.tickets,
            date => date(booking.event_date, language),
            begins => begins,
            location => &contact.location,
            total => money(booking.total_cents, language),
            is_paid => booking.total_cents > 0,
            until => booking.hold_expires_at.map(|at| moment(at, &booking.visit.time_zone, language)),
            code => &booking.code,
            refund => money(booking.refund_cents, language),
            percent => booking.refund_percent,
            url => format!("{}/api/v1/bookings/{}", ctx.config.server.base_url(), booking.id),
        };
        let occasion = self.occasion.text();
        let id = format!("{}.{}", booking.id, occasion.name());
        let mut mail = render(occasion, language, (&contact.email, &contact.name), values, id)?;
        mail.attachments.extend(self.ticket(ctx, &booking, &contact, language).await);
        match ctx.mailer.send(mail).await {
            Ok(()) => Ok(Outcome::Done),
            Err(error @ (MailError::Invalid(_) | MailError::Refused(_))) => {
                Ok(Outcome::Discard(error.to_string()))
            }
            Err(error @ MailError::Temporary(_)) => Err(error.into()),
        }
    }
}
