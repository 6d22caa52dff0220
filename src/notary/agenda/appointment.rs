//! An appointment, and who sees how much of it.
//!
//! It is seen by the client, by those who are invited, by the office (the notary, and collaborators who manage the agenda),
//! and by administrators. What the office notes for itself is seen by the office alone.

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    accounts::policy::Principal,
    args,
    db::{Db, DbError, Tx},
    ids::{AppointmentId, NotaryId, UserId},
    notary::{
        rules::machine::{
            Forbidden, Name as _, Standing,
            appointment::{Event, MACHINE, State},
        },
        time,
    },
};

/// The states in which an appointment takes its slot, as SQL; `BLOCKING` of the machine, and the constraint's condition.
macro_rules! blocking {
    () => {
        "('confirmed', 'documents_open', 'documents_review', 'documents_partial', 'documents_accepted', 'ready', \
         'in_progress', 'completed')"
    };
}
pub(super) use blocking;

stored! {
    /// How people meet, and what goes along with it.
    Mode as AppointmentMode {
        /// In the office, or at [`Appointment::location`].
        InPerson = "in_person",
        /// By video, at [`Appointment::meeting_url`].
        Video = "video",
        /// By telephone.
        Phone = "phone",
        /// What comes of it is to be conserved.
        Conservation = "conservation",
        /// Documents are looked at together.
        SharedFolder = "shared_folder",
        /// Something is signed digitally.
        DigitalSignature = "digital_signature",
    }
}

impl Mode {
    /// Whether people meet in this way.
    pub const fn is_meeting(self) -> bool {
        matches!(self, Self::InPerson | Self::Video | Self::Phone)
    }

    fn stored(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.as_str() == name)
    }
}

/// An appointment, as somebody sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Appointment {
    /// Its id.
    pub id: AppointmentId,
    /// With whom.
    pub notary_id: NotaryId,
    /// The office.
    pub office_name: String,
    /// Whose matter it is.
    pub client_id: UserId,
    /// The client's name.
    pub client_name: String,
    /// The type of appointment, of the catalogue.
    #[serde(rename = "type")]
    pub kind: String,
    /// The type of act that is to come of it, of the catalogue.
    pub act_type: Option<String>,
    /// Where it is in its life.
    pub status: State,
    /// From.
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Timestamp,
    /// Until.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// The time zone of the office.
    pub time_zone: String,
    /// How people meet.
    pub modes: Vec<Mode>,
    /// In a few words.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Where, if not in the office.
    pub location: Option<String>,
    /// Where to meet by video: shown to the office, and to others once they were let in.
    pub meeting_url: Option<String>,
    /// What the office notes for itself; `null` for everybody else.
    pub office_note: Option<String>,
    /// People are reminded so many hours before; 0: never.
    pub reminder_hours: i16,
    /// Until when a request is answered, or expires.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answer_by: Option<Timestamp>,
    /// Why it was rejected or cancelled.
    pub reason: Option<String>,
    /// When the client was let in from the waiting room.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub admitted_at: Option<Timestamp>,
    /// When the client was turned away from it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub turned_away_at: Option<Timestamp>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Counts its changes; its ETag.
    pub version: i64,
    /// What the reader may do with it now. `submit_documents` is done by handing them in (`…/submission`), and accepting and
    /// refusing them by their reviews; the others by `…/transitions`.
    pub possible: Vec<Event>,
    /// Counts changes of its time, place and state: of its calendar entry.
    #[serde(skip)]
    pub sequence: i32,
    /// What the reader is to it.
    #[serde(skip)]
    pub standing: Standing,
    /// Whether the reader may accept and refuse its documents for the office.
    #[serde(skip)]
    pub may_review: bool,
}

