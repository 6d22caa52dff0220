//! Builders: rows that tests start from.

use jiff::{ToSpan, civil::Date};
use sportello::ids::{BookingId, CityId, EventId, UserId};

use super::app::TestApp;

/// An event to be made: published, free of charge, thirty days from now, with ten tickets.
pub(crate) struct AnEvent<'a> {
    app: &'a TestApp,
    capacity: i32,
    price_cents: i64,
    days_ahead: i64,
    host: Option<UserId>,
}

impl TestApp {
    /// Makes a person.
    pub(crate) async fn a_user(&self) -> UserId {
        let id = UserId::new(self.app.clock.now());
        let email = format!("{id}@example.org");
        let sql = "INSERT INTO users (id, email, name, password_hash) VALUES ($1, $2, 'Anna Bianchi', 'x')";
        self.database.client().await.execute(sql, &[&id, &email]).await.unwrap();
        id
    }

    /// Makes an event.
    pub(crate) fn an_event(&self) -> AnEvent<'_> {
        AnEvent { app: self, capacity: 10, price_cents: 0, days_ahead: 30, host: None }
    }

    /// Makes a city; its name in URLs.
    pub(crate) async fn a_city(&self) -> String {
        let city = CityId::new(self.app.clock.now());
        let slug = format!("city-{city}");
        let sql = "INSERT INTO cities (id, slug, name, province) VALUES ($1, $2, 'Bologna', 'BO')";
        self.database.client().await.execute(sql, &[&city, &slug]).await.unwrap();
        slug
    }

    /// Makes a free booking of this person, on the event's first day.
    pub(crate) async fn a_visit(&self, event: &str, user: UserId, status: &str) {
        let now = self.app.clock.now();
        let id = BookingId::new(now);
        let sql = "INSERT INTO bookings (id, event_id, user_id, tickets, event_date, unit_cents, total_cents, status,
                code, confirmed_at, cancelled_at, created_at, updated_at)
            SELECT $1, e.id, $3, 1, e.starts_on, 0, 0, $4, $1::uuid::text, $5,
                CASE WHEN $4 = 'cancelled' THEN $5::timestamptz END, $5, $5 FROM events e WHERE e.slug = $2";
        self.database.client().await.execute(sql, &[&id, &event, &user, &status, &now]).await.unwrap();
    }

    /// The first column of the first row.
    pub(crate) async fn value<T: for<'r> postgres_types::FromSql<'r>>(&self, sql: &str) -> T {
        self.database.client().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Today, where the tests' events are.
    pub(crate) fn today(&self) -> Date {
        self.app.clock.now().in_tz("Europe/Rome").unwrap().date()
    }
}

impl AnEvent<'_> {
    pub(crate) fn with_capacity(mut self, capacity: i32) -> Self {
        self.capacity = capacity;
        self
    }

    pub(crate) fn priced(mut self, cents: i64) -> Self {
        self.price_cents = cents;
        self
    }

    pub(crate) fn days_ahead(mut self, days: i64) -> Self {
        self.days_ahead = days;
        self
    }

    pub(crate) fn hosted_by(mut self, host: UserId) -> Self {
        self.host = Some(host);
        self
    }

    /// Its name in URLs.
    pub(crate) async fn create(self) -> String {
        let now = self.app.app.clock.now();
        let event = EventId::new(now);
        let host = match self.host {
            Some(host) => host,
            None => self.app.a_user().await,
        };
        let (city, slug) = (self.app.a_city().await, format!("event-{event}"));
        let date = self.app.today() + self.days_ahead.days();
        let client = self.app.database.client().await;
        let sql = "INSERT INTO events (id, slug, host_id, city_id, title, description, category, location, starts_on,
                ends_on, price_cents, capacity, tickets_left)
            VALUES ($1, $2, $3, (SELECT id FROM cities WHERE slug = $4), 'Concerto', 'Musica', 'music', 'Piazza Maggiore', $5, $5, $6, $7, $7)";
        client
            .execute(sql, &[&event, &slug, &host, &city, &date, &self.price_cents, &self.capacity])
            .await
            .unwrap();
        slug
    }
}
