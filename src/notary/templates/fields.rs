//! What templates are filled with from the act: the documented list, and how it is written in each language.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::Row;

use crate::{
    db::{DbError, Tx},
    ids::ActId,
    mail::{self, Language},
    notary::{
        acts::{
            act::CadastralUnit,
            parties::{Party, PartyKind, Role},
        },
        time::today,
    },
};

/// What is known only when the notary signs; blank until then.
pub const SIGNING: [&str; 2] = ["protocol_number", "signed_on"];
/// When the deed was drafted: the one field that is not of the act.
pub const DRAFTED_ON: &str = "drafted_on";

/// A field that is filled from the act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = TemplateField)]
pub struct Field {
    /// As templates write it, between `{{` and `}}`.
    pub name: &'static str,
    /// What it is, in Italian.
    pub name_it: &'static str,
    /// What it is, in English.
    pub name_en: &'static str,
}

const fn field(name: &'static str, name_it: &'static str, name_en: &'static str) -> Field {
    Field { name, name_it, name_en }
}

/// All of them. Others are a template's own, and are given when a deed is drafted.
pub const KNOWN: &[Field] = &[
    field("protocol_number", "Numero di repertorio (alla firma)", "Protocol number (when it is signed)"),
    field("signed_on", "Data della firma (alla firma)", "Date of signing (when it is signed)"),
    field(DRAFTED_ON, "Data di redazione", "Date of drafting"),
    field("notary_name", "Nome e cognome del notaio", "Name of the notary"),
    field("notary_roll_number", "Numero di iscrizione al ruolo", "Number on the roll of notaries"),
    field("notary_district", "Distretto notarile", "Notarial district"),
    field("office_name", "Nome dello studio", "Name of the office"),
    field("office_address", "Indirizzo dello studio", "Address of the office"),
    field("office_city", "Comune dello studio", "City of the office"),
    field("act_title", "Titolo dell'atto", "Title of the act"),
    field("act_type_name", "Tipologia di atto", "Type of act"),
    field("act_description", "Descrizione dell'atto", "Description of the act"),
    field("client_name", "Nome e cognome del cliente", "Name of the client"),
    field("client_fiscal_code", "Codice fiscale del cliente", "Fiscal code of the client"),
    field("parties", "Tutte le parti, una per riga", "All parties, each in a line"),
    field("buyers", "Acquirenti", "Buyers"),
    field("sellers", "Venditori", "Sellers"),
    field("donors", "Donanti", "Donors"),
    field("donees", "Donatari", "Donees"),
    field("lenders", "Mutuanti", "Lenders"),
    field("borrowers", "Mutuatari", "Borrowers"),
    field("testators", "Testatori", "Testators"),
    field("heirs", "Eredi", "Heirs"),
    field("principals", "Deleganti", "Principals"),
    field("agents", "Procuratori", "Agents"),
    field("shareholders", "Soci", "Shareholders"),
    field("witnesses", "Testimoni", "Witnesses"),
    field("interpreters", "Interpreti", "Interpreters"),
    field("property_address", "Indirizzo dell'immobile", "Address of the property"),
    field("property_units", "Dati catastali", "Units of the land register"),
    field("property_value", "Valore dell'immobile", "Value of the property"),
    field("bank_name", "Banca", "Bank"),
    field("bank_branch", "Filiale della banca", "Branch of the bank"),
    field("loan_amount", "Importo del mutuo", "Amount of the loan"),
];

const ROLES: [(&str, Role); 13] = [
    ("buyers", Role::Buyer),
    ("sellers", Role::Seller),
    ("donors", Role::Donor),
    ("donees", Role::Donee),
    ("lenders", Role::Lender),
    ("borrowers", Role::Borrower),
    ("testators", Role::Testator),
    ("heirs", Role::Heir),
    ("principals", Role::Principal),
    ("agents", Role::Agent),
    ("shareholders", Role::Shareholder),
    ("witnesses", Role::Witness),
    ("interpreters", Role::Interpreter),
];

/// Whether the act fills it.
pub fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|field| field.name == name)
}

/// What fills the fields: what the act says, without what it does not say.
pub type Facts = BTreeMap<String, String>;

