//! What is known of a person, for that person (GDPR, articles 15 and 20): which kinds there are, and their rows.
//!
//! Rows are read a page at a time and by key: an export of any size takes the memory of a page. Secrets are not in it, not
//! even as hashes; what others know of each other is not, either.

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
                    u.updated_at, t.confirmed_at AS second_factor_since, l.created_at AS calendar_link_since
                FROM users u LEFT JOIN totp t ON t.user_id = u.id LEFT JOIN calendar_links l ON l.user_id = u.id
                WHERE u.id = $1 AND $2::text IS NULL LIMIT $3) x",
    },
    Kind {
        name: "sessions",
        sql: "-- accounts.export.sessions
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT id, address, user_agent, created_at, access_expires_at, revoked_at, revoked_why FROM sessions
                WHERE user_id = $1 AND ($2::text IS NULL OR id > $2::text::uuid) ORDER BY id LIMIT $3) x",
    },
    Kind {
        name: "api_keys",
        sql: "-- accounts.export.api_keys
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT id, name, hint, scopes, quota_per_hour, expires_at, last_used_at, created_at, revoked_at
                FROM api_key
                WHERE user_id = $1 AND ($2::text IS NULL OR id > $2::text::uuid) ORDER BY id LIMIT $3) x",
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
        name: "documents",
        sql: "-- accounts.export.documents
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT d.id, d.title, d.desk, d.created_at, d.updated_at, d.keep_until,
                    (SELECT jsonb_agg(jsonb_build_object('number', v.number, 'name', v.name, 'media_type', v.media_type,
                        'bytes', v.bytes, 'sha256', encode(v.sha256, 'hex'), 'uploaded_by', v.uploaded_by,
                        'uploaded_at', v.created_at) ORDER BY v.number)
                     FROM document_version v WHERE v.document_id = d.id) AS versions
                FROM document d
                WHERE d.owner_id = $1 AND d.deleted_at IS NULL AND d.remove_at IS NULL
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
        name: "uploads",
        sql: "-- accounts.export.uploads
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT id, title, desk, name, declared_type, length, received, state, created_at, expires_at FROM upload
                WHERE user_id = $1 AND ($2::text IS NULL OR id > $2::text::uuid) ORDER BY id LIMIT $3) x",
    },
    Kind {
        name: "audit",
        sql: "-- accounts.export.audit
            SELECT x.id::text AS key, to_jsonb(x) AS line FROM (
                SELECT id, at, who_kind, via, action, object_kind, object_id, result, address, request_id, details
                FROM audit_entry
                WHERE who = $1 AND ($2::text IS NULL OR id > $2::text::bigint) ORDER BY id LIMIT $3) x",
    },
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
