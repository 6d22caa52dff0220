//! What of the desk's personal data is not kept for ever (GDPR, article 5(1)(e)): appointments of which no act has come.
//!
//! Acts and what belongs to them are kept for good (L. 89/1913, art. 61), and so are their appointments. Certified mails have rules
//! of their own ([`super::certified_mail::retention`]); notifications go by their age ([`super::notifications::prune`]).

use jiff::Timestamp;

use crate::{
    db::{DbError, Tx},
    ids::AppointmentId,
};

/// Appointments removed by one transaction.
pub const BATCH: i64 = 200;

/// What one transaction has removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Appointments that never were.
    pub requests: u64,
    /// Those that were.
    pub appointments: u64,
    /// Whether there may be more.
    pub is_more: bool,
}

/// Removes appointments without an act, with their papers, participants and notifications: those that never were and ended before
/// the one, those that were and were over before the other. Files are let go; they are their owners'.
pub async fn remove_appointments(
    tx: &mut Tx,
    (requests_before, held_before): (Timestamp, Timestamp),
) -> Result<Removed, DbError> {
    // First locked: whoever opens a case from one holds it, and it is left for the next night.
    const OLD: &str = "-- notary.retention.old_appointments
        SELECT a.id FROM appointment a
        WHERE NOT EXISTS (SELECT FROM act x WHERE x.appointment_id = a.id)
          AND (a.status IN ('rejected', 'cancelled', 'expired') AND a.ended_at < $1
            OR a.status NOT IN ('rejected', 'cancelled', 'expired', 'provisional') AND upper(a.during) < $2)
        ORDER BY a.id LIMIT $3 FOR UPDATE SKIP LOCKED";
    const FREE: &str = "-- notary.retention.without_act
        SELECT a.id, a.status IN ('rejected', 'cancelled', 'expired') AS is_request FROM appointment a
        WHERE a.id = ANY ($1) AND NOT EXISTS (SELECT FROM act x WHERE x.appointment_id = a.id)";
    const HOLDS: &str = "-- notary.retention.let_go
        DELETE FROM document_hold h USING appointment_document d
        WHERE d.appointment_id = ANY ($1) AND h.holder_id = d.id AND h.holder = 'appointment'";
    const REMOVE: &str = "-- notary.retention.appointments\nDELETE FROM appointment WHERE id = ANY ($1)";
    let old = tx.query(OLD, &[&requests_before, &held_before, &BATCH]).await?;
    let old: Vec<AppointmentId> = old.iter().map(|row| row.get("id")).collect();
    let free = tx.query(FREE, &[&old]).await?;
    let ids: Vec<AppointmentId> = free.iter().map(|row| row.get("id")).collect();
    let requests = free.iter().filter(|row| row.get("is_request")).count() as u64;
    tx.execute(HOLDS, &[&ids]).await?;
    tx.execute(REMOVE, &[&ids]).await?;
    let is_more = old.len() as i64 >= BATCH;
    Ok(Removed { requests, appointments: ids.len() as u64 - requests, is_more })
}
