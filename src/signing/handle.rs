//! Signing, for the rest of the crate: a bounded number at once, each within a time, whatever the provider does.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use super::{
    cms::{CmsError, Content, Digest, Draft, sha256},
    codes::Codes,
    local::{Lives, Local},
    pades::{self, Limits, MARKER_LEN, PdfError, Prepared, Statement},
    providers::{Credential, ProviderError, SignatureProvider, Signer, TimeStampProvider},
    store::StoreError,
    time_stamp::{Request, TimeStampError, Token},
    turns::Turns,
};
use crate::{
    config::sections,
    db::{Db, Tx},
    sealing::KeyRing,
};

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Signs.
    Signature,
    /// Stamps the time.
    TimeStamp,
}

/// Why something is not signed or stamped. Nothing has happened.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The PDF is at fault.
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// The provider has no answer now.
    #[error("the {0:?} provider is away: {1}")]
    Away(Port, String),
    /// It does not do this.
    #[error("the {0:?} provider refuses: {1}")]
    Refused(Port, String),
    /// Too many sign at once.
    #[error("too much is being signed")]
    Busy,
    /// What the provider has given does not fit.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// What the provider has given is no time stamp.
    #[error(transparent)]
    TimeStamp(#[from] TimeStampError),
    /// A thread has died.
    #[error("signing was cut off")]
    CutOff,
}

impl SigningError {
    fn of(port: Port) -> impl Fn(ProviderError) -> Self {
        move |error| match error {
            ProviderError::Away(why) => Self::Away(port, why),
            ProviderError::Refused(why) => Self::Refused(port, why),
        }
    }
}

/// A signature, and what is known of it.
#[derive(Debug, Clone)]
pub struct Signature {
    /// CMS, DER.
    pub der: Vec<u8>,
    /// The serial number of the signer's certificate.
    pub serial: Vec<u8>,
    /// The time stamp over it.
    pub stamped_at: Timestamp,
}

/// A signed PDF.
#[derive(Debug, Clone)]
pub struct SignedPdf {
    /// The file.
    pub bytes: Bytes,
    /// Its hash.
    pub sha256: Digest,
    /// The serial number of the signer's certificate.
    pub serial: Vec<u8>,
    /// The time stamp over the signature.
    pub stamped_at: Timestamp,
}

type Providers = (Arc<dyn SignatureProvider>, Arc<dyn TimeStampProvider>);

struct Parts {
    /// Also when others are configured: what it has signed is still verified, and its keys are sealed again.
    local: Arc<Local>,
    providers: ArcSwap<Providers>,
    limits: Limits,
    timeouts: (Duration, Duration),
    turns: Turns<String>,
    codes: Codes,
    /// Who prepares a PDF: it takes a thread and memory.
    workers: Semaphore,
    /// Who is let in at all.
    places: Semaphore,
}

/// Signs and stamps. Cheap to clone.
#[derive(Clone)]
pub struct Signing(Arc<Parts>);

impl Signing {
    fn new(
        (local, codes): (Arc<Local>, Codes),
        providers: Providers,
        signature: &sections::Signature,
        time_stamp: &sections::TimeStamp,
    ) -> Self {
        Self(Arc::new(Parts {
            local,
            providers: ArcSwap::from_pointee(providers),
            limits: Limits { bytes: *signature.max_pdf_bytes, unpacked: *signature.max_unpacked_bytes },
            timeouts: (*signature.timeout, *time_stamp.timeout),
            turns: Turns::default(),
            codes,
            workers: Semaphore::new(signature.threads),
            places: Semaphore::new(signature.bound),
        }))
    }

    /// With the configured providers. A real one gets its line here.
    ///
    /// # Panics
    /// Never: what is configured was looked at when the configuration was read.
    pub fn configured(
        db: &Db,
        (ring, codes): (KeyRing, Codes),
        signature: &sections::Signature,
        time_stamp: &sections::TimeStamp,
    ) -> Self {
        let period = |period: Duration| SignedDuration::try_from(period).unwrap_or(SignedDuration::MAX);
        let lives = Lives {
            certificate: period(*signature.certificate_life),
            renew_before: period(*signature.renew_before),
        };
        let local = Arc::new(Local::new(db.clone(), ring, lives));
        let signs: Arc<dyn SignatureProvider> = match signature.provider.as_str() {
            "local" => local.clone(),
            other => unreachable!("{other} was refused with the configuration"),
        };
        let stamps: Arc<dyn TimeStampProvider> = match time_stamp.provider.as_str() {
            "local" => local.clone(),
            other => unreachable!("{other} was refused with the configuration"),
        };
        Self::new((local, codes), (signs, stamps), signature, time_stamp)
    }

