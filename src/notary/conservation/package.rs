//! A package of an office, and who sees it: the notary, collaborators who manage acts, administrators.

use jiff::{Timestamp, civil::Date};
use tokio_postgres::Row;

use crate::{
    args,
    db::{Db, DbError, Tx},
    documents::versions::Sha256,
    ids::{ConservationPackageId, DocumentId, NotaryId, UserId},
    notary::{
        agenda::appointment::Reader,
        rules::machine::{
            Name as _, Who,
            conservation_package::{Event, MACHINE, State},
        },
    },
};

/// A package, as somebody sees it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = ConservationPackage)]
pub struct Package {
    /// Its id.
    pub id: ConservationPackageId,
    /// Whose files it has.
    pub notary_id: NotaryId,
    /// The office.
    pub office_name: String,
    /// The first day of its month; it has what came until the month's end and is in no package of before.
    #[schema(value_type = String, format = Date)]
    pub month: Date,
    /// Which of the packages of this month.
    pub part: i16,
    /// Where it is in its life.
    pub status: State,
    /// How many files it has.
    pub items: i32,
    /// The ZIP.
    pub document_id: Option<DocumentId>,
    /// Its size.
    pub bytes: Option<i64>,
    /// Its hash: SHA-256.
    #[schema(value_type = Option<String>)]
    pub sha256: Option<Sha256>,
    /// When it was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub exported_at: Option<Timestamp>,
    /// Who keeps it.
    pub conservator: Option<String>,
    /// What the conservator calls it.
    #[schema(example = "PKG-0f47ec88a1b2c3d4")]
    pub conservator_reference: Option<String>,
    /// What the conservator has confirmed (`statement`), and a time stamp over the package (`time_stamp`: a token of RFC
    /// 3161, DER, in base64).
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<serde_json::Value>,
    /// When the conservator took it over.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub conserved_at: Option<Timestamp>,
    /// When its hashes were last compared and right.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub verified_at: Option<Timestamp>,
    /// What went wrong last: the conservator's reason, or which file is damaged.
    pub trouble: Option<String>,
    /// Counts its changes.
    pub version: i64,
    /// What the reader may do with it now.
    pub possible: Vec<Event>,
    /// What the reader is to it.
    #[serde(skip)]
    pub who: Who,
    /// The notary's account.
    #[serde(skip)]
    pub owner: UserId,
}

macro_rules! package_columns {
    ($who:literal, $admin:literal) => {
        concat!(
            "p.id, p.notary_id, n.office_name, p.month, p.part, p.status, p.items, p.document_id, v.bytes, v.sha256,
             p.exported_at, p.conservator, p.conservator_reference, p.receipt, p.conserved_at, p.verified_at, p.trouble, p.version, n.user_id AS owner,
             coalesce(n.user_id = ",
            $who,
            ", false) AS is_notary, ",
            $admin,
            "::boolean AS is_admin
             FROM conservation_package p JOIN notary n ON n.id = p.notary_id
             LEFT JOIN document_version v ON v.document_id = p.document_id AND v.number = 1"
        )
    };
}

/// The condition under which somebody sees package `p`.
macro_rules! package_visible {
    ($who:literal, $admin:literal) => {
        concat!("(", $admin, "::boolean OR ", staffed!("manage_acts", "p.notary_id", $who), ")")
    };
}

impl Package {
    /// Whether the reader is of the office: what is in it is for them.
    pub fn is_office(&self) -> bool {
        self.who != Who::Admin
    }

    fn from_row(row: &Row) -> Self {
        let status =
            State::parse(row.get("status")).expect("the constraint conservation_package_status_known");
        let who = match (row.get("is_notary"), row.get("is_admin")) {
            (true, _) => Who::Notary,
            (_, true) => Who::Admin,
            _ => Who::Collaborator,
        };
        Self {
            id: row.get("id"),
            notary_id: row.get("notary_id"),
            office_name: row.get("office_name"),
            month: row.get("month"),
            part: row.get("part"),
            status,
            items: row.get("items"),
            document_id: row.get("document_id"),
            bytes: row.get("bytes"),
            sha256: row.get::<_, Option<&[u8]>>("sha256").map(Sha256::stored),
            exported_at: row.get("exported_at"),
            conservator: row.get("conservator"),
            conservator_reference: row.get("conservator_reference"),
            receipt: row.get("receipt"),
            conserved_at: row.get("conserved_at"),
            verified_at: row.get("verified_at"),
            trouble: row.get("trouble"),
            version: row.get("version"),
            possible: MACHINE.events(status, who).collect(),
            who,
            owner: row.get("owner"),
        }
    }
}

/// A package, if this person sees it.
pub async fn find(db: &Db, reader: Reader, id: ConservationPackageId) -> Result<Option<Package>, DbError> {
    const FIND: &str = concat!(
        "-- notary.conservation.find\nSELECT ",
        package_columns!("$2", "$3"),
        " WHERE p.id = $1 AND ",
        package_visible!("$2", "$3")
    );
    let rows = db.read(FIND, args![id, reader.user, reader.is_admin]).await?;
    Ok(rows.first().map(Package::from_row))
}

/// A package for the service itself.
pub async fn get(db: &Db, id: ConservationPackageId) -> Result<Option<Package>, DbError> {
    const GET: &str = concat!(
        "-- notary.conservation.get\nSELECT ",
        package_columns!("NULL::uuid", "true"),
        " WHERE p.id = $1"
    );
    Ok(db.read(GET, args![id]).await?.first().map(Package::from_row))
}

/// Where a package is in its life, locked until the end of the transaction.
pub async fn lock(tx: &mut Tx, id: ConservationPackageId) -> Result<Option<State>, DbError> {
    const LOCK: &str = "-- notary.conservation.lock
        SELECT status FROM conservation_package WHERE id = $1 FOR NO KEY UPDATE";
    let row = tx.query_opt(LOCK, &[&id]).await?;
    let state = |name: &str| State::parse(name).expect("the constraint conservation_package_status_known");
    Ok(row.map(|row| state(row.get("status"))))
}

/// Packages of an office, the newest first, for those who manage its acts.
pub async fn list(
    db: &Db,
    (office, who): (NotaryId, UserId),
    status: Option<State>,
    before: Option<ConservationPackageId>,
    limit: i64,
) -> Result<Vec<Package>, DbError> {
    const LIST: &str = concat!(
        "-- notary.conservation.list\nSELECT ",
        package_columns!("$2", "false"),
        " WHERE p.notary_id = $1 AND ",
        staffed!("manage_acts", "p.notary_id", "$2"),
        " AND ($3::text IS NULL OR p.status = $3) AND ($4::uuid IS NULL OR p.id < $4) ORDER BY p.id DESC LIMIT $5"
    );
    let status = status.map(|status| status.as_str().to_owned());
    let rows = db.read(LIST, args![office, who, status, before.map(|id| id.0), limit]).await?;
    Ok(rows.iter().map(Package::from_row).collect())
}
