//! What the front knows of each route before it is routed: its template, its limit, its deadline, its figures.
//!
//! The table is built from the OpenAPI document, so that a route which is not documented has no figures of its own: it
//! counts as `unmatched`, and a test notices.

use std::{collections::HashMap, time::Duration};

use axum::http::{HeaderValue, Method, Uri};

use super::{
    documents::RECEIVING_MAX,
    scopes::{self, Keys},
};
use crate::metrics::{self, Metrics};

/// How requests of a route are limited; the quotas are in `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Never: probes, metrics, preflights of browsers, and pictures.
    Exempt,
    /// By who asks: anonymous address, account, administrator.
    ByCaller,
    /// Logging in, refreshing, and what mails carry: per address.
    Login,
    /// Registering, and asking for a mail: per address.
    Register,
    /// Uploading: per account.
    Upload,
    /// Booking: per account.
    Booking,
    /// Registering patients: per account.
    CreatePatient,
    /// Asking for reports about patients: per account.
    ClinicReport,
    /// Uploading documents of patients, and having them analysed again: per account.
    ClinicUpload,
    /// Webhooks: per address.
    Webhook,
}

/// The routes whose limit is not [`Limit::ByCaller`]. A test checks that each of them exists.
pub const LIMITS: &[(Method, &str, Limit)] = &[
    (Method::POST, "/api/v1/auth/login", Limit::Login),
    (Method::POST, "/api/v1/auth/login/totp", Limit::Login),
    (Method::POST, "/api/v1/auth/refresh", Limit::Login),
    (Method::POST, "/api/v1/auth/password/forgot", Limit::Register),
    (Method::POST, "/api/v1/auth/password/reset", Limit::Login),
    (Method::POST, "/api/v1/auth/email/verify", Limit::Login),
    (Method::POST, "/api/v1/auth/register", Limit::Register),
    (Method::POST, "/api/v1/events/{slug}/bookings", Limit::Booking),
    (Method::POST, "/api/v1/events/{slug}/images", Limit::Upload),
    (Method::PUT, "/api/v1/notary/office/picture", Limit::Upload),
    (Method::POST, "/api/v1/documents", Limit::Upload),
    (Method::PUT, "/api/v1/documents/{id}/content", Limit::Upload),
    (Method::POST, "/api/v1/uploads", Limit::Upload),
    // A page shows dozens of pictures; the storage bounds how many are read at once.
    (Method::GET, "/media/{name}", Limit::Exempt),
    (Method::POST, "/api/v1/bookings/{id}/payment", Limit::Booking),
    (Method::POST, "/api/v1/clinic/patients", Limit::CreatePatient),
    (Method::POST, "/api/v1/clinic/patients/{id}/reports", Limit::ClinicReport),
    (Method::POST, "/api/v1/clinic/patients/{id}/documents", Limit::ClinicUpload),
    (Method::POST, "/api/v1/clinic/patients/{id}/documents/{document}/analysis", Limit::ClinicUpload),
    (Method::POST, "/api/v1/clinic/patients/{id}/documents/{document}/confirmation", Limit::ClinicUpload),
    (Method::POST, "/api/v1/payments/webhook", Limit::Webhook),
];

/// The route of an event's page.
const EVENT: &str = "/api/v1/events/{slug}";

/// Probes are answered however many ask: a balancer that is limited would take the server out.
pub const EXEMPT: &[&str] = &["/health", "/ready", "/alive", "/metrics"];

/// An upload over a slow line takes longer than any answer of ours.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(60);

/// Files of any size: who sends them must go on sending, and may take long.
const LONG: [(Method, &str); 5] = [
    (Method::POST, "/api/v1/documents"),
    (Method::PUT, "/api/v1/documents/{id}/content"),
    (Method::POST, "/api/v1/uploads"),
    (Method::POST, "/api/v1/clinic/patients/{id}/documents"),
    (Method::PATCH, "/api/v1/uploads/{id}"),
];

/// The matcher knows no endings of segments, as in `/events/{slug}.ics`.
const CALENDAR: &str = ".ics";

/// The methods that have figures of their own.
const METHODS: [Method; 6] =
    [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE, Method::OPTIONS];

/// What a route does with the part of the address behind the `?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Query {
    /// It has parameters of its own and refuses others itself, or it is not part of the API.
    Read,
    /// It has none: the front refuses a query, so that nobody believes that `?dry_run=true` was heard.
    Refused,
}

