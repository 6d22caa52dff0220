//! A ticket on paper, or on a screen: what, when and where, and the code as a picture that a door's camera reads.
//!
//! The picture says the code and nothing else, as it is typed at the door: who finds it learns no name and no address.

use std::fmt::Write as _;

use bytes::Bytes;
use qrcode::{Color, EcLevel, QrCode};
use serde_json::json;

use super::booking::{Booking, Contact};
use crate::{
    mail::{Language, date, moment, money},
    pdf::{Document, Image, Layout},
};

/// White modules around a code, without which cameras do not find it (ISO/IEC 18004).
const QUIET: usize = 4;

/// The ticket of a booking; `None`: it has no code, because it was not confirmed. The same bytes as long as nothing changes.
pub fn document(booking: &Booking, contact: &Contact, language: Language) -> Option<Document> {
    let code = booking.code.as_deref()?;
    let title = Layout::Ticket.title(language);
    let begins = moment(booking.visit().begins(), &booking.visit.time_zone, language);
    let hour = begins.rsplit_once(", ").map_or(begins.as_str(), |(_, hour)| hour);
    let data = json!({
        "event": booking.title, "place": contact.location, "date": date(booking.event_date, language),
        "begins": hour, "holder": contact.name, "tickets": booking.tickets,
        "paid": (booking.total_cents > 0).then(|| money(booking.total_cents, language)),
        "code": code, "booking": booking.id,
    });
    Some(Document {
        layout: Layout::Ticket,
        language,
        title: format!("{title}: {}", booking.title),
        made_at: booking.created_at,
        data,
        images: vec![Image { name: "code", content: picture(code) }],
    })
}

/// A QR code as a drawing, with the middle level of correction: a crease does not hurt it.
fn picture(code: &str) -> Bytes {
    let modules = QrCode::with_error_correction_level(code, EcLevel::Q)
        .expect("ten letters fit into the smallest code");
    let width = modules.width();
    let mut path = String::new();
    for (place, color) in modules.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let _ = write!(path, "M{} {}h1v1h-1z", place % width + QUIET, place / width + QUIET);
        }
    }
    let side = width + 2 * QUIET;
    Bytes::from(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"{side}\" height=\"{side}\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}
