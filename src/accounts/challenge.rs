//! The second step of a log-in: a challenge, which shows that the password was right, and the second factor.
//!
//! A challenge is bound to its account and to the password that was compared, lives five minutes and allows five tries.
//! Failures count in the lockout as wrong passwords do, and nothing but a success forgets them.

use jiff::Timestamp;

use super::{
    account_tokens::{self, Purpose},
    lockout::Keys,
    login::{Accounts, LOCKED, LOG_IN, LoggedIn, logged_in},
    second_factor::{self, Proof, SecondFactorError},
    sessions::Origin,
    users::{self, User},
};
use crate::{
    audit::{self, Entry, Who},
    db::{DbError, Tx},
};

/// Why a second factor was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The challenge is unknown, used, too old, tried too often, or the password was changed.
    #[error("the challenge is not valid (any more): log in again")]
    NoChallenge,
    /// The code is wrong, or was used.
    #[error("the code is wrong, or was used before")]
    Wrong,
    /// Too many failures: neither account nor address may try until then.
    #[error("too many failed attempts; locked until {until}")]
    Locked {
        /// When the next attempt is looked at.
        until: Timestamp,
    },
    /// The factor does not open, or the database is away.
    #[error(transparent)]
    Broken(#[from] SecondFactorError),
}

impl From<DbError> for ProofError {
    fn from(error: DbError) -> Self {
        Self::Broken(error.into())
    }
}

impl Accounts {
    /// Opens the session that a challenge stands for. Everything is decided in one transaction: of many who answer with
    /// the same code at once, one gets in.
    pub async fn answer_challenge(
        &self,
        challenge: &str,
        proof: &Proof,
        origin: &Origin,
    ) -> Result<LoggedIn, ProofError> {
        let now = self.clock.now();
        let mut tx = self.db.begin("accounts.answer_challenge").await?;
        let Some(holder) = account_tokens::attempt(&mut tx, challenge, now).await? else {
            return Err(ProofError::NoChallenge);
        };
        let keys = Keys::of(&holder.email, origin.address);
        if let Some(until) = self.lockout.locked(&mut tx, &keys, now).await? {
            self.tell_locked(&keys, origin.refusal(now, LOG_IN, Some(holder.user), LOCKED));
            return Err(ProofError::Locked { until });
        }
        if !second_factor::prove(&mut tx, &self.ring, holder.user, proof, now).await? {
            let refusal = origin.refusal(now, LOG_IN, Some(holder.user), "wrong_code");
            return Err(self.wrong_code(tx, &keys, refusal).await?);
        }
        if let Some(until) = self.lockout.succeeded(&mut tx, &keys, now).await? {
            return Err(ProofError::Locked { until });
        }
        let opened = self.sessions.open(&mut tx, holder.user, &holder.password_hash, origin).await?;
        let Some(tokens) = opened else { return Err(ProofError::NoChallenge) };
        // Only this one: who answers another waits for our rows, and we must not wait for theirs.
        account_tokens::redeem(&mut tx, challenge, Purpose::LogIn, now).await?;
        let entry = logged_in(origin, now, holder.user, &tokens, proof.method());
        audit::record(&mut tx, &[entry]).await?;
        tx.commit().await?;
        let user = users::find(&self.db, holder.user).await?.ok_or(ProofError::NoChallenge)?;
        Ok(LoggedIn { user, tokens })
    }

    /// Checks the second factor of a person who has just proved the password, or has an open session where that is enough,
    /// inside the transaction of what it allows; counted like a log-in. The transaction is given back only when the proof is right.
    pub async fn prove(
        &self,
        mut tx: Tx,
        user: &User,
        proof: &Proof,
        origin: &Origin,
    ) -> Result<Tx, ProofError> {
        let now = self.clock.now();
        let keys = Keys::of(&user.email, None);
        let refusal = |reason| Entry {
            who: Who::Person(user.id, None),
            ..origin.refusal(now, "account.confirm_second_factor", Some(user.id), reason)
        };
        if let Some(until) = self.lockout.locked(&mut tx, &keys, now).await? {
            self.tell_locked(&keys, refusal(LOCKED));
            return Err(ProofError::Locked { until });
        }
        if second_factor::prove(&mut tx, &self.ring, user.id, proof, now).await? {
            return Ok(tx);
        }
        Err(self.wrong_code(tx, &keys, refusal("wrong_code")).await?)
    }

    async fn wrong_code(&self, mut tx: Tx, keys: &Keys, refusal: Entry) -> Result<ProofError, DbError> {
        let locked = self.lockout.failed(&mut tx, keys, self.clock.now()).await?;
        audit::record(&mut tx, &[refusal]).await?;
        tx.commit().await?;
        Ok(locked.map_or(ProofError::Wrong, |until| ProofError::Locked { until }))
    }
}
