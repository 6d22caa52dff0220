//! Templates of certified mails.

use serde_json::json;

use super::post::{MAIL, Post};

const TEMPLATES: &str = "/api/v1/certified-mail-templates";

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_filled_from_the_act_and_from_what_is_given() {
    let post = Post::new(|_| {}).await;
    let template = json!({"name": "Trasmissione", "subject": "{{office_name}}: {{act_title}}",
        "body": "Gentile {{client_name}},\n{{ rif }} del {{today}}."});
    let made = post.postmaster.post(TEMPLATES, template.clone()).await.expect(201);
    let (etag, made) = (made.header("etag").to_owned(), made.json());
    assert_eq!(made["fields"], json!(["act_title", "client_name", "office_name", "rif", "today"]));
    assert_eq!(post.postmaster.post(TEMPLATES, template.clone()).await.expect(409).code(), "name_taken");
    assert_eq!(
        post.practice.clerk.post(TEMPLATES, template.clone()).await.expect(403).code(),
        "not_permitted"
    );
    let path = format!("{TEMPLATES}/{}", made["id"].as_str().unwrap());
    post.practice.clerk.get(&path).await.expect(404);
    for wrong in ["{{", "{{Nome}}", "{{a b}}"] {
        let mut bad = template.clone();
        bad["body"] = json!(wrong);
        let refused = post.postmaster.replace(&path, Some(&etag), bad).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], "/body", "{wrong}");
    }
    let act = post.practice.an_act("certified_copies").await;
    let mut draft = json!({"act_id": act, "template_id": made["id"]});
    let refused = post.postmaster.post(MAIL, draft.clone()).await.expect(422);
    assert!(
        refused.code() == "fields_without_value"
            && refused.json()["detail"].as_str().unwrap().ends_with(": rif")
    );
    draft["values"] = json!({"rif": "Pratica 7"});
    let mail = post.postmaster.post(MAIL, draft.clone()).await.expect(201).json();
    assert!(mail["subject"].as_str().unwrap().starts_with("Studio Verdi: "), "{mail:#}");
    let body = mail["body"].as_str().unwrap();
    assert!(body.starts_with("Gentile Anna Bianchi,\nPratica 7 del ") && !body.contains("{{"), "{body}");
    let mut retired = template;
    retired["is_active"] = json!(false);
    post.postmaster.replace(&path, None, retired.clone()).await.expect(428);
    post.postmaster.replace(&path, Some(&etag), retired.clone()).await.expect(200);
    post.postmaster.replace(&path, Some(&etag), retired).await.expect(412);
    assert_eq!(post.postmaster.post(MAIL, draft).await.expect(422).code(), "unknown_template");
    let list = post.practice.notary.get(TEMPLATES).await.expect(200).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    post.postmaster.delete(&path).await.expect(204);
    post.postmaster.get(&path).await.expect(404);
    post.practice.app.finish().await;
}
