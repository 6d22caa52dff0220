//! Providers of signatures and time stamps that are away.

use std::sync::Arc;

use jiff::Timestamp;
use sportello::signing::{
    Signing,
    providers::{Answer, Credential, ProviderError, SignatureProvider, Signer, TimeStampProvider},
};

/// Nobody answers.
struct Away;

fn away<T: Send>() -> Answer<'static, T> {
    Box::pin(async { Err(ProviderError::Away("no route to host".to_owned())) })
}

impl SignatureProvider for Away {
    fn credential<'a>(&'a self, _: &'a Signer, _: Timestamp) -> Answer<'a, Credential> {
        away()
    }
    fn sign<'a>(&'a self, _: &'a Signer, _: &'a Credential, _: &'a [u8]) -> Answer<'a, Vec<u8>> {
        away()
    }
    fn roots(&self, _: Timestamp) -> Answer<'_, Vec<Vec<u8>>> {
        away()
    }
    fn revocations(&self, _: Timestamp) -> Answer<'_, Vec<Vec<u8>>> {
        away()
    }
}

impl TimeStampProvider for Away {
    fn stamp<'a>(&'a self, _: &'a [u8], _: Timestamp) -> Answer<'a, Vec<u8>> {
        away()
    }
    fn roots(&self, _: Timestamp) -> Answer<'_, Vec<Vec<u8>>> {
        away()
    }
}

/// Nobody signs while `work` is done.
pub(crate) async fn without_signatures<T>(signing: &Signing, work: impl Future<Output = T>) -> T {
    let mut kept = None;
    signing.replace(|(signs, stamps)| {
        kept = Some(signs);
        (Arc::new(Away), stamps)
    });
    let done = work.await;
    signing.replace(|(_, stamps)| (kept.take().unwrap(), stamps));
    done
}

/// Nobody stamps the time while `work` is done.
pub(crate) async fn without_time_stamps<T>(signing: &Signing, work: impl Future<Output = T>) -> T {
    let mut kept = None;
    signing.replace(|(signs, stamps)| {
        kept = Some(stamps);
        (signs, Arc::new(Away))
    });
    let done = work.await;
    signing.replace(|(signs, _)| (signs, kept.take().unwrap()));
    done
}
