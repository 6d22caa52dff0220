//! Logging in: the password, the lockout and the session together.
//!
//! Known and unknown accounts take the same path: three lookups, one hash, one transaction. The lock is asked before
//! the password is looked at and again when the outcome is recorded (see [`super::lockout`]).
//!
//! Where the person has a second factor, the right password opens no session: it gives a challenge, which
//! [`Accounts::answer_challenge`] exchanges for one. Until then no failure is forgotten: whoever knows the password alone
//! has as many guesses at the second factor as others have at the password.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{
    account_tokens::{self, Issued, Purpose},
    key_use::KeyUse,
    lockout::{Keys, Lockout},
    passwords::{Busy, Hashing, Password},
    policy::Principal,
    second_factor,
    seldom::Said,
    sessions::{Ending, Origin, Sessions, Tokens},
    trail::tell_later,
    users::{self, Credentials, User},
};
use crate::{
    audit::{self, Entry, Who},
    clock::Clock,
    config::Config,
    db::{Db, DbError, Tx},
    ids::{SessionId, UserId},
    sealing::KeyRing,
};

/// What the audit log calls a log-in.
pub(super) const LOG_IN: &str = "account.log_in";

/// Why nothing was looked at: the account or the address is locked.
pub(super) const LOCKED: &str = "locked";

/// What a log-in needs. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) lockout: Lockout,
    pub(super) sessions: Sessions,
    pub(super) ring: Arc<KeyRing>,
    keys: KeyUse,
    /// Refusals because of a lock that were told, by account and by address.
    refused: Arc<Said<Vec<u8>>>,
    /// How long the audit log keeps what it was told.
    pub(super) audit_kept: SignedDuration,
}

/// What the right password opens.
#[derive(Debug)]
pub enum Entered {
    /// A session.
    In(Box<LoggedIn>),
    /// Nothing yet: the second factor is asked for.
    Challenged(Issued),
}

impl Entered {
    /// The session, if there is one.
    pub fn logged_in(self) -> Option<LoggedIn> {
        match self {
            Self::In(logged_in) => Some(*logged_in),
            Self::Challenged(_) => None,
        }
    }
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
    /// Accounts in `db`, whose second factors are sealed with this ring (see [`second_factor::key_ring`]).
    pub fn new(db: Db, clock: Clock, config: &Config, ring: KeyRing) -> Self {
        let audit_kept = SignedDuration::try_from(*config.audit.keep).unwrap_or(SignedDuration::MAX);
        let config = &config.accounts;
        let sessions = Sessions::new(db.clone(), clock.clone(), config);
        let keys = KeyUse::new(db.clone(), clock.clone());
        let (lockout, refused) = (Lockout::new(config), Arc::new(Said::default()));
        Self { db, clock, lockout, sessions, ring: Arc::new(ring), keys, refused, audit_kept }
    }

    /// Tells that an attempt was refused because of a lock, unless that was said of this account or address a moment ago.
    pub(super) fn tell_locked(&self, keys: &Keys, refusal: Entry) {
        // Both are asked: each is remembered from now on.
        let due: Vec<_> =
            keys.all().into_iter().map(|key| self.refused.is_due(key.to_vec(), refusal.at)).collect();
        if due.into_iter().all(|due| due) {
            tell_later(&self.db, refusal);
        }
    }

    /// The sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The keys for programs.
    pub fn keys(&self) -> &KeyUse {
        &self.keys
    }

    /// What second factors are sealed with.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Compares a password and opens a session, or asks for the second factor.
    pub async fn log_in(
        &self,
        hashing: &impl Hashing,
        email: &str,
        password: Password,
        origin: &Origin,
    ) -> Result<Entered, LoginError> {
        let email = users::normal_email(email);
        let keys = Keys::of(&email, origin.address);
        let (locked, known) = tokio::try_join!(
            self.lockout.locked_until(&self.db, &keys, self.clock.now()),
            users::credentials(&self.db, &email)
        )?;
        let id = known.as_ref().map(|known| known.user.id);
        if let Some(until) = locked {
            self.tell_locked(&keys, origin.refusal(self.clock.now(), LOG_IN, id, LOCKED));
            return Err(LoginError::Locked { until });
        }
        let hash = known.as_ref().map(|known| known.password_hash.clone());
        let verdict = hashing.verify(password.clone(), hash).await?;
        let Some(known) = known.filter(|_| verdict.matches) else {
            let refusal = origin.refusal(self.clock.now(), LOG_IN, id, "wrong_password");
            return Err(self.record_failure(&keys, refusal).await?);
        };
        let fresh = if verdict.outdated { Some(hashing.hash(password).await?) } else { None };
        self.enter(known, fresh, &keys, origin).await
    }

