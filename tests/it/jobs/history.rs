//! Partitions of the history, made by several nodes at once.

use std::{fmt::Write as _, sync::Mutex};

use futures_util::future::join_all;
use sportello::{db::Link, jobs::store::history};
use tracing::{Event, Level, Subscriber, field::Visit};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use super::kinds::{kinds, start_idle};

/// Warnings and errors of this process: tests run in processes of their own.
static WARNED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Warnings;

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _ctx: Context<'_, S>) {
        struct Words(String);
        impl Visit for Words {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                let _ = write!(self.0, " {}={value:?}", field.name());
            }
        }
        if *event.metadata().level() <= Level::WARN {
            let mut words = Words(event.metadata().target().to_owned());
            event.record(&mut words);
            WARNED.lock().unwrap().push(words.0);
        }
    }
}

const PARTITIONS: &str = "pg_inherits WHERE inhparent IN ('job.done'::regclass, 'job.attempt'::regclass)";
/// As if none had ever been made.
const DROP: &str = "DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT inhrelid::regclass FROM pg_inherits
        WHERE inhparent IN ('job.done'::regclass, 'job.attempt'::regclass) AND inhrelid::regclass::text !~ 'default'
    LOOP EXECUTE 'DROP TABLE ' || name; END LOOP; END $$";

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_together_make_each_partition_once_and_warn_of_nothing() {
    tracing_subscriber::registry().with(Warnings).init();
    let app = start_idle().await;
    let links: Vec<Link> = (0..8).map(|_| app.link()).collect();
    for _ in 0..10 {
        app.sql(DROP).await;
        assert_eq!(app.count(PARTITIONS).await, 2, "the default ones");
        for made in join_all(links.iter().map(history::make_partitions)).await {
            made.unwrap();
        }
        assert_eq!(app.count(PARTITIONS).await, 2 * (5 + 1));
    }
    app.sql(DROP).await;
    let nodes = (0..4).map(|_| app.another_node(|config| config.jobs.enabled = true, kinds()));
    let nodes = join_all(nodes).await;
    app.until_count(PARTITIONS, 2 * (5 + 1)).await;
    for node in nodes {
        node.stop().await;
    }
    // A busy machine makes slow queries, whose names have the word too.
    let warned = WARNED.lock().unwrap().clone();
    let about_them: Vec<_> =
        warned.iter().filter(|it| it.contains("partition") && !it.contains("slow query")).collect();
    assert!(about_them.is_empty(), "{about_them:#?}");
    app.finish().await;
}
