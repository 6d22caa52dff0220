//! What may be looked for, and in which order.

use serde::{Deserialize, Serialize};

use super::place::Near;
use crate::{ids::NotaryId, notary::offices::Specialisation};

stored! {
    /// The order; ties are broken by the newest office, or by the id.
    #[derive(Default)]
    Sort as NotarySort {
        /// Best rated first, of those the most reviewed.
        #[default]
        Rating = "rating",
        /// Newest first.
        Newest = "newest",
        /// Nearest first; only near a point.
        Distance = "distance",
    }
}

/// Who is looked for; everything that is given must fit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Words of the names, the office, the place or what it says of itself; the last letters may be missing.
    pub q: Option<String>,
    /// The city, whatever its accents and capitals.
    pub city: Option<String>,
    /// The province, by its two letters.
    pub province: Option<String>,
    /// Known for this.
    pub specialisation: Option<Specialisation>,
    /// At least this rating, in hundredths.
    pub min_rating: Option<i64>,
    /// Near a point.
    pub near: Option<Near>,
}

/// Where the next page begins: after this office.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Position {
    /// By rating in hundredths, and how many reviews.
    Rated(i64, i32, NotaryId),
    /// By age.
    Newest(NotaryId),
    /// By the straight line in kilometres, as its bits: text might round it.
    Near(u64, NotaryId),
}

impl Position {
    /// Whether it is a place in this order.
    pub const fn fits(self, sort: Sort) -> bool {
        matches!(
            (self, sort),
            (Self::Rated(..), Sort::Rating)
                | (Self::Newest(_), Sort::Newest)
                | (Self::Near(..), Sort::Distance)
        )
    }
}
