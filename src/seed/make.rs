//! Rows, as text for COPY.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use uuid::Uuid;

use super::words::{CITIES, COMMENTS, FIRST, KINDS, LAST, PLACES};
use crate::events::selling::ticket_code;

/// How much of what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Events.
    pub events: usize,
    /// Bookings wanted; fewer only if nearly every event is full.
    pub bookings: usize,
    /// Reviews wanted; only visits that have passed are reviewed.
    pub reviews: usize,
    /// Hosts.
    pub hosts: usize,
    /// Buyers.
    pub users: usize,
    /// The same seed gives the same rows, on the same day.
    pub seed: u64,
    /// The moment to which all dates are relative: when the day began.
    pub now: Timestamp,
    /// Of every account.
    pub password_hash: String,
}

impl Options {
    /// Two bookings and half a review per event.
    pub fn sized(events: usize, seed: u64, now: Timestamp, password_hash: String) -> Self {
        Self {
            events,
            bookings: events * 2,
            reviews: events / 2,
            hosts: (events / 50).clamp(1, 2000),
            users: (events / 2).clamp(1, 50_000),
            seed,
            now: day(now),
            password_hash,
        }
    }

    /// A small town's season.
    pub fn demo(now: Timestamp, password_hash: String) -> Self {
        Self { hosts: 6, users: 20, ..Self::sized(120, 7, now, password_hash) }
    }

    /// Rows in all, for a progress bar.
    pub fn rows(&self) -> usize {
        self.events + self.bookings + self.reviews + self.hosts + self.users + CITIES.len()
    }
}

/// One table's rows.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) copy: &'static str,
    pub(super) text: String,
    pub(super) rows: usize,
}

/// Everything to be written, in the order of its foreign keys.
pub(super) struct Made {
    pub(super) tables: Vec<Table>,
    pub(super) bookings: usize,
    pub(super) reviews: usize,
}

/// When the day of `now` began.
fn day(now: Timestamp) -> Timestamp {
    now.to_zoned(TimeZone::UTC).start_of_day().expect("UTC has no odd days").timestamp()
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same in every version of every library.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A UUIDv7 whose time is `at`, so that ids lie in the order of time, as real ones do.
    fn id(&mut self, at: Timestamp) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        let random: [u8; 10] = bytes[6..].try_into().expect("ten of sixteen");
        uuid::Builder::from_unix_timestamp_millis(at.as_millisecond() as u64, &random).into_uuid()
    }
}

struct Event {
    id: Uuid,
    from: Date,
    capacity: i32,
    taken: i32,
    price: i64,
    ratings: Vec<usize>,
    bookings: i32,
    line: String,
}

/// Makes all rows.
pub(super) fn make(options: &Options) -> Made {
    let mut random = Random(options.seed);
    let now = options.now;
    let cities: Vec<Uuid> = CITIES.iter().map(|_| random.id(now)).collect();
    let hosts = people(&mut random, options, "host", options.hosts);
    let users = people(&mut random, options, "user", options.users);
    let mut events: Vec<Event> =
        (0..options.events).map(|number| event(&mut random, options, number, &hosts.1, &cities)).collect();
    let (bookings, passed) = bookings(&mut random, options, &mut events, &users.1);
    let reviews = reviews(&mut random, options, &mut events, passed);
    let counts = (bookings.rows, reviews.rows);
    Made {
        tables: vec![
            cities_table(&cities, now),
            table("hosts", PEOPLE, hosts.0, options.hosts),
            table("users", PEOPLE, users.0, options.users),
            events_table(&events),
            bookings,
            reviews,
        ],
        bookings: counts.0,
        reviews: counts.1,
    }
}

const PEOPLE: &str = "-- seed.users
COPY users (id, email, name, role, password_hash, created_at, updated_at) FROM STDIN";

fn table(name: &'static str, copy: &'static str, text: String, rows: usize) -> Table {
    Table { name, copy, text, rows }
}

fn people(random: &mut Random, options: &Options, role: &str, count: usize) -> (String, Vec<Uuid>) {
    let (mut text, mut ids) = (String::new(), Vec::with_capacity(count));
    let now = options.now;
    for number in 1..=count {
        let id = random.id(options.now);
        let (first, last) = (random.pick(&FIRST), random.pick(&LAST));
        let _ = writeln!(
            text,
            "{id}\t{role}{number}@sportello.example\t{first} {last}\t{role}\t{}\t{now}\t{now}",
            options.password_hash
        );
        ids.push(id);
    }
    (text, ids)
}

