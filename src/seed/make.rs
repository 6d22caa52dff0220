//! Rows: first what happens is chosen, then it is written, table by table. COPY may take the tables in any order,
//! because foreign keys are away; events come last, when their counters are known.

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use uuid::Uuid;

use super::{
    rows::{Chunk, Closed, Table, Vector, WEIGHTS, Writer},
    tables::{BOOKINGS, CITIES_TABLE, EVENTS, HOSTS, REVIEWS, USERS},
    words::{CITIES, COMMENTS, FIRST, KINDS, LAST, PLACES},
};
use crate::{
    accounts::policy::{Role, Roles},
    events::selling::ticket_code,
};

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
    /// Notaries with an office; they are not part of the checksum.
    pub notaries: usize,
    /// Patients of a clinic, which is made if there are any; they are not part of the checksum.
    pub patients: usize,
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
            notaries: 0,
            patients: 0,
            seed,
            now: day(now),
            password_hash,
        }
    }

    /// A small town's season, the notaries of a country, and a clinic.
    pub fn demo(now: Timestamp, password_hash: String) -> Self {
        Self { hosts: 6, users: 20, notaries: 200, patients: 50, ..Self::sized(120, 7, now, password_hash) }
    }

    /// Rows in all, for a progress bar.
    pub fn rows(&self) -> usize {
        self.events + self.bookings + self.reviews + self.hosts + self.users + CITIES.len()
    }
}

/// What was made.
pub(super) struct Made {
    pub(super) bookings: usize,
    pub(super) reviews: usize,
    pub(super) checksum: String,
}

/// When the day of `now` began.
fn day(now: Timestamp) -> Timestamp {
    now.to_zoned(TimeZone::UTC).start_of_day().expect("UTC has no odd days").timestamp()
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same in every version of every library.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A UUIDv7 whose time is `at`, so that ids lie in the order of time, as real ones do.
    pub(super) fn id(&mut self, at: Timestamp) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        let random: [u8; 10] = bytes[6..].try_into().expect("ten of sixteen");
        uuid::Builder::from_unix_timestamp_millis(at.as_millisecond() as u64, &random).into_uuid()
    }
}

/// What of an event its bookings and reviews must know, and what they make of it.
struct Event {
    id: Uuid,
    from: Date,
    to: Date,
    hour: i8,
    category: &'static str,
    what: &'static str,
    whom: &'static str,
    place: &'static str,
    city: usize,
    host: Uuid,
    made: Timestamp,
    featured: bool,
    capacity: i32,
    price: i64,
    taken: i32,
    bookings: i32,
    rating_sum: i64,
    rating_count: i32,
}

/// Makes all rows; `send` takes them.
pub(super) fn make(options: &Options, send: impl FnMut(Chunk) -> bool) -> Result<Made, Closed> {
    let mut random = Random::new(options.seed);
    let mut out = Writer::new(&CITIES_TABLE, send);
    let cities: Vec<Uuid> = CITIES.iter().map(|_| random.id(options.now)).collect();
    for ((name, province, featured), id) in CITIES.iter().zip(&cities) {
        out.row(&[id, &slug(name), name, province, featured, &options.now])?;
    }
    let hosts = people(&mut random, options, (&HOSTS, "host", Role::Host.into(), options.hosts), &mut out)?;
    let users = people(&mut random, options, (&USERS, "user", Roles::CLIENT, options.users), &mut out)?;
    let mut events: Vec<Event> = (0..options.events).map(|_| event(&mut random, options, &hosts)).collect();
    let (bookings, passed) = bookings(&mut random, options, &mut events, &users, &mut out)?;
    let reviews = reviews(&mut random, options, &mut events, passed, &mut out)?;
    out.table(&EVENTS)?;
    for (number, event) in events.iter().enumerate() {
        write_event(number + 1, event, cities[event.city], &mut out)?;
    }
    Ok(Made { bookings, reviews, checksum: out.finish()? })
}

