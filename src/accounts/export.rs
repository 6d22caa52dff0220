//! What is known of a person, for that person (GDPR, articles 15 and 20): which kinds there are, and their rows.
//!
//! Rows are read a page at a time and by key: an export of any size takes the memory of a page. Secrets are not in it, not
//! even as hashes; what others know of each other is not, either. Every table for which erasure has a rule is read here or
//! stands in [`LEFT_OUT`].

use serde_json::Value;

use crate::{
    args,
    db::{Db, DbError},
    ids::UserId,
};

/// Rows of one page.
const PAGE: i64 = 500;

/// One file of the export.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name, without `.json`.
    pub name: &'static str,
    sql: &'static str,
}

/// Every kind. Each statement takes the person, the key of the last row of the page before, and how many rows a page has;
/// it gives the key and the row.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "profile",
        sql: "-- accounts.export.profile
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT u.id, u.email, u.email_verified_at, u.name, u.roles, u.language, u.phone, u.bio, u.created_at,
                    u.updated_at, l.created_at AS calendar_link_since, q.stored AS bytes_stored, q.arriving AS bytes_arriving
                FROM users u LEFT JOIN calendar_links l ON l.user_id = u.id LEFT JOIN document_quota q ON q.user_id = u.id
                WHERE u.id = $1 AND $2::text IS NULL LIMIT $3) x",
    },
    Kind {
        name: "second_factor",
        sql: "-- accounts.export.second_factor
            SELECT x.id::text AS key, to_jsonb(x) - 'id' AS line FROM (
                SELECT u.id, t.confirmed_at IS NOT NULL AS is_enabled, t.created_at AS begun_at, t.confirmed_at AS enabled_at,
                    (SELECT count(*) FROM recovery_code r WHERE r.user_id = u.id AND r.used_at IS NULL)
                        AS recovery_codes_left,
                    (SELECT jsonb_agg(r.used_at ORDER BY r.used_at) FROM recovery_code r
                     WHERE r.user_id = u.id AND r.used_at IS NOT NULL) AS recovery_codes_used_at
                FROM users u LEFT JOIN totp t ON t.user_id = u.id
                WHERE u.id = $1 AND $2::text IS NULL LIMIT $3) x",
    },
    Kind {
        name: "sessions",
        sql: "-- accounts.export.sessions
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT s.id, s.address, s.user_agent, s.created_at, s.access_expires_at, r.refresh_expires_at,
                    r.refreshed_at, s.revoked_at, s.revoked_why
                FROM sessions s CROSS JOIN LATERAL (
                    SELECT max(r.expires_at) AS refresh_expires_at, max(r.used_at) AS refreshed_at
                    FROM session_refresh r WHERE r.session_id = s.id) r
                WHERE s.user_id = $1 AND ($2::text IS NULL OR s.id > $2::text::uuid) ORDER BY s.id LIMIT $3) x",
    },
    Kind {
        name: "links_in_mails",
        sql: "-- accounts.export.account_tokens
            SELECT x.key, to_jsonb(x) - 'key' AS line FROM (
                SELECT t.created_at::text || ' ' || row_number() OVER (ORDER BY t.created_at, t.hash) AS key, t.purpose,
                    t.tries, t.created_at, t.expires_at
                FROM account_token t WHERE t.user_id = $1 AND $2::text IS NULL ORDER BY t.created_at LIMIT $3) x",
    },
    Kind {
        name: "failed_log_ins",
        sql: "-- accounts.export.failures
            SELECT x.id::text AS key, to_jsonb(x) - 'id' AS line FROM (
                SELECT u.id, f.failures, f.locked_until, f.last_at
                FROM users u JOIN login_failure f ON f.key = sha256(convert_to('account:' || lower(u.email), 'UTF8'))
                WHERE u.id = $1 AND $2::text IS NULL LIMIT $3) x",
    },
    Kind {
        name: "api_keys",
        sql: "-- accounts.export.api_keys
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT a.id, a.name, a.hint, a.scopes, a.quota_per_hour, a.expires_at, a.last_used_at, a.created_at,
                    a.revoked_at, (SELECT jsonb_object_agg(h.hour, h.used) FROM api_key_hour h WHERE h.key_id = a.id)
                        AS requests_by_hour
                FROM api_key a
                WHERE a.user_id = $1 AND ($2::text IS NULL OR a.id > $2::text::uuid) ORDER BY a.id LIMIT $3) x",
    },
    Kind {
        name: "signing_certificates",
        sql: "-- accounts.export.signing_certificates
            SELECT x.serial AS key, to_jsonb(x) AS line FROM (
                SELECT encode(c.serial, 'hex') AS serial, c.names, encode(c.certificate, 'base64') AS certificate,
                    c.not_before, c.not_after, c.revoked_at, c.created_at
                FROM signing_certificate c
                WHERE c.user_id = $1 AND ($2::text IS NULL OR c.serial > decode($2, 'hex')) ORDER BY c.serial LIMIT $3) x",
    },
    Kind {
        name: "signature_requests",
        sql: "-- accounts.export.signature_requests
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT q.id, q.act_id, q.document_id, q.number, q.title, q.signer_is, q.message, q.status, q.reason,
                    q.signed_number, q.stamped_at, q.decided_at, q.expires_at, q.created_at
                FROM signature_request q
                WHERE q.signer_id = $1 AND ($2::text IS NULL OR q.id > $2::text::uuid) ORDER BY q.id LIMIT $3) x",
    },
    Kind {
        name: "time_stamps",
        sql: "-- accounts.export.time_stamps
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT t.id, t.document_id, t.number, t.stamped_at, encode(t.serial, 'hex') AS serial
                FROM document_time_stamp t
                WHERE t.requested_by = $1 AND ($2::text IS NULL OR t.id > $2::text::uuid) ORDER BY t.id LIMIT $3) x",
    },
    Kind {
        name: "consents",
        sql: "-- accounts.export.consents
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT id, purpose, wording, is_given, at, address FROM consent
                WHERE user_id = $1 AND ($2::text IS NULL OR id > $2::text::bigint) ORDER BY id LIMIT $3) x",
    },
    Kind {
        name: "bookings",
        sql: "-- accounts.export.bookings
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT b.id, e.slug AS event, b.event_date, b.tickets, b.unit_cents, b.total_cents, b.currency, b.status,
                    b.code, b.confirmed_at, b.cancelled_at, b.cancelled_why, b.refund_cents, b.created_at
                FROM bookings b JOIN events e ON e.id = b.event_id
                WHERE b.user_id = $1 AND ($2::text IS NULL OR b.id > $2::text::uuid) ORDER BY b.id LIMIT $3) x",
    },
    Kind {
        name: "payments",
        sql: "-- accounts.export.payments
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT p.id, p.booking_id, p.kind, p.amount_cents, p.currency, p.provider, p.reference, p.status,
                    p.failure, p.created_at, p.updated_at
                FROM payments p JOIN bookings b ON b.id = p.booking_id
                WHERE b.user_id = $1 AND ($2::text IS NULL OR p.id > $2::text::uuid) ORDER BY p.id LIMIT $3) x",
    },
    Kind {
        name: "reviews",
        sql: "-- accounts.export.reviews
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT r.id, e.slug AS event, r.rating, r.comment, r.status, r.created_at, r.updated_at
                FROM reviews r JOIN events e ON e.id = r.event_id
                WHERE r.user_id = $1 AND ($2::text IS NULL OR r.id > $2::text::uuid) ORDER BY r.id LIMIT $3) x",
    },
    Kind {
        name: "favourites",
        sql: "-- accounts.export.favourites
            SELECT x.key, to_jsonb(x) - 'key' AS line FROM (
                SELECT f.event_id::text AS key, e.slug AS event, f.created_at
                FROM favourites f JOIN events e ON e.id = f.event_id
                WHERE f.user_id = $1 AND ($2::text IS NULL OR f.event_id > $2::text::uuid)
                ORDER BY f.event_id LIMIT $3) x",
    },
    Kind {
        name: "events",
        sql: "-- accounts.export.events
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT e.id, e.slug, e.title, e.description, e.category, c.name AS city, e.location, e.starts_on, e.ends_on,
                    e.start_time, e.price_cents, e.currency, e.capacity, e.tickets_left, e.included, e.things_to_know,
                    e.cancellation_policy, e.age_restriction, e.status, e.withdrawn_at, e.created_at, e.updated_at
                FROM events e JOIN cities c ON c.id = e.city_id
                WHERE e.host_id = $1 AND ($2::text IS NULL OR e.id > $2::text::uuid) ORDER BY e.id LIMIT $3) x",
    },
    Kind {
        name: "event_images",
        sql: "-- accounts.export.event_images
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT i.id, e.slug AS event, i.key AS file, i.alt, i.width, i.height, i.bytes, i.position, i.created_at
                FROM events e JOIN event_images i ON i.event_id = e.id
                WHERE e.host_id = $1 AND ($2::text IS NULL OR i.id > $2::text::uuid) ORDER BY i.id LIMIT $3) x",
    },
    Kind {
        name: "documents",
        sql: "-- accounts.export.documents
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT d.id, d.title, d.desk, d.created_at, d.updated_at, d.keep_until,
                    (SELECT jsonb_agg(jsonb_build_object('number', v.number, 'name', v.name, 'media_type', v.media_type,
                        'bytes', v.bytes, 'sha256', encode(v.sha256, 'hex'), 'uploaded_by', v.uploaded_by,
                        'uploaded_at', v.created_at) ORDER BY v.number)
                     FROM document_version v WHERE v.document_id = d.id) AS versions
                FROM document d
                WHERE d.owner_id = $1 AND d.deleted_at IS NULL AND d.remove_at IS NULL AND NOT d.of_clinic
                  AND ($2::text IS NULL OR d.id > $2::text::uuid) ORDER BY d.id LIMIT $3) x",
    },
    Kind {
        name: "documents_shared_with_me",
        sql: "-- accounts.export.permissions
            SELECT x.document_id::text AS key, to_jsonb(x) AS line FROM (
                SELECT p.document_id, d.title, p.can_read, p.can_write, p.can_delete, p.can_share, p.granted_at, p.expires_at
                FROM document_permission p JOIN document d ON d.id = p.document_id
                WHERE p.user_id = $1 AND ($2::text IS NULL OR p.document_id > $2::text::uuid)
                ORDER BY p.document_id LIMIT $3) x",
    },
    Kind {
        name: "client_profile",
        sql: "-- accounts.export.client_profile
            SELECT x.user_id::text AS key, to_jsonb(x) AS line FROM client_profile x
            WHERE x.user_id = $1 AND $2::text IS NULL LIMIT $3",
    },
    Kind {
        name: "partner",
        sql: "-- accounts.export.partner
            SELECT x.user_id::text AS key, to_jsonb(x) AS line FROM partner x
            WHERE x.user_id = $1 AND $2::text IS NULL LIMIT $3",
    },
    Kind {
        name: "collaboration",
        sql: "-- accounts.export.collaborator
            SELECT x.user_id::text AS key, to_jsonb(x) AS line FROM collaborator x
            WHERE x.user_id = $1 AND $2::text IS NULL LIMIT $3",
    },
    Kind {
        name: "clinic_membership",
        sql: "-- accounts.export.clinic_member
            SELECT x.user_id::text AS key, to_jsonb(x) AS line FROM clinic_member x
            WHERE x.user_id = $1 AND $2::text IS NULL LIMIT $3",
    },
    Kind {
        name: "office",
        sql: "-- accounts.export.office
            SELECT x.id::text AS key, to_jsonb(x) - 'search' - 'place' AS line FROM notary x
            WHERE x.user_id = $1 AND $2::text IS NULL LIMIT $3",
    },
    Kind {
        name: "office_services",
        sql: "-- accounts.export.office_services
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT s.* FROM notary n JOIN notary_service s ON s.notary_id = n.id
                WHERE n.user_id = $1 AND ($2::text IS NULL OR s.id > $2::text::uuid) ORDER BY s.id LIMIT $3) x",
    },
    Kind {
        // By whom and with whom: both are known to the owner, and to who gave it.
        name: "documents_shared_by_me",
        sql: "-- accounts.export.permissions_given
            SELECT x.document_id || ' ' || x.user_id AS key, to_jsonb(x) AS line FROM (
                SELECT p.document_id, d.title, p.user_id, p.granted_by, p.can_read, p.can_write, p.can_delete, p.can_share,
                    p.granted_at, p.expires_at
                FROM document_permission p JOIN document d ON d.id = p.document_id
                WHERE p.document_id IN (
                        SELECT o.id FROM document o WHERE o.owner_id = $1 AND o.deleted_at IS NULL
                        UNION ALL SELECT g.document_id FROM document_permission g WHERE g.granted_by = $1)
                  AND (p.granted_by = $1 OR d.owner_id = $1)
                  AND ($2::text IS NULL OR (p.document_id, p.user_id)
                      > (split_part($2::text, ' ', 1)::uuid, split_part($2::text, ' ', 2)::uuid))
                ORDER BY p.document_id, p.user_id LIMIT $3) x",
    },
    Kind {
        name: "document_links",
        sql: "-- accounts.export.links
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT l.id, l.document_id, l.number, l.created_at, l.expires_at, l.revoked_at, l.downloads, l.max_downloads
                FROM document_link l
                WHERE l.created_by = $1 AND ($2::text IS NULL OR l.id > $2::text::uuid) ORDER BY l.id LIMIT $3) x",
    },
    Kind {
        name: "versions_of_documents_of_others",
        sql: "-- accounts.export.versions
            SELECT x.document_id || ' ' || x.number AS key, to_jsonb(x) AS line FROM (
                SELECT v.document_id, v.number, v.name, v.media_type, v.bytes, encode(v.sha256, 'hex') AS sha256,
                    v.created_at AS uploaded_at
                FROM document_version v JOIN document d ON d.id = v.document_id
                WHERE v.uploaded_by = $1 AND d.owner_id <> $1
                  AND ($2::text IS NULL OR (v.document_id, v.number)
                      > (split_part($2::text, ' ', 1)::uuid, split_part($2::text, ' ', 2)::int))
                ORDER BY v.document_id, v.number LIMIT $3) x",
    },
    Kind {
        name: "appointments",
        sql: "-- accounts.export.appointments
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT a.id, a.notary_id, n.office_name, a.type, a.act_type, a.status, lower(a.during) AS starts_at,
                    upper(a.during) AS ends_at, a.modes, a.title, a.description, a.location, a.reason, a.created_at,
                    (SELECT jsonb_agg(jsonb_build_object('type', d.document_type, 'status', d.status,
                        'document_id', d.document_id, 'number', d.number, 'reason', d.reason,
                        'uploaded_at', d.uploaded_at, 'reviewed_at', d.reviewed_at))
                     FROM appointment_document d WHERE d.appointment_id = a.id) AS documents
                FROM appointment a JOIN notary n ON n.id = a.notary_id
                WHERE a.client_id = $1 AND ($2::text IS NULL OR a.id > $2::text::uuid) ORDER BY a.id LIMIT $3) x",
    },
    Kind {
        // Who else is a party is theirs to know.
        name: "acts",
        sql: "-- accounts.export.acts
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT a.id, a.notary_id, n.office_name, a.appointment_id, a.act_type, a.status, a.title, a.description,
                    r.prefix, r.number, r.year, r.status AS register_status, a.bank_name, a.bank_branch, a.loan_cents,
                    a.property_address, a.property_units, a.property_value_cents, a.survey, a.survey_completed_at,
                    a.signed_at, a.sent_at, a.handed_over, a.closed_at, a.annulled_at, a.reason, a.created_at
                FROM act a JOIN notary n ON n.id = a.notary_id LEFT JOIN register_entry r ON r.act_id = a.id
                WHERE a.client_id = $1 AND ($2::text IS NULL OR a.id > $2::text::uuid) ORDER BY a.id LIMIT $3) x",
    },
    Kind {
        // Who else is a party is theirs to know: the text is read at the office.
        name: "deeds",
        sql: "-- accounts.export.deeds
            SELECT x.key, to_jsonb(x) - 'key' AS line FROM (
                SELECT d.act_id || '/' || lpad(d.number::text, 10, '0') AS key, d.act_id, d.number, d.title, d.language,
                    d.document_id, encode(d.sha256, 'hex') AS sha256, d.drafted_at, d.frozen_at
                FROM act a JOIN deed d ON d.act_id = a.id
                WHERE a.client_id = $1 AND ($2::text IS NULL OR d.act_id || '/' || lpad(d.number::text, 10, '0') > $2)
                ORDER BY 1 LIMIT $3) x",
    },
    Kind {
        name: "act_templates",
        sql: "-- accounts.export.act_templates
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT m.id, m.act_type, m.number, m.name, m.language, m.body, m.is_active, m.created_at
                FROM notary n JOIN act_template m ON m.notary_id = n.id
                WHERE n.user_id = $1 AND ($2::text IS NULL OR m.id > $2::text::uuid) ORDER BY m.id LIMIT $3) x",
    },
    Kind {
        name: "notary_reviews",
        sql: "-- accounts.export.notary_reviews
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT r.id, r.act_id, r.notary_id, n.office_name, r.rating, r.title, r.comment, r.status, r.reason,
                    r.created_at, r.updated_at
                FROM notary_review r JOIN notary n ON n.id = r.notary_id
                WHERE r.client_id = $1 AND ($2::text IS NULL OR r.id > $2::text::uuid) ORDER BY r.id LIMIT $3) x",
    },
    Kind {
        name: "answers_to_reviews",
        sql: "-- accounts.export.review_answers
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT r.id, r.answer, r.answered_at FROM notary n JOIN notary_review r ON r.notary_id = n.id
                WHERE n.user_id = $1 AND r.answer IS NOT NULL AND ($2::text IS NULL OR r.id > $2::text::uuid)
                ORDER BY r.id LIMIT $3) x",
    },
    Kind {
        name: "invitations",
        sql: "-- accounts.export.invitations
            SELECT x.appointment_id::text AS key, to_jsonb(x) AS line FROM (
                SELECT p.appointment_id, lower(a.during) AS starts_at, p.role, p.status, p.note, p.invited_at, p.answered_at
                FROM participant p JOIN appointment a ON a.id = p.appointment_id
                WHERE p.user_id = $1 AND ($2::text IS NULL OR p.appointment_id > $2::text::uuid)
                ORDER BY p.appointment_id LIMIT $3) x",
    },
    Kind {
        name: "notifications",
        sql: "-- accounts.export.notifications
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT id, kind, arguments, appointment_id, act_id, read_at, mailed_at, created_at FROM notification
                WHERE user_id = $1 AND ($2::text IS NULL OR id > $2::text::uuid) ORDER BY id LIMIT $3) x",
    },
    Kind {
        name: "notification_preferences",
        sql: "-- accounts.export.notification_preferences
            SELECT x.kind AS key, to_jsonb(x) AS line FROM (
                SELECT kind, by_mail FROM notification_preference
                WHERE user_id = $1 AND ($2::text IS NULL OR kind > $2::text) ORDER BY kind LIMIT $3) x",
    },
    Kind {
        name: "uploads",
        sql: "-- accounts.export.uploads
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT id, title, desk, name, declared_type, length, received, state, created_at, expires_at FROM upload AS u
                -- what a clinic has accepted is about its patient
                WHERE user_id = $1 AND NOT EXISTS (SELECT FROM patient_document AS d WHERE d.upload_id = u.id)
                    AND ($2::text IS NULL OR id > $2::text::uuid) ORDER BY id LIMIT $3) x",
    },
    Kind {
        name: "audit",
        sql: "-- accounts.export.audit
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT id, at, who_kind, via, action, object_kind, object_id, result, address, request_id, details
                FROM audit_entry
                WHERE who = $1 AND ($2::text IS NULL OR id > $2::text::bigint) ORDER BY id LIMIT $3) x",
    },
    Kind {
        // What others did to the account, administrators and whoever tried to log in: not who they are.
        name: "audit_about_me",
        sql: "-- accounts.export.audit_about
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT id, at, who_kind, action, object_kind, result, details FROM audit_entry
                WHERE object_kind IN ('account', 'user') AND object_id = $1::uuid::text AND who IS DISTINCT FROM $1
                  AND ($2::text IS NULL OR id > $2::text::bigint) ORDER BY id LIMIT $3) x",
    },
    Kind {
        name: "administration",
        sql: "-- accounts.export.journal
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT id, at, action, target, reason, result FROM journal
                WHERE actor_id = $1 AND ($2::text IS NULL OR id > $2::text::bigint) ORDER BY id LIMIT $3) x",
    },
    Kind {
        name: "tasks",
        sql: "-- accounts.export.tasks
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT j.id, k.name AS kind, j.state, j.enqueued_at, j.finished_at FROM (
                    SELECT id, kind_id, 'open' AS state, enqueued_at, NULL::timestamptz AS finished_at FROM job.body
                    WHERE owner_id = $1
                    UNION ALL
                    SELECT id, kind_id, CASE state WHEN 0 THEN 'done' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled'
                        ELSE 'quarantined' END, enqueued_at, finished_at FROM job.done WHERE owner_id = $1
                ) j JOIN job.kind k ON k.id = j.kind_id
                WHERE $2::text IS NULL OR j.id > $2::text::bigint ORDER BY j.id LIMIT $3) x",
    },
];

