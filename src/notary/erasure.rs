//! What becomes of an erased person's things at the notary desk. The rules are in [`crate::accounts::erasure::RULES`].

use jiff::Timestamp;

use crate::{
    accounts::erasure::{After, NAMELESS},
    db::{DbError, Tx},
    ids::{NotaryId, UserId},
    notary::deeds::deed,
};

/// Appointments with an office that are still to come: its people have to be told before it closes.
pub async fn to_come(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<i64, DbError> {
    const TO_COME: &str = "-- notary.erasure.to_come
        SELECT count(*) AS appointments FROM appointment a JOIN notary n ON n.id = a.notary_id
        WHERE n.user_id = $1 AND a.ended_at IS NULL AND upper(a.during) > $2";
    Ok(tx.query_one(TO_COME, &[&user, &now]).await?.get("appointments"))
}

/// How many signed acts there are of the person and of the person's office: they are kept for good.
pub async fn acts_kept(tx: &mut Tx, user: UserId) -> Result<i64, DbError> {
    const KEPT: &str = "-- notary.erasure.acts_kept
        SELECT count(*) AS acts FROM act a JOIN notary n ON n.id = a.notary_id
        WHERE a.signed_at IS NOT NULL AND (a.client_id = $1 OR n.user_id = $1)";
    Ok(tx.query_one(KEPT, &[&user]).await?.get("acts"))
}

/// How many certified mails are kept that were sent to the person, about the person's acts, or by the person's office.
pub async fn letters_kept(tx: &mut Tx, user: UserId) -> Result<i64, DbError> {
    const KEPT: &str = "-- notary.erasure.letters_kept
        SELECT count(*) AS letters FROM certified_mail m JOIN notary n ON n.id = m.notary_id JOIN users u ON u.id = $1
        WHERE m.status <> 'draft' AND (n.user_id = $1
            OR m.act_id IN (SELECT a.id FROM act a WHERE a.client_id = $1)
            OR m.id IN (SELECT r.mail_id FROM certified_mail_recipient r WHERE r.address = u.email
                OR r.address = (SELECT lower(p.certified_address) FROM client_profile p WHERE p.user_id = $1)))";
    Ok(tx.query_one(KEPT, &[&user]).await?.get("letters"))
}

/// Removes certified mails that never left: to the person, about the person's acts, of the person's office; and its templates.
async fn letters(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    const UNSENT: &str = "-- notary.erasure.unsent_letters
        WITH theirs AS (
            SELECT m.id FROM certified_mail m JOIN notary n ON n.id = m.notary_id JOIN users u ON u.id = $1
            WHERE m.status IN ('draft', 'quarantined') AND m.sent_at IS NULL AND (n.user_id = $1
                OR m.act_id IN (SELECT a.id FROM act a WHERE a.client_id = $1)
                OR m.id IN (SELECT r.mail_id FROM certified_mail_recipient r WHERE r.address = u.email
                    OR r.address = (SELECT lower(p.certified_address) FROM client_profile p WHERE p.user_id = $1)))
              AND NOT EXISTS (SELECT FROM certified_mail_receipt r WHERE r.mail_id = m.id)
        ), loose AS (
            DELETE FROM document_hold h USING theirs WHERE h.holder_id = theirs.id AND h.holder = 'certified_mail'
        )
        DELETE FROM certified_mail m USING theirs WHERE m.id = theirs.id";
    const TEMPLATES: &str = "-- notary.erasure.mail_templates
        DELETE FROM certified_mail_template t USING notary n WHERE n.id = t.notary_id AND n.user_id = $1";
    tx.execute(UNSENT, &[&user]).await?;
    tx.execute(TEMPLATES, &[&user]).await?;
    Ok(())
}

/// Ends the person's appointments: what is open is cancelled, what was said is removed, files are let go; an office that is
/// closed has no hours any more.
pub async fn appointments(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<After, DbError> {
    // Others hear of it by the appointment itself: what they were told with the person's name is removed.
    const NOTIFICATIONS: &str = "-- notary.erasure.notifications
        DELETE FROM notification o WHERE o.user_id = $1
          OR o.appointment_id IN (SELECT a.id FROM appointment a WHERE a.client_id = $1)
          OR o.appointment_id IN (SELECT p.appointment_id FROM participant p WHERE p.user_id = $1)
          OR o.appointment_id IN (SELECT a.id FROM appointment a JOIN notary n ON n.id = a.notary_id WHERE n.user_id = $1)";
    const PREFERENCES: &str = "-- notary.erasure.notification_preferences
        DELETE FROM notification_preference WHERE user_id = $1";
    const PARTICIPANTS: &str = "-- notary.erasure.participants\nDELETE FROM participant WHERE user_id = $1";
    const FILES: &str = "-- notary.erasure.appointment_documents
        WITH theirs AS (
            UPDATE appointment_document d SET document_id = NULL, number = NULL, status = 'missing', reason = NULL,
                office_note = '', uploaded_at = NULL, version = d.version + 1, updated_at = $2
            FROM appointment a WHERE a.id = d.appointment_id AND a.client_id = $1
              AND (d.document_id IS NOT NULL OR d.reason IS NOT NULL OR d.office_note <> '')
            RETURNING d.id
        )
        DELETE FROM document_hold h USING theirs WHERE h.holder_id = theirs.id AND h.holder = 'appointment'";
    const EMPTY: &str = "-- notary.erasure.appointments
        UPDATE appointment a SET title = '', description = '', location = NULL, meeting_url = NULL, office_note = '',
            status = CASE WHEN a.ended_at IS NULL THEN 'cancelled' ELSE a.status END,
            reason = CASE WHEN a.status = 'rejected' THEN $3 END, ended_at = coalesce(a.ended_at, $2),
            sequence = a.sequence + 1, version = a.version + 1, updated_at = $2
        FROM notary n WHERE n.id = a.notary_id AND (a.client_id = $1 OR (n.user_id = $1 AND a.ended_at IS NULL))";
    const HOURS: &str = "-- notary.erasure.availability
        DELETE FROM availability v USING notary n WHERE n.id = v.notary_id AND n.user_id = $1";
    const EXCEPTIONS: &str = "-- notary.erasure.availability_exceptions
        DELETE FROM availability_exception x USING notary n WHERE n.id = x.notary_id AND n.user_id = $1";
    for statement in [NOTIFICATIONS, PREFERENCES, PARTICIPANTS, HOURS, EXCEPTIONS] {
        tx.execute(statement, &[&user]).await?;
    }
    tx.execute(FILES, &[&user, &now]).await?;
    tx.execute(EMPTY, &[&user, &now, &NAMELESS]).await?;
    letters(tx, user).await?;
    signature_requests(tx, user).await?;
    acts(tx, user, now).await?;
    Ok(After::default())
}

/// Removes requests to sign documents: to the person, and those of the person's acts and office.
async fn signature_requests(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    const REQUESTS: &str = "-- notary.erasure.signature_requests
        WITH gone AS (
            DELETE FROM signature_request q USING act a, notary n
            WHERE a.id = q.act_id AND n.id = a.notary_id
              AND (q.signer_id = $1 OR a.client_id = $1 OR n.user_id = $1)
            RETURNING q.id
        )
        DELETE FROM document_hold h USING gone WHERE h.holder_id = gone.id AND h.holder = 'signature_request'";
    tx.execute(REQUESTS, &[&user]).await?;
    Ok(())
}

/// Annuls and empties acts that were never signed, of the person and of the person's office. What was signed is kept as it
/// is (art. 61 L. 89/1913); what the person said of it in the end is removed.
async fn acts(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), DbError> {
    const NOTIFICATIONS: &str = "-- notary.erasure.act_notifications
        DELETE FROM notification o USING act a JOIN notary n ON n.id = a.notary_id
        WHERE o.act_id = a.id AND (a.client_id = $1 OR n.user_id = $1)";
    const UNSIGNED: &str = "-- notary.erasure.unsigned_acts
        WITH emptied AS (
            UPDATE act a SET status = 'annulled', reason = $3, annulled_at = coalesce(a.annulled_at, $2), title = '',
                description = '', office_note = '', bank_name = NULL, bank_branch = NULL, loan_cents = NULL,
                property_address = NULL, property_units = '[]', property_value_cents = NULL, version = a.version + 1,
                updated_at = $2
            FROM notary n WHERE n.id = a.notary_id AND a.signed_at IS NULL
              AND (a.client_id = $1 OR (n.user_id = $1 AND a.status <> 'annulled'))
            RETURNING a.id
        )
        DELETE FROM act_party p USING emptied WHERE p.act_id = emptied.id";
    const SURVEYS: &str = "-- notary.erasure.act_surveys
        UPDATE act SET survey = survey || '{\"comment\": \"\"}' WHERE client_id = $1 AND survey ->> 'comment' <> ''";
    // Their files are let go and removed by the next sweep; the act's row is emptied first.
    const DEEDS: &str = "-- notary.erasure.unsigned_deeds
        WITH gone AS (
            DELETE FROM deed d USING act a JOIN notary n ON n.id = a.notary_id
            WHERE d.act_id = a.id AND a.signed_at IS NULL AND (a.client_id = $1 OR n.user_id = $1)
            RETURNING d.document_id
        ), let_go AS (
            DELETE FROM document_hold h USING gone WHERE h.document_id = gone.document_id AND h.holder = $3
        )
        UPDATE document d SET remove_at = $2 FROM gone WHERE d.id = gone.document_id";
    tx.execute(NOTIFICATIONS, &[&user]).await?;
    tx.execute(DEEDS, &[&user, &now, &deed::HOLDER]).await?;
    tx.execute(UNSIGNED, &[&user, &now, &NAMELESS]).await?;
    tx.execute(SURVEYS, &[&user]).await?;
    Ok(())
}

/// Removes what the person has said of offices; their ratings follow. Says which.
pub async fn reviews(tx: &mut Tx, user: UserId) -> Result<Vec<NotaryId>, DbError> {
    // First the reviews, then the offices, in order: as who writes or judges one does.
    const REVIEWS: &str = "-- notary.erasure.lock_reviews
        SELECT notary_id FROM notary_review WHERE client_id = $1 ORDER BY id FOR UPDATE";
    const OFFICES: &str = "-- notary.erasure.lock_reviewed
        SELECT id FROM notary WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE";
    const REMOVE: &str = "-- notary.erasure.reviews
        WITH gone AS (
            DELETE FROM notary_review WHERE client_id = $1 RETURNING notary_id, rating, status
        )
        UPDATE notary SET rating_sum = rating_sum - g.ratings, rating_count = rating_count - g.reviews
        FROM (SELECT notary_id, sum(rating) AS ratings, count(*)::int AS reviews FROM gone WHERE status = 'approved'
              GROUP BY notary_id) g WHERE notary.id = g.notary_id";
    let reviewed: Vec<NotaryId> =
        tx.query(REVIEWS, &[&user]).await?.iter().map(|row| row.get("notary_id")).collect();
    let offices = tx.query(OFFICES, &[&reviewed]).await?.iter().map(|row| row.get("id")).collect();
    tx.execute(REMOVE, &[&user]).await?;
    Ok(offices)
}

/// Removes what the person is to the desk: client, partner, collaborator; an office is emptied.
pub async fn profiles(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<After, DbError> {
    const CLIENT: &str = "-- notary.erasure.client_profile\nDELETE FROM client_profile WHERE user_id = $1";
    const PARTNER: &str = "-- notary.erasure.partner\nDELETE FROM partner WHERE user_id = $1";
    const STAFF: &str = "-- notary.erasure.collaborators
        DELETE FROM collaborator WHERE user_id = $1 OR notary_id IN (SELECT id FROM notary WHERE user_id = $1)";
    const SERVICES: &str = "-- notary.erasure.notary_services
        DELETE FROM notary_service WHERE notary_id IN (SELECT id FROM notary WHERE user_id = $1)";
    const ANSWERS: &str = "-- notary.erasure.review_answers
        UPDATE notary_review SET answer = NULL, answered_at = NULL, version = version + 1
        WHERE answer IS NOT NULL AND notary_id IN (SELECT id FROM notary WHERE user_id = $1)";
    // The row stays for the acts and appointments of others; XX is no province.
    const TEMPLATES: &str = "-- notary.erasure.act_templates
        DELETE FROM act_template WHERE notary_id IN (SELECT id FROM notary WHERE user_id = $1)";
    const OFFICE: &str = "-- notary.erasure.notary
        UPDATE notary SET first_name = $2, last_name = $2, office_name = $2, roll_number = NULL, district = NULL,
            enrolled_on = NULL, fiscal_code = NULL, vat_number = NULL, bio = '', specialisations = '{}',
            languages = '{it}', experience_years = NULL, offers = '{}', phone = NULL, office_email = NULL,
            certified_address = NULL, website = NULL, street = NULL, postal_code = NULL, city = $2, province = 'XX',
            latitude = NULL, longitude = NULL, is_verified = false, is_listed = false, licence_active = false,
            licence_note = '', picture = NULL, picture_alt = '', version = version + 1, updated_at = $3
        WHERE user_id = $1 AND (licence_active OR is_listed OR office_name <> $2) RETURNING id";
    for statement in [CLIENT, PARTNER, STAFF, SERVICES, ANSWERS, TEMPLATES] {
        tx.execute(statement, &[&user]).await?;
    }
    let offices =
        tx.query(OFFICE, &[&user, &NAMELESS, &now]).await?.iter().map(|row| row.get("id")).collect();
    Ok(After { offices, ..After::default() })
}
