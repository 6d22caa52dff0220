//! The tables that are filled, with what of them.

use tokio_postgres::types::Type;

use super::rows::Table;

pub(super) static CITIES_TABLE: Table = Table {
    name: "cities",
    copy: "-- seed.cities
        COPY cities (id, slug, name, province, is_featured, created_at) FROM STDIN WITH (FORMAT binary)",
    types: &[Type::UUID, Type::TEXT, Type::TEXT, Type::TEXT, Type::BOOL, Type::TIMESTAMPTZ],
    varies: None,
};

pub(super) static HOSTS: Table = people("hosts");
pub(super) static USERS: Table = people("users");

const fn people(name: &'static str) -> Table {
    const TYPES: &[Type] = &[
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT_ARRAY,
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
    ];
    Table {
        name,
        copy: "-- seed.users
            COPY users (id, email, name, roles, password_hash, email_verified_at, created_at, updated_at)
            FROM STDIN WITH (FORMAT binary)",
        types: TYPES,
        varies: Some(4), // the hash of the password is salted anew
    }
}

pub(super) static EVENTS: Table = Table {
    name: "events",
    copy: "-- seed.events
        COPY events (id, slug, host_id, city_id, title, description, category, location, starts_on, ends_on, start_time,
            price_cents, capacity, is_featured, created_at, updated_at, search, tickets_left, rating_sum, rating_count,
            bookings_count) FROM STDIN WITH (FORMAT binary)",
    types: &[
        Type::UUID,
        Type::TEXT,
        Type::UUID,
        Type::UUID,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::TEXT,
        Type::DATE,
        Type::DATE,
        Type::TIME,
        Type::INT8,
        Type::INT4,
        Type::BOOL,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::TS_VECTOR,
        Type::INT4,
        Type::INT8,
        Type::INT4,
        Type::INT4,
    ],
    varies: None,
};

pub(super) static BOOKINGS: Table = Table {
    name: "bookings",
    copy: "-- seed.bookings
        COPY bookings (id, event_id, user_id, tickets, event_date, unit_cents, total_cents, status, code,
            hold_expires_at, confirmed_at, created_at, updated_at) FROM STDIN WITH (FORMAT binary)",
    types: &[
        Type::UUID,
        Type::UUID,
        Type::UUID,
        Type::INT2,
        Type::DATE,
        Type::INT8,
        Type::INT8,
        Type::TEXT,
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
    ],
    varies: None,
};

pub(super) static REVIEWS: Table = Table {
    name: "reviews",
    copy: "-- seed.reviews
        COPY reviews (id, event_id, user_id, rating, comment, created_at, updated_at)
        FROM STDIN WITH (FORMAT binary)",
    types: &[
        Type::UUID,
        Type::UUID,
        Type::UUID,
        Type::INT2,
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMPTZ,
    ],
    varies: None,
};
