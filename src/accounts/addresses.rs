//! Mails that prove something: that the address is read, and that whoever forgot the password may replace it.
//!
//! Asking for a new password does the same for every address, whether it has an account or not: one lookup, and one job
//! for an account that may not exist. What differs happens later, where nobody waits.

use sha2::{Digest as _, Sha256};

use super::{
    account_tokens::{self, Holder, Purpose},
    api_keys,
    login::Accounts,
    sessions::{Ending, Origin},
    users,
};
use crate::{
    audit::{self, Entry, Who},
    db::{DbError, Tx},
    ids::UserId,
};

/// To whom a mail for an address goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addressee {
    /// The account, or one that does not exist: always the same one for an address.
    pub user: UserId,
    /// Whether it does.
    pub is_known: bool,
}

impl Accounts {
    /// The account of an address.
    pub async fn addressee(&self, email: &str) -> Result<Addressee, DbError> {
        let email = users::normal_email(email);
        let nobody = nobody(&email);
        let known = users::credentials(&self.db, &email).await?.filter(|known| known.is_active);
        Ok(Addressee {
            user: known.as_ref().map_or(nobody, |known| known.user.id),
            is_known: known.is_some(),
        })
    }

    /// Whose password this token may replace; it stays good.
    pub async fn resetting(&self, token: &str) -> Result<Option<Holder>, DbError> {
        account_tokens::look(&self.db, token, Purpose::ResetPassword, self.clock.now()).await
    }

    /// Replaces the password of the token's holder ends all sessions and revokes all keys; the second factor stays as it is. Other tokens
    /// that were bound to the old password are worthless by that. `None` when the token is not good any more.
    pub async fn reset_password(
        &self,
        tx: &mut Tx,
        token: &str,
        new_hash: &str,
        origin: &Origin,
    ) -> Result<Option<UserId>, DbError> {
        let now = self.clock.now();
        let Some(holder) = account_tokens::redeem(tx, token, Purpose::ResetPassword, now).await? else {
            return Ok(None);
        };
        if !users::set_password(tx, holder.user, &holder.password_hash, new_hash, now).await? {
            return Ok(None);
        }
        self.sessions.end_others(tx, holder.user, None, Ending::PasswordChanged).await?;
        let keys = api_keys::revoke_all(tx, holder.user, now).await?;
        let who = Who::Person(holder.user, None);
        let entry = origin.entry(now, who, "account.reset_password", Some(holder.user));
        let details = serde_json::json!({ "api_keys_revoked": keys });
        audit::record(tx, &[Entry { details, ..entry }]).await?;
        Ok(Some(holder.user))
    }

    /// Remembers that mails to the address of the token's holder are read. `None` when the token is not good.
    pub async fn verify_email(
        &self,
        tx: &mut Tx,
        token: &str,
        origin: &Origin,
    ) -> Result<Option<UserId>, DbError> {
        let now = self.clock.now();
        let Some(holder) = account_tokens::redeem(tx, token, Purpose::VerifyEmail, now).await? else {
            return Ok(None);
        };
        users::verify_email(tx, holder.user, now).await?;
        let who = Who::Person(holder.user, None);
        audit::record(tx, &[origin.entry(now, who, "account.verify_email", Some(holder.user))]).await?;
        Ok(Some(holder.user))
    }
}

/// Who has no account. Ids of accounts are of another version (RFC 9562), so that it never names one.
fn nobody(email: &str) -> UserId {
    let digest = Sha256::new().chain_update("nobody:").chain_update(email).finalize();
    let bytes = digest[..16].try_into().expect("sixteen bytes of thirty-two");
    UserId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::nobody;

    #[test]
    fn nobody_is_always_the_same_for_an_address_and_never_an_account() {
        assert_eq!(nobody("anna@example.org"), nobody("anna@example.org"));
        assert_ne!(nobody("anna@example.org"), nobody("bruno@example.org"));
        assert_eq!(nobody("anna@example.org").0.get_version_num(), 8);
    }
}
