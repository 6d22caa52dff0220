//! Notaries of the demonstration: offices over the cities of Italy and San Marino, what they offer, and licences of which some
//! end soon, some are over and some were taken. They are few, so indexes and triggers do their own work.

use jiff::{ToSpan as _, civil::Date, tz::TimeZone};
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::{
    make::{Options, Random},
    words::{FIRST, LAST},
};

/// City, province, country, degrees north and east.
const CITIES: [(&str, &str, &str, f64, f64); 24] = [
    ("Roma", "RM", "IT", 41.9028, 12.4964),
    ("Milano", "MI", "IT", 45.4642, 9.1900),
    ("Bologna", "BO", "IT", 44.4949, 11.3426),
    ("Torino", "TO", "IT", 45.0703, 7.6869),
    ("Napoli", "NA", "IT", 40.8518, 14.2681),
    ("Firenze", "FI", "IT", 43.7696, 11.2558),
    ("Venezia", "VE", "IT", 45.4408, 12.3155),
    ("Genova", "GE", "IT", 44.4056, 8.9463),
    ("Palermo", "PA", "IT", 38.1157, 13.3615),
    ("Bari", "BA", "IT", 41.1171, 16.8719),
    ("Verona", "VR", "IT", 45.4384, 10.9916),
    ("Padova", "PD", "IT", 45.4064, 11.8768),
    ("Trieste", "TS", "IT", 45.6495, 13.7768),
    ("Rimini", "RN", "IT", 44.0678, 12.5695),
    ("Forlì", "FC", "IT", 44.2227, 12.0407),
    ("Ravenna", "RA", "IT", 44.4184, 12.2035),
    ("Parma", "PR", "IT", 44.8015, 10.3279),
    ("Modena", "MO", "IT", 44.6471, 10.9252),
    ("Perugia", "PG", "IT", 43.1107, 12.3908),
    ("Cagliari", "CA", "IT", 39.2238, 9.1217),
    ("Lecce", "LE", "IT", 40.3515, 18.1750),
    ("Ancona", "AN", "IT", 43.6158, 13.5189),
    ("San Marino", "SM", "SM", 43.9424, 12.4578),
    ("Borgo Maggiore", "SM", "SM", 43.9420, 12.4480),
];

const SPECIALISATIONS: [&str; 6] = [
    "powers_of_attorney",
    "persons_and_family",
    "successions_and_donations",
    "property_and_sales",
    "obligations_and_contracts",
    "companies",
];

/// What is offered, and from how many euros on.
const SERVICES: [(&str, &str, i64); 5] = [
    ("Consulenza", "Un colloquio di un'ora, in studio o a distanza.", 100),
    ("Compravendita immobiliare", "Visure, atto, registrazione e trascrizione.", 1800),
    ("Procura", "Generale o speciale, anche per l'estero.", 150),
    ("Testamento pubblico", "Con deposito e iscrizione nel registro.", 400),
    ("Costituzione di società", "Atto, statuto e iscrizione nel registro delle imprese.", 1500),
];

/// From and until, in which people are met from Monday to Friday.
const HOURS: [(&str, &str); 2] = [("09:00", "13:00"), ("15:00", "18:00")];

const STREETS: [&str; 6] =
    ["Via Garibaldi", "Corso Italia", "Piazza Mazzini", "Via Dante", "Viale della Libertà", "Via Cavour"];

/// Rows, column by column.
#[derive(Default)]
struct Columns {
    users: Vec<Uuid>,
    emails: Vec<String>,
    first_names: Vec<&'static str>,
    last_names: Vec<&'static str>,
    offices: Vec<Uuid>,
    rolls: Vec<String>,
    streets: Vec<String>,
    cities: Vec<&'static str>,
    provinces: Vec<&'static str>,
    countries: Vec<&'static str>,
    latitudes: Vec<f64>,
    longitudes: Vec<f64>,
    specialisations: Vec<String>,
    experience: Vec<i16>,
    verified: Vec<bool>,
    active: Vec<bool>,
    ends: Vec<Option<Date>>,
    fees: Vec<i64>,
    services: Vec<Uuid>,
    service_offices: Vec<Uuid>,
    positions: Vec<i16>,
    names: Vec<&'static str>,
    descriptions: Vec<&'static str>,
    prices: Vec<i64>,
    hours: Vec<Uuid>,
    hours_offices: Vec<Uuid>,
    weekdays: Vec<i16>,
    starts: Vec<&'static str>,
    ends_at: Vec<&'static str>,
}

