//! The text of a deed, as it is signed: what the act says, its number and the day.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    args,
    db::{Db, DbError},
    ids::ActId,
    mail::{Language, date},
    notary::{acts::act::Act, rules::protocol::ProtocolNumber, time::today},
    pdf::{Document, Layout},
};

/// What the act itself does not say.
#[derive(Debug, Clone)]
pub struct Around {
    /// The notary's names.
    pub notary: String,
    /// Where the office is.
    pub city: String,
    /// Who is a party, each in a line.
    pub parties: Vec<String>,
}

/// Reads it.
pub async fn around(db: &Db, id: ActId) -> Result<Option<Around>, DbError> {
    const AROUND: &str = "-- notary.signatures.around
        SELECT n.first_name || ' ' || n.last_name AS notary, n.city, ARRAY(
            SELECT concat_ws(', ', coalesce(p.company_name, p.first_name || ' ' || p.last_name), p.fiscal_code, p.vat_number)
            FROM act_party p WHERE p.act_id = a.id ORDER BY p.position) AS parties
        FROM act a JOIN notary n ON n.id = a.notary_id WHERE a.id = $1";
    let rows = db.read(AROUND, args![id]).await?;
    Ok(rows.first().map(|row| Around {
        notary: row.get("notary"),
        city: row.get("city"),
        parties: row.get("parties"),
    }))
}

fn paragraph(text: &str) -> Value {
    json!({ "kind": "paragraph", "runs": [{ "text": text }] })
}

/// The deed of an act under a number. Deeds are Italian: the law wants them so.
pub fn deed(act: &Act, around: &Around, number: &ProtocolNumber, now: Timestamp) -> Document {
    let day = date(today(now), Language::It);
    let mut blocks =
        vec![paragraph(&format!("In {}, il giorno {day}, davanti a me {}.", around.city, around.notary))];
    blocks.push(json!({ "kind": "heading", "level": 1, "runs": [{ "text": "Parti" }] }));
    let client = std::slice::from_ref(&act.client_name);
    let parties = if around.parties.is_empty() { client } else { &around.parties };
    blocks.extend(parties.iter().map(|party| json!({ "kind": "item", "runs": [{ "text": party }] })));
    let said = [Some(act.description.as_str()), act.property_address.as_deref(), act.bank_name.as_deref()];
    blocks.extend(said.into_iter().flatten().filter(|text| !text.is_empty()).map(paragraph));
    let data = json!({
        "head": [act.office_name, around.notary, around.city], "subtitle": format!("Protocollo {number}"), "mark": null,
        "blocks": blocks, "closing": ["Letto, confermato e sottoscritto."], "signature": ["Il notaio", around.notary],
        "foot": format!("{number} – {}", act.office_name),
    });
    let title = act.title.clone();
    Document { layout: Layout::Deed, language: Language::It, title, made_at: now, data, images: Vec::new() }
}
