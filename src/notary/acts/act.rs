//! An act, and who sees how much of it.
//!
//! It is seen by the client, by the office (the notary, and collaborators who manage acts), and by administrators. What the
//! office notes for itself is seen by the office alone.

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::{ActId, AppointmentId, DocumentId, NotaryId, UserId},
    notary::{
        agenda::appointment::Reader,
        rules::{
            machine::{
                Forbidden, Name as _, Standing,
                act::{Event, MACHINE, State},
                register_entry,
            },
            protocol::Prefix,
        },
        signatures::deed::SignedDeed,
    },
};

/// Units of a property that an act names.
pub const UNITS_MAX: usize = 20;

/// A unit of the land register.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CadastralUnit {
    /// The municipality.
    #[schema(min_length = 1, max_length = 100)]
    pub municipality: String,
    /// Foglio.
    #[schema(min_length = 1, max_length = 20)]
    pub sheet: String,
    /// Particella.
    #[schema(min_length = 1, max_length = 20)]
    pub parcel: String,
    /// Subalterno.
    #[schema(max_length = 20)]
    pub sub: Option<String>,
    /// Categoria catastale.
    #[schema(max_length = 20)]
    pub category: Option<String>,
}

/// What the client says of the case when it is done.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActSurvey)]
pub struct Survey {
    /// On the whole: 1 (not at all) to 5 (fully content).
    #[schema(minimum = 1, maximum = 5)]
    pub satisfaction: u8,
    /// Whether everything was explained: 1 to 5.
    #[schema(minimum = 1, maximum = 5)]
    pub clarity: u8,
    /// In words.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub comment: String,
}

/// A document of the act's appointment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ActDocument {
    /// The type, of the catalogue.
    pub document_type: String,
    /// Whether it is there and accepted.
    pub status: String,
    /// The file in the store.
    pub document_id: Option<DocumentId>,
    /// Its version.
    pub number: Option<i32>,
    /// When it was handed in, looked at or taken back.
    #[serde(skip_serializing)]
    #[schema(ignore)]
    pub updated_at: Timestamp,
}

/// An act, as somebody sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Act {
    /// Its id.
    pub id: ActId,
    /// Whose act it is.
    pub notary_id: NotaryId,
    /// The office.
    pub office_name: String,
    /// Whose matter it is.
    pub client_id: UserId,
    /// The client's name.
    pub client_name: String,
    /// The appointment of which it came.
    pub appointment_id: Option<AppointmentId>,
    /// The type, of the catalogue.
    pub act_type: String,
    /// Where it is in its life.
    pub status: State,
    /// Its number in the protocol register, once it is signed.
    #[schema(example = "ATT-NT-0001")]
    pub protocol_number: Option<String>,
    /// Where the entry of the register is in its life.
    pub register_status: Option<register_entry::State>,
    /// In a few words.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// What the office notes for itself; `null` for everybody else.
    pub office_note: Option<String>,
    /// The bank that lends.
    pub bank_name: Option<String>,
    /// Its branch.
    pub bank_branch: Option<String>,
    /// What it lends, in cents.
    pub loan_cents: Option<i64>,
    /// Where the property is.
    pub property_address: Option<String>,
    /// Its units in the land register.
    pub property_units: Vec<CadastralUnit>,
    /// Its value, in cents.
    pub property_value_cents: Option<i64>,
    /// What the client says of the case.
    pub survey: Option<Survey>,
    /// When that was said.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub survey_completed_at: Option<Timestamp>,
    /// The documents of its appointment.
    pub documents: Vec<ActDocument>,
    /// Its signed deed, once there is one.
    pub signed_deed: Option<SignedDeed>,
    /// When the notary signed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signed_at: Option<Timestamp>,
    /// When it was sent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// How the office has handed it over, where it was not sent by certified mail.
    pub handed_over: Option<String>,
    /// When it was archived.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// When it was annulled.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub annulled_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// When the case was opened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
    /// What the reader may do with it now.
    pub possible: Vec<Event>,
    /// The prefix of its type in the register.
    #[serde(skip)]
    pub prefix: String,
    /// What its type needs before it is signed.
    #[serde(skip)]
    pub needs: Needs,
    /// What the reader is to it.
    #[serde(skip)]
    pub standing: Standing,
}

/// What a type of act needs, of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// A property.
    pub property: bool,
    /// A bank.
    pub bank: bool,
    /// Somebody besides the client.
    pub parties: bool,
}

/// The columns of [`Act::from_row`], of tables `a` (act), `n` (notary), `c` (users, the client), `t` (act type) and `r`
/// (register entry, if there is one): write `act_columns!("$2", "$3")`, with the reader and whether they are an administrator.
macro_rules! act_columns {
    ($who:literal, $admin:literal) => {
        concat!(
            "a.id, a.notary_id, n.office_name, a.client_id, c.name AS client_name, a.appointment_id, a.act_type, a.status,
             r.prefix AS entry_prefix, r.number AS entry_number, r.status AS register_status, a.title, a.description,
             a.office_note, a.bank_name, a.bank_branch, a.loan_cents, a.property_address, a.property_units,
             a.property_value_cents, a.survey, a.survey_completed_at, a.signed_at, a.sent_at, a.handed_over, a.closed_at,
             a.annulled_at, a.reason, a.created_at, a.updated_at, a.version, a.signed_document_id, a.signed_sha256,
             a.signed_certificate, a.stamped_at, t.register_prefix, t.requires_property, t.requires_bank,
             t.requires_parties, (
                SELECT coalesce(jsonb_agg(jsonb_build_object('document_type', d.document_type, 'status', d.status,
                    'document_id', d.document_id, 'number', d.number, 'updated_at', d.updated_at) ORDER BY d.id), '[]')
                FROM appointment_document d WHERE d.appointment_id = a.appointment_id) AS documents,
             a.client_id = ",
            $who,
            " AS is_client, n.user_id = ",
            $who,
            " AS is_notary, ",
            staffed!("manage_acts", "a.notary_id", $who),
            " AS is_staff, ",
            $admin,
            "::boolean AS is_admin"
        )
    };
}
pub(super) use act_columns;