/// One template with one method.
#[derive(Debug, Clone)]
pub struct Route {
    /// The pattern of the path.
    pub template: &'static str,
    /// Whether it shows an event.
    pub is_event: bool,
    /// How it is limited.
    pub limit: Limit,
    /// Its own deadline, if the usual one does not fit.
    pub deadline: Option<Duration>,
    /// What it does with a query.
    pub query: Query,
    /// Whether it takes keys for programs.
    pub keys: Keys,
    /// Its figures.
    pub figures: metrics::Route,
}

/// The table.
#[derive(Debug)]
pub struct Routes {
    matcher: matchit::Router<usize>,
    /// The templates that end in [`CALENDAR`], without it.
    calendars: matchit::Router<usize>,
    /// The templates that end in whatever follows, which the matcher does not take beside others of the same beginning.
    rests: matchit::Router<usize>,
    /// For each template, the entries by [`METHODS`].
    entries: Vec<[Option<Route>; METHODS.len()]>,
    unmatched: [Route; METHODS.len()],
}

impl Routes {
    /// Builds the table from templates, their methods and what they do with queries.
    pub fn new<'t>(metrics: &Metrics, routes: impl IntoIterator<Item = (&'t str, Method, Query)>) -> Self {
        let mut table = Self {
            matcher: matchit::Router::new(),
            calendars: matchit::Router::new(),
            rests: matchit::Router::new(),
            entries: Vec::new(),
            unmatched: METHODS.map(|method| Route::new(metrics, scopes::UNMATCHED, &method, Query::Read)),
        };
        let mut templates: HashMap<String, usize> = HashMap::new();
        for (template, method, query) in routes {
            let at = *templates.entry(template.to_owned()).or_insert_with(|| {
                table.entries.push(Default::default());
                table.entries.len() - 1
            });
            table.add(at, template, metrics, (&method, query));
        }
        table
    }

    fn add(&mut self, at: usize, template: &str, metrics: &Metrics, (method, query): (&Method, Query)) {
        let known = self.entries[at].iter().flatten().next().map(|route| route.template);
        let name = known.unwrap_or_else(|| {
            // Some hundred bytes for the life of the process, once per template: labels want `'static`.
            let name: &'static str = Box::leak(template.to_owned().into_boxed_str());
            // Both forms of probes are answered (see `health`); `/docs` has no slash twin.
            let inserted = match name.strip_suffix(CALENDAR) {
                Some(bare) if bare.ends_with('}') => self.calendars.insert(bare, at),
                _ if name.contains("{*") => self.rests.insert(name, at),
                _ => self.matcher.insert(name, at),
            };
            if let Err(error) = inserted {
                tracing::debug!(http.route = name, %error, "a route has no figures of its own");
            }
            name
        });
        if let Some(index) = index(method) {
            self.entries[at][index] = Some(Route::new(metrics, name, method, query));
        }
    }

    /// The route of a request; `unmatched` for paths and methods that do not exist.
    pub fn find(&self, method: &Method, path: &str) -> &Route {
        let path = match path.strip_suffix('/') {
            Some("") | None => path,
            Some(bare) => bare,
        };
        let index = index(method);
        let found = index.and_then(|index| self.entries[self.at(path)?][index].as_ref());
        found.unwrap_or(&self.unmatched[index.unwrap_or(0)])
    }

    /// What `Allow` says of a path, for a request that found no route; `None` for a path that does not exist.
    pub fn allow(&self, path: &str) -> Option<HeaderValue> {
        let entry = &self.entries[self.at(path)?];
        let known = METHODS.iter().zip(entry).filter(|(_, route)| route.is_some());
        let mut names: Vec<_> = known.map(|(method, _)| method.as_str()).collect();
        if entry[0].is_some() {
            names.insert(1, "HEAD");
        }
        HeaderValue::try_from(names.join(",")).ok()
    }

    fn at(&self, path: &str) -> Option<usize> {
        let calendar = path.strip_suffix(CALENDAR).and_then(|bare| self.calendars.at(bare).ok());
        let found = calendar.or_else(|| self.matcher.at(path).ok()).or_else(|| self.rests.at(path).ok())?;
        Some(*found.value)
    }

    /// Where the router has the calendar that is asked for as `/events/x.ics`: `/events/x/ics`.
    pub fn calendar(&self, uri: &Uri) -> Option<Uri> {
        let bare = uri.path().strip_suffix(CALENDAR)?;
        self.calendars.at(bare).ok()?;
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{bare}/ics{query}").parse().ok()
    }

    /// Every template.
    pub fn templates(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().filter_map(|entry| entry.iter().flatten().next()).map(|route| route.template)
    }
}

