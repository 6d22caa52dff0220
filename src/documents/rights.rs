//! Who may do what with a document: the one condition, put into every statement about documents.

use crate::{accounts::policy::Principal, ids::UserId};

/// The condition under which a person may do something with document `d` at a time. The right is the name of its column in
/// `document_permission`; owners may do everything. What is of a clinic is reached through the clinic desk alone. Write `permitted!("can_read", "$2", "$3")`.
macro_rules! permitted {
    ($right:literal, $who:literal, $now:literal) => {
        concat!(
            "(d.deleted_at IS NULL AND NOT d.of_clinic AND (d.owner_id = ",
            $who,
            " OR EXISTS (SELECT FROM document_permission AS p
                WHERE p.document_id = d.id AND p.user_id = ",
            $who,
            " AND p.",
            $right,
            " AND (p.expires_at IS NULL OR p.expires_at > ",
            $now,
            "))))"
        )
    };
}
pub(crate) use permitted;

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewer {
    /// The person.
    pub user: UserId,
    /// Sees that every document exists.
    pub sees_all: bool,
}

impl From<&Principal> for Viewer {
    fn from(principal: &Principal) -> Self {
        Self { user: principal.user, sees_all: principal.is_admin() }
    }
}
