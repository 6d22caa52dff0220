//! What a list may be filtered and sorted by.

use jiff::civil::Date;

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Music.
    Music,
    /// Sports.
    Sports,
    /// Arts.
    Arts,
    /// Food and drink.
    Food,
    /// Business.
    Business,
    /// Technology.
    Tech,
    /// Wellness.
    Wellness,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Music, Self::Sports, Self::Arts, Self::Food, Self::Business, Self::Tech, Self::Wellness];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Music => "music",
            Self::Sports => "sports",
            Self::Arts => "arts",
            Self::Food => "food",
            Self::Business => "business",
            Self::Tech => "tech",
            Self::Wellness => "wellness",
        }
    }

    pub(in crate::events) fn stored(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|category| category.as_str() == text)
            .expect("events_category_known allows no other")
    }
}

/// The order of a list; ties are broken by id.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
pub enum Sort {
    /// Newest first.
    #[default]
    #[serde(rename = "new")]
    New,
    /// Cheapest first.
    #[serde(rename = "price")]
    Cheapest,
    /// Dearest first.
    #[serde(rename = "-price")]
    Dearest,
    /// Soonest first.
    #[serde(rename = "start")]
    Soonest,
    /// Most booked first.
    #[serde(rename = "popular")]
    Popular,
}

/// What is looked for; everything is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Words of title, place, category or description; the last letters may be missing.
    pub q: Option<String>,
    /// A city's slug.
    pub city: Option<String>,
    /// A category.
    pub category: Option<Category>,
    /// Takes place on this day.
    pub date: Option<Date>,
    /// Not over before this day.
    pub from: Option<Date>,
    /// Begins until this day.
    pub to: Option<Date>,
    /// At least this price.
    pub min_price: Option<i64>,
    /// At most this price.
    pub max_price: Option<i64>,
    /// Free of charge, or not.
    pub free: Option<bool>,
    /// Featured, or not.
    pub featured: Option<bool>,
    /// A host's id.
    pub host: Option<uuid::Uuid>,
}
