//! The plans of the directory over 100,000 notaries: indexes and no scan, and how long PostgreSQL takes for the nearest.

use jiff::civil::date;
use sportello::notary::{
    directory::{self, Filter, Near, Sort},
    offices::Specialisation,
};
use tokio_postgres::Client;

use crate::harness::database::TestDatabase;

/// Around ten cities, as people live; one in twenty is not verified. Indexes are made when the rows are there, and the words
/// come with them: nothing else is faster about it.
const MANY: &str = "
    CREATE TEMP TABLE index_of AS SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'notary'::regclass AND NOT i.indisunique;
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT x.name FROM index_of x LOOP EXECUTE 'DROP INDEX ' || name; END LOOP; END $$;
    ALTER TABLE notary DISABLE TRIGGER notary_search;
    INSERT INTO users (id, email, name, roles, password_hash)
    SELECT gen_random_uuid(), 'n' || g || '@example.org', 'N', '{client,notary}', 'x' FROM generate_series(1, 100000) g;
    INSERT INTO notary (id, user_id, first_name, last_name, office_name, city, province, latitude, longitude,
        specialisations, is_verified, licence_ends_on, rating_sum, rating_count, search, created_at, updated_at)
    SELECT gen_random_uuid(), u.id, 'Anna', 'Rossi' || u.r, 'Studio ' || u.r, c.name, c.province,
        c.latitude + (random() - 0.5) * 2, c.longitude + (random() - 0.5) * 2,
        CASE WHEN u.r % 3 = 0 THEN '{companies}'::text[] ELSE '{property_and_sales}' END, u.r % 20 <> 0,
        '2030-01-01'::date + (u.r % 365)::int, (u.r / 10 % 40) * 3, u.r / 10 % 40,
        ('studio anna rossi' || u.r || ' ' || lower(c.name))::tsvector, now(), now()
    FROM (SELECT id, row_number() OVER () AS r FROM users) u JOIN (VALUES (0, 'Roma', 'RM', 41.90, 12.50),
        (1, 'Milano', 'MI', 45.46, 9.19), (2, 'Napoli', 'NA', 40.85, 14.27), (3, 'Torino', 'TO', 45.07, 7.69),
        (4, 'Bologna', 'BO', 44.49, 11.34), (5, 'Rimini', 'RN', 44.07, 12.57), (6, 'Palermo', 'PA', 38.12, 13.36),
        (7, 'Bari', 'BA', 41.12, 16.87), (8, 'Cagliari', 'CA', 39.22, 9.12), (9, 'Verona', 'VR', 45.44, 10.99))
        AS c (n, name, province, latitude, longitude) ON c.n = u.r % 10;
    DO $$ DECLARE definition text; BEGIN
        FOR definition IN SELECT x.definition FROM index_of x LOOP EXECUTE definition; END LOOP; END $$;
    ALTER TABLE notary ENABLE TRIGGER notary_search;
    VACUUM ANALYZE notary;";

const ROME: Near = Near { latitude: 41.9028, longitude: 12.4964, radius_km: 50.0 };

/// What is asked, the arguments, and by which index it is answered.
fn shapes() -> Vec<(&'static str, Filter, Sort, String, &'static str)> {
    let today = "'2029-12-01'";
    let (point, far) = ("41.9028, 12.4964, 49.9999, 1000000", "41.9028, 12.4964, 199.99, 1000000");
    let none = Filter::default;
    let near = || Filter { near: Some(ROME), ..none() };
    let rare = || Some("rossi4711".to_owned());
    let companies = Some(Specialisation::Companies);
    vec![
        ("near", near(), Sort::Distance, format!("{today}, {point}, 21"), "notary_place"),
        ("near, a long page", near(), Sort::Distance, format!("{today}, {point}, 101"), "notary_place"),
        ("near, far", near(), Sort::Distance, format!("{today}, {far}, 101"), "notary_place"),
        (
            "near, companies",
            Filter { specialisation: companies, ..near() },
            Sort::Distance,
            format!("{today}, {point}, 'companies', 21"),
            "notary_place",
        ),
        (
            "near, a rare word",
            Filter { q: rare(), ..near() },
            Sort::Distance,
            format!("{today}, 41.9028, 12.4964, 49.9999, 'rossi4711:*', 21"),
            "notary_search",
        ),
        ("rated", none(), Sort::Rating, format!("{today}, 21"), "notary_rated"),
        ("newest", none(), Sort::Newest, format!("{today}, 21"), "notary_newest"),
        (
            "a rare word",
            Filter { q: rare(), ..none() },
            Sort::Rating,
            format!("{today}, 'rossi4711:*', 21"),
            "notary_search",
        ),
        (
            "a city",
            Filter { city: Some("Roma".to_owned()), ..none() },
            Sort::Rating,
            format!("{today}, 'Roma', 21"),
            "notary_city",
        ),
        (
            "a province",
            Filter { province: Some("RM".to_owned()), ..none() },
            Sort::Rating,
            format!("{today}, 'RM', 21"),
            "Index Scan using notary_",
        ),
        (
            "at least 2.5",
            Filter { min_rating: Some(250), ..none() },
            Sort::Rating,
            format!("{today}, 250, 21"),
            "notary_rated",
        ),
    ]
}

/// The plan that the application's connections use, and the milliseconds of its best run.
async fn explained(client: &Client, statement: &str, arguments: &str) -> (String, f64) {
    client.batch_execute(&format!("PREPARE shape AS {statement}")).await.unwrap();
    let (mut plan, mut best) = (String::new(), f64::MAX);
    for _ in 0..5 {
        let rows = client
            .query(&format!("EXPLAIN (ANALYZE, BUFFERS) EXECUTE shape ({arguments})"), &[])
            .await
            .unwrap();
        plan = rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n");
        let took = plan.lines().find_map(|line| line.trim().strip_prefix("Execution Time: ")).unwrap();
        best = best.min(took.trim_end_matches(" ms").parse().unwrap());
    }
    client.batch_execute("DEALLOCATE shape").await.unwrap();
    (plan, best)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_notaries_are_searched_by_index_and_the_nearest_take_less_than_ten_milliseconds() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    for statement in MANY.split_inclusive(";\n    ").collect::<Vec<_>>() {
        client.batch_execute(statement).await.unwrap();
    }
    // As on every connection for reads.
    client.batch_execute("SET plan_cache_mode = force_generic_plan; SET jit = off").await.unwrap();
    let mut told = Vec::new();
    for (name, filter, sort, arguments, index) in shapes() {
        let (statement, _) = directory::statement(&filter, sort, None, (date(2029, 12, 1), 21)).unwrap();
        let (plan, took) = explained(&client, statement, &arguments).await;
        assert!(plan.contains(index) && !plan.contains("Seq Scan on notary"), "{name}\n{plan}");
        told.push(format!("{name}: {took:.2} ms"));
        assert!(!name.starts_with("near") || took < 10.0, "{name}: {took} ms\n{plan}");
        if name == "near" {
            assert!(plan.contains("Order By: (place <-> "), "the index gives the order\n{plan}");
            told.push(plan);
        }
    }
    println!("{}", told.join("\n"));
}
