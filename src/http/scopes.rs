//! Which routes take keys for programs, and for which scope: the only place that says so. A route that is not named here
//! refuses every key, whatever its scopes and whoever its owner; so do those about accounts, sessions, passwords, keys
//! themselves and administration.

use axum::http::Method;

use crate::accounts::scopes::Scope::{
    self, ActsRead, AgendaRead, AuditRead, BookingsRead, BookingsWrite, ClinicRead, ClinicWrite,
    DocumentsRead, DocumentsShare, DocumentsWrite, EventsRead, EventsWrite, ProfileRead, ReviewsWrite,
};

/// What a route does with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// It refuses each: 403 `key_not_allowed`.
    Refused,
    /// Everybody may use it, also with a key, which needs no scope. Whose it is, the route learns with [`ProfileRead`] only.
    Open,
    /// The key needs this scope, its owner the right.
    Need(Scope),
}
use Keys::{Need, Open};

impl Keys {
    /// The scopes that a key needs; `None` where keys are refused.
    pub fn needed(self) -> Option<impl Iterator<Item = Scope>> {
        match self {
            Self::Refused => None,
            Self::Open => Some(None.into_iter()),
            Self::Need(scope) => Some(Some(scope).into_iter()),
        }
    }
}

/// What the front calls a path or method that does not exist.
pub const UNMATCHED: &str = "unmatched";

