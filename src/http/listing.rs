//! Lists: filters, a page of at most 100 elements, and the cursor to the next one.
//!
//! The body of every list is `{"data": […], "next_cursor": "…" | null}`, and `Link: <…>; rel="next"` repeats the
//! cursor for clients that follow links.
//!
//! ```ignore
//! async fn list(State(db): State<Db>, list: Listing<Filters, (Timestamp, EventId)>) -> Answer {
//!     let found = events::search(&db, &list.filters, list.after, list.fetch()).await?;
//!     Ok(list.answer(found, |event| (event.starts_at, event.id), EventView::from))
//! }
//! ```

use axum::{
    extract::{FromRef, FromRequestParts, OriginalUri},
    http::{HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use super::{
    cursor::{CursorKey, FilterHash},
    extract::{Json, parse_query, query_pairs},
    problem::{FieldError, Problem},
};

/// A page if the client does not say how long.
pub const DEFAULT_LIMIT: u32 = 20;
/// The longest page.
pub const MAX_LIMIT: u32 = 100;

/// Of a list that has no filters: nothing but its page can be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFilters {}

/// The parameters that every list has: name it in `params(…)` of the route.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParameters {
    /// Most elements of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// Where to go on: `next_cursor` of the page before, with the same filters.
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The elements.
    pub data: Vec<T>,
    /// Pass it as `cursor` to go on; `null` at the end.
    pub next_cursor: Option<String>,
}

/// A request for a page: filters `F`, and `K`, the sort key (with the id as its last part) to go on after.
pub struct Listing<F, K> {
    /// The filters of the route, without `limit` and `cursor`.
    pub filters: F,
    /// Most elements of the page.
    pub limit: u32,
    /// The sort key of the last element of the page before.
    pub after: Option<K>,
    path: String,
    pairs: Vec<(String, String)>,
    hash: FilterHash,
    cursors: CursorKey,
}

impl<S, F, K> FromRequestParts<S> for Listing<F, K>
where
    S: Send + Sync,
    F: DeserializeOwned,
    K: DeserializeOwned,
    CursorKey: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Nested routers cut the prefix off `parts.uri`; links need the whole path.
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        Self::parse(uri, CursorKey::from_ref(state))
    }
}

impl<F: DeserializeOwned, K: DeserializeOwned> Listing<F, K> {
    /// The list that `uri` asks for.
    pub fn parse(uri: &Uri, cursors: CursorKey) -> Result<Self, Problem> {
        let mut pairs = query_pairs(uri.query().unwrap_or_default())?;
        let path = uri.path().to_owned();
        let mut taken = take_page_parameters(&mut pairs)?;
        let filters = parse_query(&pairs).map_err(|problem| name_page_parameters(&problem))?;
        let limit = taken.limit.unwrap_or(DEFAULT_LIMIT);
        let hash = FilterHash::of(&path, pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let after = taken.cursor.take().map(|cursor| cursors.read(hash, &cursor)).transpose()?;
        Ok(Self { filters, limit, after, path, pairs, hash, cursors })
    }
}

fn take_page_parameters(pairs: &mut Vec<(String, String)>) -> Result<PageParameters, Problem> {
    let mut take = |name: &str| {
        let mut found: Vec<String> = pairs.extract_if(.., |pair| pair.0 == name).map(|pair| pair.1).collect();
        if found.len() > 1 {
            let error = FieldError::query(name, "repeated_parameter", "is given more than once");
            return Err(Problem::invalid_parameters(vec![error]));
        }
        Ok(found.pop())
    };
    let limit = take("limit")?.map(|text| parse_limit(&text)).transpose()?;
    Ok(PageParameters { limit, cursor: take("cursor")? })
}

fn parse_limit(text: &str) -> Result<u32, Problem> {
    text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
        let detail = format!("must be a whole number from 1 to {MAX_LIMIT}");
        Problem::invalid_parameters(vec![FieldError::query("limit", "out_of_range", detail)])
    })
}

/// The filters' type does not know that `limit` and `cursor` exist.
fn name_page_parameters(problem: &Problem) -> Problem {
    let mut errors = problem.errors().to_vec();
    for error in errors.iter_mut().filter(|error| error.code == "unknown_parameter") {
        let detail = match error.detail.strip_suffix("there are none") {
            Some(begin) => format!("{begin}there are `limit`, `cursor`"),
            None => format!("{}, `limit`, `cursor`", error.detail),
        };
        error.detail = detail.into();
    }
    Problem::invalid_parameters(errors)
}

impl<F, K: Serialize> Listing<F, K> {
    /// How many rows to ask for: one more than the page has, to learn whether there is a next page.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Cuts [`Self::fetch`] rows to the page, and makes the cursor of the next one.
    pub fn page<R, T>(&self, mut rows: Vec<R>, key: impl Fn(&R) -> K, view: impl Fn(R) -> T) -> Page<T> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| self.cursors.write(self.hash, &key(last)));
        Page { data: rows.into_iter().map(view).collect(), next_cursor }
    }

    /// The value of `Link` for a page that has a next one.
    pub fn link(&self, cursor: &str) -> HeaderValue {
        let mut pairs = self.pairs.clone();
        pairs.push(("limit".to_owned(), self.limit.to_string()));
        pairs.push(("cursor".to_owned(), cursor.to_owned()));
        let query = serde_urlencoded::to_string(&pairs).expect("pairs of strings encode");
        HeaderValue::try_from(format!("<{}?{query}>; rel=\"next\"", self.path))
            .expect("paths and encoded queries are visible ASCII")
    }

    /// The response: [`Self::page`] as JSON, with its `Link`.
    pub fn answer<R, T: Serialize>(
        &self,
        rows: Vec<R>,
        key: impl Fn(&R) -> K,
        view: impl Fn(R) -> T,
    ) -> Response {
        self.respond(self.page(rows, key, view))
    }

    /// The same for rows that are a whole page already: the next one begins after `next`, if there is one. (The page may
    /// be shorter than the limit.)
    pub fn answer_until<R, T: Serialize>(
        &self,
        rows: Vec<R>,
        next: Option<&K>,
        view: impl Fn(R) -> T,
    ) -> Response {
        let next_cursor = next.map(|next| self.cursors.write(self.hash, next));
        self.respond(Page { data: rows.into_iter().map(view).collect(), next_cursor })
    }

    fn respond<T: Serialize>(&self, page: Page<T>) -> Response {
        let link = page.next_cursor.as_deref().map(|cursor| self.link(cursor));
        let mut response = Json(page).into_response();
        if let Some(link) = link {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }

    /// A name for these filters and this page, for caches: equal requests have equal names whatever the order of
    /// their parameters.
    pub fn cache_key(&self) -> String {
        let mut pairs = self.pairs.clone();
        pairs.sort_unstable();
        let after = self.after.as_ref().map(|key| self.cursors.write(self.hash, key)).unwrap_or_default();
        pairs.push(("limit".to_owned(), self.limit.to_string()));
        pairs.push(("cursor".to_owned(), after));
        let query = serde_urlencoded::to_string(&pairs).expect("pairs of strings encode");
        format!("{}?{query}", self.path)
    }
}
