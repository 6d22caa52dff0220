//! What the audit log hears, and how refusals become problems.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use jiff::Timestamp;

use super::desk::Reader;
use crate::{
    accounts::policy::Principal,
    audit::{self, Entry, Who},
    documents::{Refusal, Viewer, documents, uploads::UploadError},
    http::{auth::CurrentUser, client::ClientAddress, problem::Problem, state::AppState},
    ids::DocumentId,
    scope,
};

/// What is looked at is no version: those count from one.
const METADATA: i32 = 0;

/// Who does something, from where.
#[derive(Clone, Copy)]
pub(super) struct Teller {
    pub(super) principal: Principal,
    pub(super) client: ClientAddress,
}

impl FromRequestParts<AppState> for Teller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let CurrentUser(principal) = CurrentUser::from_request_parts(parts, state).await?;
        let client = ClientAddress::from_request_parts(parts, state).await?;
        Ok(Self { principal, client })
    }
}

impl Teller {
    /// Whose documents they see.
    pub(super) fn viewer(&self) -> Viewer {
        Viewer::from(&self.principal)
    }

    /// Something that was done to a document.
    pub(super) fn entry(&self, now: Timestamp, action: &'static str, document: DocumentId) -> Entry {
        let mut entry = Entry::new(now, Who::from(&self.principal), action, "document", document);
        entry.address = Some(self.client.0);
        entry.request = scope::current().map(|scope| scope.request_id().to_owned());
        entry
    }

    /// Somebody has looked at what is known of a document, or at a list (the nil id); told once a minute.
    pub(super) async fn looked(
        &self,
        state: &AppState,
        action: &'static str,
        document: DocumentId,
    ) -> Result<(), Problem> {
        let now = state.clock.now();
        let due = state.documents.due((Reader::Person(self.principal.user), document, METADATA), now).await;
        if due.is_empty() {
            return Ok(());
        }
        let mut entry = self.entry(now, action, document);
        entry.id = entry.id.filter(|_| !document.0.is_nil());
        write(state, entry).await?;
        due.said();
        Ok(())
    }

    /// Writes down that something was refused, and why.
    pub(super) async fn refused(
        &self,
        state: &AppState,
        action: &'static str,
        document: DocumentId,
        reason: &str,
    ) -> Result<(), Problem> {
        let mut entry = self.entry(state.clock.now(), action, document);
        entry.outcome = audit::Outcome::Refused;
        entry.details = serde_json::json!({ "reason": reason });
        write(state, entry).await
    }

    /// Somebody asked for a document that is not there for them; the answer is 404 in any case.
    pub(super) async fn missed(
        &self,
        state: &AppState,
        action: &'static str,
        document: DocumentId,
    ) -> Result<Problem, Problem> {
        self.refused(state, action, document, "not_found").await?;
        Ok(Problem::not_found("document"))
    }

    /// Somebody may not do this with a document: 403 for who may read it, for others it is not there. Administrators see that
    /// it exists, and have no other rights: they hear 404, too.
    pub(super) async fn not_allowed(
        &self,
        state: &AppState,
        action: &'static str,
        document: DocumentId,
    ) -> Result<Problem, Problem> {
        let viewer = Viewer { user: self.principal.user, sees_all: false };
        if documents::find(&state.db, viewer, document, state.clock.now()).await?.is_none() {
            return self.missed(state, action, document).await;
        }
        self.refused(state, action, document, "no_right").await?;
        Ok(Problem::forbidden("no_right", "you may read this document, but not do this with it"))
    }
}

/// Writes an entry down by itself.
pub(super) async fn write(state: &AppState, entry: Entry) -> Result<(), Problem> {
    let mut tx = state.db.begin("documents.audit").await?;
    audit::record(&mut tx, &[entry]).await?;
    tx.commit().await?;
    Ok(())
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match &*refusal.code {
            "precondition_failed" => StatusCode::PRECONDITION_FAILED,
            "no_right" => StatusCode::FORBIDDEN,
            "type_not_allowed" | "file_mislabelled" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, refusal.code, refusal.detail)
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        let detail = error.to_string();
        match error {
            UploadError::Unknown => Self::not_found("upload"),
            UploadError::Quota => Self::conflict("quota_exceeded", detail),
            UploadError::Elsewhere(offset) => {
                Self::conflict("offset_mismatch", detail).header(super::tus::OFFSET, offset.into())
            }
            UploadError::Complete => Self::conflict("upload_complete", detail),
            UploadError::Parts => Self::conflict("too_many_parts", detail),
            UploadError::Db(error) => error.into(),
        }
    }
}
