//! Every statement of the product is prepared against the migrated schema: a wrong column name, a missing table or an
//! argument without a type fails here, also in statements that no other test runs.
//!
//! Statements are read from the sources: literals that begin with a label, and `concat!` of literals and of macros.
//! COPY cannot be prepared and is run without rows. Statements that are put together while running are known by name
//! and tested by running every shape.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use sportello::{
    events::catalogue::{self, Category, Filter, Position, Sort},
    ids::{EventId, NotaryId},
    notary::{
        directory::{self, Near},
        offices::Specialisation,
    },
};
use tokio_postgres::binary_copy::BinaryCopyInWriter;

use crate::harness::{
    app::TestApp,
    database::TestDatabase,
    sources::{self, Found},
};

/// Built by `format!`; what makes sure of them stands beside them.
const BUILT_WHILE_RUNNING: [&str; 3] = [
    "events.catalogue.list",    // every_shape_of_a_list_is_a_statement, below
    "notary.directory.list", // every_shape_of_the_directory_is_a_statement, below; plans: tests/it/notary/nearest.rs
    "postgres.database.create", // tests/it/postgres.rs starts clusters
];

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_fits_the_schema() {
    let Found { statements, built } = sources::statements();
    let built: BTreeSet<&str> = built.iter().map(String::as_str).collect();
    assert_eq!(built, BTreeSet::from(BUILT_WHILE_RUNNING), "say how a built statement is tested");
    assert!(statements.len() > 100, "only {} statements were found", statements.len());
    let database = TestDatabase::create().await;
    let mut client = database.client().await;
    let mut wrong = BTreeMap::new();
    for (label, text) in &statements {
        let tx = client.transaction().await.unwrap();
        let outcome = if is_copy(text) {
            match tx.copy_in::<_, bytes::Bytes>(text.as_str()).await {
                // Every COPY of ours is binary: a header, no rows, a trailer.
                Ok(sink) => Box::pin(BinaryCopyInWriter::new(sink, &[])).as_mut().finish().await.map(drop),
                Err(error) => Err(error),
            }
        } else {
            tx.prepare(text).await.map(drop)
        };
        if let Err(error) = outcome {
            wrong.insert(label, error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string));
        }
        tx.rollback().await.unwrap();
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn is_copy(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("COPY "))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_of_a_list_is_a_statement() {
    let app = TestApp::start().await;
    let slug = app.an_event().create().await;
    let (now, today) = (app.app.clock.now(), app.today());
    let id = EventId::new(now);
    let one = |change: fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    let changes: [fn(&mut Filter); 12] = [
        |_| {},
        |it| it.q = Some("concerto".to_owned()),
        |it| it.city = Some("bologna".to_owned()),
        |it| it.category = Some(Category::Music),
        |it| it.date = Some(date(2030, 1, 1)),
        |it| it.from = Some(date(2020, 1, 1)),
        |it| it.to = Some(date(2090, 1, 1)),
        |it| it.min_price = Some(0),
        |it| it.max_price = Some(i64::MAX),
        |it| it.free = Some(true),
        |it| it.featured = Some(false),
        |it| it.host = Some(uuid::Uuid::nil()),
    ];
    let all = one(|it| {
        it.q = Some("concerto".to_owned());
        (it.city, it.category) = (Some("bologna".to_owned()), Some(Category::Music));
        (it.date, it.from, it.to) = (Some(date(2030, 1, 1)), Some(date(2020, 1, 1)), Some(date(2090, 1, 1)));
        (it.min_price, it.max_price) = (Some(0), Some(1));
        (it.free, it.featured, it.host) = (Some(false), Some(true), Some(uuid::Uuid::nil()));
    });
    let sorts = [
        (Sort::New, Position::At(now, id)),
        (Sort::Cheapest, Position::Number(-1, id)),
        (Sort::Dearest, Position::Number(i64::MAX, id)),
        (Sort::Soonest, Position::Day(date(2020, 1, 1), id)),
        (Sort::Popular, Position::Number(i64::from(i32::MAX), id)),
    ];
    for filter in changes.map(one).iter().chain([&all]) {
        for (sort, position) in &sorts {
            for after in [None, Some(position)] {
                let found = catalogue::list(&app.app.db, filter, *sort, after, today, 10).await;
                let found = found.unwrap_or_else(|error| panic!("{filter:?} {sort:?} {after:?}: {error:?}"));
                let is_plain = *filter == Filter::default() && after.is_none();
                assert!(!is_plain || found.iter().any(|event| event.slug == slug), "{sort:?}");
            }
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_of_the_directory_is_a_statement() {
    use directory::{Filter, Position, Sort};
    let app = TestApp::start().await;
    let near = Near { latitude: 44.0, longitude: 12.0, radius_km: 50.0 };
    let id = NotaryId::new(app.app.clock.now());
    let sorts = [
        (Sort::Rating, Position::Rated(433, 2, id)),
        (Sort::Newest, Position::Newest(id)),
        (Sort::Distance, Position::Near(1.5_f64.to_bits(), id)),
    ];
    // Each filter is there or not.
    for bits in 0..64_u8 {
        let given = |bit: u8| bits & (1 << bit) != 0;
        let filter = Filter {
            q: given(0).then(|| "studio".to_owned()),
            city: given(1).then(|| "Bologna".to_owned()),
            province: given(2).then(|| "BO".to_owned()),
            specialisation: given(3).then_some(Specialisation::Companies),
            min_rating: given(4).then_some(400),
            near: given(5).then_some(near),
        };
        for (sort, position) in sorts.iter().filter(|it| it.0 != Sort::Distance || filter.near.is_some()) {
            for after in [None, Some(position)] {
                let found = directory::list(&app.app.db, &filter, *sort, after, (app.today(), 10)).await;
                found.unwrap_or_else(|error| panic!("{filter:?} {sort:?} {after:?}: {error:?}"));
            }
        }
    }
    app.finish().await;
}
