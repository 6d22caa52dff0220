//! Sales day by day, in the event's time zone.

use jiff::civil::Date;

use crate::{
    args,
    db::{Db, DbError},
    ids::UserId,
};

/// What happened on one day. Over all days, `paid_cents` less `refunded_cents` is the event's revenue.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Day {
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// Bookings made, whatever became of them later.
    pub bookings: i64,
    /// Their tickets.
    pub tickets: i64,
    /// What was paid, for bookings of this day or before.
    pub paid_cents: i64,
    /// Tickets that came back: cancelled, expired.
    pub returned: i64,
    /// What was returned to buyers.
    pub refunded_cents: i64,
}

/// Days from `from` to `to` on which something happened; `None` if there is no such event for `manager`.
pub async fn by_day(
    db: &Db,
    slug: String,
    manager: Option<UserId>,
    from: Date,
    to: Date,
) -> Result<Option<Vec<Day>>, DbError> {
    const BY_DAY: &str = "-- events.hosting.sales_by_day
        WITH event AS MATERIALIZED (
            SELECT id, time_zone FROM events WHERE slug = $1 AND ($2::uuid IS NULL OR host_id = $2)
        ), happened AS (
            SELECT (b.created_at AT TIME ZONE e.time_zone)::date AS day, 1 AS bookings, b.tickets, 0::bigint AS paid,
                0 AS returned, 0::bigint AS refunded
            FROM event e JOIN bookings b ON b.event_id = e.id
            UNION ALL
            SELECT (b.confirmed_at AT TIME ZONE e.time_zone)::date, 0, 0, b.total_cents, 0, 0
            FROM event e JOIN bookings b ON b.event_id = e.id WHERE b.confirmed_at IS NOT NULL
            UNION ALL
            SELECT (b.cancelled_at AT TIME ZONE e.time_zone)::date, 0, 0, 0, b.tickets, b.refund_cents
            FROM event e JOIN bookings b ON b.event_id = e.id WHERE b.cancelled_at IS NOT NULL
        ), days AS (
            SELECT day, sum(bookings)::bigint AS bookings, sum(tickets)::bigint AS tickets, sum(paid)::bigint AS paid,
                sum(returned)::bigint AS returned, sum(refunded)::bigint AS refunded
            FROM happened WHERE day BETWEEN $3 AND $4 GROUP BY day
        )
        SELECT days.* FROM event LEFT JOIN days ON true ORDER BY day";
    let rows = db.read(BY_DAY, args![slug, manager, from, to]).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    // An event on which nothing happened has one row without a day.
    let days = rows.iter().filter_map(|row| {
        Some(Day {
            date: row.get::<_, Option<Date>>("day")?,
            bookings: row.get("bookings"),
            tickets: row.get("tickets"),
            paid_cents: row.get("paid"),
            returned: row.get("returned"),
            refunded_cents: row.get("refunded"),
        })
    });
    Ok(Some(days.collect()))
}
