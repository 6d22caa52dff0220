//! As what a certificate names a person: their names and fiscal code, as the desk knows them.

use crate::{
    args,
    db::{Db, DbError},
    ids::UserId,
    signing::{authority::Person, providers::Signer},
};

/// The country of fiscal codes, where somebody has one; who has none is named by it all the same.
const COUNTRY: &str = "IT";

/// Somebody who signs. A notary is named as the office says, others as their account and profile say.
pub async fn of(db: &Db, user: UserId) -> Result<Option<Signer>, DbError> {
    const NAMES: &str = "-- notary.signatures.signer
        SELECT n.first_name, n.last_name, u.name, coalesce(n.fiscal_code, c.fiscal_code) AS fiscal_code
        FROM users u LEFT JOIN notary n ON n.user_id = u.id LEFT JOIN client_profile c ON c.user_id = u.id
        WHERE u.id = $1 AND u.status = 'active' AND u.erased_at IS NULL";
    let rows = db.read(NAMES, args![user]).await?;
    Ok(rows.first().map(|row| {
        let (first, last): (Option<String>, Option<String>) = (row.get("first_name"), row.get("last_name"));
        let given_name = first.unwrap_or_else(|| row.get("name"));
        let surname = last.unwrap_or_default();
        let person = Person { given_name, surname, fiscal_code: row.get("fiscal_code"), country: COUNTRY };
        Signer { user, person }
    }))
}
