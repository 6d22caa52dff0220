//! The built-in providers: an authority of one's own, whose keys are in PostgreSQL. Whoever trusts its root
//! (`GET /api/v1/signature/authorities`) verifies what was signed here; nobody else has to.
//!
//! Certificates are issued when somebody signs for the first time, and renewed before they end or when the person is called
//! otherwise. A closed account has none.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::{SignedDuration, Timestamp};

use super::{
    authority::{self, AuthorityError, Issuing},
    oids,
    providers::{Answer, Credential, ProviderError, SignatureProvider, Signer, TimeStampProvider},
    store::{self, Authority, Certificate, StoreError},
    time_stamp,
};
use crate::{
    db::{Db, DbError, Tx},
    sealing::KeyRing,
};

/// An authority that ends so soon stamps no more: its successor does.
const STAMPS_UNTIL: SignedDuration = SignedDuration::from_hours(24);
/// How often somebody who was slower than another looks for what the other has made.
const TRIES: usize = 3;

/// How long people's certificates are good.
#[derive(Debug, Clone, Copy)]
pub struct Lives {
    /// From issuing on.
    pub certificate: SignedDuration,
    /// One that ends sooner than this is replaced.
    pub renew_before: SignedDuration,
}

/// Both built-in providers.
pub struct Local {
    db: Db,
    ring: KeyRing,
    lives: Lives,
    /// The one that was used last: its keys were opened.
    opened: ArcSwapOption<Authority>,
}

impl From<StoreError> for ProviderError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Db(error) => error.into(),
            error => Self::Refused(error.to_string()),
        }
    }
}

impl From<DbError> for ProviderError {
    fn from(error: DbError) -> Self {
        Self::Away(error.to_string())
    }
}

impl From<AuthorityError> for ProviderError {
    fn from(error: AuthorityError) -> Self {
        Self::Refused(error.to_string())
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

impl Local {
    /// With its keys sealed by this ring.
    pub fn new(db: Db, ring: KeyRing, lives: Lives) -> Self {
        Self { db, ring, lives, opened: ArcSwapOption::empty() }
    }

    /// Seals keys again that another key than the newest has sealed; how many, and how many did not open.
    pub async fn rewrap(&self, tx: &mut Tx) -> Result<(u64, u64), StoreError> {
        store::rewrap(tx, &self.ring).await
    }

    /// The authority that is good now and until then; made if there is none.
    async fn authority(&self, now: Timestamp, until: Timestamp) -> Result<Arc<Authority>, ProviderError> {
        let is_good =
            |it: &Arc<Authority>| it.made.issuing.not_before <= now && it.made.issuing.not_after >= until;
        if let Some(opened) = self.opened.load_full().filter(is_good) {
            return Ok(opened);
        }
        for _ in 0..TRIES {
            if let Some(found) = store::authority(&self.db, &self.ring, now, until).await? {
                let found = Arc::new(found);
                self.opened.store(Some(found.clone()));
                return Ok(found);
            }
            let made = authority::make(now)?;
            let mut tx = self.db.begin("signing.keep_authority").await?;
            store::keep_authority(&mut tx, &self.ring, &made, now, until).await?;
            tx.commit().await?;
            tracing::info!(label = made.label, "a certificate authority was made");
        }
        Err(ProviderError::Away("no authority is good for so long".to_owned()))
    }

    /// The certificate with which somebody signs now; made if there is none that is good.
    async fn certificate(&self, signer: &Signer, now: Timestamp) -> Result<Certificate, ProviderError> {
        let (names, until) = (store::names(signer), later(now, self.lives.renew_before));
        for _ in 0..TRIES {
            let current = store::current(&self.db, signer.user).await?;
            if let Some(found) = current.filter(|it| it.names == names && it.not_after >= until) {
                return Ok(found);
            }
            let authority = self.authority(now, later(now, self.lives.certificate)).await?;
            let issuing = Issuing { label: &authority.made.label, keyed: &authority.made.issuing };
            let keyed = issuing.issue(&signer.person, self.lives.certificate, now)?;
            let mut tx = self.db.begin("signing.keep_certificate").await?;
            let of = (signer, authority.generation);
            if !store::keep(&mut tx, &self.ring, of, (&keyed, until), now).await? {
                return Err(ProviderError::Refused("the account is closed".to_owned()));
            }
            tx.commit().await?;
        }
        Err(ProviderError::Away("others have replaced the certificate each time".to_owned()))
    }

    /// Also before anything was signed: who asks will want to verify what is signed next.
    async fn all_roots(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, ProviderError> {
        self.authority(now, later(now, self.lives.certificate)).await?;
        Ok(store::roots(&self.db).await?)
    }
}

impl SignatureProvider for Local {
    fn credential<'a>(&'a self, signer: &'a Signer, now: Timestamp) -> Answer<'a, Credential> {
        Box::pin(async move {
            let Certificate { certificate, serial, not_after, issuing, .. } =
                self.certificate(signer, now).await?;
            let chain = vec![certificate, issuing];
            Ok(Credential { id: serial.clone(), chain, serial, algorithm: oids::ecdsa_sha256(), not_after })
        })
    }

    fn sign<'a>(
        &'a self,
        _: &'a Signer,
        credential: &'a Credential,
        to_be_signed: &'a [u8],
    ) -> Answer<'a, Vec<u8>> {
        Box::pin(async move {
            let key = store::key_of(&self.db, &self.ring, &credential.id).await?;
            // Replaced or revoked since it was asked for: whoever asks again gets the next one, or hears why not.
            let key = key.ok_or_else(|| ProviderError::Away("the certificate was replaced".to_owned()))?;
            Ok(authority::sign(&key, to_be_signed)?)
        })
    }

    fn roots(&self, now: Timestamp) -> Answer<'_, Vec<Vec<u8>>> {
        Box::pin(self.all_roots(now))
    }

    fn revocations(&self, now: Timestamp) -> Answer<'_, Vec<Vec<u8>>> {
        Box::pin(async move {
            let all = store::revoked(&self.db, &self.ring, now).await?;
            all.iter()
                .map(|(authority, numbers)| {
                    let issuing = Issuing { label: &authority.made.label, keyed: &authority.made.issuing };
                    Ok(issuing.revoke(numbers, now)?)
                })
                .collect()
        })
    }
}

impl TimeStampProvider for Local {
    fn stamp<'a>(&'a self, request: &'a [u8], now: Timestamp) -> Answer<'a, Vec<u8>> {
        Box::pin(async move {
            let authority = self.authority(now, later(now, STAMPS_UNTIL)).await?;
            let (stamping, chain) = (&authority.made.time_stamp, [authority.made.root.clone()]);
            let answer = time_stamp::answer(request, stamping, &chain, now);
            answer.map_err(|error| ProviderError::Refused(error.to_string()))
        })
    }

    fn roots(&self, now: Timestamp) -> Answer<'_, Vec<Vec<u8>>> {
        Box::pin(self.all_roots(now))
    }
}