impl Columns {
    fn add(&mut self, number: usize, random: &mut Random, options: &Options, today: Date) {
        let (user, office) = (random.id(options.now), random.id(options.now));
        let (city, province, country, latitude, longitude) = random.pick(&CITIES);
        let (first, last) = (random.pick(&FIRST), random.pick(&LAST));
        // About a kilometre around the centre.
        let mut near = |degrees: f64| degrees + (random.below(2000) as f64 - 1000.0) / 100_000.0;
        let (latitude, longitude) = (near(latitude), near(longitude));
        self.users.push(user);
        self.emails.push(format!("notaio{number}@sportello.example"));
        self.first_names.push(first);
        self.last_names.push(last);
        self.offices.push(office);
        self.rolls.push(format!("{province}-{number:04}"));
        self.streets.push(format!("{}, {}", random.pick(&STREETS), 1 + random.below(90)));
        self.cities.push(city);
        self.provinces.push(province);
        self.countries.push(country);
        self.latitudes.push(latitude);
        self.longitudes.push(longitude);
        let from = random.below(SPECIALISATIONS.len() - 1);
        self.specialisations.push(SPECIALISATIONS[from..=from + 1].join(","));
        self.experience.push(1 + random.below(40) as i16);
        self.verified.push(number % 12 != 5);
        self.active.push(number % 40 != 7);
        let days = match number {
            n if n.is_multiple_of(25) => Some(-1 - random.below(90) as i64),
            n if n.is_multiple_of(10) => Some(random.below(31) as i64),
            n if n.is_multiple_of(3) => None,
            _ => Some(31 + random.below(700) as i64),
        };
        self.ends.push(days.map(|days| today.saturating_add(days.days())));
        self.fees.push(if number.is_multiple_of(4) { 4_900 } else { 49_000 });
        for (weekday, (start, end)) in (1..=5).flat_map(|day| HOURS.iter().map(move |hours| (day, *hours))) {
            self.hours.push(random.id(options.now));
            self.hours_offices.push(office);
            self.weekdays.push(weekday);
            self.starts.push(start);
            self.ends_at.push(end);
        }
        for (position, (name, description, euros)) in SERVICES.iter().enumerate().take(2 + random.below(4)) {
            self.services.push(random.id(options.now));
            self.service_offices.push(office);
            self.positions.push(position as i16 + 1);
            self.names.push(name);
            self.descriptions.push(description);
            self.prices.push((euros + random.below(20) as i64 * 10) * 100);
        }
    }
}

/// Writes so many notaries as are wanted.
pub(super) async fn write(tx: &Transaction<'_>, options: &Options) -> Result<(), tokio_postgres::Error> {
    const USERS: &str = "-- seed.notaries.users
        INSERT INTO users (id, email, name, roles, password_hash, email_verified_at, created_at, updated_at)
        SELECT t.id, t.email, t.first || ' ' || t.last, '{client,notary}', $5, $6, $6, $6
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS t (id, email, first, last)";
    const OFFICES: &str = "-- seed.notaries.offices
        INSERT INTO notary (id, user_id, first_name, last_name, office_name, roll_number, street, city, province, country,
            latitude, longitude, specialisations, experience_years, is_verified, licence_active, licence_ends_on,
            licence_fee_cents, licence_fee_every, offers, languages, bio, created_at, updated_at)
        SELECT t.id, t.user_id, t.first, t.last, 'Studio notarile ' || t.last, t.roll, t.street, t.city, t.province,
            t.country, t.latitude, t.longitude, string_to_array(t.specialisations, ','), t.experience, t.verified, t.active,
            t.ends_on, t.fee, CASE WHEN t.fee < 10000 THEN 'month' ELSE 'year' END, '{documents,agenda,acts}', '{it,en}',
            'Da ' || t.experience || ' anni al servizio di famiglie e imprese.', $18, $18
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::float8[], $11::float8[], $12::text[], $13::smallint[], $14::boolean[], $15::boolean[],
            $16::date[], $17::bigint[])
            AS t (id, user_id, first, last, roll, street, city, province, country, latitude, longitude, specialisations,
            experience, verified, active, ends_on, fee)";
    const SERVICES: &str = "-- seed.notaries.services
        INSERT INTO notary_service (id, notary_id, position, name, description, fee_cents)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::bigint[])";
    const AVAILABILITY: &str = "-- seed.notaries.availability
        INSERT INTO availability (id, notary_id, weekday, start_time, end_time, valid_from, created_at, updated_at)
        SELECT t.id, t.office, t.weekday, t.from_time::time, t.until_time::time, $6, $7, $7
        FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[])
            AS t (id, office, weekday, from_time, until_time)";
    // Beside the other rows: what they are does not depend on how many notaries there are.
    let mut random = Random::new(!options.seed);
    let (mut c, today) = (Columns::default(), options.now.to_zoned(TimeZone::UTC).date());
    for number in 1..=options.notaries {
        c.add(number, &mut random, options, today);
    }
    let (hash, now) = (&options.password_hash, &options.now);
    tx.execute(USERS, &[&c.users, &c.emails, &c.first_names, &c.last_names, hash, now]).await?;
    tx.execute(
        OFFICES,
        &[
            &c.offices,
            &c.users,
            &c.first_names,
            &c.last_names,
            &c.rolls,
            &c.streets,
            &c.cities,
            &c.provinces,
            &c.countries,
            &c.latitudes,
            &c.longitudes,
            &c.specialisations,
            &c.experience,
            &c.verified,
            &c.active,
            &c.ends,
            &c.fees,
            now,
        ],
    )
    .await?;
    let services: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&c.services, &c.service_offices, &c.positions, &c.names, &c.descriptions, &c.prices];
    tx.execute(SERVICES, &services).await?;
    let hours: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
        [&c.hours, &c.hours_offices, &c.weekdays, &c.starts, &c.ends_at, &today, now];
    tx.execute(AVAILABILITY, &hours).await?;
    Ok(())
}