/// The columns of [`Appointment::from_row`], of tables `a` (appointment), `n` (notary) and `c` (users, the client), as
/// somebody sees them: write `appointment_columns!("$2", "$3")`, with the reader and whether they are an administrator.
macro_rules! appointment_columns {
    ($who:literal, $admin:literal) => {
        concat!(
            "a.id, a.notary_id, n.office_name, n.country, a.client_id, c.name AS client_name, a.type, a.act_type, a.status,
             lower(a.during) AS starts_at, upper(a.during) AS ends_at, a.modes, a.title, a.description, a.location,
             a.meeting_url, a.office_note, a.reminder_hours, a.answer_by, a.reason, a.admitted_at, a.turned_away_at,
             a.created_at, a.updated_at, a.sequence, a.version, a.client_id = ",
            $who,
            " AS is_client, EXISTS (SELECT FROM participant p WHERE p.appointment_id = a.id AND p.user_id = ",
            $who,
            ") AS is_participant, n.user_id = ",
            $who,
            " AS is_notary, ",
            staffed!("manage_agenda", "a.notary_id", $who),
            " AS is_staff, ",
            staffed!("review_documents", "a.notary_id", $who),
            " AS may_review, ",
            $admin,
            "::boolean AS is_admin"
        )
    };
}
pub(super) use appointment_columns;

/// The condition under which somebody sees appointment `a` with notary `n`. Who reviews documents sees whose they are.
macro_rules! visible {
    ($who:literal, $admin:literal) => {
        concat!(
            "(",
            $admin,
            "::boolean OR a.client_id = ",
            $who,
            " OR EXISTS (SELECT FROM participant p WHERE p.appointment_id = a.id AND p.user_id = ",
            $who,
            ") OR ",
            staffed!("manage_agenda", "a.notary_id", $who),
            " OR ",
            staffed!("review_documents", "a.notary_id", $who),
            ")"
        )
    };
}
pub(super) use visible;

/// The time zone of an office in a country.
pub fn time_zone(country: &str) -> &'static str {
    if country == "SM" { "Europe/San_Marino" } else { time::ZONE }
}

impl Appointment {
    /// Where `event` leads, if the reader may do it.
    pub fn next(&self, event: Event) -> Result<State, Forbidden> {
        self.standing.next(&MACHINE, self.status, event)
    }

