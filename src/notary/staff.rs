//! Who works for an office, and what they may do there: the one condition, put into every statement about an office's things.
//!
//! The notary may do everything in the own office. A collaborator may do what the notary permits, from the moment of
//! agreeing on, and only as long as the account has the role.

use serde::{Deserialize, Serialize};

use crate::{
    db::{Db, DbError},
    ids::{NotaryId, UserId},
    key,
};

/// What a notary may permit a collaborator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NotaryPermission)]
pub enum Permission {
    /// Availability, exceptions, appointments.
    ManageAgenda,
    /// Accepting and refusing documents.
    ReviewDocuments,
    /// Cases and acts.
    ManageActs,
    /// Templates of acts.
    ManageTemplates,
    /// Certified mail in the office's name.
    SendCertifiedMail,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::ManageAgenda,
        Self::ReviewDocuments,
        Self::ManageActs,
        Self::ManageTemplates,
        Self::SendCertifiedMail,
    ];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ManageAgenda => "manage_agenda",
            Self::ReviewDocuments => "review_documents",
            Self::ManageActs => "manage_acts",
            Self::ManageTemplates => "manage_templates",
            Self::SendCertifiedMail => "send_certified_mail",
        }
    }

    /// From its stored name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == name)
    }
}

/// The condition under which a person may do something for an office: its notary may, and so may a collaborator who has
/// agreed and has the permission. Write `staffed!("manage_agenda", "a.notary_id", "$2")`.
///
/// Both halves name at most one office by a unique key, so that a list begins with them ("of my office") and an object is
/// compared with them. What every collaborator may, whatever is permitted, is `staffed_at_all!`.
macro_rules! staffed {
    ($permission:literal, $office:literal, $who:literal) => {
        concat!(
            "(",
            $office,
            " IN (SELECT s.id FROM notary AS s JOIN users AS su ON su.id = s.user_id
                WHERE s.user_id = ",
            $who,
            " AND su.roles @> '{notary}'
                UNION ALL SELECT s.notary_id FROM collaborator AS s JOIN users AS su ON su.id = s.user_id
                WHERE s.user_id = ",
            $who,
            " AND su.roles @> '{collaborator}' AND s.agreed_at IS NOT NULL AND s.permissions @> '{",
            $permission,
            "}'))"
        )
    };
}

/// As `staffed!`, whatever the collaborator is permitted: `staffed_at_all!("a.notary_id", "$2")`.
macro_rules! staffed_at_all {
    ($office:literal, $who:literal) => {
        staffed!("", $office, $who)
    };
}

/// The office where somebody works, as its notary or as a collaborator.
pub async fn office_of(db: &Db, user: UserId) -> Result<Option<NotaryId>, DbError> {
    const OFFICE: &str = concat!(
        "-- notary.staff.office_of
        SELECT k.n, o.id FROM unnest($1::uuid[]) WITH ORDINALITY AS k (user_id, n)
        JOIN notary o ON ",
        staffed_at_all!("o.id", "k.user_id"),
        " ORDER BY o.user_id <> k.user_id"
    );
    Ok(db.lookup(OFFICE, key![user]).await?.first().map(|row| row.get("id")))
}

/// Whether somebody may do this for an office at this moment: for what would else be an empty list.
pub async fn may(
    db: &Db,
    (office, who): (NotaryId, UserId),
    permission: Permission,
) -> Result<bool, DbError> {
    const MAY: &str = "-- notary.staff.may
        SELECT k.n FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS k (office, who, permission, n)
        JOIN users u ON u.id = k.who
        WHERE EXISTS (SELECT FROM notary s WHERE s.id = k.office AND s.user_id = k.who AND u.roles @> '{notary}')
           OR EXISTS (SELECT FROM collaborator s WHERE s.notary_id = k.office AND s.user_id = k.who
                AND u.roles @> '{collaborator}' AND s.agreed_at IS NOT NULL AND k.permission = ANY (s.permissions))";
    Ok(!db.lookup(MAY, key![office, who, permission.as_str()]).await?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Permission;

    #[test]
    fn permissions_are_stored_by_the_names_that_the_api_has() {
        for permission in Permission::ALL {
            assert_eq!(Permission::of(permission.as_str()), Some(permission));
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.as_str());
        }
        assert_eq!(Permission::of("sign"), None);
    }
}
