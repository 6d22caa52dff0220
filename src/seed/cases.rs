//! Cases of the demonstration: acts that are in the archive, numbered as the register wants, and what their clients say of
//! the notary. The ratings and counts of offices are what the rows say.
//!
//! They show what an archive looks like; nobody has signed them, so there is no deed to open.

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::make::{Options, Random};

/// Acts of one office, at most.
const ACTS_MAX: usize = 7;
/// How long ago the last ones were signed, in days.
const DAYS: usize = 400;

/// What is signed.
const TYPES: [&str; 5] =
    ["property_sale", "general_power_of_attorney", "public_will", "mortgage_loan", "certified_copies"];

/// What clients say, from best to worst: rating, title, comment.
const OPINIONS: [(i16, &str, &str); 8] = [
    (5, "Impeccabile", "Tutto spiegato con calma, tempi rispettati."),
    (5, "Grande professionalità", "Ci ha seguiti dal primo incontro alla firma."),
    (5, "", "Cortesia e competenza. Lo consiglio."),
    (4, "Molto bene", "Qualche giorno in più del previsto, ma lavoro accurato."),
    (4, "Chiaro e preciso", "I documenti si caricano in un attimo, lo studio risponde subito."),
    (4, "", "Personale gentile, costi indicati prima."),
    (3, "Nella media", "Buon risultato; avrei voluto più aggiornamenti."),
    (2, "Attese lunghe", "Appuntamento spostato due volte."),
];
/// How often each is said.
const WEIGHTS: [usize; 8] = [5, 4, 3, 4, 3, 2, 2, 1];

/// What some notaries answer.
const ANSWERS: [&str; 2] =
    ["La ringraziamo per la fiducia.", "Grazie: ne terremo conto per lavorare ancora meglio."];

/// Rows, column by column.
#[derive(Default)]
struct Columns {
    acts: Vec<Uuid>,
    offices: Vec<Uuid>,
    clients: Vec<Uuid>,
    types: Vec<&'static str>,
    signed: Vec<Timestamp>,
    reviews: Vec<Uuid>,
    reviewed: Vec<Uuid>,
    ratings: Vec<i16>,
    titles: Vec<&'static str>,
    comments: Vec<&'static str>,
    states: Vec<&'static str>,
    answers: Vec<Option<&'static str>>,
    written: Vec<Timestamp>,
}

impl Columns {
    fn add(&mut self, office: Uuid, clients: &[Uuid], random: &mut Random, now: Timestamp) {
        for _ in 0..random.below(ACTS_MAX + 1) {
            let ago = SignedDuration::from_hours(24 * (2 + random.below(DAYS)) as i64);
            let signed = now.checked_sub(ago).unwrap_or(now);
            let act = random.id(signed);
            self.acts.push(act);
            self.offices.push(office);
            self.clients.push(random.pick(clients));
            self.types.push(random.pick(&TYPES));
            self.signed.push(signed);
            if random.below(4) > 0 {
                self.review(act, random, signed);
            }
        }
    }

    fn review(&mut self, act: Uuid, random: &mut Random, signed: Timestamp) {
        let mut place = random.below(WEIGHTS.iter().sum());
        let chosen = WEIGHTS.iter().position(|weight| {
            let is_it = place < *weight;
            place = place.saturating_sub(*weight);
            is_it
        });
        let (rating, title, comment) = OPINIONS[chosen.unwrap_or(0)];
        let written = signed.checked_add(SignedDuration::from_hours(30)).unwrap_or(signed);
        let is_seen = random.below(12) > 0;
        self.reviews.push(random.id(written));
        self.reviewed.push(act);
        self.ratings.push(rating);
        self.titles.push(title);
        self.comments.push(comment);
        self.states.push(if is_seen { "approved" } else { "pending" });
        self.answers.push((is_seen && random.below(3) == 0).then(|| random.pick(&ANSWERS)));
        self.written.push(written);
    }
}

