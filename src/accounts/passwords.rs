//! Passwords: which are good enough, and how they are kept (argon2id, OWASP parameters from the configuration).
//!
//! Hashing takes tens of milliseconds of one processor on purpose, so it never happens on the runtime's threads: whoever
//! needs it goes through [`Hashing`], which the hasher actor implements with a bound; [`Argon`] is the work itself.

use std::{fmt, future::Future};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

use crate::config::sections;

/// Longer ones would only be a way to keep us busy (ASVS 5.0, 6.2.9 wants at least 64 allowed).
pub const MAX_CHARS: usize = 128;
/// What everybody tries first; one per line, lower case, at least eight characters.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password in clear, on its way to be hashed.
#[derive(Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its length as people count it.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a password is not good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too short.
    #[error("needs at least {0} characters")]
    TooShort(usize),
    /// Too long.
    #[error("must have at most {MAX_CHARS} characters")]
    TooLong,
    /// Among the passwords that are tried first.
    #[error("is one of the passwords that are tried first")]
    Common,
    /// Contains the address of its owner.
    #[error("must not be made from your e-mail address")]
    Personal,
}

impl Weakness {
    /// A stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::TooLong => "too_long",
            Self::Common => "too_common",
            Self::Personal => "too_personal",
        }
    }
}

/// Refuses passwords that would be guessed. No rules of composition: they make passwords worse (NIST SP 800-63B).
pub fn check(password: &Password, email: &str, min_chars: usize) -> Result<(), Weakness> {
    let length = password.chars();
    if length < min_chars {
        return Err(Weakness::TooShort(min_chars));
    }
    if length > MAX_CHARS {
        return Err(Weakness::TooLong);
    }
    let folded = password.0.to_lowercase();
    let mut chars = folded.chars();
    let first = chars.next();
    if COMMON.lines().any(|common| common == folded) || chars.all(|c| Some(c) == first) {
        return Err(Weakness::Common);
    }
    let (local, _) = email.split_once('@').unwrap_or((email, ""));
    if folded == email || folded.trim_end_matches(|c: char| c.is_ascii_digit()) == local {
        return Err(Weakness::Personal);
    }
    Ok(())
}

/// What a comparison said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The password is the right one.
    pub matches: bool,
    /// It was hashed with other parameters than today's: hash it again.
    pub outdated: bool,
}

/// Too many passwords are waiting to be hashed: nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are waiting to be hashed")]
pub struct Busy;

/// Hashes passwords away from the runtime's threads, within bounds.
pub trait Hashing: Send + Sync {
    /// Hashes a new password.
    fn hash(&self, password: Password) -> impl Future<Output = Result<String, Busy>> + Send;

    /// Compares with a stored hash. Without one it compares with that of nobody, which takes as long and never matches.
    fn verify(
        &self,
        password: Password,
        hash: Option<String>,
    ) -> impl Future<Output = Result<Verdict, Busy>> + Send;
}

/// Argon2id with the configured parameters. Blocks: not for asynchronous code.
pub struct Argon {
    argon: Argon2<'static>,
    nobody: String,
}

impl Argon {
    /// With the parameters of the configuration.
    ///
    /// # Errors
    /// When argon2 does not allow them.
    pub fn new(config: &sections::Accounts) -> anyhow::Result<Self> {
        let kib = u32::try_from(*config.password_memory / 1024)?;
        let passes = u32::try_from(config.password_passes)?;
        let params = Params::new(kib, passes, 1, None)
            .map_err(|error| anyhow::anyhow!("accounts.password_memory or password_passes: {error}"))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut made = Self { argon, nobody: String::new() };
        made.nobody = made.hash(&Password::new("the password of nobody"));
        Ok(made)
    }

    /// The hash to store: salt and parameters included (PHC string).
    ///
    /// # Panics
    /// When there is no randomness or no memory: nothing may go on then.
    pub fn hash(&self, password: &Password) -> String {
        let hash: PasswordHash = self
            .argon
            .hash_password(password.0.as_bytes())
            .expect("the parameters were checked and the system gives randomness and memory");
        hash.to_string()
    }

    /// Compares with a stored hash, or with that of nobody.
    pub fn verify(&self, password: &Password, hash: Option<&str>) -> Verdict {
        let known = hash.and_then(|hash| PasswordHash::new(hash).ok());
        let nobody = PasswordHash::new(&self.nobody).expect("it was made above");
        let right =
            self.argon.verify_password(password.0.as_bytes(), known.as_ref().unwrap_or(&nobody)).is_ok();
        let outdated = known.as_ref().is_some_and(|known| !self.is_current(known));
        Verdict { matches: known.is_some() && right, outdated }
    }

    fn is_current(&self, hash: &PasswordHash) -> bool {
        let today = self.argon.params();
        hash.algorithm == Algorithm::Argon2id.ident()
            && Params::try_from(hash).is_ok_and(|then| {
                (then.m_cost(), then.t_cost(), then.p_cost())
                    == (today.m_cost(), today.t_cost(), today.p_cost())
            })
    }
}

#[cfg(test)]
mod tests {
    use super::{Argon, COMMON, Password, Verdict, Weakness, check};
    use crate::config::Config;

    fn argon(passes: usize) -> Argon {
        let mut config = Config::defaults().accounts;
        (config.password_memory.0, config.password_passes) = (64 << 10, passes);
        Argon::new(&config).unwrap()
    }

    #[test]
    fn only_the_right_password_matches_and_nobody_has_none() {
        let argon = argon(1);
        let (right, wrong) = (Password::new("correct horse battery"), Password::new("wrong horse battery"));
        let hash = argon.hash(&right);
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_eq!(argon.verify(&right, Some(&hash)), Verdict { matches: true, outdated: false });
        assert!(!argon.verify(&wrong, Some(&hash)).matches);
        assert!(!argon.verify(&Password::new("the password of nobody"), None).matches);
        assert!(!argon.verify(&right, Some("not a hash")).matches);
    }

    #[test]
    fn other_parameters_make_a_hash_outdated_but_still_right() {
        let password = Password::new("correct horse battery");
        let hash = argon(1).hash(&password);
        assert_eq!(argon(2).verify(&password, Some(&hash)), Verdict { matches: true, outdated: true });
    }

    #[test]
    fn weak_passwords_are_refused_for_their_reason() {
        let check = |text: &str| check(&Password::new(text), "anna.rossi@example.org", 8);
        assert_eq!(check("short"), Err(Weakness::TooShort(8)));
        assert_eq!(check(&"long".repeat(33)), Err(Weakness::TooLong));
        assert_eq!(check("PASSWORD123"), Err(Weakness::Common));
        assert_eq!(check("zzzzzzzzzz"), Err(Weakness::Common));
        assert_eq!(check("Anna.Rossi1990"), Err(Weakness::Personal));
        assert_eq!(check("anna.rossi@example.org"), Err(Weakness::Personal));
        assert_eq!(check("àèìòùàèì7"), Ok(()));
        assert_eq!(check("un cavallo a dondolo"), Ok(()));
    }

    #[test]
    fn the_list_is_usable_as_it_stands() {
        assert!(COMMON.lines().count() > 150);
        for line in COMMON.lines() {
            assert!(line.chars().count() >= 8 && line == line.to_lowercase(), "{line}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(format!("{:?}", Password::new("secret")), "[redacted]");
    }
}