    /// The password was right.
    async fn enter(
        &self,
        known: Credentials,
        fresh: Option<String>,
        keys: &Keys,
        origin: &Origin,
    ) -> Result<Entered, LoginError> {
        let (now, id) = (self.clock.now(), known.user.id);
        let mut tx = self.db.begin("accounts.log_in").await?;
        let challenged = known.is_active && second_factor::is_enabled(&mut tx, id).await?;
        let locked = if challenged {
            self.lockout.locked(&mut tx, keys, now).await?
        } else {
            self.lockout.succeeded(&mut tx, keys, now).await?
        };
        if let Some(until) = locked {
            self.tell_locked(keys, origin.refusal(now, LOG_IN, Some(id), LOCKED));
            return Err(LoginError::Locked { until });
        }
        if !known.is_active {
            audit::record(&mut tx, &[origin.refusal(now, LOG_IN, Some(id), "disabled")]).await?;
            tx.commit().await?;
            return Err(LoginError::Disabled);
        }
        let mut hash = known.password_hash;
        if let Some(fresh) = fresh
            && users::rehash(&mut tx, id, &hash, &fresh).await?
        {
            hash = fresh;
        }
        if challenged {
            let issued = account_tokens::issue(&mut tx, id, Purpose::LogIn, Some(&hash), now).await?;
            let challenge = issued.ok_or(LoginError::Wrong)?;
            tx.commit().await?;
            return Ok(Entered::Challenged(challenge));
        }
        let opened = self.sessions.open(&mut tx, id, &hash, origin).await?;
        let Some(tokens) = opened else { return Err(LoginError::Wrong) };
        audit::record(&mut tx, &[logged_in(origin, now, id, &tokens, "password")]).await?;
        tx.commit().await?;
        Ok(Entered::In(Box::new(LoggedIn { user: known.user, tokens })))
    }

    /// Compares the password of a person who is logged in; counted like a log-in.
    pub async fn confirm(
        &self,
        hashing: &impl Hashing,
        principal: &Principal,
        origin: &Origin,
        password: Password,
    ) -> Result<Confirmed, LoginError> {
        let Some(user) = users::find(&self.db, principal.user).await? else { return Err(LoginError::Wrong) };
        let keys = Keys::of(&user.email, None);
        let (locked, known) = tokio::try_join!(
            self.lockout.locked_until(&self.db, &keys, self.clock.now()),
            users::credentials(&self.db, &user.email)
        )?;
        let refusal = |reason| Entry {
            who: Who::from(principal),
            ..origin.refusal(self.clock.now(), "account.confirm_password", Some(user.id), reason)
        };
        if let Some(until) = locked {
            self.tell_locked(&keys, refusal(LOCKED));
            return Err(LoginError::Locked { until });
        }
        let hash = known.map(|known| known.password_hash);
        let verdict = hashing.verify(password, hash.clone()).await?;
        match hash {
            Some(hash) if verdict.matches => Ok(Confirmed { user, hash }),
            _ => Err(self.record_failure(&keys, refusal("wrong_password")).await?),
        }
    }

    /// Replaces a confirmed password and ends the person's other sessions; `false` when it was changed meanwhile.
    pub async fn change_password(
        &self,
        tx: &mut Tx,
        confirmed: &Confirmed,
        new_hash: &str,
        keep: Option<SessionId>,
    ) -> Result<bool, DbError> {
        let (id, now) = (confirmed.user.id, self.clock.now());
        if !users::set_password(tx, id, &confirmed.hash, new_hash, now).await? {
            return Ok(false);
        }
        self.sessions.end_others(tx, id, keep, Ending::PasswordChanged).await?;
        Ok(true)
    }

    async fn record_failure(&self, keys: &Keys, refusal: Entry) -> Result<LoginError, DbError> {
        let mut tx = self.db.begin("accounts.login_failed").await?;
        let locked = self.lockout.failed(&mut tx, keys, self.clock.now()).await?;
        audit::record(&mut tx, &[refusal]).await?;
        tx.commit().await?;
        Ok(locked.map_or(LoginError::Wrong, |until| LoginError::Locked { until }))
    }
}

/// A log-in, as the audit log tells it.
pub(super) fn logged_in(
    origin: &Origin,
    now: Timestamp,
    user: UserId,
    tokens: &Tokens,
    method: &'static str,
) -> Entry {
    let who = Who::Person(user, Some(tokens.session.0));
    let details = serde_json::json!({ "method": method });
    Entry { details, ..origin.entry(now, who, LOG_IN, Some(user)) }
}

/// A person who has just proved the password.
#[derive(Debug, Clone)]
pub struct Confirmed {
    /// Who.
    pub user: User,
    hash: String,
}
