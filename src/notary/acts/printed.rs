//! What is known of an act, on paper: what its reader sees of it, and nothing else.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    act::Act,
    parties::{Party, PartyKind},
};
use crate::{
    mail::{self, Language, money},
    notary::{
        rules::machine::Name as _,
        time::{ZONE, today},
    },
    pdf::{Document, Layout},
};

/// Names of types, in the language of the reader.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Of the type of act.
    pub act_type: String,
    /// Of types of documents, by their codes.
    pub documents: std::collections::BTreeMap<String, String>,
}

/// The summary of an act as somebody sees it: the same bytes as long as nothing of it changes.
pub fn document(act: &Act, parties: &[Party], names: &Names, language: Language) -> Document {
    let title = Layout::ActSummary.title(language);
    // A document is looked at without a change of the act.
    let state_at = act.documents.iter().map(|it| it.updated_at).fold(act.updated_at, Timestamp::max);
    let documents = documents_table(act, names, language);
    let tables = [Some(parties_table(parties, language)), units_table(act), Some(documents)];
    let tables: Vec<Value> = tables.into_iter().flatten().collect();
    let data = json!({
        "head": [act.office_name], "title": title, "subtitle": act.title,
        "facts": facts(act, names, language, state_at), "notes": notes(act),
        "tables": tables,
        "foot": format!("{} · {}", act.office_name, act.title),
    });
    Document {
        layout: Layout::ActSummary,
        language,
        title: format!("{title}: {}", act.title),
        made_at: state_at,
        data,
        images: Vec::new(),
    }
}

fn word(language: Language, of: &str, code: &str) -> String {
    Layout::ActSummary.words(language)[of][code].as_str().unwrap_or(code).to_owned()
}

fn facts(act: &Act, names: &Names, language: Language, state_at: Timestamp) -> Vec<Value> {
    let day = |at: Option<Timestamp>| at.map(|at| mail::date(today(at), language));
    let cents = |cents: Option<i64>| cents.map(|cents| money(cents, language));
    let bank: Vec<&str> =
        [&act.bank_name, &act.bank_branch].into_iter().flatten().map(String::as_str).collect();
    let status = word(language, "status", act.status.as_str());
    [
        ("type", Some(names.act_type.clone())),
        ("status", Some(status)),
        ("client", Some(act.client_name.clone())),
        ("number", act.protocol_number.clone()),
        ("opened", day(Some(act.created_at))),
        ("signed", day(act.signed_at)),
        ("sent", day(act.sent_at)),
        ("handed_over", act.handed_over.clone()),
        ("closed", day(act.closed_at)),
        ("annulled", day(act.annulled_at)),
        ("reason", act.reason.clone()),
        ("bank", (!bank.is_empty()).then(|| bank.join(", "))),
        ("loan", cents(act.loan_cents)),
        ("property", act.property_address.clone()),
        ("value", cents(act.property_value_cents)),
        ("state_of", Some(mail::moment(state_at, ZONE, language))),
    ]
    .into_iter()
    .filter_map(|(label, value)| Some(json!({ "label": label, "value": value.filter(|it| !it.is_empty())? })))
    .collect()
}

fn notes(act: &Act) -> Vec<Value> {
    let note = act.office_note.clone().unwrap_or_default();
    [("description", act.description.clone()), ("office_note", note)]
        .into_iter()
        .filter(|(_, text)| !text.trim().is_empty())
        .map(|(label, text)| json!({ "label": label, "text": text }))
        .collect()
}

fn parties_table(parties: &[Party], language: Language) -> Value {
    let rows: Vec<[String; 3]> = parties
        .iter()
        .map(|it| {
            let name = match it.kind {
                PartyKind::Person => [&it.first_name, &it.last_name]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(" "),
                PartyKind::Company => it.company_name.clone().unwrap_or_default(),
            };
            let code = [&it.fiscal_code, &it.vat_number, &it.operator_code].into_iter().flatten().next();
            [word(language, "role", it.role.as_str()), name, code.cloned().unwrap_or_default()]
        })
        .collect();
    json!({ "heading": "parties", "columns": ["role", "name", "fiscal_code"], "widths": [1.5, 4, 2.5], "rows": rows, "none": "parties" })
}

fn units_table(act: &Act) -> Option<Value> {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let rows: Vec<[String; 5]> = act
        .property_units
        .iter()
        .map(|it| {
            [it.municipality.clone(), it.sheet.clone(), it.parcel.clone(), text(&it.sub), text(&it.category)]
        })
        .collect();
    (!rows.is_empty()).then(|| {
        json!({ "heading": "units", "columns": ["municipality", "sheet", "parcel", "sub", "category"],
            "widths": [3, 1.2, 1.2, 1, 1.2], "rows": rows, "none": "documents" })
    })
}

fn documents_table(act: &Act, names: &Names, language: Language) -> Value {
    let rows: Vec<[String; 2]> = act
        .documents
        .iter()
        .map(|it| {
            let name = names.documents.get(&it.document_type).unwrap_or(&it.document_type);
            [name.clone(), word(language, "document_status", &it.status)]
        })
        .collect();
    json!({ "heading": "documents", "columns": ["document", "status"], "widths": [5, 2], "rows": rows, "none": "documents" })
}

#[cfg(test)]
mod tests {
    use crate::{
        mail::Language,
        notary::{
            acts::parties::Role,
            rules::machine::{Name as _, act::State, appointment::BLOCKING, appointment_document},
        },
        pdf::Layout,
    };

    #[test]
    fn every_state_and_role_has_a_word() {
        let words = Layout::ActSummary.words(Language::It);
        let states = State::ALL.iter().map(|it| ("status", it.as_str()));
        let papers = appointment_document::State::ALL.iter().map(|it| ("document_status", it.as_str()));
        let roles = Role::ALL.iter().map(|it| ("role", it.as_str()));
        for (of, code) in states.chain(papers).chain(roles) {
            assert!(words[of][code].is_string(), "{of} {code}");
        }
        for state in BLOCKING {
            assert!(
                Layout::Agenda.words(Language::It)["status"][state.as_str()].is_string(),
                "{}",
                state.as_str()
            );
        }
    }
}
