//! What the provider tells us by itself: signed, dated, and possibly more than once.
//!
//! The signature is `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`, the scheme most providers use.

use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{
    db::{DbError, Tx},
    ids::PaymentId,
};

/// A signature older or newer than this is refused: a recorded webhook cannot be replayed for ever.
const TOLERANCE_SECONDS: i64 = 300;

/// A webhook's body.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The provider's id of this message: a duplicate has the same.
    pub id: String,
    /// Our payment.
    pub payment: PaymentId,
    /// What became of it.
    pub status: WebhookStatus,
}

/// What a webhook may report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookStatus {
    /// Charged.
    Succeeded,
    /// Refused.
    Declined,
}

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The header is missing or not of the form `t=…,v1=…`.
    #[error("the signature header is missing or malformed")]
    Malformed,
    /// It was signed too long ago, or in the future.
    #[error("the time of the signature is more than {TOLERANCE_SECONDS} seconds from now")]
    Stale,
    /// It was signed with another key, or the body was changed.
    #[error("the signature does not match")]
    Mismatch,
}

fn mac(secret: &str, time: i64, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(time.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// The signature of `body` at `now`.
pub fn sign(secret: &str, body: &[u8], now: Timestamp) -> String {
    let time = now.as_second();
    format!("t={time},v1={}", data_encoding::HEXLOWER.encode(&mac(secret, time, body)))
}

/// Checks a signature.
pub fn verify(secret: &str, header: &str, body: &[u8], now: Timestamp) -> Result<(), WebhookError> {
    let part = |name: &str| header.split(',').find_map(|part| part.trim().strip_prefix(name));
    let time: i64 = part("t=").and_then(|time| time.parse().ok()).ok_or(WebhookError::Malformed)?;
    let given = part("v1=").and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok());
    let given = given.ok_or(WebhookError::Malformed)?;
    if (now.as_second() - time).abs() > TOLERANCE_SECONDS {
        return Err(WebhookError::Stale);
    }
    if bool::from(mac(secret, time, body).ct_eq(&given)) { Ok(()) } else { Err(WebhookError::Mismatch) }
}

/// Whether this webhook comes for the first time; recorded in the transaction that applies it.
pub async fn is_first(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, DbError> {
    const FIRST: &str = "-- events.payments.webhook_first
        INSERT INTO payment_webhooks (id, received_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(FIRST, &[&id, &now]).await? == 1)
}

#[cfg(test)]
mod tests {
    use super::{WebhookError, sign, verify};

    #[test]
    fn only_what_was_signed_now_with_our_key_is_believed() {
        let now = "2027-01-01T00:00:00Z".parse().unwrap();
        let later = "2027-01-01T00:06:00Z".parse().unwrap();
        let header = sign("key", b"{}", now);
        assert_eq!(verify("key", &header, b"{}", now), Ok(()));
        assert_eq!(verify("key", &header, b"{ }", now), Err(WebhookError::Mismatch));
        assert_eq!(verify("other", &header, b"{}", now), Err(WebhookError::Mismatch));
        assert_eq!(verify("key", &header, b"{}", later), Err(WebhookError::Stale));
        assert_eq!(verify("key", "v1=00", b"{}", now), Err(WebhookError::Malformed));
        assert_eq!(verify("key", "t=1,v1=zz", b"{}", now), Err(WebhookError::Malformed));
    }
}
