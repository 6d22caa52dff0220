//! Certified mail (PEC; DPR 68/2005, RFC 6109): written by an office, sent by a provider, proved by receipts.
//!
//! Reading order: [`message`] (what a mail is and who sees it), [`list`], [`templates`], [`drafts`], [`attachments`], [`deed`] (the
//! mail that an office owes its clients), [`transitions`] (what happens to it), [`outgoing`] (the mail as it travels),
//! [`provider`] (the port, and the built-in one), [`certificate`] (what a receipt says), [`signed`] (who says so), [`receipts`]
//! (what follows from it), [`retention`].
//!
//! Invariants
//! - Whether something may happen to a mail is said by [`super::rules::machine::certified_mail`] alone, about its row, locked.
//! - What is sent is what was put into the queue: text and addressees do not change after that, attachments are a version with
//!   its hash, held from then on; what has another hash when it is read is not sent.
//! - Nothing of what people write becomes a header of its own: lines are checked where they come in, and what a mail is made of
//!   is checked again when it is made ([`outgoing::build`]).
//! - A mail that is queued is either tried again by its job or given up with a reason; the office hears of it.
//!
//! How often a mail is sent. SMTP has no transaction together with ours: between the server's 250 and our commit a process may
//! die, and then nobody knows. Each time a mail is put into the queue it gets one Message-ID, kept through all tries, so that
//! what arrives twice is one mail to whoever counts Message-IDs: providers and mail programs do. In the database it happens
//! once: acceptance compares and swaps the state under the lock of the row, a receipt is there once for its sending, kind and
//! addressee, and the act moves on in the same transaction. So: at least once over SMTP with one Message-ID, exactly once here.

pub mod attachments;
pub mod certificate;
pub mod deed;
pub mod drafts;
pub mod list;
pub mod message;
pub mod outgoing;
pub mod provider;
pub mod receipts;
pub mod retention;
pub mod signed;
pub mod templates;
pub mod transitions;