/// What an act says now, in a language, and the day of drafting.
pub async fn of(tx: &mut Tx, act: ActId, language: Language, now: Timestamp) -> Result<Facts, DbError> {
    const FACTS: &str = "-- notary.templates.facts
        SELECT a.title, a.description, t.name_it, t.name_en, a.bank_name, a.bank_branch, a.loan_cents, a.property_address,
            a.property_units, a.property_value_cents, n.first_name || ' ' || n.last_name AS notary_name, n.roll_number,
            n.district, n.office_name, n.street, n.postal_code, n.city, n.province, c.name AS client_name, p.fiscal_code,
            (SELECT coalesce(jsonb_agg(to_jsonb(y) - 'act_id' - 'position' ORDER BY y.position), '[]')
             FROM act_party y WHERE y.act_id = a.id) AS parties
        FROM act a JOIN notary n ON n.id = a.notary_id JOIN users c ON c.id = a.client_id
        JOIN act_type t ON t.code = a.act_type LEFT JOIN client_profile p ON p.user_id = a.client_id
        WHERE a.id = $1";
    let row = tx.query_one(FACTS, &[&act]).await?;
    let mut facts = written(&row, language);
    facts.insert(DRAFTED_ON.to_owned(), mail::date(today(now), language));
    facts.retain(|_, value| !value.is_empty());
    Ok(facts)
}

fn written(row: &Row, language: Language) -> Facts {
    let text = |column: &str| row.get::<_, Option<String>>(column).unwrap_or_default();
    let money = |column: &str| {
        row.get::<_, Option<i64>>(column).map(|cents| mail::money(cents, language)).unwrap_or_default()
    };
    let units: Vec<CadastralUnit> =
        serde_json::from_value(row.get("property_units")).expect("it was written by this type");
    let units: Vec<String> = units.iter().map(|one| unit(one, language)).collect();
    let parties: Vec<Party> =
        serde_json::from_value(row.get("parties")).expect("the constraints of act_party");
    let address = [text("street"), [text("postal_code"), text("city")].join(" ").trim().to_owned()];
    let address: Vec<String> = address.into_iter().filter(|part| !part.is_empty()).collect();
    let name = if language == Language::It { "name_it" } else { "name_en" };
    let everybody: Vec<String> = parties.iter().map(|one| party(one, language)).collect();
    let mut facts: Facts = [
        ("notary_name", text("notary_name")),
        ("notary_roll_number", text("roll_number")),
        ("notary_district", text("district")),
        ("office_name", text("office_name")),
        ("office_address", address.join(", ")),
        ("office_city", text("city")),
        ("act_title", text("title")),
        ("act_type_name", text(name)),
        ("act_description", text("description")),
        ("client_name", text("client_name")),
        ("client_fiscal_code", text("fiscal_code")),
        ("parties", everybody.join("\n")),
        ("property_address", text("property_address")),
        ("property_units", units.join("; ")),
        ("property_value", money("property_value_cents")),
        ("bank_name", text("bank_name")),
        ("bank_branch", text("bank_branch")),
        ("loan_amount", money("loan_cents")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for (name, role) in ROLES {
        let of = parties.iter().filter(|party| party.role == role).map(|one| party(one, language));
        facts.insert(name.to_owned(), of.collect::<Vec<_>>().join("; "));
    }
    facts
}

fn party(party: &Party, language: Language) -> String {
    let name = match party.kind {
        PartyKind::Person => {
            [party.first_name.as_deref(), party.last_name.as_deref()].map(Option::unwrap_or_default).join(" ")
        }
        PartyKind::Company => party.company_name.clone().unwrap_or_default(),
    };
    let [fiscal, vat, operator] = match language {
        Language::It => ["codice fiscale", "partita IVA", "codice operatore economico"],
        Language::En => ["fiscal code", "VAT number", "economic operator code"],
    };
    let codes = [(fiscal, &party.fiscal_code), (vat, &party.vat_number), (operator, &party.operator_code)];
    let codes = codes.into_iter().filter_map(|(word, code)| Some(format!(", {word} {}", code.as_ref()?)));
    name + &codes.collect::<String>()
}

fn unit(unit: &CadastralUnit, language: Language) -> String {
    let [of, sheet, parcel, sub, category] = match language {
        Language::It => ["Comune di", "foglio", "particella", "subalterno", "categoria"],
        Language::En => ["Municipality of", "sheet", "parcel", "sub", "category"],
    };
    let rest = [(sub, &unit.sub), (category, &unit.category)];
    let rest = rest.into_iter().filter_map(|(word, value)| Some(format!(", {word} {}", value.as_ref()?)));
    format!("{of} {}, {sheet} {}, {parcel} {}", unit.municipality, unit.sheet, unit.parcel)
        + &rest.collect::<String>()
}