fn people(
    random: &mut Random,
    options: &Options,
    (table, name_of, roles, count): (&'static Table, &str, Roles, usize),
    out: &mut Writer<impl FnMut(Chunk) -> bool>,
) -> Result<Vec<Uuid>, Closed> {
    out.table(table)?;
    let (mut ids, roles) = (Vec::with_capacity(count), roles.names());
    for number in 1..=count {
        let id = random.id(options.now);
        let email = format!("{name_of}{number}@sportello.example");
        let name = format!("{} {}", random.pick(&FIRST), random.pick(&LAST));
        let now = &options.now;
        out.row(&[&id, &email, &name, &roles, &options.password_hash, now, now, now])?;
        ids.push(id);
    }
    Ok(ids)
}

fn slug(text: &str) -> String {
    let plain = deunicode::deunicode(text).to_lowercase();
    plain
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

/// An event: two in three are still to come.
fn event(random: &mut Random, options: &Options, hosts: &[Uuid]) -> Event {
    let (category, whats, whoms) = random.pick(&KINDS);
    let today = options.now.to_zoned(TimeZone::UTC).date();
    let from = today.saturating_add((random.below(270) as i64 - 90).days());
    let days = if random.below(6) == 0 { random.below(4) as i64 } else { 0 };
    let made = options.now - SignedDuration::from_mins(random.below(180 * 24 * 60) as i64);
    Event {
        id: random.id(made),
        from,
        to: from.saturating_add(days.days()),
        hour: 9 + random.below(13) as i8,
        category,
        what: random.pick(&whats),
        whom: random.pick(&whoms),
        place: random.pick(&PLACES),
        city: random.below(CITIES.len()),
        host: random.pick(hosts),
        made,
        featured: random.below(20) == 0,
        capacity: random.pick(&[10, 20, 40, 80, 150, 400]),
        price: if random.below(5) == 0 { 0 } else { (random.below(60) as i64 + 5) * 100 },
        taken: 0,
        bookings: 0,
        rating_sum: 0,
        rating_count: 0,
    }
}

fn write_event(
    number: usize,
    event: &Event,
    city: Uuid,
    out: &mut Writer<impl FnMut(Chunk) -> bool>,
) -> Result<(), Closed> {
    let Event { id, from, to, hour, category, place, host, made, featured, capacity, price, .. } = event;
    let title = format!("{} {}", event.what, event.whom);
    let (city_name, province, _) = CITIES[event.city];
    let description = format!(
        "{title} a {city_name}. Un appuntamento da non perdere: {place} apre le porte a {capacity} persone per una \
         giornata dedicata a chi ama stare insieme."
    );
    let folded = [&title[..], &format!("{place} {city_name} {province}"), category, &description]
        .map(|text| deunicode::deunicode(text).to_lowercase());
    let slug = format!("{}-{number}", slug(&title));
    let start = jiff::civil::time(*hour, 0, 0, 0);
    let left = capacity - event.taken;
    out.row(&[
        id,
        &slug,
        host,
        &city,
        &title,
        &description,
        category,
        place,
        from,
        to,
        &start,
        price,
        capacity,
        featured,
        made,
        made,
        &search(&folded),
        &left,
        &event.rating_sum,
        &event.rating_count,
        &event.bookings,
    ])
}

/// What the trigger `events_search` would make: each word, folded, with its place and its weight.
fn search(folded: &[String; 4]) -> Vector<'_> {
    let weighed = folded.iter().zip(WEIGHTS).flat_map(|(text, weight)| {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.map(move |word| (word, weight))
    });
    Vector::new(weighed.zip(1..).map(|((word, weight), place)| (word, weight | place)).collect())
}

/// Bookings, and the visits that have passed: (event, buyer).
fn bookings(
    random: &mut Random,
    options: &Options,
    events: &mut [Event],
    users: &[Uuid],
    out: &mut Writer<impl FnMut(Chunk) -> bool>,
) -> Result<(usize, Vec<(usize, Uuid)>), Closed> {
    out.table(&BOOKINGS)?;
    let today = options.now.to_zoned(TimeZone::UTC).date();
    let (mut rows, mut passed) = (0, Vec::new());
    // Until tomorrow ends, whenever today this is: holds that have run out would all be expired at once.
    let held_until = options.now + SignedDuration::from_hours(48);
    // A full event takes no more: another is tried, within reason.
    for _ in 0..options.bookings * 2 {
        if rows == options.bookings {
            break;
        }
        let (index, user) = (random.below(events.len()), random.pick(users));
        let event = &mut events[index];
        let tickets = 1 + random.below(4) as i16;
        if event.taken + i32::from(tickets) > event.capacity {
            continue;
        }
        event.taken += i32::from(tickets);
        event.bookings += 1;
        rows += 1;
        let made = options.now - SignedDuration::from_mins(random.below(20 * 60) as i64 + 1);
        let is_past = event.from < today;
        let is_held = !is_past && event.price > 0 && random.below(8) == 0;
        let status = match (is_past, is_held) {
            (true, _) => "completed",
            (false, true) => "pending",
            (false, false) => "confirmed",
        };
        let code = (!is_held).then(|| ticket_code(random.next()));
        let (hold, confirmed) = (is_held.then_some(held_until), (!is_held).then_some(made));
        let (id, total) = (random.id(made), event.price * i64::from(tickets));
        let Event { id: event_id, from, price, .. } = &*event;
        out.row(&[
            &id, event_id, &user, &tickets, from, price, &total, &status, &code, &hold, &confirmed, &made,
            &made,
        ])?;
        if is_past {
            passed.push((index, user));
        }
    }
    Ok((rows, passed))
}

fn reviews(
    random: &mut Random,
    options: &Options,
    events: &mut [Event],
    mut passed: Vec<(usize, Uuid)>,
    out: &mut Writer<impl FnMut(Chunk) -> bool>,
) -> Result<usize, Closed> {
    out.table(&REVIEWS)?;
    passed.sort_unstable();
    passed.dedup(); // one review per person and event
    passed.truncate(options.reviews);
    for (index, user) in &passed {
        let rating: i16 = random.pick(&[3, 4, 4, 5, 5, 5, 2]);
        let event = &mut events[*index];
        event.rating_sum += i64::from(rating);
        event.rating_count += 1;
        let made = options.now - SignedDuration::from_mins(random.below(60 * 24 * 60) as i64);
        let (id, comment) = (random.id(made), random.pick(&COMMENTS));
        out.row(&[&id, &event.id, user, &rating, &comment, &made, &made])?;
    }
    Ok(passed.len())
}