fn slug(text: &str) -> String {
    let plain = deunicode::deunicode(text).to_lowercase();
    plain
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

fn cities_table(ids: &[Uuid], now: Timestamp) -> Table {
    let mut text = String::new();
    for ((name, province, featured), id) in CITIES.iter().zip(ids) {
        let _ = writeln!(text, "{id}\t{}\t{name}\t{province}\t{featured}\t{now}", slug(name));
    }
    table(
        "cities",
        "-- seed.cities\nCOPY cities (id, slug, name, province, is_featured, created_at) FROM STDIN",
        text,
        CITIES.len(),
    )
}

/// An event: two in three are still to come.
fn event(random: &mut Random, options: &Options, number: usize, hosts: &[Uuid], cities: &[Uuid]) -> Event {
    let (category, whats, whoms) = random.pick(&KINDS);
    let (what, whom) = (random.pick(&whats), random.pick(&whoms));
    let city = random.below(cities.len());
    let title = format!("{what} {whom}");
    let today = options.now.to_zoned(TimeZone::UTC).date();
    let from = today.saturating_add((random.below(270) as i64 - 90).days());
    let to = from.saturating_add((if random.below(6) == 0 { random.below(4) as i64 } else { 0 }).days());
    let capacity = random.pick(&[10, 20, 40, 80, 150, 400]);
    let price = if random.below(5) == 0 { 0 } else { (random.below(60) as i64 + 5) * 100 };
    let made = options.now - SignedDuration::from_mins(random.below(180 * 24 * 60) as i64);
    let id = random.id(made);
    let slug = format!("{}-{}", slug(&title), number + 1);
    let place = random.pick(&PLACES);
    let hour = 9 + random.below(13);
    let featured = random.below(20) == 0;
    let host = random.pick(hosts);
    let description = format!(
        "{title} a {}. Un appuntamento da non perdere: {} apre le porte a {capacity} persone per una giornata \
         dedicata a chi ama stare insieme.",
        CITIES[city].0, place
    );
    let (city_name, province, _) = CITIES[city];
    let where_it_is = format!("{place} {city_name} {province}");
    let search = search(&[(&title, "A"), (&where_it_is, "B"), (category, "C"), (&description, "")]);
    let line = format!(
        "{id}\t{slug}\t{host}\t{}\t{title}\t{description}\t{category}\t{place}\t{from}\t{to}\t{hour:02}:00\t{price}\
         \t{capacity}\t{featured}\t{made}\t{made}\t{search}",
        cities[city]
    );
    Event { id, from, capacity, taken: 0, price, ratings: Vec::new(), bookings: 0, line }
}

/// What the trigger `events_search` would make: each word, folded, with its place and its weight.
fn search(parts: &[(&str, &str)]) -> String {
    let (mut vector, mut place) = (String::new(), 0);
    for (text, weight) in parts {
        let folded = deunicode::deunicode(text).to_lowercase();
        for word in folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
            place += 1;
            let _ = write!(vector, "{word}:{place}{weight} ");
        }
    }
    vector
}

fn events_table(events: &[Event]) -> Table {
    const COPY: &str = "-- seed.events
COPY events (id, slug, host_id, city_id, title, description, category, location, starts_on,
        ends_on, start_time, price_cents, capacity, is_featured, created_at, updated_at, search, tickets_left, rating_sum, rating_count,
        bookings_count) FROM STDIN";
    let mut text = String::new();
    for event in events {
        let (sum, count) = (event.ratings.iter().sum::<usize>(), event.ratings.len());
        let left = event.capacity - event.taken;
        let _ = writeln!(text, "{}\t{left}\t{sum}\t{count}\t{}", event.line, event.bookings);
    }
    table("events", COPY, text, events.len())
}

/// Bookings, and the visits that have passed: (event, buyer).
fn bookings(
    random: &mut Random,
    options: &Options,
    events: &mut [Event],
    users: &[Uuid],
) -> (Table, Vec<(usize, Uuid)>) {
    const COPY: &str = "-- seed.bookings
COPY bookings (id, event_id, user_id, tickets, event_date, unit_cents, total_cents, status,
        code, hold_expires_at, confirmed_at, created_at, updated_at) FROM STDIN";
    let today = options.now.to_zoned(TimeZone::UTC).date();
    let (mut text, mut rows, mut passed) = (String::new(), 0, Vec::new());
    // Until tomorrow ends, whenever today this is: holds that have run out would all be expired at once.
    let held_until = options.now + SignedDuration::from_hours(48);
    // A full event takes no more: another is tried, within reason.
    for _ in 0..options.bookings * 2 {
        if rows == options.bookings {
            break;
        }
        let (index, user) = (random.below(events.len()), random.pick(users));
        let event = &mut events[index];
        let tickets = 1 + random.below(4) as i32;
        if event.taken + tickets > event.capacity {
            continue;
        }
        event.taken += tickets;
        event.bookings += 1;
        rows += 1;
        let made = options.now - SignedDuration::from_mins(random.below(20 * 60) as i64 + 1);
        let is_past = event.from < today;
        let is_held = !is_past && event.price > 0 && random.below(8) == 0;
        let status = if is_past {
            "completed"
        } else if is_held {
            "pending"
        } else {
            "confirmed"
        };
        let (code, hold, confirmed) = if is_held {
            ("\\N".to_owned(), held_until.to_string(), "\\N".to_owned())
        } else {
            (ticket_code(random.next()), "\\N".to_owned(), made.to_string())
        };
        let (id, price) = (random.id(made), event.price);
        let _ = writeln!(
            text,
            "{id}\t{}\t{user}\t{tickets}\t{}\t{price}\t{}\t{status}\t{code}\t{hold}\t{confirmed}\t{made}\t{made}",
            event.id,
            event.from,
            price * i64::from(tickets)
        );
        if is_past {
            passed.push((index, user));
        }
    }
    (table("bookings", COPY, text, rows), passed)
}

fn reviews(
    random: &mut Random,
    options: &Options,
    events: &mut [Event],
    mut passed: Vec<(usize, Uuid)>,
) -> Table {
    const COPY: &str = "-- seed.reviews
COPY reviews (id, event_id, user_id, rating, comment, created_at, updated_at) FROM STDIN";
    passed.sort_unstable();
    passed.dedup(); // one review per person and event
    let mut text = String::new();
    let rows = passed.len().min(options.reviews);
    for (index, user) in passed.into_iter().take(rows) {
        let rating = random.pick(&[3, 4, 4, 5, 5, 5, 2]);
        events[index].ratings.push(rating);
        let made = options.now - SignedDuration::from_mins(random.below(60 * 24 * 60) as i64);
        let (id, comment) = (random.id(made), random.pick(&COMMENTS));
        let _ = writeln!(text, "{id}\t{}\t{user}\t{rating}\t{comment}\t{made}\t{made}", events[index].id);
    }
    table("reviews", COPY, text, rows)
}
