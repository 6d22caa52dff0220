//! How many offices there are, and what their licences bring in.

use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    args,
    db::{Db, DbError},
};

/// Figures of the desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NotaryStatistics)]
pub struct Statistics {
    /// Offices by their licence.
    pub notaries: Notaries,
    /// What valid licences bring in.
    pub revenue: Revenue,
    /// Appointments of all offices.
    pub appointments: Appointments,
}

/// Appointments by where they are in their lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AppointmentCounts)]
pub struct Appointments {
    /// All of them, whatever became of them.
    pub total: i64,
    /// Requests that nobody has answered yet.
    pub pending: i64,
    /// Those that took place.
    pub completed: i64,
}

/// Offices by their licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NotariesByLicence)]
pub struct Notaries {
    /// All of them.
    pub total: i64,
    /// With a licence for more than 30 days.
    pub active: i64,
    /// With one that ends within 30 days.
    pub expiring_soon: i64,
    /// Whose licence is over.
    pub expired: i64,
    /// Whose licence was taken.
    pub disabled: i64,
    /// Verified by an administrator, whatever their licence.
    pub verified: i64,
}

/// What valid licences bring in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LicenceRevenue)]
pub struct Revenue {
    /// Each month, from those that are paid by month.
    pub monthly_cents: i64,
    /// Each year, from those that are paid by year.
    pub annual_cents: i64,
    /// Within a year: twelve times the one, and the other.
    pub projected_annual_cents: i64,
    /// ISO 4217.
    pub currency: &'static str,
}

/// The figures of `today`.
pub async fn statistics(db: &Db, today: Date) -> Result<Statistics, DbError> {
    const STATISTICS: &str = concat!(
        "-- notary.administration.statistics
        SELECT count(*) AS total, count(*) FILTER (WHERE x.status = 'active') AS active,
            count(*) FILTER (WHERE x.status = 'expiring_soon') AS expiring_soon,
            count(*) FILTER (WHERE x.status = 'expired') AS expired,
            count(*) FILTER (WHERE x.status = 'disabled') AS disabled, count(*) FILTER (WHERE x.is_verified) AS verified,
            coalesce(sum(x.fee) FILTER (WHERE x.every = 'month' AND x.status IN ('active', 'expiring_soon')), 0)::bigint
                AS monthly,
            coalesce(sum(x.fee) FILTER (WHERE x.every = 'year' AND x.status IN ('active', 'expiring_soon')), 0)::bigint
                AS annual,
            (SELECT count(*) FROM appointment) AS appointments,
            (SELECT count(*) FROM appointment a WHERE a.status = 'provisional') AS pending,
            (SELECT count(*) FROM appointment a WHERE a.status = 'completed') AS completed
        FROM (SELECT ",
        licence_status!("n", "$1::date"),
        " AS status, n.is_verified, n.licence_fee_cents AS fee, n.licence_fee_every AS every
            FROM notary AS n JOIN users AS u ON u.id = n.user_id AND u.erased_at IS NULL) AS x"
    );
    let rows = db.read(STATISTICS, args![today]).await?;
    let count = |column: &str| rows.first().map_or(0, |row| row.get::<_, i64>(column));
    let (monthly_cents, annual_cents) = (count("monthly"), count("annual"));
    Ok(Statistics {
        notaries: Notaries {
            total: count("total"),
            active: count("active"),
            expiring_soon: count("expiring_soon"),
            expired: count("expired"),
            disabled: count("disabled"),
            verified: count("verified"),
        },
        revenue: Revenue {
            monthly_cents,
            annual_cents,
            projected_annual_cents: monthly_cents.saturating_mul(12).saturating_add(annual_cents),
            currency: "EUR",
        },
        appointments: Appointments {
            total: count("appointments"),
            pending: count("pending"),
            completed: count("completed"),
        },
    })
}
