//! The port: what a payment provider must do. [`super::Builtin`] is the one that comes with Sportello; a real one is
//! another variant of [`Provider`], chosen by `payments.provider`.

use std::future::Future;

use super::Builtin;
use crate::ids::PaymentId;

/// A charge or refund to be made.
#[derive(Debug, Clone)]
pub struct Charge {
    /// Our id, and the provider's idempotency key: the same id is never charged twice.
    pub payment: PaymentId,
    /// How much, in cents.
    pub amount_cents: i64,
    /// ISO 4217.
    pub currency: String,
    /// What the buyer's browser got from the provider in exchange for the card; never a card number.
    pub token: String,
}

/// What the provider says of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The money is ours (or the buyer's, for a refund).
    Succeeded,
    /// The buyer must confirm it, there.
    NeedsAction {
        /// Where.
        url: String,
    },
    /// Refused.
    Declined {
        /// For people.
        reason: String,
    },
    /// The provider does not know the payment: it never happened.
    Unknown,
}

/// The provider gave no verdict: whether it happened is open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// No answer in time.
    #[error("the payment provider did not answer in time")]
    Timeout,
}

/// What a provider can do. All calls are idempotent by the payment's id.
pub trait Port {
    /// Its name in rows.
    const NAME: &'static str;
    /// Charges the buyer.
    fn charge(&self, charge: &Charge) -> impl Future<Output = Result<Verdict, ProviderError>> + Send;
    /// What became of a charge.
    fn status(
        &self,
        payment: PaymentId,
        reference: &str,
    ) -> impl Future<Output = Result<Verdict, ProviderError>> + Send;
    /// Returns money of a charge.
    fn refund(
        &self,
        refund: PaymentId,
        charge_reference: &str,
        amount_cents: i64,
    ) -> impl Future<Output = Result<Verdict, ProviderError>> + Send;
    /// The provider's own id of a charge, known before it is made: from our id and the token.
    fn reference(&self, payment: PaymentId, token: &str) -> String;
}

/// The configured provider.
#[derive(Debug, Clone)]
pub enum Provider {
    /// The deterministic one that is built in.
    Builtin(Builtin),
}

impl Provider {
    /// The provider called `name` in the configuration.
    pub fn named(name: &str) -> Option<Self> {
        (name == Builtin::NAME).then_some(Self::Builtin(Builtin))
    }

    /// Its name in rows.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Builtin(_) => Builtin::NAME,
        }
    }

    /// See [`Port::charge`].
    pub async fn charge(&self, charge: &Charge) -> Result<Verdict, ProviderError> {
        match self {
            Self::Builtin(builtin) => builtin.charge(charge).await,
        }
    }

    /// See [`Port::status`].
    pub async fn status(&self, payment: PaymentId, reference: &str) -> Result<Verdict, ProviderError> {
        match self {
            Self::Builtin(builtin) => builtin.status(payment, reference).await,
        }
    }

    /// See [`Port::refund`].
    pub async fn refund(
        &self,
        refund: PaymentId,
        charge: &str,
        cents: i64,
    ) -> Result<Verdict, ProviderError> {
        match self {
            Self::Builtin(builtin) => builtin.refund(refund, charge, cents).await,
        }
    }

    /// See [`Port::reference`].
    pub fn reference(&self, payment: PaymentId, token: &str) -> String {
        match self {
            Self::Builtin(builtin) => builtin.reference(payment, token),
        }
    }
}
