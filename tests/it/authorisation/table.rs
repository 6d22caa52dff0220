//! One row per route: who may use it, and on whose things.

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Also who is not logged in.
    Everybody,
    /// Who is logged in; it is about their own things alone.
    Account,
    /// Hosts and administrators.
    Hosts,
    /// Notaries: those whose office it is.
    Notaries,
    /// Partners of notaries.
    Partners,
    /// Administrators.
    Admins,
    /// The person whose thing it is. For others it does not exist.
    Owner(Thing),
    /// The host whose thing it is, and administrators. For others it does not exist; who is no host may not ask.
    Host(Thing),
    /// The person whose thing it is, and administrators. For others it does not exist.
    OwnerOrAdmin(Thing),
    /// Who has an office, or works in one.
    Offices,
    /// The office whose thing it is. For others it does not exist, but to its client, who may look at it.
    Office(Thing),
}
use Who::{
    Account, Admins, Everybody, Host, Hosts, Notaries, Office, Offices, Owner, OwnerOrAdmin, Partners,
};

impl Who {
    /// Whose it is, where it is somebody's.
    pub(super) const fn thing(self) -> Option<Thing> {
        match self {
            Owner(thing) | Host(thing) | OwnerOrAdmin(thing) | Office(thing) => Some(thing),
            _ => None,
        }
    }
}

/// What can be somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Act,
    ApiKey,
    Appointment,
    Availability,
    Booking,
    Document,
    Event,
    Exception,
    Image,
    Notification,
    Review,
    Task,
    Upload,
}

