//! Logging in: the password, the lockout and the session together.
//!
//! Known and unknown accounts take the same path: three lookups, one hash, one transaction. The lock is asked before
//! the password is looked at and again when the outcome is recorded (see [`super::lockout`]).

use jiff::Timestamp;

use super::{
    lockout::{Keys, Lockout},
    passwords::{Busy, Hashing, Password},
    sessions::{Ending, Origin, Sessions, Tokens},
    users::{self, User},
};
use crate::{
    clock::Clock,
    config::sections,
    db::{Db, DbError, Tx},
    ids::{SessionId, UserId},
};

/// What a log-in needs. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    db: Db,
    clock: Clock,
    lockout: Lockout,
    sessions: Sessions,
}

/// A successful log-in.
#[derive(Debug)]
pub struct LoggedIn {
    /// Who.
    pub user: User,
    /// To go on with.
    pub tokens: Tokens,
}

/// Why a password was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The account is unknown or the password wrong; nobody learns which.
    #[error("address or password are wrong")]
    Wrong,
    /// Too many failures: neither account nor address may try until then.
    #[error("too many failed attempts; locked until {until}")]
    Locked {
        /// When the next attempt is looked at.
        until: Timestamp,
    },
    /// The password is right, but the account was disabled.
    #[error("the account is disabled")]
    Disabled,
    /// Too many passwords are being hashed: nothing was done.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Accounts {
    /// Accounts in `db`.
    pub fn new(db: Db, clock: Clock, config: &sections::Accounts) -> Self {
        let sessions = Sessions::new(db.clone(), clock.clone(), config);
        Self { db, clock, lockout: Lockout::new(config), sessions }
    }

    /// The sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Compares a password and opens a session.
    pub async fn log_in(
        &self,
        hashing: &impl Hashing,
        email: &str,
        password: Password,
        origin: &Origin,
    ) -> Result<LoggedIn, LoginError> {
        let email = users::normal_email(email);
        let keys = Keys::of(&email, origin.address);
        let (locked, known) = tokio::try_join!(
            self.lockout.locked_until(&self.db, &keys, self.clock.now()),
            users::credentials(&self.db, &email)
        )?;
        if let Some(until) = locked {
            return Err(LoginError::Locked { until });
        }
        let hash = known.as_ref().map(|known| known.password_hash.clone());
        let verdict = hashing.verify(password.clone(), hash).await?;
        let Some(known) = known.filter(|_| verdict.matches) else {
            return Err(self.record_failure(&keys).await?);
        };
        let mut hash = known.password_hash.clone();
        let fresh = if verdict.outdated { Some(hashing.hash(password).await?) } else { None };

        let mut tx = self.db.begin("accounts.log_in").await?;
        if let Some(until) = self.lockout.succeeded(&mut tx, &keys, self.clock.now()).await? {
            return Err(LoginError::Locked { until });
        }
        if !known.is_active {
            tx.commit().await?;
            return Err(LoginError::Disabled);
        }
        if let Some(fresh) = fresh
            && users::rehash(&mut tx, known.user.id, &hash, &fresh).await?
        {
            hash = fresh;
        }
        let opened = self.sessions.open(&mut tx, known.user.id, &hash, origin).await?;
        let Some(tokens) = opened else { return Err(LoginError::Wrong) };
        tx.commit().await?;
        Ok(LoggedIn { user: known.user, tokens })
    }

    /// Compares the password of a person who is logged in; counted like a log-in.
    pub async fn confirm(
        &self,
        hashing: &impl Hashing,
        user: UserId,
        password: Password,
    ) -> Result<Confirmed, LoginError> {
        let Some(user) = users::find(&self.db, user).await? else { return Err(LoginError::Wrong) };
        let keys = Keys::of(&user.email, None);
        let (locked, known) = tokio::try_join!(
            self.lockout.locked_until(&self.db, &keys, self.clock.now()),
            users::credentials(&self.db, &user.email)
        )?;
        if let Some(until) = locked {
            return Err(LoginError::Locked { until });
        }
        let hash = known.map(|known| known.password_hash);
        let verdict = hashing.verify(password, hash.clone()).await?;
        match hash {
            Some(hash) if verdict.matches => Ok(Confirmed { user, hash }),
            _ => Err(self.record_failure(&keys).await?),
        }
    }

    /// Replaces a confirmed password and ends the person's other sessions; `false` when it was changed meanwhile.
    pub async fn change_password(
        &self,
        tx: &mut Tx,
        confirmed: &Confirmed,
        new_hash: &str,
        keep: SessionId,
    ) -> Result<bool, DbError> {
        let (id, now) = (confirmed.user.id, self.clock.now());
        if !users::set_password(tx, id, &confirmed.hash, new_hash, now).await? {
            return Ok(false);
        }
        self.sessions.end_others(tx, id, Some(keep), Ending::PasswordChanged).await?;
        Ok(true)
    }

    async fn record_failure(&self, keys: &Keys) -> Result<LoginError, DbError> {
        let mut tx = self.db.begin("accounts.login_failed").await?;
        let locked = self.lockout.failed(&mut tx, keys, self.clock.now()).await?;
        tx.commit().await?;
        Ok(locked.map_or(LoginError::Wrong, |until| LoginError::Locked { until }))
    }
}

/// A person who has just proved the password.
#[derive(Debug, Clone)]
pub struct Confirmed {
    /// Who.
    pub user: User,
    hash: String,
}
