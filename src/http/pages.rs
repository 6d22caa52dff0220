//! Answers that are the same for everybody, kept by the cache: how they are made, tagged and served.
//!
//! Nothing personal may go through here. What a signed-in person sees besides is read for that person and joined to the
//! kept answer ([`personal`]); the whole is then `private`.

use std::{future::Future, sync::Arc};

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{negotiate::Coding, stored::Stored};
use crate::{
    actors::data::cache::{Cache, Namespace, Tag},
    config::sections,
    db::DbError,
    metrics,
};

/// Browsers and proxies may keep these for a moment; after it they ask with the ETag.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=15");

/// The cache, with the kinds of answers that it keeps. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    cache: Cache<Stored>,
    /// Lists of events.
    pub lists: Namespace,
    /// Events.
    pub events: Namespace,
    /// Reviews of events.
    pub reviews: Namespace,
    /// Suggestions.
    pub suggestions: Namespace,
    /// Cities.
    pub cities: Namespace,
    /// Lists of notaries.
    pub notaries: Namespace,
    /// Notaries.
    pub notary: Namespace,
    /// Reviews of notaries.
    pub notary_reviews: Namespace,
    /// The catalogue of acts and documents.
    pub act_catalogue: Namespace,
}

impl Pages {
    /// Pages of this cache.
    pub fn new(cache: &Cache<Stored>, config: &sections::Cache, metrics: &metrics::Cache) -> Self {
        Self {
            cache: cache.clone(),
            lists: Namespace::new("events.list", *config.ttl_list, metrics),
            events: Namespace::new("events.detail", *config.ttl_detail, metrics),
            reviews: Namespace::new("events.reviews", *config.ttl_detail, metrics),
            suggestions: Namespace::new("events.suggest", *config.ttl_list, metrics),
            cities: Namespace::new("cities", *config.ttl_list, metrics),
            notaries: Namespace::new("notary.list", *config.ttl_list, metrics),
            notary: Namespace::new("notary.detail", *config.ttl_detail, metrics),
            notary_reviews: Namespace::new("notary.reviews", *config.ttl_detail, metrics),
            act_catalogue: Namespace::new("notary.catalogue", *config.ttl_detail, metrics),
        }
    }

    /// The page for `key`, kept or loaded; `None` when there is no such thing.
    pub async fn get<F>(
        &self,
        namespace: &Namespace,
        key: &str,
        tags: &[Tag<'_>],
        load: impl Fn() -> F,
    ) -> Result<Option<Arc<Stored>>, DbError>
    where
        F: Future<Output = Result<Option<Stored>, DbError>> + Send + 'static,
    {
        self.cache.get(namespace, key, tags, load).await
    }

    /// The page for `key`, if it is kept and fresh.
    pub fn kept(&self, namespace: &Namespace, key: &str) -> Option<Arc<Stored>> {
        self.cache.kept(namespace, key)
    }

    /// Makes pages outdated that show one of these; call it after the commit.
    pub fn invalidate(&self, tags: &[Tag<'_>]) {
        self.cache.invalidate(tags);
    }
}

/// A page of this content.
pub fn page(content: &impl Serialize) -> Stored {
    let text = serde_json::to_vec(content).expect("answers have string keys and no failing serializers");
    Stored::new(text.into(), super::JSON, PUBLIC)
}

/// This page with one more member, for one person: never kept, by nobody.
pub fn personal(page: &Stored, member: &str, value: &impl Serialize) -> Response {
    const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");
    let object = page.identity().strip_suffix(b"}").expect("pages are JSON objects with members");
    let value = serde_json::to_vec(value).expect("members have string keys and no failing serializers");
    let mut text = Vec::with_capacity(object.len() + member.len() + value.len() + 5);
    text.extend_from_slice(object);
    text.extend_from_slice(format!(",\"{member}\":").as_bytes());
    text.extend_from_slice(&value);
    text.push(b'}');
    let headers = [
        (header::CONTENT_TYPE, super::JSON),
        (header::CACHE_CONTROL, PRIVATE),
        (header::VARY, super::VARY_READER),
        (header::ETAG, page.tag_of(&text).header(Coding::Identity)),
    ];
    (headers, text).into_response()
}