/// In this order: what changes a thing comes after what reads it.
#[rustfmt::skip]
pub(super) const ROUTES: &[(&str, Who)] = &[
    ("GET /alive", Everybody),
    ("GET /health", Everybody),
    ("GET /health/live", Everybody),
    ("GET /health/ready", Everybody),
    ("GET /ready", Everybody),
    ("GET /metrics", Everybody), // from this machine; see `ops.metrics`
    ("GET /media/{name}", Everybody),
    ("GET /d/{token}", Everybody), // who has the link
    ("POST /api/v1/auth/register", Everybody),
    ("POST /api/v1/auth/login", Everybody),
    ("POST /api/v1/auth/login/totp", Everybody),
    ("POST /api/v1/auth/email/verify", Everybody),
    ("POST /api/v1/auth/password/forgot", Everybody),
    ("POST /api/v1/auth/password/reset", Everybody),
    ("POST /api/v1/auth/refresh", Everybody),
    ("OPTIONS /api/v1/uploads", Everybody),
    ("GET /api/v1/cities", Everybody),
    ("GET /api/v1/cities/{slug}", Everybody),
    ("GET /api/v1/events", Everybody),
    ("GET /api/v1/events/autocomplete", Everybody),
    ("GET /api/v1/events/{slug}", Everybody),
    ("GET /api/v1/events/{slug}.ics", Everybody),
    ("GET /api/v1/events/{slug}/reviews", Everybody),
    ("GET /api/v1/events/{slug}/images/{id}", Everybody),
    ("POST /api/v1/payments/webhook", Everybody), // whose signature is wrong hears 401; see `payments`
    ("GET /api/v1/notaries", Everybody),
    ("GET /api/v1/notaries/{id}", Everybody),
    ("GET /api/v1/notary/catalogue/act-types", Everybody),
    ("GET /api/v1/notary/catalogue/act-types/{code}", Everybody),
    ("GET /api/v1/notary/catalogue/document-types", Everybody),
    ("GET /api/v1/notary/catalogue/appointment-types", Everybody),
    ("GET /api/v1/me", Account),
    ("PATCH /api/v1/me", Account),
    ("POST /api/v1/me/password", Account),
    ("POST /api/v1/me/email/verification", Account),
    ("GET /api/v1/me/totp", Account),
    ("POST /api/v1/me/totp", Account),
    ("POST /api/v1/me/totp/confirm", Account),
    ("POST /api/v1/me/totp/recovery-codes", Account),
    ("DELETE /api/v1/me/totp", Account),
    ("GET /api/v1/me/sessions", Account),
    ("DELETE /api/v1/me/sessions", Account),
    ("DELETE /api/v1/me/sessions/{id}", Account),
    ("GET /api/v1/me/bookings", Account),
    ("GET /api/v1/me/bookings.ics", Account),
    ("GET /api/v1/me/favourites", Account),
    ("GET /api/v1/me/reviews", Account),
    ("GET /api/v1/me/calendar-link", Account),
    ("PUT /api/v1/me/calendar-link", Account),
    ("DELETE /api/v1/me/calendar-link", Account),
    ("POST /api/v1/me/export", Account),
    ("POST /api/v1/me/erasure", Account), // a body without a password is 422
    ("GET /api/v1/me/consents", Account),
    ("PUT /api/v1/me/consents/{purpose}", Account),
    ("GET /api/v1/me/consents/{purpose}/history", Account),
    ("GET /api/v1/api-keys", Account),
    ("POST /api/v1/api-keys", Account),
    ("GET /api/v1/api-keys/{id}", Owner(Thing::ApiKey)),
    ("PATCH /api/v1/api-keys/{id}", Owner(Thing::ApiKey)),
    ("DELETE /api/v1/api-keys/{id}", Owner(Thing::ApiKey)),
    ("GET /api/v1/audit", Account),
    ("PUT /api/v1/events/{slug}/favourite", Account),
    ("DELETE /api/v1/events/{slug}/favourite", Account),
    ("POST /api/v1/events/{slug}/bookings", Account),
    ("POST /api/v1/events/{slug}/reviews", Account),
    ("GET /api/v1/me/events", Hosts),
    ("POST /api/v1/events", Hosts),
    // One's own, and that of whom one works for: see `notary::{offices,collaborators}`.
    ("GET /api/v1/me/client-profile", Account),
    ("PUT /api/v1/me/client-profile", Account),
    ("DELETE /api/v1/me/client-profile", Account),
    ("GET /api/v1/me/partner-profile", Account),
    ("PUT /api/v1/me/partner-profile", Partners),
    ("DELETE /api/v1/me/partner-profile", Account),
    ("GET /api/v1/me/collaboration", Account),
    ("POST /api/v1/me/collaboration/agree", Account),
    ("DELETE /api/v1/me/collaboration", Account),
    ("GET /api/v1/notary/office", Offices),
    ("POST /api/v1/notary/office", Notaries),
    ("PATCH /api/v1/notary/office", Notaries),
    ("PUT /api/v1/notary/office/services", Notaries),
    ("GET /api/v1/notary/collaborators", Notaries),
    ("POST /api/v1/notary/collaborators", Notaries),
    ("GET /api/v1/notary/collaborators/{user}", Notaries),
    ("PATCH /api/v1/notary/collaborators/{user}", Notaries),
    ("DELETE /api/v1/notary/collaborators/{user}", Notaries),
    ("GET /api/v1/notary/offices", Admins),
    ("GET /api/v1/notary/offices/{id}", Admins),
    ("PATCH /api/v1/notary/offices/{id}", Admins),
    ("PATCH /api/v1/notary/offices/{id}/licence", Admins),
    ("GET /api/v1/notary/statistics", Admins),
    ("GET /api/v1/notary/partners", Admins),
    ("GET /api/v1/notary/partners/{user}", Admins),
    ("PATCH /api/v1/notary/partners/{user}", Admins),
    ("GET /api/v1/users", Admins),
    ("GET /api/v1/users/{id}", Admins),
    ("PATCH /api/v1/users/{id}", Admins),
    ("GET /api/v1/reviews", Admins),
    ("GET /api/v1/reviews/{id}", OwnerOrAdmin(Thing::Review)),
    ("PATCH /api/v1/reviews/{id}", Owner(Thing::Review)),
    ("POST /api/v1/reviews/{id}/hide", Admins),
    ("POST /api/v1/reviews/{id}/show", Admins),
    ("DELETE /api/v1/reviews/{id}", OwnerOrAdmin(Thing::Review)),
    ("GET /api/v1/tasks/{id}", Owner(Thing::Task)),
    ("GET /api/v1/tasks/{id}/events", Owner(Thing::Task)),
    ("GET /api/v1/bookings/{id}", Owner(Thing::Booking)),
    ("POST /api/v1/bookings/{id}/payment", Owner(Thing::Booking)),
    ("POST /api/v1/bookings/{id}/cancel", Owner(Thing::Booking)),
    ("GET /api/v1/documents", Account),
    ("POST /api/v1/documents", Account),
    ("GET /api/v1/me/documents/quota", Account),
    ("GET /api/v1/documents/{id}", OwnerOrAdmin(Thing::Document)),
    ("GET /api/v1/documents/{id}/versions", OwnerOrAdmin(Thing::Document)),
    ("GET /api/v1/documents/{id}/content", Owner(Thing::Document)),
    ("PUT /api/v1/documents/{id}/content", Owner(Thing::Document)),
    ("PATCH /api/v1/documents/{id}", Owner(Thing::Document)),
    // What those may do with whom it is shared: see `documents::permissions`.
    ("PUT /api/v1/documents/{id}/permissions/{user}", Owner(Thing::Document)),
    ("POST /api/v1/documents/{id}/permissions", Owner(Thing::Document)),
    ("GET /api/v1/documents/{id}/permissions", OwnerOrAdmin(Thing::Document)),
    ("GET /api/v1/documents/{id}/permissions/{user}", OwnerOrAdmin(Thing::Document)),
    ("DELETE /api/v1/documents/{id}/permissions/{user}", Owner(Thing::Document)),
    ("POST /api/v1/documents/{id}/links", Owner(Thing::Document)),
    ("GET /api/v1/documents/{id}/links", OwnerOrAdmin(Thing::Document)),
    ("DELETE /api/v1/documents/{id}/links/{link}", Owner(Thing::Document)),
    ("DELETE /api/v1/documents/{id}", Owner(Thing::Document)),
    ("POST /api/v1/uploads", Account),
    ("GET /api/v1/uploads/{id}", Owner(Thing::Upload)),
    ("PATCH /api/v1/uploads/{id}", Owner(Thing::Upload)),
    ("DELETE /api/v1/uploads/{id}", Owner(Thing::Upload)),
    ("GET /api/v1/me/events/{slug}", Host(Thing::Event)),
    ("GET /api/v1/me/events/{slug}/sales", Host(Thing::Event)),
    ("POST /api/v1/events/{slug}/images", Host(Thing::Event)),
    ("PATCH /api/v1/events/{slug}/images/{id}", Host(Thing::Image)),
    ("DELETE /api/v1/events/{slug}/images/{id}", Host(Thing::Image)),
    ("PATCH /api/v1/events/{slug}", Host(Thing::Event)),
    ("DELETE /api/v1/events/{slug}", Host(Thing::Event)),
    ("GET /api/v1/notaries/{id}/slots", Everybody),
    ("POST /api/v1/notaries/{id}/appointments", Account),
    ("GET /api/v1/notary/office/availability", Offices),
    ("POST /api/v1/notary/office/availability", Offices),
    ("GET /api/v1/notary/office/availability/{id}", Office(Thing::Availability)),
    ("PUT /api/v1/notary/office/availability/{id}", Office(Thing::Availability)),
    ("DELETE /api/v1/notary/office/availability/{id}", Office(Thing::Availability)),
    ("GET /api/v1/notary/office/exceptions", Offices),
    ("POST /api/v1/notary/office/exceptions", Offices),
    ("DELETE /api/v1/notary/office/exceptions/{id}", Office(Thing::Exception)),
    ("GET /api/v1/appointments", Account),
    ("GET /api/v1/appointments/{id}", OwnerOrAdmin(Thing::Appointment)),
    ("PATCH /api/v1/appointments/{id}", Office(Thing::Appointment)),
    ("PUT /api/v1/appointments/{id}/admission", Office(Thing::Appointment)),
    ("GET /api/v1/appointments/{id}/participants", OwnerOrAdmin(Thing::Appointment)),
    ("POST /api/v1/appointments/{id}/participants", Office(Thing::Appointment)),
    ("DELETE /api/v1/appointments/{id}/participants/{user}", Office(Thing::Appointment)),
    ("PUT /api/v1/appointments/{id}/answer", OwnerOrAdmin(Thing::Appointment)),
    ("GET /api/v1/appointments/{id}/documents", OwnerOrAdmin(Thing::Appointment)),
    ("POST /api/v1/appointments/{id}/documents", Office(Thing::Appointment)),
    // With files: see `notary::papers`.
    ("PUT /api/v1/appointments/{id}/documents/{paper}", OwnerOrAdmin(Thing::Appointment)),
    ("GET /api/v1/appointments/{id}/documents/{paper}/content", Owner(Thing::Appointment)),
    ("PUT /api/v1/appointments/{id}/documents/{paper}/review", Office(Thing::Appointment)),
    ("POST /api/v1/appointments/{id}/submission", OwnerOrAdmin(Thing::Appointment)),
    ("DELETE /api/v1/appointments/{id}/documents/{paper}", OwnerOrAdmin(Thing::Appointment)),
    ("POST /api/v1/appointments/{id}/transitions", OwnerOrAdmin(Thing::Appointment)), // which event is whose: `notary::machines`
    ("POST /api/v1/acts", Offices),
    ("GET /api/v1/acts", Account),
    ("GET /api/v1/acts/{id}", OwnerOrAdmin(Thing::Act)),
    ("PATCH /api/v1/acts/{id}", Office(Thing::Act)),
    ("GET /api/v1/acts/{id}/parties", OwnerOrAdmin(Thing::Act)),
    ("PUT /api/v1/acts/{id}/parties", Office(Thing::Act)),
    ("PUT /api/v1/acts/{id}/survey", OwnerOrAdmin(Thing::Act)),
    ("POST /api/v1/acts/{id}/transitions", Office(Thing::Act)), // which event is whose: `notary::machines`
    ("GET /api/v1/notary/office/register", Offices),
    ("GET /api/v1/notary/office/register/statistics", Offices),
    ("GET /api/v1/me/notifications", Account),
    ("PUT /api/v1/me/notifications/read", Account),
    ("PUT /api/v1/me/notifications/{id}/read", Owner(Thing::Notification)),
    ("DELETE /api/v1/me/notifications/{id}", Owner(Thing::Notification)),
    ("GET /api/v1/me/notification-preferences", Account),
    ("PUT /api/v1/me/notification-preferences", Account),
    ("POST /api/v1/auth/logout", Account), // the last one: it ends the session
];

/// Below it everything is for administrators.
pub(super) const ADMIN: &str = "/admin/api/";