    /// Puts others in the place of the providers: one that is away, for a test, or a real one, in somebody's own binary.
    pub fn replace(&self, change: impl FnOnce(Providers) -> Providers) {
        let now = self.0.providers.load_full();
        self.0.providers.store(Arc::new(change((now.0.clone(), now.1.clone()))));
    }

    /// Seals the keys of the built-in provider again, where another key than the newest has sealed them; how many, and how
    /// many did not open.
    pub async fn rewrap(&self, tx: &mut Tx) -> Result<(u64, u64), StoreError> {
        self.0.local.rewrap(tx).await
    }

    /// Makes and knows codes that are mailed to signers.
    pub fn codes(&self) -> &Codes {
        &self.0.codes
    }

    /// Waits for one's turn at something that one signer after the other does; it lasts until the answer is dropped.
    pub async fn turn(&self, at: String) -> impl Drop + Send + use<> {
        self.0.turns.take(at).await
    }

    /// How large a PDF may be.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    async fn asked<T>(
        &self,
        port: Port,
        asking: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, SigningError> {
        let (signs, stamps) = self.0.timeouts;
        let within = if port == Port::Signature { signs } else { stamps };
        match tokio::time::timeout(within, asking).await {
            Ok(answer) => answer.map_err(SigningError::of(port)),
            Err(_) => Err(SigningError::Away(port, "it has not answered in time".to_owned())),
        }
    }

    /// A time stamp of a hash.
    pub async fn time_stamp(&self, digest: Digest, now: Timestamp) -> Result<Token, SigningError> {
        let stamps = self.0.providers.load_full().1.clone();
        let request = Request::new(digest);
        let sent = request.to_der()?;
        let answer = self.asked(Port::TimeStamp, stamps.stamp(&sent, now)).await?;
        let token = request.token(&answer)?;
        token.verify(&self.asked(Port::TimeStamp, stamps.roots(now)).await?, now)?;
        Ok(token)
    }

    /// A signature over content that lies beside it, with a time stamp.
    pub async fn detached(
        &self,
        digest: Digest,
        signer: &Signer,
        now: Timestamp,
    ) -> Result<Signature, SigningError> {
        let signs = self.0.providers.load_full().0.clone();
        let credential = self.asked(Port::Signature, signs.credential(signer, now)).await?;
        let Credential { chain, algorithm, serial, .. } = &credential;
        let draft = Draft::new(Content::beside(digest), chain)?;
        let to_be_signed = draft.to_be_signed()?;
        let signature = self.asked(Port::Signature, signs.sign(signer, &credential, &to_be_signed)).await?;
        let signed = draft.sign(&signature, algorithm.clone())?;
        let token = self.time_stamp(signed.imprint()?, now).await?;
        let der = signed.stamped(&token.der)?.to_der()?;
        Ok(Signature { der, serial: serial.clone(), stamped_at: token.time })
    }

    /// A PDF with a signature more.
    pub async fn pdf(
        &self,
        pdf: Bytes,
        signer: &Signer,
        statement: Statement,
    ) -> Result<SignedPdf, SigningError> {
        let _place = self.0.places.try_acquire().map_err(|_| SigningError::Busy)?;
        let now = statement.at;
        let prepared = self.prepared(pdf, statement).await?;
        let signature = self.detached(prepared.digest(), signer, now).await?;
        let bytes = Bytes::from(prepared.finish(&signature.der)?);
        let Signature { serial, stamped_at, .. } = signature;
        Ok(SignedPdf { sha256: sha256(&[&bytes]), bytes, serial, stamped_at })
    }

    async fn prepared(&self, pdf: Bytes, statement: Statement) -> Result<Prepared, SigningError> {
        let _worker = self.0.workers.acquire().await.map_err(|_| SigningError::CutOff)?;
        let limits = self.0.limits;
        let work = tokio::task::spawn_blocking(move || {
            let mut marker = [0; MARKER_LEN];
            getrandom::fill(&mut marker).expect("the operating system gives randomness");
            pades::prepare(&pdf, &statement, limits, marker)
        });
        Ok(work.await.map_err(|_| SigningError::CutOff)??)
    }

    /// The roots (DER) under which everything is verified that was signed or stamped here.
    pub async fn roots(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, SigningError> {
        let providers = self.0.providers.load_full();
        let mut roots = self.asked(Port::Signature, providers.0.roots(now)).await?;
        for root in self.asked(Port::TimeStamp, providers.1.roots(now)).await? {
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        Ok(roots)
    }

    /// Lists (DER) of what is revoked.
    pub async fn revocations(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, SigningError> {
        let signs = self.0.providers.load_full().0.clone();
        self.asked(Port::Signature, signs.revocations(now)).await
    }
}
