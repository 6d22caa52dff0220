//! Lists of certified mails: a line for each, and their texts only one by one.

use jiff::Timestamp;
use tokio_postgres::Row;

use super::message::Recipient;
use crate::{
    args,
    db::{Db, DbError},
    ids::{ActId, CertifiedMailId, NotaryId, UserId},
    notary::rules::machine::{Name as _, certified_mail::State},
};

/// A mail in a list.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = CertifiedMailLine)]
pub struct Line {
    /// Its id.
    pub id: CertifiedMailId,
    /// The act it is about.
    pub act_id: Option<ActId>,
    /// Where it is in its life.
    pub status: State,
    /// The subject.
    pub subject: String,
    /// To whom it goes, in their order.
    pub recipients: Vec<Recipient>,
    /// How many documents go along.
    pub attachments: i64,
    /// How often it was tried to hand it over since it was put into the queue.
    pub tries: i32,
    /// Why it was not sent, or not delivered.
    pub problem: Option<String>,
    /// When it was put into the queue.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub queued_at: Option<Timestamp>,
    /// When the provider took it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// When the last addressee's provider had it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Timestamp>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl Line {
    fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            act_id: row.get("act_id"),
            status: State::parse(row.get("status")).expect("the constraint certified_mail_status_known"),
            subject: row.get("subject"),
            recipients: serde_json::from_value(row.get("recipients"))
                .expect("the statement writes what this type reads"),
            attachments: row.get("attachments"),
            tries: row.get("tries"),
            problem: row.get("problem"),
            queued_at: row.get("queued_at"),
            sent_at: row.get("sent_at"),
            delivered_at: row.get("delivered_at"),
            created_at: row.get("created_at"),
        }
    }
}

/// What a list has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Only those in this state.
    pub status: Option<State>,
    /// Only those about this act.
    pub act: Option<ActId>,
}

/// The mails of an office, the newest first, for who may send them.
pub async fn list(
    db: &Db,
    (office, who): (NotaryId, UserId),
    wanted: Wanted,
    before: Option<CertifiedMailId>,
    limit: i64,
) -> Result<Vec<Line>, DbError> {
    const LIST: &str = concat!(
        "-- notary.certified_mail.list
        SELECT m.id, m.act_id, m.status, m.subject, m.tries, m.problem, m.queued_at, m.sent_at, m.delivered_at, m.created_at, (
            SELECT coalesce(jsonb_agg(jsonb_build_object('kind', r.kind, 'address', r.address, 'name', r.name,
                'delivered_at', r.delivered_at, 'failed_at', r.failed_at, 'problem', r.problem) ORDER BY r.position), '[]')
            FROM certified_mail_recipient r WHERE r.mail_id = m.id) AS recipients,
            (SELECT count(*) FROM certified_mail_attachment x WHERE x.mail_id = m.id) AS attachments
        FROM certified_mail m WHERE m.notary_id = $1 AND ",
        staffed!("send_certified_mail", "m.notary_id", "$2"),
        " AND ($3::text IS NULL OR m.status = $3) AND ($4::uuid IS NULL OR m.act_id = $4)
          AND ($5::uuid IS NULL OR m.id < $5) ORDER BY m.id DESC LIMIT $6"
    );
    let status = wanted.status.map(|status| status.as_str().to_owned());
    let (act, before) = (wanted.act.map(|act| act.0), before.map(|before| before.0));
    let rows = db.read(LIST, args![office, who, status, act, before, limit]).await?;
    Ok(rows.iter().map(Line::from_row).collect())
}
