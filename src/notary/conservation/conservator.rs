//! The port to a conservator: whoever keeps packages for as long as the law wants.
//!
//! A real one (an accredited conservator of the AgID list) is another implementation of [`Conservator`], chosen by
//! `conservation.provider`: [`Conservator::take_over`] sends the package with its hash and returns what the conservator calls
//! it and what they confirm ("rapporto di versamento"); [`ConservatorError::Refused`] when they do not take it, which makes
//! the package anew, [`ConservatorError::Away`] when they cannot be reached, which tries again later. It must be safe to
//! call twice for one package: the package's id and hash are the same then.

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, stream::BoxStream};
use jiff::Timestamp;
use sha2::Digest as _;

use crate::{documents::versions::Sha256, ids::ConservationPackageId};

/// A package that is handed over.
#[derive(Debug, Clone)]
pub struct Handover {
    /// The package.
    pub package: ConservationPackageId,
    /// Whose files it has.
    pub office: String,
    /// Its size.
    pub bytes: i64,
    /// Its hash.
    pub sha256: Sha256,
    /// When it is handed over.
    pub at: Timestamp,
}

/// A package that was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What the conservator calls it.
    pub reference: String,
    /// What the conservator confirms. It is stored with a time stamp over the package.
    pub statement: serde_json::Value,
}

/// Why a package was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum ConservatorError {
    /// They do not want it so.
    #[error("the conservator does not take the package: {0}")]
    Refused(String),
    /// Later, perhaps.
    #[error("the conservator cannot be reached: {0}")]
    Away(String),
}

/// The pieces of a package.
pub type Pieces<'a> = BoxStream<'a, std::io::Result<Bytes>>;

/// Who keeps packages.
pub trait Conservator: Send + Sync {
    /// As it is called in the configuration and in rows.
    fn name(&self) -> &'static str;

    /// Hands a package over. May be called again for the same package.
    fn take_over<'a>(
        &'a self,
        handover: &'a Handover,
        content: Pieces<'a>,
    ) -> BoxFuture<'a, Result<Taken, ConservatorError>>;
}

/// The built-in conservator: the package stays in this service's storage, which is read back to the last byte before it is
/// confirmed. It keeps what the storage keeps: a second place is up to who runs it.
#[derive(Debug, Clone, Copy)]
pub struct Local;

impl Conservator for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn take_over<'a>(
        &'a self,
        handover: &'a Handover,
        content: Pieces<'a>,
    ) -> BoxFuture<'a, Result<Taken, ConservatorError>> {
        Box::pin(async move {
            let found = hash(content).await.map_err(|error| ConservatorError::Away(error.to_string()))?;
            if found != (handover.sha256, handover.bytes) {
                return Err(ConservatorError::Refused("its content is not what its hash says".to_owned()));
            }
            let sha256 = found.0.hex();
            let reference = format!("PKG-{}", &sha256[..16]);
            let statement = serde_json::json!({
                "conservator": self.name(), "reference": reference, "package": handover.package,
                "office": handover.office, "bytes": handover.bytes, "sha256": sha256, "taken_over_at": handover.at,
            });
            Ok(Taken { reference, statement })
        })
    }
}

/// The hash and the size of a content.
pub async fn hash(mut content: Pieces<'_>) -> std::io::Result<(Sha256, i64)> {
    let (mut hasher, mut bytes) = (sha2::Sha256::new(), 0);
    while let Some(piece) = content.next().await {
        let piece = piece?;
        bytes += piece.len() as i64;
        hasher.update(&piece);
    }
    Ok((Sha256(hasher.finalize().into()), bytes))
}

/// The one that is configured; `None`: there is none of this name.
pub fn of(name: &str) -> Option<&'static dyn Conservator> {
    [&Local as &dyn Conservator].into_iter().find(|conservator| conservator.name() == name)
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};

    use super::{Conservator as _, ConservatorError, Handover, Local, hash, of};
    use crate::ids::ConservationPackageId;

    fn pieces(text: &'static [&'static str]) -> super::Pieces<'static> {
        stream::iter(text.iter().map(|text| Ok(text.as_bytes().into()))).boxed()
    }

    #[tokio::test]
    async fn a_package_is_confirmed_only_when_every_byte_of_it_is_there() {
        let (sha256, bytes) = hash(pieces(&["pac", "chetto"])).await.unwrap();
        let at = "2031-06-18T12:00:00Z".parse().unwrap();
        let package = ConservationPackageId(uuid::Uuid::nil());
        let handover = Handover { package, office: "Studio".to_owned(), bytes, sha256, at };
        let taken = Local.take_over(&handover, pieces(&["pacch", "etto"])).await.unwrap();
        assert_eq!(taken.reference, format!("PKG-{}", &sha256.hex()[..16]));
        let cut = Local.take_over(&handover, pieces(&["pacchett"])).await;
        assert!(matches!(cut, Err(ConservatorError::Refused(_))), "{cut:?}");
    }

    #[test]
    fn a_conservator_is_chosen_by_its_name() {
        assert_eq!(of("local").map(super::Conservator::name), Some("local"));
        assert!(of("infocert").is_none());
    }
}