    pub(super) fn from_row(row: &Row) -> Self {
        let is_notary: bool = row.get("is_notary");
        let standing = Standing {
            is_client: row.get("is_client"),
            is_participant: row.get("is_participant"),
            is_collaborator: row.get::<_, bool>("is_staff") && !is_notary,
            is_notary,
            is_admin: row.get("is_admin"),
        };
        let status = State::parse(row.get("status")).expect("the constraint appointment_status_known");
        let admitted_at: Option<Timestamp> = row.get("admitted_at");
        let is_office = standing.is_office();
        let meeting_url: Option<String> = row.get("meeting_url");
        Self {
            id: row.get("id"),
            notary_id: row.get("notary_id"),
            office_name: row.get("office_name"),
            client_id: row.get("client_id"),
            client_name: row.get("client_name"),
            kind: row.get("type"),
            act_type: row.get("act_type"),
            status,
            starts_at: row.get("starts_at"),
            ends_at: row.get("ends_at"),
            time_zone: time_zone(row.get("country")).to_owned(),
            modes: row.get::<_, Vec<&str>>("modes").into_iter().filter_map(Mode::stored).collect(),
            title: row.get("title"),
            description: row.get("description"),
            location: row.get("location"),
            meeting_url: meeting_url.filter(|_| is_office || admitted_at.is_some()),
            office_note: is_office.then(|| row.get("office_note")),
            reminder_hours: row.get("reminder_hours"),
            answer_by: row.get("answer_by"),
            reason: row.get("reason"),
            admitted_at,
            turned_away_at: row.get("turned_away_at"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
            possible: standing.possible(&MACHINE, status),
            sequence: row.get("sequence"),
            may_review: row.get("may_review"),
            standing,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The person.
    pub user: UserId,
    /// Sees everything.
    pub is_admin: bool,
}

impl From<&Principal> for Reader {
    fn from(principal: &Principal) -> Self {
        Self { user: principal.user, is_admin: principal.is_admin() }
    }
}

/// An appointment, if this person sees it.
pub async fn find(db: &Db, reader: Reader, id: AppointmentId) -> Result<Option<Appointment>, DbError> {
    const FIND: &str = concat!(
        "-- notary.appointments.find
        SELECT ",
        appointment_columns!("$2", "$3"),
        " FROM appointment a JOIN notary n ON n.id = a.notary_id JOIN users c ON c.id = a.client_id
        WHERE a.id = $1 AND ",
        visible!("$2", "$3")
    );
    let rows = db.read(FIND, args![id, reader.user, reader.is_admin]).await?;
    Ok(rows.first().map(Appointment::from_row))
}

/// An appointment that this person sees, and the office's agenda, locked until the end of the transaction.
pub async fn lock(tx: &mut Tx, reader: Reader, id: AppointmentId) -> Result<Option<Appointment>, DbError> {
    // The office first: whoever locks several appointments of an office holds it.
    const OFFICE: &str = "-- notary.appointments.lock_office
        SELECT FROM notary n WHERE n.id = (SELECT a.notary_id FROM appointment a WHERE a.id = $1) FOR NO KEY UPDATE";
    const LOCK: &str = concat!(
        "-- notary.appointments.lock
        SELECT ",
        appointment_columns!("$2", "$3"),
        " FROM appointment a JOIN notary n ON n.id = a.notary_id JOIN users c ON c.id = a.client_id
        WHERE a.id = $1 AND ",
        visible!("$2", "$3"),
        " FOR NO KEY UPDATE OF a"
    );
    tx.query(OFFICE, &[&id]).await?;
    let row = tx.query_opt(LOCK, &[&id, &reader.user, &reader.is_admin]).await?;
    Ok(row.map(|row| Appointment::from_row(&row)))
}

/// From which side somebody looks at appointments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// One's own matters.
    Client,
    /// What one is invited to.
    Invited,
    /// The agenda of the office one works for.
    Office,
}

/// What a list has.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// From which side.
    pub side: Side,
    /// Only those in this state.
    pub status: Option<State>,
    /// Only those that end later.
    pub from: Option<Timestamp>,
    /// Only those that begin earlier.
    pub until: Option<Timestamp>,
}

/// Appointments in the order in which they begin.
pub async fn list(
    db: &Db,
    reader: Reader,
    wanted: Wanted,
    after: Option<(Timestamp, AppointmentId)>,
    limit: i64,
) -> Result<Vec<Appointment>, DbError> {
    macro_rules! list {
        ($label:literal, $from:literal) => {
            concat!(
                "-- notary.appointments.list_",
                $label,
                "\nSELECT ",
                appointment_columns!("$1", "$2"),
                $from,
                " AND ($3::text IS NULL OR a.status = $3)
                  AND ($4::timestamptz IS NULL OR upper(a.during) > $4)
                  AND ($5::timestamptz IS NULL OR lower(a.during) < $5)
                  AND ($6::timestamptz IS NULL OR (lower(a.during), a.id) > ($6, $7::uuid))
                ORDER BY lower(a.during), a.id LIMIT $8"
            )
        };
    }
    const CLIENT: &str = list!(
        "client",
        " FROM appointment a JOIN notary n ON n.id = a.notary_id JOIN users c ON c.id = a.client_id
        WHERE a.client_id = $1"
    );
    const INVITED: &str = list!(
        "invited",
        " FROM participant i JOIN appointment a ON a.id = i.appointment_id JOIN notary n ON n.id = a.notary_id
        JOIN users c ON c.id = a.client_id WHERE i.user_id = $1"
    );
    const OFFICE: &str = concat!(list!(
        "office",
        " FROM appointment a JOIN notary n ON n.id = a.notary_id JOIN users c ON c.id = a.client_id
        WHERE a.notary_id = ANY (ARRAY(
            SELECT o.id FROM notary o WHERE o.user_id = $1
            UNION ALL SELECT w.notary_id FROM collaborator w
            WHERE w.user_id = $1 AND w.agreed_at IS NOT NULL AND w.permissions && '{manage_agenda,review_documents}'))"
    ));
    let statement = match wanted.side {
        Side::Client => CLIENT,
        Side::Invited => INVITED,
        Side::Office => OFFICE,
    };
    let status = wanted.status.map(|status| status.as_str().to_owned());
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id.0)));
    let args = args![reader.user, reader.is_admin, status, wanted.from, wanted.until, at, id, limit];
    Ok(db.read(statement, args).await?.iter().map(Appointment::from_row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notary::rules::machine::appointment::BLOCKING;

    #[test]
    fn the_condition_names_the_states_that_take_a_slot() {
        let named: Vec<_> = blocking!().split('\'').skip(1).step_by(2).collect();
        assert_eq!(named, BLOCKING.map(State::as_str));
    }
}
