//! Demonstration data: the same twice, and exactly what the rules of the schema would have made of it.

use sportello::{
    clock::Clock,
    seed::{self, Options, Report},
};

use crate::harness::database::TestDatabase;

async fn seeded(events: usize, number: u64) -> (TestDatabase, Report) {
    let database = TestDatabase::create().await;
    let options = Options::sized(events, number, Clock::system().now(), "hash".to_owned());
    let report = seed::run(&mut database.client().await, &options, |_, _| {}).await.unwrap();
    (database, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_gives_the_same_rows_and_another_gives_others() {
    const ROWS: &str = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM (
        SELECT u::text FROM users u UNION ALL SELECT c::text FROM cities c UNION ALL SELECT e::text FROM events e
        UNION ALL SELECT b::text FROM bookings b UNION ALL SELECT r::text FROM reviews r) AS t";
    let mut seen = Vec::new();
    for number in [7, 7, 8] {
        let (database, report) = seeded(200, number).await;
        let rows: String = database.client().await.query_one(ROWS, &[]).await.unwrap().get(0);
        seen.push((report.checksum, rows));
    }
    // Midnight between the first two would be another day.
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].0 != seen[2].0 && seen[0].1 != seen[2].1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_away_for_speed_is_all_back() {
    const SCHEMA: &str = "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT pg_get_indexdef(indexrelid) AS line FROM pg_index WHERE indrelid IN (SELECT oid FROM pg_class
            WHERE relnamespace = 'public'::regnamespace)
        UNION ALL SELECT concat(conrelid::regclass, ' ', conname, ' ', pg_get_constraintdef(oid), convalidated) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT concat(tgrelid::regclass, ' ', tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal) x";
    let untouched = TestDatabase::create().await;
    let before: String = untouched.client().await.query_one(SCHEMA, &[]).await.unwrap().get(0);
    let (database, _) = seeded(50, 7).await;
    let after: String = database.client().await.query_one(SCHEMA, &[]).await.unwrap().get(0);
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn search_vectors_are_those_of_the_trigger_and_counters_those_of_the_rows() {
    const VECTORS: &str = "WITH given AS MATERIALIZED (SELECT id, title, search FROM events),
        made AS (UPDATE events SET title = title RETURNING id, search)
        SELECT g.title, g.search::text, m.search::text FROM given g JOIN made m USING (id) WHERE g.search <> m.search";
    const COUNTERS: &str = "SELECT count(*) FROM events e WHERE
        (e.capacity - e.tickets_left, e.bookings_count, e.rating_count, e.rating_sum) IS DISTINCT FROM (
            (SELECT coalesce(sum(tickets), 0) FROM bookings WHERE event_id = e.id),
            (SELECT count(*) FROM bookings WHERE event_id = e.id),
            (SELECT count(*) FROM reviews WHERE event_id = e.id),
            (SELECT coalesce(sum(rating), 0) FROM reviews WHERE event_id = e.id))";
    let (database, report) = seeded(3000, 7).await;
    assert!(report.bookings > 5000 && report.reviews > 1000, "{report:?}");
    let client = database.client().await;
    let others = client.query(VECTORS, &[]).await.unwrap();
    if let Some(row) = others.first() {
        let (title, ours, theirs): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
        panic!("{} differ, like {title}:\n{ours}\n{theirs}", others.len());
    }
    assert_eq!(client.query_one(COUNTERS, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_search_of_the_readme_finds_coming_events_of_the_demonstration() {
    const FOUND: &str =
        "SELECT count(*) FROM events WHERE search @@ to_tsquery('simple', $1) AND ends_on >= current_date";
    let readme = std::fs::read_to_string("README.md").unwrap();
    let word = readme.split_once("events?q=").unwrap().1.split_once('&').unwrap().0;
    let database = TestDatabase::create().await;
    let options = Options::demo(Clock::system().now(), "hash".to_owned());
    seed::run(&mut database.client().await, &options, |_, _| {}).await.unwrap();
    let found: i64 = database.client().await.query_one(FOUND, &[&word]).await.unwrap().get(0);
    assert!(found >= 3, "{word}: {found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_something_is_left_alone() {
    let (database, _) = seeded(20, 7).await;
    let options = Options::sized(20, 8, Clock::system().now(), "hash".to_owned());
    let refused = seed::run(&mut database.client().await, &options, |_, _| {}).await.unwrap_err();
    assert!(refused.to_string().contains("not empty"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_has_notaries_with_every_kind_of_licence_who_are_found_near_san_marino() {
    const FIGURES: &str = "SELECT concat_ws(' ', count(*), count(*) FILTER (WHERE NOT licence_active),
            count(*) FILTER (WHERE licence_active AND licence_ends_on < current_date),
            count(*) FILTER (WHERE licence_active AND licence_ends_on BETWEEN current_date AND current_date + 30) > 5,
            (SELECT count(DISTINCT notary_id) FROM notary_service),
            count(*) FILTER (WHERE place <-> place_on_earth(43.94, 12.45) < 50 AND is_verified) > 5) FROM notary";
    let database = TestDatabase::create().await;
    let options = Options::demo(Clock::system().now(), "hash".to_owned());
    seed::run(&mut database.client().await, &options, |_, _| {}).await.unwrap();
    let figures: String = database.client().await.query_one(FIGURES, &[]).await.unwrap().get(0);
    assert_eq!(figures, "200 5 8 t 200 t");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_has_a_clinic_with_members_and_couples() {
    const FIGURES: &str = "SELECT concat_ws(' ', count(*), count(DISTINCT medical_record_number), count(consented_at) > 40,
            count(*) FILTER (WHERE consented_at IS NULL) > 3, count(partner_patient_id),
            count(*) FILTER (WHERE partner_patient_id IN (SELECT o.id FROM patient o WHERE o.partner_patient_id = p.id)),
            (SELECT count(*) FROM patient_consent), (SELECT count(*) FROM clinic_member),
            (SELECT count(DISTINCT patient_id) FROM laboratory_value),
            (SELECT count(*) FROM laboratory_value) BETWEEN 24 * 15 AND 24 * 18,
            (SELECT count(*) FROM laboratory_value WHERE canonical IS NULL),
            (SELECT count(DISTINCT flag) FROM laboratory_value)) FROM patient p";
    let mut seen = Vec::new();
    for _ in 0..2 {
        let database = TestDatabase::create().await;
        let options = Options::demo(Clock::system().now(), "hash".to_owned());
        seed::run(&mut database.client().await, &options, |_, _| {}).await.unwrap();
        let client = database.client().await;
        let figures: String = client.query_one(FIGURES, &[]).await.unwrap().get(0);
        assert_eq!(figures, "50 50 t t 50 50 44 4 24 t 0 3");
        let all = "SELECT md5(string_agg(p::text, '|' ORDER BY p.id) || (
            SELECT string_agg(v::text, '|' ORDER BY v.id) FROM laboratory_value AS v)) FROM patient p";
        seen.push(client.query_one(all, &[]).await.unwrap().get::<_, String>(0));
    }
    assert_eq!(seen[0], seen[1], "the same seed gives the same patients");
}

#[tokio::test(flavor = "multi_thread")]
async fn ratings_counts_and_numbers_of_the_demonstration_are_what_its_rows_say() {
    const WRONG: &str = "SELECT count(*) FROM notary n WHERE (n.rating_sum, n.rating_count, n.acts_count) IS DISTINCT FROM (
        (SELECT coalesce(sum(rating), 0) FROM notary_review r WHERE r.notary_id = n.id AND r.status = 'approved'),
        (SELECT count(*) FROM notary_review r WHERE r.notary_id = n.id AND r.status = 'approved'),
        (SELECT count(*) FROM act a WHERE a.notary_id = n.id AND a.signed_at IS NOT NULL))";
    const NUMBERS: &str = "SELECT count(*) FROM register_counter k WHERE k.last IS DISTINCT FROM (
        SELECT count(*) FROM register_entry r WHERE (r.notary_id, r.prefix) = (k.notary_id, k.prefix))";
    let mut seen = Vec::new();
    for _ in 0..2 {
        let database = TestDatabase::create().await;
        let options = Options::demo(Clock::system().now(), "hash".to_owned());
        seed::run(&mut database.client().await, &options, |_, _| {}).await.unwrap();
        let client = database.client().await;
        let count = async |sql| client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
        assert_eq!((count(WRONG).await, count(NUMBERS).await), (0, 0));
        let all = "SELECT concat_ws(' ', count(*), count(DISTINCT notary_id), count(answer), sum(rating),
            md5(string_agg(r::text, '|' ORDER BY id))) FROM notary_review r";
        seen.push(client.query_one(all, &[]).await.unwrap().get::<_, String>(0));
    }
    assert_eq!(seen[0], seen[1], "the same seed gives the same reviews");
    let reviews: i64 = seen[0].split(' ').next().unwrap().parse().unwrap();
    assert!(reviews > 200, "{seen:?}");
}
