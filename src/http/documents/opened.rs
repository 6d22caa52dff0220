//! What a link opens: one version, for whoever has the link. To the outside, links that are unknown, expired, revoked, used up
//! or whose maker has lost the right are all the same; the audit log knows which.
//!
//! The token is a part of the address and is never written down: logs and problems show [`TEMPLATE`] instead of the path,
//! metrics know templates only. Who tries too many tokens that open nothing is not answered any more, as with access tokens.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method},
};
use jiff::Timestamp;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    content::{DocumentContent, Sent, serve},
    desk::Reader,
    told::write,
};
use crate::{
    actors::edge::limiter::{Class, Key},
    audit::{self, Entry, Who},
    documents::links::{self, Client, Counted, Extent, Found, State as LinkState},
    http::{
        client::ClientAddress,
        extract::Path,
        problem::{Answer, Problem},
        state::AppState,
    },
    scope,
};

/// Where links are.
const TEMPLATE: &str = "/d/{token}";
const PREFIX: &str = "/d/";
const ACTION: &str = "document.read_by_link";
/// Nobody keeps what may be revoked tomorrow.
const NO_STORE: HeaderValue = HeaderValue::from_static("private, no-store, no-transform");

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(open))
}

/// A path without secrets, for logs and problems.
pub fn shown_path(path: &str) -> &str {
    if path.starts_with(PREFIX) { TEMPLATE } else { path }
}

/// Downloads what a link opens, whole or in part. Links that open nothing (any more) are all answered 404.
#[utoipa::path(get, path = "/d/{token}", tag = "documents",
    params(("token" = String, Path, description = "The secret of the link"),
        ("Range" = Option<String>, Header, description = "One range of bytes; of several the whole is sent"),
        ("If-Range" = Option<String>, Header, description = "The ETag of the part that one has")),
    responses((status = 200, description = "The file; `Repr-Digest` has its SHA-256", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 206, description = "The part that was asked for", body = inline(DocumentContent),
            content_type = "*/*"),
        (status = 304, description = "The client has it"), (status = 416, description = "The file is shorter")))]
async fn open(
    State(state): State<AppState>,
    client: ClientAddress,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let (now, address) = (state.clock.now(), Key::Address(client.key()));
    if let Some(spent) = state.limiter.spent(Class::Token, address).filter(|_| state.limiter.is_enabled()) {
        return Err(Problem::too_many(spent.retry_after.unwrap_or_default()));
    }
    let visit = Visit { state: &state, client, now };
    let Some(found) = links::find(&state.db, &token, now).await? else {
        return Err(visit.refused(None, "unknown").await?);
    };
    let may_go_on = match found.state {
        LinkState::Open => true,
        LinkState::UsedUp => links::has_begun(&state.db, found.id, visit.who(), now).await?,
        _ => false,
    };
    if !may_go_on {
        return Err(visit.refused(Some(&found), found.state.as_str()).await?);
    }
    let told = async |sent| visit.told(&found, sent).await;
    serve(&state, &found.content, (&method, &headers), NO_STORE, told).await
}

/// Somebody comes with a link.
struct Visit<'s> {
    state: &'s AppState,
    client: ClientAddress,
    now: Timestamp,
}

impl Visit<'_> {
    fn who(&self) -> Client {
        Client::of(self.client.key())
    }

    fn entry(&self, found: Option<&Found>) -> Entry {
        let (kind, id) = match found {
            Some(found) => ("document", Some(found.document.to_string())),
            None => ("document_link", None),
        };
        let link = found.map(|found| found.id);
        Entry {
            id,
            address: Some(self.client.0),
            request: scope::current().map(|scope| scope.request_id().to_owned()),
            details: serde_json::json!({ "link": link, "version": found.map(|it| it.content.version.number) }),
            ..Entry::new(self.now, Who::Anonymous, ACTION, kind, "")
        }
    }

    /// The 404, which is the same for all; it counts as a guess.
    async fn refused(&self, found: Option<&Found>, reason: &str) -> Result<Problem, Problem> {
        let mut entry = self.entry(found);
        entry.outcome = audit::Outcome::Refused;
        entry.details["reason"] = reason.into();
        write(self.state, entry).await?;
        if self.state.limiter.is_enabled() {
            self.state.limiter.check(Class::Token, Key::Address(self.client.key())).await;
        }
        Ok(Problem::not_found("link"))
    }

    /// Counts what is about to be sent and writes it down, in one transaction.
    async fn told(&self, found: &Found, sent: Sent) -> Result<(), Problem> {
        let extent = match sent {
            Sent::Head => return self.noted(found, "head").await,
            Sent::Part => Extent::Part,
            Sent::Whole => Extent::Whole,
        };
        let mut tx = self.state.db.begin("documents.links.count").await?;
        match links::count(&mut tx, found.id, self.who(), extent, self.now).await? {
            Counted::Download => {
                let mut entry = self.entry(Some(found));
                entry.details["sent"] = "download".into();
                audit::record(&mut tx, &[entry]).await?;
                tx.commit().await?;
                Ok(())
            }
            Counted::Continued => {
                drop(tx);
                self.noted(found, "continued").await
            }
            Counted::Refused(state) => {
                drop(tx);
                // Somebody was faster, or it was revoked this moment.
                Err(self.refused(Some(found), state.as_str()).await?)
            }
        }
    }

    /// One entry for each minute, not for each range.
    async fn noted(&self, found: &Found, sent: &str) -> Result<(), Problem> {
        let (reader, number) = (Reader::Link(found.id, self.client.0), found.content.version.number);
        let due = self.state.documents.due((reader, found.document, number), self.now).await;
        if !due.is_empty() {
            let mut entry = self.entry(Some(found));
            entry.details["sent"] = sent.into();
            write(self.state, entry).await?;
            due.said();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::shown_path;

    #[test]
    fn paths_of_links_are_never_shown() {
        for path in ["/d/spd_abc", "/d/spd_abc/", "/d/a/b", "/d/"] {
            assert_eq!(shown_path(path), "/d/{token}");
        }
        assert_eq!(shown_path("/docs"), "/docs");
    }
}
