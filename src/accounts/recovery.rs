//! Recovery codes: for the day the telephone is lost. Ten at a time, shown once, each good once.
//!
//! A code has 120 random bits, so a plain hash protects it: there is nothing to guess (ASVS 5.0, 6.5.2).

use std::fmt;

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::{
    db::{DbError, Tx},
    ids::UserId,
};

/// Codes that are made at once.
pub const CODES: usize = 10;
/// Random bytes of a code: 24 letters.
const RANDOM: usize = 15;
/// Letters between two hyphens.
const GROUP: usize = 6;

/// A code in clear: exists only on its way to its owner.
#[derive(Clone)]
pub struct RecoveryCode(String);

impl RecoveryCode {
    /// A new code.
    ///
    /// # Panics
    /// When the operating system has no randomness to give: nothing may go on then.
    pub fn generate() -> Self {
        let mut random = [0; RANDOM];
        getrandom::fill(&mut random).expect("the operating system gives randomness");
        Self(BASE32_NOPAD.encode(&random))
    }

    /// As it is shown: in groups.
    pub fn expose(&self) -> String {
        let letters: Vec<char> = self.0.chars().collect();
        letters.chunks(GROUP).map(String::from_iter).collect::<Vec<_>>().join("-")
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What is stored of a code, however its owner wrote it.
fn hash(code: &str) -> Vec<u8> {
    let letters: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    Sha256::digest(letters.to_ascii_uppercase()).to_vec()
}

/// Makes new codes; those before are worthless.
pub async fn replace(tx: &mut Tx, user: UserId) -> Result<Vec<RecoveryCode>, DbError> {
    const INSERT: &str = "-- accounts.recovery.insert
        INSERT INTO recovery_code (user_id, hash) SELECT $1, unnest($2::bytea[])";
    remove(tx, user).await?;
    let codes: Vec<_> = (0..CODES).map(|_| RecoveryCode::generate()).collect();
    let hashes: Vec<_> = codes.iter().map(|code| hash(&code.0)).collect();
    tx.execute(INSERT, &[&user, &hashes]).await?;
    Ok(codes)
}

/// Takes all codes away.
pub async fn remove(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    const REMOVE: &str = "-- accounts.recovery.remove
        DELETE FROM recovery_code WHERE user_id = $1";
    tx.execute(REMOVE, &[&user]).await?;
    Ok(())
}

/// Uses a code; `false` if it is none of this person's, or was used. Of many who try at once, one succeeds.
pub async fn redeem(tx: &mut Tx, user: UserId, code: &str, now: Timestamp) -> Result<bool, DbError> {
    const REDEEM: &str = "-- accounts.recovery.redeem
        UPDATE recovery_code SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at IS NULL";
    Ok(tx.execute(REDEEM, &[&user, &hash(code), &now]).await? == 1)
}

#[cfg(test)]
mod tests {
    use super::{RecoveryCode, hash};

    #[test]
    fn a_code_is_known_however_its_owner_writes_it_and_never_shown() {
        let code = RecoveryCode::generate();
        let shown = code.expose();
        assert_eq!((shown.len(), shown.matches('-').count()), (27, 3), "{shown}");
        assert_eq!(hash(&shown), hash(&code.0));
        assert_eq!(hash(&shown.to_lowercase().replace('-', " ")), hash(&code.0));
        assert_ne!(hash(&RecoveryCode::generate().0), hash(&code.0));
        assert_eq!(format!("{code:?}"), "[redacted]");
    }
}