/// The tables of [`act_columns`].
macro_rules! act_tables {
    () => {
        " FROM act a JOIN notary n ON n.id = a.notary_id JOIN users c ON c.id = a.client_id
        JOIN act_type t ON t.code = a.act_type LEFT JOIN register_entry r ON r.act_id = a.id"
    };
}
pub(super) use act_tables;

/// The condition under which somebody sees act `a`.
macro_rules! act_visible {
    ($who:literal, $admin:literal) => {
        concat!(
            "(",
            $admin,
            "::boolean OR a.client_id = ",
            $who,
            " OR ",
            staffed!("manage_acts", "a.notary_id", $who),
            ")"
        )
    };
}
pub(in crate::notary) use act_visible;

/// A number as it is written.
pub(in crate::notary) fn written(prefix: &str, number: i32) -> String {
    let prefix: Prefix = prefix.parse().expect("the constraint register_counter_prefix");
    let number = u32::try_from(number).ok().and_then(|number| prefix.number(number));
    number.expect("the constraint register_entry_number_positive").to_string()
}

fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Option<T> {
    let value: Option<serde_json::Value> = row.get(column);
    value.map(|value| serde_json::from_value(value).expect("it was written by this type"))
}

impl Act {
    /// Where `event` leads, if the reader may do it.
    pub fn next(&self, event: Event) -> Result<State, Forbidden> {
        self.standing.next(&MACHINE, self.status, event)
    }

    pub(super) fn from_row(row: &Row) -> Self {
        let is_notary: bool = row.get("is_notary");
        let standing = Standing {
            is_client: row.get("is_client"),
            is_collaborator: row.get::<_, bool>("is_staff") && !is_notary,
            is_notary,
            is_admin: row.get("is_admin"),
            is_participant: false, // they see the appointment alone
        };
        let status = State::parse(row.get("status")).expect("the constraint act_status_known");
        let entry: Option<(&str, i32)> = Option::zip(
            row.get::<_, Option<&str>>("entry_prefix"),
            row.get::<_, Option<i32>>("entry_number"),
        );
        Self {
            id: row.get("id"),
            notary_id: row.get("notary_id"),
            office_name: row.get("office_name"),
            client_id: row.get("client_id"),
            client_name: row.get("client_name"),
            appointment_id: row.get("appointment_id"),
            act_type: row.get("act_type"),
            status,
            protocol_number: entry.map(|(prefix, number)| written(prefix, number)),
            register_status: row
                .get::<_, Option<&str>>("register_status")
                .map(|name| register_entry::State::parse(name).expect("register_entry_status_known")),
            title: row.get("title"),
            description: row.get("description"),
            office_note: standing.is_office().then(|| row.get("office_note")),
            bank_name: row.get("bank_name"),
            bank_branch: row.get("bank_branch"),
            loan_cents: row.get("loan_cents"),
            property_address: row.get("property_address"),
            property_units: json(row, "property_units").unwrap_or_default(),
            property_value_cents: row.get("property_value_cents"),
            survey: json(row, "survey"),
            survey_completed_at: row.get("survey_completed_at"),
            documents: json(row, "documents").unwrap_or_default(),
            signed_deed: SignedDeed::from_row(row),
            signed_at: row.get("signed_at"),
            sent_at: row.get("sent_at"),
            handed_over: row.get("handed_over"),
            closed_at: row.get("closed_at"),
            annulled_at: row.get("annulled_at"),
            reason: row.get("reason"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
            possible: standing.possible(&MACHINE, status),
            prefix: row.get("register_prefix"),
            needs: Needs {
                property: row.get("requires_property"),
                bank: row.get("requires_bank"),
                parties: row.get("requires_parties"),
            },
            standing,
        }
    }
}

/// An act, if this person sees it.
pub async fn find(db: &Db, reader: Reader, id: ActId) -> Result<Option<Act>, DbError> {
    const FIND: &str = concat!(
        "-- notary.acts.find\nSELECT ",
        act_columns!("$2", "$3"),
        act_tables!(),
        " WHERE a.id = $1 AND ",
        act_visible!("$2", "$3")
    );
    let rows = db.read(FIND, args![id, reader.user, reader.is_admin]).await?;
    Ok(rows.first().map(Act::from_row))
}

/// An act that this person sees, locked until the end of the transaction.
pub async fn lock(tx: &mut Tx, reader: Reader, id: ActId) -> Result<Option<Act>, DbError> {
    // First the row alone: what is read below is what the one before has left.
    const ROW: &str = "-- notary.acts.lock_row\nSELECT FROM act WHERE id = $1 FOR NO KEY UPDATE";
    const LOCK: &str = concat!(
        "-- notary.acts.lock\nSELECT ",
        act_columns!("$2", "$3"),
        act_tables!(),
        " WHERE a.id = $1 AND ",
        act_visible!("$2", "$3")
    );
    tx.query(ROW, &[&id]).await?;
    let row = tx.query_opt(LOCK, &[&id, &reader.user, &reader.is_admin]).await?;
    Ok(row.map(|row| Act::from_row(&row)))
}