/// The routes that take keys. A test checks that each of them exists.
pub const ROUTES: &[(Method, &str, Keys)] = &[
    (Method::GET, "/api/v1/me", Need(ProfileRead)),
    (Method::GET, "/api/v1/me/favourites", Need(ProfileRead)),
    (Method::GET, "/api/v1/me/reviews", Need(ProfileRead)),
    (Method::GET, "/api/v1/reviews/{id}", Need(ProfileRead)),
    (Method::GET, "/api/v1/me/bookings", Need(BookingsRead)),
    (Method::GET, "/api/v1/me/bookings.ics", Need(BookingsRead)),
    (Method::GET, "/api/v1/bookings/{id}", Need(BookingsRead)),
    (Method::GET, "/api/v1/bookings/{id}/ticket.pdf", Need(BookingsRead)),
    (Method::POST, "/api/v1/events/{slug}/bookings", Need(BookingsWrite)),
    (Method::POST, "/api/v1/bookings/{id}/payment", Need(BookingsWrite)),
    (Method::POST, "/api/v1/bookings/{id}/cancel", Need(BookingsWrite)),
    (Method::GET, "/api/v1/me/events", Need(EventsRead)),
    (Method::GET, "/api/v1/me/events/{slug}", Need(EventsRead)),
    (Method::GET, "/api/v1/me/events/{slug}/sales", Need(EventsRead)),
    (Method::POST, "/api/v1/events", Need(EventsWrite)),
    (Method::PATCH, "/api/v1/events/{slug}", Need(EventsWrite)),
    (Method::DELETE, "/api/v1/events/{slug}", Need(EventsWrite)),
    (Method::POST, "/api/v1/events/{slug}/images", Need(EventsWrite)),
    (Method::PATCH, "/api/v1/events/{slug}/images/{id}", Need(EventsWrite)),
    (Method::DELETE, "/api/v1/events/{slug}/images/{id}", Need(EventsWrite)),
    (Method::POST, "/api/v1/events/{slug}/reviews", Need(ReviewsWrite)),
    (Method::PATCH, "/api/v1/reviews/{id}", Need(ReviewsWrite)),
    (Method::DELETE, "/api/v1/reviews/{id}", Need(ReviewsWrite)),
    (Method::GET, "/api/v1/documents", Need(DocumentsRead)),
    (Method::GET, "/api/v1/documents/{id}", Need(DocumentsRead)),
    (Method::GET, "/api/v1/documents/{id}/content", Need(DocumentsRead)),
    (Method::GET, "/api/v1/documents/{id}/versions", Need(DocumentsRead)),
    (Method::GET, "/api/v1/me/documents/quota", Need(DocumentsRead)),
    (Method::POST, "/api/v1/documents", Need(DocumentsWrite)),
    (Method::PATCH, "/api/v1/documents/{id}", Need(DocumentsWrite)),
    (Method::DELETE, "/api/v1/documents/{id}", Need(DocumentsWrite)),
    (Method::PUT, "/api/v1/documents/{id}/content", Need(DocumentsWrite)),
    (Method::POST, "/api/v1/uploads", Need(DocumentsWrite)),
    (Method::GET, "/api/v1/uploads/{id}", Need(DocumentsWrite)),
    (Method::PATCH, "/api/v1/uploads/{id}", Need(DocumentsWrite)),
    (Method::DELETE, "/api/v1/uploads/{id}", Need(DocumentsWrite)),
    (Method::GET, "/api/v1/documents/{id}/permissions", Need(DocumentsShare)),
    (Method::POST, "/api/v1/documents/{id}/permissions", Need(DocumentsShare)),
    (Method::GET, "/api/v1/documents/{id}/permissions/{user}", Need(DocumentsShare)),
    (Method::PUT, "/api/v1/documents/{id}/permissions/{user}", Need(DocumentsShare)),
    (Method::DELETE, "/api/v1/documents/{id}/permissions/{user}", Need(DocumentsShare)),
    (Method::GET, "/api/v1/documents/{id}/links", Need(DocumentsShare)),
    (Method::POST, "/api/v1/documents/{id}/links", Need(DocumentsShare)),
    (Method::DELETE, "/api/v1/documents/{id}/links/{link}", Need(DocumentsShare)),
    (Method::GET, "/api/v1/clinic", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/consents", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/duplicates", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/merges", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/summary", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/summary/totals", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/analyses", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/score", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/scores", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/analyses/{id}", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/emr/info", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/emr/report/{id}", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/emr/export/{id}", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/emr/batches/{id}", Need(ClinicRead)),
    (Method::POST, "/api/v1/clinic/emr/analyze/batch", Need(ClinicWrite)),
    (Method::POST, "/api/v1/clinic/emr/analyze/{kind}", Need(ClinicWrite)),
    (Method::POST, "/api/v1/clinic/patients/{id}/values", Need(ClinicWrite)),
    (Method::POST, "/api/v1/clinic/patients/{id}/values/{value}/withdrawal", Need(ClinicWrite)),
    // Those of the clinic desk alone: `http::tasks` looks at their kind.
    (Method::GET, "/api/v1/tasks/{id}", Need(ClinicRead)),
    (Method::GET, "/api/v1/tasks/{id}/events", Need(ClinicRead)),
    (Method::GET, "/api/v1/fhir/metadata", Open),
    (Method::GET, "/api/v1/fhir/Patient/{id}", Need(ClinicRead)),
    (Method::GET, "/api/v1/fhir/Patient/{id}/$everything", Need(ClinicRead)),
    (Method::GET, "/api/v1/fhir/Observation", Need(ClinicRead)),
    (Method::POST, "/api/v1/fhir", Need(ClinicWrite)),
    (Method::POST, "/api/v1/clinic/analyses/preview", Need(ClinicRead)),
    (Method::POST, "/api/v1/clinic/patients/{id}/analyses", Need(ClinicWrite)),
    (Method::PATCH, "/api/v1/clinic/analyses/{id}", Need(ClinicWrite)),
    (Method::POST, "/api/v1/clinic/analyses/{id}/withdrawal", Need(ClinicWrite)),
    (Method::GET, "/api/v1/clinic/patients/{id}/reports", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/reports/{report}", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/reports/{report}/content", Need(ClinicRead)),
    (Method::POST, "/api/v1/clinic/patients/{id}/reports", Need(ClinicWrite)),
    (Method::GET, "/api/v1/clinic/patients/{id}/documents", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/documents/{document}", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/documents/{document}/content", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/documents/{document}/text", Need(ClinicRead)),
    (Method::GET, "/api/v1/clinic/patients/{id}/values", Need(ClinicRead)),
    (Method::POST, "/api/v1/clinic/patients/{id}/documents", Need(ClinicWrite)),
    (Method::PATCH, "/api/v1/clinic/patients/{id}/documents/{document}", Need(ClinicWrite)),
    (Method::DELETE, "/api/v1/clinic/patients/{id}/documents/{document}", Need(ClinicWrite)),
    (Method::POST, "/api/v1/clinic/patients/{id}/documents/{document}/analysis", Need(ClinicWrite)),
    (Method::POST, "/api/v1/clinic/patients", Need(ClinicWrite)),
    (Method::PATCH, "/api/v1/clinic/patients/{id}", Need(ClinicWrite)),
    (Method::PUT, "/api/v1/clinic/patients/{id}/consent", Need(ClinicWrite)),
    (Method::PUT, "/api/v1/clinic/patients/{id}/archive", Need(ClinicWrite)),
    (Method::POST, "/api/v1/clinic/patients/{id}/merge", Need(ClinicWrite)),
    (Method::GET, "/d/{token}", Open),
    (Method::GET, "/api/v1/audit", Need(AuditRead)),
    (Method::GET, "/api/v1/cities", Open),
    (Method::GET, "/api/v1/cities/{slug}", Open),
    (Method::GET, "/api/v1/events", Open),
    (Method::GET, "/api/v1/events/autocomplete", Open),
    (Method::GET, "/api/v1/events/{slug}", Open),
    (Method::GET, "/api/v1/events/{slug}.ics", Open),
    (Method::GET, "/api/v1/events/{slug}/reviews", Open),
    (Method::GET, "/api/v1/events/{slug}/images/{id}", Open),
    // Programs read what an office and its clients have; deciding, signing and sending stay with people.
    (Method::GET, "/api/v1/appointments", Need(AgendaRead)),
    (Method::GET, "/api/v1/appointments/{id}", Need(AgendaRead)),
    (Method::GET, "/api/v1/appointments/{id}.ics", Need(AgendaRead)),
    (Method::GET, "/api/v1/appointments/{id}/participants", Need(AgendaRead)),
    (Method::GET, "/api/v1/appointments/{id}/documents", Need(AgendaRead)),
    (Method::GET, "/api/v1/acts", Need(ActsRead)),
    (Method::GET, "/api/v1/acts/{id}", Need(ActsRead)),
    (Method::GET, "/api/v1/acts/{id}/parties", Need(ActsRead)),
    (Method::GET, "/api/v1/acts/{id}/summary.pdf", Need(ActsRead)),
    (Method::GET, "/api/v1/notary/office/agenda.pdf", Need(AgendaRead)),
    (Method::GET, "/api/v1/notary/office/register", Need(ActsRead)),
    (Method::GET, "/api/v1/notary/office/register/statistics", Need(ActsRead)),
    (Method::GET, "/api/v1/me/notary-reviews", Need(ProfileRead)),
    (Method::GET, "/api/v1/notary/reviews/{id}", Need(ProfileRead)),
    (Method::POST, "/api/v1/acts/{id}/review", Need(ReviewsWrite)),
    (Method::PATCH, "/api/v1/notary/reviews/{id}", Need(ReviewsWrite)),
    (Method::DELETE, "/api/v1/notary/reviews/{id}", Need(ReviewsWrite)),
    (Method::GET, "/api/v1/notaries", Open),
    (Method::GET, "/api/v1/notaries/{id}", Open),
    (Method::GET, "/api/v1/notaries/{id}/reviews", Open),
    (Method::GET, "/api/v1/notaries/{id}/slots", Open),
    (Method::GET, "/api/v1/partners", Open),
    (Method::GET, "/api/v1/notary/catalogue/act-types", Open),
    (Method::GET, "/api/v1/notary/catalogue/act-types/{code}", Open),
    (Method::GET, "/api/v1/notary/catalogue/document-types", Open),
    (Method::GET, "/api/v1/notary/catalogue/appointment-types", Open),
];

/// What a route does with a key. What does not exist is answered 404 to everybody.
pub fn of(method: &Method, template: &str) -> Keys {
    if template == UNMATCHED {
        return Keys::Open;
    }
    let found = ROUTES.iter().find(|(known, path, _)| known == method && *path == template);
    found.map_or(Keys::Refused, |(_, _, keys)| *keys)
}
