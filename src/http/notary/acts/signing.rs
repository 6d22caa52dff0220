//! The notary signs: the deed is set with the next number, signed and stored, and the act and its number are kept with it.
//!
//! The number is taken optimistically: what is signed has it already when the transaction looks whether it is still the next
//! one. Within this process signers of an office and prefix take turns, so that only other servers are ever faster; then
//! everything begins again. What was stored for nothing is removed, or found by the nightly search for orphans.

use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use jiff::Timestamp;

use super::refused::{done, locked};
use crate::{
    accounts::{challenge::ProofError, policy::Principal, second_factor, second_factor::Proof, users},
    db::Tx,
    documents::{check::Kind, orphans::content_key, publish::Stored},
    http::{
        accounts::not_proved,
        client::ClientAddress,
        conditional::{ETag, IfMatch},
        notary::own_office::outdated,
        problem::{FieldError, Problem},
        state::AppState,
    },
    ids::{ActId, DocumentId, UploadId},
    jobs::notary::tell,
    notary::{
        acts::{act::Act, transitions::ActError},
        deeds::rendering,
        licence,
        rules::{machine::act::Event, protocol::ProtocolNumber},
        signatures::{
            deed::{self, NewDeed},
            signer,
        },
        time::today,
    },
    pdf::RenderError,
    signing::{SignedPdf, pades::Statement},
};

/// How often a number may be somebody else's before the notary is asked to try again.
const TRIES: usize = 5;
/// When that is worth it.
const SOON: Duration = Duration::from_secs(1);

/// Who signs what, as it was asked for.
pub(super) struct Asked<'a> {
    pub(super) principal: &'a Principal,
    pub(super) client: ClientAddress,
    pub(super) id: ActId,
    pub(super) if_match: IfMatch,
    /// The code of the second factor.
    pub(super) otp: Option<&'a str>,
}

impl From<RenderError> for Problem {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::Busy | RenderError::Late => Self::unavailable(SOON).because(error),
            RenderError::Refused(_) => Self::internal(error),
        }
    }
}

/// Signs an act.
pub(super) async fn sign(state: &AppState, asked: Asked<'_>) -> Result<Response, Problem> {
    let (tx, found) = asked.allowed(state).await?;
    // Nothing was decided: a code that was right is used up by the transaction that signs.
    tx.rollback().await?;
    let missing = || Problem::not_found("act");
    let text = rendering::frozen(&state.db, asked.id).await?.ok_or(ActError::NoDeed)?;
    let who = signer::of(&state.db, asked.principal.user).await?.ok_or_else(missing)?;
    let turn = format!("{} {}", found.notary_id, found.prefix);
    let _turn = state.signing.turn(turn).await;
    for _ in 0..TRIES {
        let now = state.clock.now();
        let number = deed::next_number(&state.db, &found).await?;
        let pdf = rendering::final_pdf(&state.renderer, &text, &number.to_string(), now).await?;
        let statement = Statement {
            name: who.person.full_name(),
            reason: format!("Sottoscrizione dell'atto {number}"),
            location: text.text.facts.get("office_city").cloned().unwrap_or_default(),
            at: now,
        };
        let signed = state.signing.pdf(pdf, &who, statement).await?;
        let (document, stored) = store(state, &signed, now).await?;
        if let Some(answer) = asked.keep(state, (&number, document, &stored), &signed, now).await? {
            return Ok(answer);
        }
    }
    Err(Problem::unavailable(SOON))
}

impl Asked<'_> {
    /// The act, locked, if this person may sign it now.
    async fn allowed(&self, state: &AppState) -> Result<(Tx, Act), Problem> {
        let mut tx = state.db.begin("notary.acts.sign").await?;
        let found = locked(&mut tx, self.principal, self.id).await?;
        if self.if_match.0.is_some() {
            self.if_match.check(&ETag::of_version(found.version))?;
        }
        found.next(Event::Sign)?;
        licence::require(&mut tx, found.notary_id, today(state.clock.now())).await?;
        Ok((self.proved(state, tx).await?, found))
    }

    /// The second factor, if the account has one.
    async fn proved(&self, state: &AppState, mut tx: Tx) -> Result<Tx, Problem> {
        let user = self.principal.user;
        if !second_factor::is_enabled(&mut tx, user).await? {
            return Ok(tx);
        }
        let Some(code) = self.otp else {
            let error = FieldError::body("/otp", "required", "the code of the second factor");
            return Err(Problem::unprocessable(vec![error]));
        };
        let person = users::find(&state.db, user).await?.ok_or_else(|| Problem::not_found("act"))?;
        let origin = crate::accounts::sessions::Origin { address: Some(self.client.0), user_agent: None };
        let proof = Proof::Code(code.to_owned());
        state.accounts.prove(tx, &person, &proof, &origin).await.map_err(|error| match error {
            ProofError::Wrong => Problem::forbidden("wrong_code", error.to_string()),
            error => not_proved(error, state.clock.now()),
        })
    }

    /// Keeps what was signed; `None` when the number is somebody else's by now. What was stored is removed then, and only then:
    /// of a commit whose answer was lost nobody knows whether it names the object.
    async fn keep(
        &self,
        state: &AppState,
        (number, document, stored): (&ProtocolNumber, DocumentId, &Stored),
        signed: &SignedPdf,
        now: Timestamp,
    ) -> Result<Option<Response>, Problem> {
        let kept = self.kept(state, (number, document, stored), signed, now).await?;
        if kept.is_none()
            && let Err(error) = state.storage.delete(&stored.object).await
        {
            tracing::warn!(%error, "a deed that was signed for nothing is still stored: found at night");
        }
        Ok(kept)
    }

    async fn kept(
        &self,
        state: &AppState,
        (number, document, stored): (&ProtocolNumber, DocumentId, &Stored),
        signed: &SignedPdf,
        now: Timestamp,
    ) -> Result<Option<Response>, Problem> {
        let (mut tx, found) = self.allowed(state).await?;
        let SignedPdf { serial, stamped_at, .. } = signed;
        let new = NewDeed { number, document, stored, serial, stamped_at: *stamped_at };
        let people = match deed::sign(&mut tx, &found, &new, self.principal.user, now).await {
            Err(ActError::NumberTaken) => {
                tx.rollback().await?;
                return Ok(None);
            }
            other => other?,
        };
        tell(&state.jobs, &mut tx, &people, now).await?;
        let details = serde_json::json!({
            "event": Event::Sign, "protocol_number": number.to_string(), "document": document,
            "sha256": stored.sha256.hex(), "certificate": data_encoding::HEXLOWER.encode(serial),
        });
        let who = (self.principal, self.client);
        let answer = done(state, tx, who, ("act.sign", self.id, details)).await?;
        outdated(state, found.notary_id); // the office's page shows how many acts there are
        Ok(Some(answer))
    }
}

/// Stores a signed PDF.
pub(super) async fn store(
    state: &AppState,
    signed: &SignedPdf,
    now: Timestamp,
) -> Result<(DocumentId, Stored), Problem> {
    let id = DocumentId::new(now);
    let object = content_key(UploadId(id.0), 0);
    let bytes = signed.bytes.len() as u64;
    let content = stream::iter([Ok::<Bytes, std::io::Error>(signed.bytes.clone())]);
    let stored = state.contents.store(&object, bytes, true, content).await;
    let stored = stored?;
    // It was made here: no scanner has to look at it.
    let (sha256, kept) = (stored.sha256, stored.kept);
    Ok((id, Stored { object, kind: Kind::Pdf, sha256, kept, scanned_by: None }))
}
