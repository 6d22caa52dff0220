//! The catalogue in the reader's language.

use serde_json::json;

use crate::harness::app::TestApp;

const CATALOGUE: &str = "/api/v1/notary/catalogue";

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reads_it_in_italian_or_english() {
    let app = TestApp::start().await;
    let anybody = app.anonymous();
    let get = async |path: &str, language: &str| {
        let headers = [("accept-language", language)];
        let path = format!("{CATALOGUE}/{path}");
        anybody.request(axum::http::Method::GET, &path, &headers, None).await
    };
    let italian = get("act-types", "it-IT").await.expect(200);
    assert_eq!(
        (italian.header("content-language"), italian.header("vary")),
        ("it", "accept-encoding, accept-language")
    );
    let categories = italian.json()["data"].as_array().unwrap().clone();
    let types: usize = categories.iter().map(|it| it["act_types"].as_array().unwrap().len()).sum();
    assert_eq!((categories.len(), types), (8, 41));
    assert_eq!(categories[0]["name"], "Procure");
    let english = get("act-types", "en-GB, it;q=0.5").await.expect(200);
    assert_eq!(english.json()["data"][0]["name"], "Powers of attorney");
    assert_eq!(get("document-types", "").await.expect(200).json()["data"].as_array().unwrap().len(), 36);
    assert_eq!(get("appointment-types", "").await.expect(200).json()["data"].as_array().unwrap().len(), 12);

    let mut links = 0;
    for act_type in categories.iter().flat_map(|it| it["act_types"].as_array().unwrap()) {
        let path = format!("act-types/{}", act_type["code"].as_str().unwrap());
        let detail = get(&path, "en").await.expect(200).json();
        links += detail["required_documents"].as_array().unwrap().len();
        assert_eq!(detail["estimated_minutes"], act_type["estimated_minutes"]);
    }
    assert_eq!(links, 142);
    get("act-types/no_such_type", "en").await.expect(404);
    let known = [("if-none-match", italian.header("etag")), ("accept-language", "it")];
    let path = format!("{CATALOGUE}/act-types");
    anybody.request(axum::http::Method::GET, &path, &known, None).await.expect(304);
    assert_eq!(get("document-types", "it").await.json()["data"][0]["required_from"], json!("client"));
    app.finish().await;
}