/// Tables with something of a person that is in no export, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("job.batch", "how jobs belong together; the person's are in `tasks`"),
    ("certified_mail", "letters of an office, which has them; who they were sent to has them, too"),
    ("certified_mail_template", "what an office writes often; it is the office's"),
    ("conservation_package", "packages of the office's archive; what is in them are documents of their own"),
    ("register_counter", "how many numbers an office has given; those of the person's acts are in `acts`"),
    ("availability", "the hours of the office, which everybody sees as its slots"),
    ("availability_exception", "the closures of the office, which everybody sees as its slots"),
    ("patient_consent", "what patients agreed to: theirs, and their clinic's"),
    ("patient_document", "documents of patients: theirs, and their clinic's; who sent one is in `audit`"),
    ("laboratory_value", "values of patients: theirs, and their clinic's; who wrote one down is in `audit`"),
    ("graded_analysis", "analyses of patients: theirs, and their clinic's; who entered one is in `audit`"),
    ("fertility_score", "scores of patients: theirs, and their clinic's"),
    ("analysis_batch", "what was asked for about patients: their clinic's; who asked is in `audit`"),
    ("patient_report", "reports about patients: theirs, and their clinic's; who asked for one is in `audit`"),
    ("patient_merge", "which records of patients are one: their clinic's; who did it is in `audit`"),
    ("idempotency_key", "answers that were given, for a day, under a hash that leads to nobody"),
    ("document_link_use", "who opened a link, as a hash of another's address"),
];