impl Route {
    fn new(metrics: &Metrics, template: &'static str, method: &Method, query: Query) -> Self {
        let special = LIMITS.iter().find(|(m, path, _)| m == method && *path == template);
        let exempt = EXEMPT.iter().any(|root| {
            template.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        // A preflight comes from the browser, before and without the account that will be counted.
        let exempt = exempt || method == Method::OPTIONS;
        let limit =
            if exempt { Limit::Exempt } else { special.map_or(Limit::ByCaller, |(_, _, limit)| *limit) };
        let name = METHODS.iter().find(|known| *known == method).map_or("OTHER", static_name);
        Self {
            template,
            is_event: template == EVENT,
            limit,
            deadline: deadline(method, template, limit),
            query,
            keys: scopes::of(method, template),
            figures: metrics.http.route(name, template),
        }
    }
}

fn deadline(method: &Method, template: &str, limit: Limit) -> Option<Duration> {
    if LONG.iter().any(|(m, path)| m == method && *path == template) {
        return Some(RECEIVING_MAX);
    }
    (limit == Limit::Upload).then_some(UPLOAD_DEADLINE)
}

fn index(method: &Method) -> Option<usize> {
    // GET first: it is nine requests of ten.
    match *method {
        Method::GET | Method::HEAD => Some(0),
        _ => METHODS.iter().position(|known| known == method),
    }
}

fn static_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "OPTIONS",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::{Limit, Query, Routes};
    use crate::metrics::Metrics;

    #[test]
    fn requests_find_their_template_and_limit() {
        let routes = [
            ("/api/v1/events/{slug}", Method::GET),
            ("/api/v1/events/{slug}", Method::PATCH),
            ("/api/v1/events/{slug}/bookings", Method::POST),
            ("/api/v1/events/{slug}.ics", Method::GET),
            ("/api/v1/me/bookings.ics", Method::GET),
            ("/health/live", Method::GET),
            ("/actors/{path}", Method::GET),
            ("/actors/{path}/restart", Method::POST),
            ("/actors/{*path}", Method::GET),
        ];
        let routes = routes.map(|(template, method)| (template, method, Query::Refused));
        let table = Routes::new(&Metrics::new(), routes);
        let find = |method, path| {
            let route = table.find(&method, path);
            (route.template, route.limit)
        };
        assert_eq!(find(Method::GET, "/api/v1/events/x"), ("/api/v1/events/{slug}", Limit::ByCaller));
        assert_eq!(find(Method::HEAD, "/api/v1/events/x"), ("/api/v1/events/{slug}", Limit::ByCaller));
        assert_eq!(
            find(Method::POST, "/api/v1/events/x/bookings"),
            ("/api/v1/events/{slug}/bookings", Limit::Booking)
        );
        assert_eq!(find(Method::GET, "/api/v1/events/x.ics").0, "/api/v1/events/{slug}.ics");
        assert_eq!(find(Method::GET, "/api/v1/me/bookings.ics").0, "/api/v1/me/bookings.ics");
        assert_eq!(find(Method::GET, "/health/live/"), ("/health/live", Limit::Exempt));
        assert_eq!(find(Method::GET, "/actors/root").0, "/actors/{path}");
        assert_eq!(find(Method::POST, "/actors/root/restart").0, "/actors/{path}/restart");
        assert_eq!(find(Method::GET, "/actors/root/jobs/acker").0, "/actors/{*path}");
        assert_eq!(find(Method::DELETE, "/api/v1/events/x"), ("unmatched", Limit::ByCaller));
        assert_eq!(find(Method::TRACE, "/api/v1/events/x"), ("unmatched", Limit::ByCaller));
        assert_eq!(find(Method::GET, "/"), ("unmatched", Limit::ByCaller));
        let allow = |path| table.allow(path).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(allow("/api/v1/events/x").as_deref(), Some("GET,HEAD,PATCH"));
        assert_eq!(allow("/api/v1/events/x/bookings").as_deref(), Some("POST"));
        assert_eq!(allow("/nowhere"), None);
        assert_eq!(table.find(&Method::GET, "/api/v1/events/x/").query, Query::Refused);
        assert_eq!(table.find(&Method::GET, "/docs").query, Query::Read);
    }
}
