//! Paying and returning money, through a provider that is a port.
//!
//! A payment is written before the provider is asked and settled after: a crash in between leaves a `started` row that
//! the settling job finishes by asking the provider what became of it. The payment's id is the provider's idempotency
//! key, so asking twice charges once.
//!
//! ```text
//! started ──▶ succeeded        the booking is confirmed in the same transaction
//!    │ ├────▶ declined
//!    │ └────▶ failed           the provider says it never happened
//!    └──▶ needs_action ──▶ succeeded | declined     by webhook, or by the settling job
//! ```
//!
//! Invariant: `payments_one_charge` and `payments_one_refund` – a booking is charged and refunded at most once. Money
//! that arrives for a booking that has ended meanwhile is returned.

mod builtin;
mod charge;
mod provider;
mod returns;
mod webhook;

pub use builtin::Builtin;
pub use charge::{Paid, PayError, Settled, Started, apply, open, settle, start};
pub use provider::{Charge, Port, Provider, ProviderError, Verdict};
pub use returns::{Due, due_refunds, refund_done, request_refund};
pub use webhook::{Webhook, WebhookError, WebhookStatus, is_first, sign, verify};
