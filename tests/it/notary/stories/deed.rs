//! The second half of the case: the act, its text, the signature, the certified mail, the archive.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    case::{ACT_TYPE, Case, does},
    town::{Town, data, id_of, put},
};

/// The office's own text. `payment` is a field of its own.
const TEXT: &str = "# Compravendita\n\nN. {{protocol_number}} di repertorio, {{signed_on}}.\n\nDavanti a me {{notary_name}} \
    sono comparsi:\n\n{{parties}}\n\nL'immobile in {{property_address}}, {{property_units}}, è venduto per \
    {{property_value}}, con il mutuo di {{bank_name}} ({{loan_amount}}).\n\nPagamento: {{payment}}.";

impl Town {
    /// The clerk opens the act from the appointment.
    pub(super) async fn open(&self, case: &mut Case) {
        let new = json!({"appointment_id": case.appointment, "act_type": ACT_TYPE});
        case.act = id_of(&self.clerk.client.post("/api/v1/acts", new).await.expect(201).json());
    }

    /// The clerk writes down the property, the bank and the parties.
    pub(super) async fn write_down(&self, case: &Case) {
        let clerk = &self.clerk.client;
        does(clerk, &case.act(""), "prepare").await;
        let etag = clerk.get(&case.act("")).await.header("etag").to_owned();
        let change = json!({"property_address": "Via Indipendenza 1, Bologna", "property_value_cents": 25_000_000,
            "property_units": [{"municipality": "Bologna", "sheet": "160", "parcel": "72", "sub": "4", "category": "A/3"}],
            "bank_name": "Banca di Bologna", "bank_branch": "Piazza Galvani", "loan_cents": 10_000_000,
            "office_note": "Chiedere la planimetria."});
        let etag = clerk.patch(&case.act(""), &etag, change).await.expect(200).header("etag").to_owned();
        let parties = json!({"data": [
            {"role": "seller", "kind": "person", "first_name": "Mario", "last_name": "Rossi",
                "fiscal_code": "RSSMRA85T10A562S", "iban": "IT60 X054 2811 1010 0000 0123 456"},
            {"role": "buyer", "kind": "company", "company_name": "Olivetti", "vat_number": "00743110157"}]});
        put(clerk, &case.act("/parties"), &etag, parties).await;
    }

    /// The clerk drafts the deed from the office's own text, and asks for the signature.
    pub(super) async fn draft(&self, case: &Case) {
        let clerk = &self.clerk.client;
        let template = json!({"act_type": ACT_TYPE, "name": "La nostra compravendita", "body": TEXT});
        clerk.post("/api/v1/notary/office/templates", template).await.expect(201);
        let bare = clerk.post(&case.act("/deeds"), json!({})).await.expect(201).json();
        assert_eq!((&bare["number"], &bare["missing"]), (&json!(1), &json!(["payment"])));
        let ask = json!({"event": "request_signature"});
        let early = clerk.post(&case.act("/transitions"), ask.clone()).await.expect(409);
        assert_eq!(early.code(), "deed_incomplete");
        let values = json!({"values": {"payment": "con bonifico"}});
        let whole = clerk.post(&case.act("/deeds"), values).await.expect(201).json();
        assert_eq!((&whole["number"], &whole["missing"]), (&json!(2), &json!([])));
        let asked = clerk.post(&case.act("/transitions"), ask).await.expect(200).json();
        assert_eq!(asked["status"], "awaiting_signature");
    }

    /// The notary signs, with the code of the second factor if there is one.
    pub(super) async fn sign(&self, case: &Case) -> Value {
        let code = self.notary.secret.as_ref().map(|it| it.code_at(self.app.app.clock.now()));
        let sign = json!({"event": "sign", "otp": code});
        let signed = self.notary.client.post(&case.act("/transitions"), sign).await.expect(200).json();
        assert_eq!(
            (&signed["status"], &signed["protocol_number"]),
            (&json!("signed"), &json!("ATT-NT-0001"))
        );
        does(&self.clerk.client, &case.appointment(""), "complete").await;
        signed
    }

    /// The clerk sends the deed by certified mail; it arrives, and its receipts come.
    pub(super) async fn deliver(&self, case: &Case) -> Value {
        let clerk = &self.clerk.client;
        let queued = clerk.post(&case.act("/certified-mail"), json!({})).await.expect(201).json();
        assert_eq!((&queued["status"], &queued["act_id"]), (&json!("queued"), &json!(case.act)));
        self.app.run_jobs().await;
        let path = format!("/api/v1/certified-mail/{}", id_of(&queued));
        let mail = clerk.get(&path).await.expect(200).json();
        assert_eq!(mail["status"], "delivered", "{mail}");
        mail
    }

    /// The citizen says how it was; the clerk archives.
    pub(super) async fn archive(&self, case: &Case) -> Value {
        let path = case.act("/transitions");
        let bare = json!({"event": "archive"});
        let early = self.clerk.client.post(&path, bare.clone()).await.expect(409);
        assert_eq!(early.code(), "survey_missing");
        let survey = json!({"satisfaction": 5, "clarity": 4, "comment": "Tutto chiaro."});
        self.citizen.client.replace(&case.act("/survey"), None, survey).await.expect(200);
        let archived = self.clerk.client.post(&path, bare).await.expect(200).json();
        let seen = (&archived["status"], &archived["register_status"]);
        assert_eq!(seen, (&json!("archived"), &json!("registered")));
        archived
    }

    /// The citizen says it in public, when the administrator has looked at it; the review's address.
    pub(super) async fn review(&self, case: &Case) -> String {
        let said = json!({"rating": 5, "title": "Bene", "comment": "Tutto spiegato con calma."});
        let review = self.citizen.client.post(&case.act("/review"), said).await.expect(201);
        let address = review.header("location").to_owned();
        let queue = self.admin.client.get("/api/v1/notary/reviews").await.expect(200).json();
        assert_eq!(data(&queue)[0]["act_id"], json!(case.act));
        does(&self.admin.client, &address, "approve").await;
        address
    }

    /// A case from the appointment to the archive.
    pub(super) async fn an_archived_case(&mut self) -> Case {
        let mut case = self.a_ready_case().await;
        self.open(&mut case).await;
        self.write_down(&case).await;
        self.draft(&case).await;
        self.meet(&case).await;
        self.sign(&case).await;
        self.deliver(&case).await;
        self.archive(&case).await;
        case
    }

    /// The month ends, and what was signed in it is packed: the one package.
    pub(super) async fn a_month_passes(&mut self) -> Value {
        let rome = TimeZone::get("Europe/Rome").unwrap();
        let today = self.app.app.clock.now().to_zoned(rome.clone()).date();
        let first = today.last_of_month().tomorrow().unwrap();
        let then: Timestamp = first.at(2, 31, 30, 0).to_zoned(rome).unwrap().timestamp();
        self.until(then).await;
        let packages = "/api/v1/notary/office/conservation-packages";
        let packages = self.notary.client.get(packages).await.expect(200).json();
        assert_eq!(data(&packages).len(), 1, "{packages}");
        data(&packages)[0].clone()
    }
}
