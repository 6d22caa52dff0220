//! Jobs of the events desk; one file each.

mod complete_bookings;
mod expire_bookings;
mod make_thumbnails;
mod prune_images;
mod refund_booking;
mod remove_image;
mod send_booking_mail;
mod send_reminders;
mod settle_payments;
mod warm_cache;
mod withdraw_bookings;

pub use complete_bookings::CompleteBookings;
pub use expire_bookings::ExpireBookings;
pub use make_thumbnails::MakeThumbnails;
pub use prune_images::PruneImages;
pub use refund_booking::RefundBooking;
pub use remove_image::RemoveImage;
pub use send_booking_mail::{Occasion, SendBookingMail};
pub use send_reminders::SendReminders;
pub use settle_payments::SettlePayments;
pub use warm_cache::WarmCache;
pub use withdraw_bookings::WithdrawBookings;

use super::Jobs;
use crate::{
    db::{DbError, Tx},
    events::payments::{Settled, request_refund},
    ids::PaymentId,
};

/// What follows from a settled payment, in its transaction: the ticket by mail, or the money back.
pub async fn follow_up(jobs: &Jobs, tx: &mut Tx, settled: Option<&Settled>) -> Result<(), DbError> {
    match settled {
        Some(Settled::Confirmed(paid)) => {
            jobs.enqueue(tx, &SendBookingMail { booking: paid.booking.id, occasion: Occasion::Confirmed })
                .await?;
        }
        Some(Settled::Late(paid)) => {
            let (id, now) = (paid.booking.id, jobs.clock().now());
            if request_refund(tx, PaymentId::new(now), id, paid.booking.total_cents, now).await? {
                jobs.enqueue(tx, &RefundBooking { booking: id }).await?;
            }
        }
        _ => {}
    }
    Ok(())
}
