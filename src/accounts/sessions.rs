//! Sessions: one per log-in, with one access token and a chain of refresh tokens, each good for one exchange.
//!
//! Using a refresh token a second time betrays that two parties have it: the whole session is revoked (RFC 9700, 4.14).
//!
//! [`Sessions::authenticate`] keeps what it found in a small table for at most [`REMEMBERED`], so that a client that
//! sends many requests costs one lookup. Whoever ends a session tells the table after the commit; other nodes hear it
//! through [`CHANNEL`], and at the latest when their entry grows old.

use std::{
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;

use super::{
    policy::{Principal, Roles, Via},
    tokens::{Token, TokenHash, Use},
};
use crate::{
    clock::Clock,
    config::sections,
    db::{Db, DbError, Tx},
    ids::{SessionId, UserId},
    key,
};

/// How long another node may believe in a session that was ended, if its notification is lost.
pub const REMEMBERED: Duration = Duration::from_secs(30);
/// Tokens remembered: some tens of bytes each.
const REMEMBERED_MAX: u64 = 100_000;
/// Where ended access tokens are announced, as the hex of their hash.
pub const CHANNEL: &str = "sportello_sessions";
/// Sessions of one person at a time; a further log-in ends the oldest.
pub const PER_PERSON: i64 = 50;
/// Longer names of browsers are cut.
const USER_AGENT_CHARS: usize = 300;

/// Where a log-in comes from; shown to its owner, never trusted.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The network address.
    pub address: Option<IpAddr>,
    /// The browser's name for itself.
    pub user_agent: Option<String>,
}

/// Fresh tokens.
#[derive(Debug)]
pub struct Tokens {
    /// Their session.
    pub session: SessionId,
    /// Sent with each request.
    pub access: Token,
    /// Until then.
    pub access_expires_at: Timestamp,
    /// Exchanged once for new tokens.
    pub refresh: Token,
    /// Until then.
    pub refresh_expires_at: Timestamp,
}

/// Why a session ended; stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its owner logged out.
    LoggedOut,
    /// A used refresh token came back.
    Reused,
    /// The password was changed elsewhere.
    PasswordChanged,
    /// An administrator changed what the person may do.
    Changed,
    /// Its owner ended it from another session.
    Revoked,
    /// Too many sessions of one person.
    Displaced,
}

impl Ending {
    const fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Reused => "refresh_reused",
            Self::PasswordChanged => "password_changed",
            Self::Changed => "changed",
            Self::Revoked => "revoked",
            Self::Displaced => "displaced",
        }
    }
}

/// What became of a refresh token.
#[derive(Debug)]
pub enum Refreshed {
    /// It was exchanged.
    Renewed(Box<Tokens>),
    /// It is unknown, expired, or its session has ended.
    Invalid,
    /// It had been used before: the session is revoked now.
    Betrayed,
}

/// What is remembered of an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recall {
    /// Whose it is.
    Somebody(Principal),
    /// It cannot be a token, or has expired.
    Nobody,
    /// Only the database knows.
    Unknown,
}

/// Opens, finds and ends sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    access_ttl: SignedDuration,
    refresh_ttl: SignedDuration,
    known: moka::sync::Cache<TokenHash, Known>,
    /// Counts endings: a lookup that began before one must not be remembered after it.
    endings: AtomicU64,
    /// Who has to know of them.
    told: OnceLock<Told>,
}

/// Hears which access token has ended; `None`: any may have.
type Told = Box<dyn Fn(Option<TokenHash>) + Send + Sync>;

#[derive(Debug, Clone, Copy)]
struct Known {
    principal: Principal,
    expires_at: Timestamp,
}

impl Sessions {
    /// Sessions in `db`, living as long as the configuration says.
    pub fn new(db: Db, clock: Clock, config: &sections::Accounts) -> Self {
        let long = |period: Duration| SignedDuration::try_from(period).unwrap_or(SignedDuration::MAX);
        let known =
            moka::sync::Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(REMEMBERED).build();
        Self(Arc::new(Inner {
            db,
            clock,
            access_ttl: long(*config.access_ttl),
            refresh_ttl: long(*config.refresh_ttl),
            known,
            endings: AtomicU64::new(0),
            told: OnceLock::new(),
        }))
    }

