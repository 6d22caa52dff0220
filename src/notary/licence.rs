//! The licence of an office: what it is today, and what an office without one may not do.
//!
//! It follows from two columns and the day, nothing is stored about it. An office whose licence is not valid is read-only:
//! nobody finds it, it takes no requests, and it changes nothing. What was signed is still sent, archived and, where the law
//! wants it, annulled ([`act_needs`]), also by certified mail ([`crate::notary::certified_mail::deed`]): a public officer owes
//! that to clients, whatever became of the licence of this service.

use jiff::{ToSpan as _, civil::Date};

use crate::{
    db::{DbError, Tx},
    ids::NotaryId,
    notary::rules::machine::act,
};

/// It ends soon from so many days before its last day on.
pub const WARNING_DAYS: i32 = 30;

stored! {
    /// What a licence is on a day.
    Status as LicenceStatus {
        /// Valid, and for more than 30 days to come, or without end.
        Active = "active",
        /// Valid, and its last day is within 30 days.
        ExpiringSoon = "expiring_soon",
        /// Its last day is past.
        Expired = "expired",
        /// An administrator has taken it.
        Disabled = "disabled",
    }
}

/// What a licence is on `today`; its last day is a day of it.
pub fn status(is_active: bool, ends_on: Option<Date>, today: Date) -> Status {
    match ends_on {
        _ if !is_active => Status::Disabled,
        Some(end) if end < today => Status::Expired,
        Some(end) if end <= today.saturating_add(WARNING_DAYS.days()) => Status::ExpiringSoon,
        _ => Status::Active,
    }
}

/// Why an office may not do something. What programs are told stands in [`Invalid::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Its time is over.
    #[error("the licence of this office has expired: it can be read, but nothing can be changed or booked")]
    Expired,
    /// It was taken.
    #[error("this office is not active: it can be read, but nothing can be changed or booked")]
    Inactive,
}

impl Invalid {
    /// What it is called.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired => "licence_expired",
            Self::Inactive => "notary_inactive",
        }
    }
}

impl Status {
    /// Whether the office may be worked with.
    pub const fn valid(self) -> Result<(), Invalid> {
        match self {
            Self::Active | Self::ExpiringSoon => Ok(()),
            Self::Expired => Err(Invalid::Expired),
            Self::Disabled => Err(Invalid::Inactive),
        }
    }
}

/// Why [`require`] does not let a change happen.
#[derive(Debug, thiserror::Error)]
pub enum RequireError {
    /// There is no such office.
    #[error("there is no such office")]
    NoSuchOffice,
    /// It has no valid licence.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Nothing is changed in an office without a valid licence: ask this in the transaction of the change.
pub async fn require(tx: &mut Tx, notary: NotaryId, today: Date) -> Result<(), RequireError> {
    const LICENCE: &str = "-- notary.licence.require
        SELECT n.licence_active, n.licence_ends_on FROM notary AS n WHERE n.id = $1";
    let row = tx.query_opt(LICENCE, &[&notary]).await?.ok_or(RequireError::NoSuchOffice)?;
    status(row.get("licence_active"), row.get("licence_ends_on"), today).valid()?;
    Ok(())
}

/// Whether what happens to an act needs a valid licence: new work does, what ends a case does not.
pub const fn act_needs(event: act::Event) -> bool {
    match event {
        act::Event::Prepare | act::Event::RequestSignature | act::Event::Sign => true,
        act::Event::Send | act::Event::Archive | act::Event::Annul => false,
    }
}

/// The condition under which the licence of an office is valid on a day: `licensed!("n", "$2")`, the same as
/// [`Status::valid`].
macro_rules! licensed {
    ($office:literal, $today:literal) => {
        concat!(
            "(",
            $office,
            ".licence_active AND (",
            $office,
            ".licence_ends_on IS NULL OR ",
            $office,
            ".licence_ends_on >= ",
            $today,
            "))"
        )
    };
}

/// What [`status`] says, in a statement.
macro_rules! licence_status {
    ($office:literal, $today:literal) => {
        concat!(
            "CASE WHEN NOT ",
            $office,
            ".licence_active THEN 'disabled' WHEN ",
            $office,
            ".licence_ends_on < ",
            $today,
            " THEN 'expired' WHEN ",
            $office,
            ".licence_ends_on <= ",
            $today,
            " + 30 THEN 'expiring_soon' ELSE 'active' END"
        )
    };
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, date};

    use super::{Invalid, Status, status};

    const TODAY: Date = date(2026, 11, 21);

    #[test]
    fn a_licence_is_valid_on_its_last_day_and_ends_soon_thirty_days_before() {
        for (ends_on, expected) in [
            (None, Status::Active),
            (Some(date(2026, 12, 22)), Status::Active),
            (Some(date(2026, 12, 21)), Status::ExpiringSoon),
            (Some(TODAY), Status::ExpiringSoon),
            (Some(date(2026, 11, 20)), Status::Expired),
            (Some(Date::MAX), Status::Active),
        ] {
            assert_eq!(status(true, ends_on, TODAY), expected, "{ends_on:?}");
            assert_eq!(status(false, ends_on, TODAY), Status::Disabled);
        }
        assert_eq!(status(true, None, Date::MAX), Status::Active);
    }

    #[test]
    fn only_what_is_valid_lets_an_office_work() {
        let why = Status::ALL.iter().map(|status| status.valid().err());
        let expected = [None, None, Some(Invalid::Expired), Some(Invalid::Inactive)];
        assert!(why.eq(expected));
    }
}
