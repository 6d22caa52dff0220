//! Who works in a clinic, and what they may do there: the one condition, put into every statement about a clinic's things.
//!
//! A member may do what is permitted, from the moment of agreeing on, and only as long as the account has the role. Who
//! manages the members may do everything: they could permit it to themselves.

use serde::{Deserialize, Serialize};

use crate::{
    db::{Db, DbError},
    ids::{ClinicId, UserId},
    key,
};

/// What somebody may be permitted in a clinic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ClinicPermission)]
pub enum Permission {
    /// Patients and what is kept of them are read.
    ReadPatients,
    /// Patients are registered, changed, archived; their consents are written down.
    WritePatients,
    /// Documents are uploaded and removed.
    WriteDocuments,
    /// Analyses are entered and run.
    WriteAnalyses,
    /// Reports are made.
    WriteReports,
    /// People are invited and removed. Includes all the others.
    ManageMembers,
    /// Two records of one patient are made one.
    MergePatients,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ReadPatients,
        Self::WritePatients,
        Self::WriteDocuments,
        Self::WriteAnalyses,
        Self::WriteReports,
        Self::ManageMembers,
        Self::MergePatients,
    ];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadPatients => "read_patients",
            Self::WritePatients => "write_patients",
            Self::WriteDocuments => "write_documents",
            Self::WriteAnalyses => "write_analyses",
            Self::WriteReports => "write_reports",
            Self::ManageMembers => "manage_members",
            Self::MergePatients => "merge_patients",
        }
    }

    /// From its stored name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == name)
    }
}

/// The condition under which somebody may do something in a clinic: write `at_clinic!("write_patients", "p.clinic_id", "$2")`.
///
/// Nobody works in two clinics: the clinic is one value, with which a list begins and an object is compared.
macro_rules! at_clinic {
    ($permission:literal, $clinic:literal, $who:literal) => {
        concat!(
            "(",
            $clinic,
            " = (SELECT s.clinic_id FROM clinic_member AS s JOIN users AS su ON su.id = s.user_id
                WHERE s.user_id = ",
            $who,
            " AND su.roles @> '{staff}' AND s.agreed_at IS NOT NULL AND s.permissions && '{",
            $permission,
            ",manage_members}'))"
        )
    };
}

/// The same for a permission that is an argument: `at_clinic_as!("$3", "p.clinic_id", "$2")`.
macro_rules! at_clinic_as {
    ($permission:literal, $clinic:literal, $who:literal) => {
        concat!(
            "(",
            $clinic,
            " = (SELECT s.clinic_id FROM clinic_member AS s JOIN users AS su ON su.id = s.user_id
                WHERE s.user_id = ",
            $who,
            " AND su.roles @> '{staff}' AND s.agreed_at IS NOT NULL AND s.permissions && ARRAY[",
            $permission,
            "::text, 'manage_members']))"
        )
    };
}

/// As `at_clinic!`, whatever the member is permitted: `at_clinic_at_all!("c.id", "$2")`.
macro_rules! at_clinic_at_all {
    ($clinic:literal, $who:literal) => {
        concat!(
            "(",
            $clinic,
            " = (SELECT s.clinic_id FROM clinic_member AS s JOIN users AS su ON su.id = s.user_id
                WHERE s.user_id = ",
            $who,
            " AND su.roles @> '{staff}' AND s.agreed_at IS NOT NULL))"
        )
    };
}

/// Where somebody works, and what they may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The clinic.
    pub clinic: ClinicId,
    /// What is permitted.
    pub permissions: Vec<Permission>,
}

impl Standing {
    /// Whether this is permitted.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.iter().any(|it| *it == permission || *it == Permission::ManageMembers)
    }
}

/// Where somebody works. What they may do is asked again by each statement.
pub async fn standing(db: &Db, user: UserId) -> Result<Option<Standing>, DbError> {
    const STANDING: &str = "-- clinic.staff.standing
        SELECT k.n, s.clinic_id, s.permissions FROM unnest($1::uuid[]) WITH ORDINALITY AS k (user_id, n)
        JOIN clinic_member AS s ON s.user_id = k.user_id JOIN users AS su ON su.id = s.user_id
        WHERE su.roles @> '{staff}' AND s.agreed_at IS NOT NULL";
    Ok(db.lookup(STANDING, key![user]).await?.first().map(|row| Standing {
        clinic: row.get("clinic_id"),
        // One that only a newer server knows permits nothing here.
        permissions: row.get::<_, Vec<&str>>("permissions").into_iter().filter_map(Permission::of).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::{Permission, Standing};
    use crate::ids::ClinicId;

    #[test]
    fn permissions_are_stored_by_the_names_that_the_api_has() {
        for permission in Permission::ALL {
            assert_eq!(Permission::of(permission.as_str()), Some(permission));
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.as_str());
        }
        assert_eq!(Permission::of("operate"), None);
    }

    #[test]
    fn who_manages_may_do_everything() {
        let clinic = ClinicId(uuid::Uuid::nil());
        let all = |permissions| {
            let standing = Standing { clinic, permissions };
            Permission::ALL.map(|it| standing.may(it))
        };
        assert_eq!(all(vec![Permission::ManageMembers]), [true; 7]);
        assert_eq!(all(vec![Permission::WritePatients]), [false, true, false, false, false, false, false]);
        assert_eq!(all(Vec::new()), [false; 7]);
    }
}
