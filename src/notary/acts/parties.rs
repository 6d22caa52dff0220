//! Who is a party to an act. Codes were checked by [`crate::notary::rules`] before they come here.

use jiff::Timestamp;

use super::{
    act::{Act, act_visible},
    changes::is_open,
    transitions::ActError,
};
use crate::{
    args,
    db::{Db, DbError, Tx},
    ids::ActId,
    notary::agenda::appointment::Reader,
};

/// Parties of one act.
pub const PER_ACT: usize = 50;

stored! {
    /// What somebody is in an act.
    Role as ActPartyRole {
        /// One of those who agree on something.
        Party = "party",
        /// Buys.
        Buyer = "buyer",
        /// Sells.
        Seller = "seller",
        /// Gives.
        Donor = "donor",
        /// Is given to.
        Donee = "donee",
        /// Lends.
        Lender = "lender",
        /// Borrows.
        Borrower = "borrower",
        /// Whose will it is.
        Testator = "testator",
        /// Inherits.
        Heir = "heir",
        /// Gives the power.
        Principal = "principal",
        /// Is given it.
        Agent = "agent",
        /// Has a share.
        Shareholder = "shareholder",
        /// Was there.
        Witness = "witness",
        /// Has translated.
        Interpreter = "interpreter",
    }
}

stored! {
    /// What a party is.
    PartyKind as ActPartyKind {
        /// With `first_name` and `last_name`.
        Person = "person",
        /// With `company_name`.
        Company = "company",
    }
}

/// A party to an act.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActParty)]
pub struct Party {
    /// What they are in it.
    pub role: Role,
    /// A person or a company.
    pub kind: PartyKind,
    /// Of a person.
    #[schema(max_length = 100)]
    pub first_name: Option<String>,
    /// Of a person.
    #[schema(max_length = 100)]
    pub last_name: Option<String>,
    /// Of a company.
    #[schema(max_length = 200)]
    pub company_name: Option<String>,
    /// Codice fiscale: of a person with 16 characters, of a company with 11 digits.
    #[schema(max_length = 40)]
    pub fiscal_code: Option<String>,
    /// Partita IVA.
    #[schema(max_length = 40)]
    pub vat_number: Option<String>,
    /// Code of an operator of San Marino.
    #[schema(max_length = 40)]
    pub operator_code: Option<String>,
    /// Where money goes to, or comes from.
    #[schema(max_length = 60)]
    pub iban: Option<String>,
}

/// The parties to an act in their order, if this person sees it.
pub async fn list(db: &Db, reader: Reader, id: ActId) -> Result<Option<Vec<Party>>, DbError> {
    const LIST: &str = concat!(
        "-- notary.acts.parties
        SELECT (SELECT coalesce(jsonb_agg(to_jsonb(p) - 'act_id' - 'position' ORDER BY p.position), '[]')
            FROM act_party p WHERE p.act_id = a.id) AS parties
        FROM act a WHERE a.id = $1 AND ",
        act_visible!("$2", "$3")
    );
    let rows = db.read(LIST, args![id, reader.user, reader.is_admin]).await?;
    let parties = rows.first().map(|row| row.get::<_, serde_json::Value>("parties"));
    Ok(parties.map(|parties| serde_json::from_value(parties).expect("the constraints of act_party")))
}

/// Replaces the parties to a locked act.
pub async fn replace(tx: &mut Tx, act: &Act, parties: &[Party], now: Timestamp) -> Result<(), ActError> {
    const REMOVE: &str = "-- notary.acts.remove_parties\nDELETE FROM act_party WHERE act_id = $1";
    const ADD: &str = "-- notary.acts.add_parties
        INSERT INTO act_party (act_id, position, role, kind, first_name, last_name, company_name, fiscal_code, vat_number,
            operator_code, iban)
        SELECT $1, p.n, p.party ->> 'role', p.party ->> 'kind', p.party ->> 'first_name', p.party ->> 'last_name',
            p.party ->> 'company_name', p.party ->> 'fiscal_code', p.party ->> 'vat_number', p.party ->> 'operator_code',
            p.party ->> 'iban'
        FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS p (party, n)";
    const COUNT: &str = "-- notary.acts.parties_changed
        UPDATE act SET version = version + 1, updated_at = $2 WHERE id = $1";
    if !is_open(act.status) {
        return Err(ActError::Final);
    }
    let parties = serde_json::to_value(parties).expect("texts are JSON");
    tx.execute(REMOVE, &[&act.id]).await?;
    tx.execute(ADD, &[&act.id, &parties]).await?;
    tx.execute(COUNT, &[&act.id, &now]).await?;
    Ok(())
}