    /// Who sent this access token; `None` if it is not, or no longer, valid.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Principal>, DbError> {
        let Some(hash) = TokenHash::of(token, Use::Access) else { return Ok(None) };
        Ok(self.holder(hash).await?.map(|(principal, _)| principal))
    }

    /// Who holds the access token with this hash, and until when; `None` if it is not, or no longer, valid.
    pub async fn holder(&self, hash: TokenHash) -> Result<Option<(Principal, Timestamp)>, DbError> {
        let known = match self.0.known.get(&hash) {
            Some(known) => Some(known),
            None => self.look_up(hash).await?,
        };
        let known = known.filter(|known| known.expires_at > self.0.clock.now());
        Ok(known.map(|known| (known.principal, known.expires_at)))
    }

    /// From now on `told` hears of sessions that end, at this server or another one: what lasts longer than a request has
    /// to end with them. To be called once.
    pub fn when_ended(&self, told: impl Fn(Option<TokenHash>) + Send + Sync + 'static) {
        let first = self.0.told.set(Box::new(told));
        debug_assert!(first.is_ok(), "somebody hears of it already");
    }

    /// What is known of an access token without asking the database.
    pub fn recall(&self, token: &str) -> Recall {
        let Some(hash) = TokenHash::of(token, Use::Access) else { return Recall::Nobody };
        match self.0.known.get(&hash) {
            Some(known) if known.expires_at > self.0.clock.now() => Recall::Somebody(known.principal),
            Some(_) => Recall::Nobody,
            None => Recall::Unknown,
        }
    }

    async fn look_up(&self, hash: TokenHash) -> Result<Option<Known>, DbError> {
        const AUTHENTICATE: &str = "-- accounts.sessions.authenticate
            SELECT k.n, s.id, s.user_id, u.roles, s.access_expires_at
            FROM unnest($1::bytea[]) WITH ORDINALITY AS k (hash, n)
            JOIN sessions s ON s.access_hash = k.hash AND s.revoked_at IS NULL
            JOIN users u ON u.id = s.user_id AND u.status = 'active'";
        let endings = self.0.endings.load(SeqCst);
        let rows = self.0.db.lookup(AUTHENTICATE, key![hash.bytes()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let known = Known {
            principal: Principal {
                user: row.get("user_id"),
                via: Via::Session(row.get("id")),
                roles: Roles::stored(&row.get::<_, Vec<&str>>("roles")),
            },
            expires_at: row.get("access_expires_at"),
        };
        self.0.known.insert(hash, known);
        // A session may have ended between the lookup and the insert: then whoever ended it found nothing to remove.
        if self.0.endings.load(SeqCst) != endings {
            self.0.known.invalidate(&hash);
        }
        Ok(Some(known))
    }

    /// Opens a session for a person whose password hash is still the one that was compared. `None` when the password was
    /// changed or the account disabled meanwhile.
    pub async fn open(
        &self,
        tx: &mut Tx,
        user: UserId,
        compared_hash: &str,
        origin: &Origin,
    ) -> Result<Option<Tokens>, DbError> {
        // FOR SHARE: a change of the password waits, and then revokes this session too.
        const OPEN: &str = "-- accounts.sessions.open
            INSERT INTO sessions (id, user_id, access_hash, access_expires_at, address, user_agent, created_at)
            SELECT $1, u.id, $4, $5, $6, $7, $8
            FROM (SELECT id FROM users WHERE id = $2 AND password_hash = $3 AND status = 'active' FOR SHARE) u";
        const DISPLACE: &str = "-- accounts.sessions.displace
            WITH gone AS (UPDATE sessions SET revoked_at = $2, revoked_why = $3 WHERE id IN (
                SELECT id FROM sessions WHERE user_id = $1 AND revoked_at IS NULL
                ORDER BY created_at DESC, id DESC OFFSET $4 FOR UPDATE SKIP LOCKED) RETURNING access_hash)
            SELECT access_hash, pg_notify('sportello_sessions', encode(access_hash, 'hex'))::text FROM gone";
        let now = self.0.clock.now();
        let tokens = self.tokens(SessionId::new(now), now);
        let address = origin.address.map(|address| address.to_canonical().to_string());
        let agent = origin.user_agent.as_ref().map(|agent| agent.chars().take(USER_AGENT_CHARS).collect());
        let agent: Option<String> = agent;
        let (access, expires) = (tokens.access.hash().bytes(), tokens.access_expires_at);
        let opened = tx
            .execute(
                OPEN,
                &[&tokens.session, &user, &compared_hash, &access, &expires, &address, &agent, &now],
            )
            .await?;
        if opened == 0 {
            return Ok(None);
        }
        issue_refresh(tx, &tokens).await?;
        let ending = Ending::Displaced.as_str();
        let displaced = tx.query(DISPLACE, &[&user, &now, &ending, &PER_PERSON]).await?;
        self.forget_on_commit(tx, &displaced);
        Ok(Some(tokens))
    }

    /// Exchanges a refresh token for new tokens. The transaction must be committed whatever the outcome: a betrayal is
    /// recorded in it.
    pub async fn refresh(&self, tx: &mut Tx, token: &str) -> Result<Refreshed, DbError> {
        const USE: &str = "-- accounts.sessions.use_refresh
            UPDATE session_refresh r SET used_at = $2 FROM sessions s JOIN users u ON u.id = s.user_id
            WHERE r.hash = $1 AND r.used_at IS NULL AND r.expires_at > $2
              AND s.id = r.session_id AND s.revoked_at IS NULL AND u.status = 'active'
            RETURNING s.id, s.access_hash";
        const RENEW: &str = "-- accounts.sessions.renew
            UPDATE sessions SET access_hash = $2, access_expires_at = $3 WHERE id = $1 AND revoked_at IS NULL";
        const BETRAYED: &str = "-- accounts.sessions.betrayed
            WITH gone AS (UPDATE sessions SET revoked_at = $2, revoked_why = $3
                WHERE id = (SELECT session_id FROM session_refresh WHERE hash = $1 AND used_at IS NOT NULL)
                  AND revoked_at IS NULL RETURNING access_hash)
            SELECT access_hash, pg_notify('sportello_sessions', encode(access_hash, 'hex'))::text FROM gone";
        const NOTIFY: &str = "-- accounts.sessions.notify
            SELECT pg_notify('sportello_sessions', encode($1::bytea, 'hex'))::text";
        let Some(hash) = TokenHash::of(token, Use::Refresh) else { return Ok(Refreshed::Invalid) };
        let (hash, now) = (hash.bytes(), self.0.clock.now());
        let Some(used) = tx.query_opt(USE, &[&hash, &now]).await? else {
            let gone = tx.query(BETRAYED, &[&hash, &now, &Ending::Reused.as_str()]).await?;
            self.forget_on_commit(tx, &gone);
            return Ok(if gone.is_empty() { Refreshed::Invalid } else { Refreshed::Betrayed });
        };
        let tokens = self.tokens(used.get("id"), now);
        let renewed = [&tokens.session as &(dyn postgres_types::ToSql + Sync), &tokens.access.hash().bytes()];
        if tx.execute(RENEW, &[renewed[0], renewed[1], &tokens.access_expires_at]).await? == 0 {
            return Ok(Refreshed::Invalid); // it ended between the two statements
        }
        issue_refresh(tx, &tokens).await?;
        tx.query(NOTIFY, &[&used.get::<_, Vec<u8>>("access_hash")]).await?;
        self.forget_on_commit(tx, std::slice::from_ref(&used));
        Ok(Refreshed::Renewed(Box::new(tokens)))
    }

    /// Ends one session.
    pub async fn end(&self, tx: &mut Tx, session: SessionId, why: Ending) -> Result<(), DbError> {
        const END: &str = "-- accounts.sessions.end
            WITH gone AS (UPDATE sessions SET revoked_at = $2, revoked_why = $3
                WHERE id = $1 AND revoked_at IS NULL RETURNING access_hash)
            SELECT access_hash, pg_notify('sportello_sessions', encode(access_hash, 'hex'))::text FROM gone";
        let gone = tx.query(END, &[&session, &self.0.clock.now(), &why.as_str()]).await?;
        self.forget_on_commit(tx, &gone);
        Ok(())
    }

    /// Ends a session of this person; `false` when the person has no such session that is open.
    pub async fn end_own(&self, tx: &mut Tx, user: UserId, session: SessionId) -> Result<bool, DbError> {
        const END_OWN: &str = "-- accounts.sessions.end_own
            WITH gone AS (UPDATE sessions SET revoked_at = $3, revoked_why = $4
                WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING access_hash)
            SELECT access_hash, pg_notify('sportello_sessions', encode(access_hash, 'hex'))::text FROM gone";
        let (now, why) = (self.0.clock.now(), Ending::Revoked.as_str());
        let gone = tx.query(END_OWN, &[&session, &user, &now, &why]).await?;
        self.forget_on_commit(tx, &gone);
        Ok(!gone.is_empty())
    }

    /// Ends all sessions of a person, but for `keep`; returns how many.
    pub async fn end_others(
        &self,
        tx: &mut Tx,
        user: UserId,
        keep: Option<SessionId>,
        why: Ending,
    ) -> Result<usize, DbError> {
        const END_OTHERS: &str = "-- accounts.sessions.end_others
            WITH gone AS (UPDATE sessions SET revoked_at = $2, revoked_why = $3
                WHERE user_id = $1 AND id IS DISTINCT FROM $4 AND revoked_at IS NULL RETURNING access_hash)
            SELECT access_hash, pg_notify('sportello_sessions', encode(access_hash, 'hex'))::text FROM gone";
        let gone = tx.query(END_OTHERS, &[&user, &self.0.clock.now(), &why.as_str(), &keep]).await?;
        self.forget_on_commit(tx, &gone);
        Ok(gone.len())
    }

    /// Forgets an access token that was announced on [`CHANNEL`].
    pub fn forget(&self, hash: TokenHash) {
        self.0.endings.fetch_add(1, SeqCst);
        self.0.known.invalidate(&hash);
        if let Some(told) = self.0.told.get() {
            told(Some(hash));
        }
    }

    /// Forgets everything: announcements may have been missed.
    pub fn forget_all(&self) {
        self.0.endings.fetch_add(1, SeqCst);
        self.0.known.invalidate_all();
        if let Some(told) = self.0.told.get() {
            told(None);
        }
    }

    fn forget_on_commit(&self, tx: &mut Tx, gone: &[Row]) {
        let hashes: Vec<_> = gone.iter().map(|row| TokenHash::stored(row.get("access_hash"))).collect();
        if !hashes.is_empty() {
            let sessions = self.clone();
            tx.on_commit(move || hashes.into_iter().for_each(|hash| sessions.forget(hash)));
        }
    }

    fn tokens(&self, session: SessionId, now: Timestamp) -> Tokens {
        let until = |ttl| now.checked_add(ttl).unwrap_or(Timestamp::MAX);
        Tokens {
            session,
            access: Token::generate(Use::Access),
            access_expires_at: until(self.0.access_ttl),
            refresh: Token::generate(Use::Refresh),
            refresh_expires_at: until(self.0.refresh_ttl),
        }
    }
}

async fn issue_refresh(tx: &mut Tx, tokens: &Tokens) -> Result<(), DbError> {
    const ISSUE: &str = "-- accounts.sessions.issue_refresh
        INSERT INTO session_refresh (hash, session_id, expires_at) VALUES ($1, $2, $3)";
    let hash = tokens.refresh.hash().bytes();
    tx.execute(ISSUE, &[&hash, &tokens.session, &tokens.refresh_expires_at]).await?;
    Ok(())
}