/// Writes cases for the notaries that are there, with the clients that are there.
pub(super) async fn write(tx: &Transaction<'_>, options: &Options) -> Result<(), tokio_postgres::Error> {
    const OFFICES: &str =
        "-- seed.cases.offices\nSELECT id FROM notary WHERE is_verified ORDER BY roll_number";
    const CLIENTS: &str = "-- seed.cases.clients
        SELECT id FROM users WHERE email ~ '^user[0-9]+@' ORDER BY id LIMIT 1000";
    let ids = async |sql| -> Result<Vec<Uuid>, tokio_postgres::Error> {
        Ok(tx.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
    };
    let (offices, clients) = (ids(OFFICES).await?, ids(CLIENTS).await?);
    if clients.is_empty() {
        return Ok(());
    }
    // Beside the other rows, as notaries are.
    let mut random = Random::new(options.seed.rotate_left(32));
    let mut c = Columns::default();
    for office in offices {
        c.add(office, &clients, &mut random, options.now);
    }
    acts(tx, &c).await?;
    reviews(tx, &c).await
}

async fn acts(tx: &Transaction<'_>, c: &Columns) -> Result<(), tokio_postgres::Error> {
    const ACTS: &str = "-- seed.cases.acts
        INSERT INTO act (id, notary_id, client_id, act_type, status, title, survey, survey_completed_at, signed_at, sent_at,
            closed_at, created_at, updated_at)
        SELECT x.id, x.office, x.client, t.code, 'archived', t.name_it, '{\"satisfaction\": 5, \"clarity\": 5, \"comment\": \"\"}',
            x.signed + interval '20 hours', x.signed, x.signed + interval '1 hour', x.signed + interval '24 hours',
            x.signed - interval '20 days', x.signed + interval '24 hours'
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[]) AS x (id, office, client, type, signed)
        JOIN act_type t ON t.code = x.type";
    const NUMBERS: &str = "-- seed.cases.register
        WITH numbered AS (
            SELECT a.notary_id, t.register_prefix AS prefix, a.id, a.signed_at, row_number() OVER (
                PARTITION BY a.notary_id, t.register_prefix ORDER BY a.signed_at, a.id)::int AS number
            FROM act a JOIN act_type t ON t.code = a.act_type WHERE a.id = ANY ($1)
        ), counted AS (
            INSERT INTO register_counter (notary_id, prefix, last) SELECT notary_id, prefix, max(number) FROM numbered
            GROUP BY notary_id, prefix
        ), entered AS (
            INSERT INTO register_entry (notary_id, prefix, number, act_id, year, status, signed_at, registered_at)
            SELECT notary_id, prefix, number, id, extract(year FROM signed_at AT TIME ZONE 'Europe/Rome'), 'registered',
                signed_at, signed_at + interval '24 hours' FROM numbered
        )
        UPDATE notary SET acts_count = x.acts FROM (SELECT notary_id, count(*)::int AS acts FROM numbered GROUP BY notary_id) x
        WHERE notary.id = x.notary_id";
    tx.execute(ACTS, &[&c.acts, &c.offices, &c.clients, &c.types, &c.signed]).await?;
    tx.execute(NUMBERS, &[&c.acts]).await?;
    Ok(())
}

async fn reviews(tx: &Transaction<'_>, c: &Columns) -> Result<(), tokio_postgres::Error> {
    const REVIEWS: &str = "-- seed.cases.reviews
        WITH written AS (
            INSERT INTO notary_review (id, act_id, notary_id, client_id, rating, title, comment, status, answer, answered_at,
                created_at, updated_at)
            SELECT x.id, a.id, a.notary_id, a.client_id, x.rating, x.title, x.comment, x.status, x.answer,
                CASE WHEN x.answer IS NOT NULL THEN x.at + interval '9 hours' END, x.at, x.at
            FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::timestamptz[]) AS x (id, act, rating, title, comment, status, answer, at)
            JOIN act a ON a.id = x.act
            RETURNING notary_id, rating, status
        )
        UPDATE notary SET rating_sum = x.ratings, rating_count = x.reviews
        FROM (SELECT notary_id, sum(rating) AS ratings, count(*)::int AS reviews FROM written WHERE status = 'approved'
              GROUP BY notary_id) x WHERE notary.id = x.notary_id";
    let columns: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
        [&c.reviews, &c.reviewed, &c.ratings, &c.titles, &c.comments, &c.states, &c.answers, &c.written];
    tx.execute(REVIEWS, &columns).await?;
    Ok(())
}
