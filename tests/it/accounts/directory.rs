//! People as administrators find them.

use crate::harness::{database::TestDatabase, sources};

#[tokio::test(flavor = "multi_thread")]
async fn the_few_who_are_more_than_clients_are_found_by_their_index() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    let crowd = "INSERT INTO users (id, email, name, password_hash, roles)
        SELECT gen_random_uuid(), n || '@example.org', 'Anna', '!', CASE n % 1000 WHEN 0 THEN '{client,notary}'::text[]
            ELSE '{client}' END FROM generate_series(1, 20000) n";
    client.batch_execute(crowd).await.unwrap();
    client.batch_execute("ANALYZE users; SET plan_cache_mode = force_custom_plan").await.unwrap();
    let statement = &sources::statements().statements["accounts.directory.list_special"];
    client.batch_execute(&format!("PREPARE listing AS {statement}")).await.unwrap();
    let plan = client.query("EXPLAIN EXECUTE listing (NULL, NULL, 'notary', NULL, 20)", &[]).await.unwrap();
    let plan: String = plan.iter().map(|row| row.get::<_, String>(0) + "\n").collect();
    assert!(plan.contains("users_roles_special") && !plan.contains("Seq Scan on users"), "{plan}");
}