/// Some rows of a kind, and the key to go on with; `None` at the end.
pub async fn page(
    db: &Db,
    user: UserId,
    kind: &Kind,
    after: Option<String>,
) -> Result<(Vec<Value>, Option<String>), DbError> {
    let rows = db.read(kind.sql, args![user, after, PAGE]).await?;
    let next = rows.last().filter(|_| rows.len() as i64 == PAGE).map(|row| row.get("key"));
    Ok((rows.iter().map(|row| row.get("line")).collect(), next))
}

#[cfg(test)]
mod tests {
    use super::{KINDS, LEFT_OUT};
    use crate::accounts::erasure::RULES;

    #[test]
    fn what_erasure_knows_of_is_exported_or_said_to_be_left_out() {
        // What is only asked for, and not told, is no export.
        let names = |sql: &'static str| {
            let parts = sql.split("EXISTS (SELECT FROM ").enumerate();
            let is_sign = |c: char| !(c.is_ascii_alphanumeric() || "_.".contains(c));
            parts.flat_map(move |(at, part)| part.split(is_sign).skip(usize::from(at > 0)))
        };
        for rule in RULES {
            let exported = KINDS.iter().any(|kind| names(kind.sql).any(|name| name == rule.table));
            let left_out = LEFT_OUT.iter().any(|(table, why)| *table == rule.table && why.len() > 10);
            assert!(exported != left_out, "{}: an export kind, or a reason in LEFT_OUT", rule.table);
        }
    }
}
