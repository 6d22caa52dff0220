//! The built-in provider: moves no money, and behaves like one that does.
//!
//! Its verdict depends on the token alone, so that every path can be walked on purpose:
//!
//! | token | what happens |
//! |---|---|
//! | `tok_success` | charged |
//! | `tok_decline` | declined |
//! | `tok_needs_action` | the buyer must confirm; a webhook says how it ended |
//! | `tok_timeout` | no answer, though the charge went through: the settling job finds out |
//! | `tok_duplicate_webhook` | charged, and the webhook comes twice |
//!
//! Any other token is declined as unknown.

use super::provider::{Charge, Port, ProviderError, Verdict};
use crate::ids::PaymentId;

/// The provider that comes with Sportello.
#[derive(Debug, Clone, Copy)]
pub struct Builtin;

impl Port for Builtin {
    const NAME: &'static str = "builtin";

    async fn charge(&self, charge: &Charge) -> Result<Verdict, ProviderError> {
        match charge.token.as_str() {
            "tok_timeout" => Err(ProviderError::Timeout),
            "tok_needs_action" => Ok(needs_action(charge.payment)),
            token => Ok(verdict(token)),
        }
    }

    async fn status(&self, payment: PaymentId, reference: &str) -> Result<Verdict, ProviderError> {
        let Some((_, token)) = reference.split_once('.') else { return Ok(Verdict::Unknown) };
        match token {
            "tok_timeout" => Ok(Verdict::Succeeded),
            "tok_needs_action" => Ok(needs_action(payment)),
            token => Ok(verdict(token)),
        }
    }

    async fn refund(&self, _: PaymentId, _: &str, _: i64) -> Result<Verdict, ProviderError> {
        Ok(Verdict::Succeeded)
    }

    fn reference(&self, payment: PaymentId, token: &str) -> String {
        format!("{payment}.{token}")
    }
}

fn verdict(token: &str) -> Verdict {
    match token {
        "tok_success" | "tok_duplicate_webhook" => Verdict::Succeeded,
        "tok_decline" => Verdict::Declined { reason: "the card was declined".to_owned() },
        _ => Verdict::Declined { reason: "the token is not known".to_owned() },
    }
}

fn needs_action(payment: PaymentId) -> Verdict {
    Verdict::NeedsAction { url: format!("https://payments.example/confirm/{payment}") }
}
