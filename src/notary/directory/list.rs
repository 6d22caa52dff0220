//! Lists: one statement per shape of filters, walked by key, as those of the events desk.

use std::fmt::Write as _;

use jiff::civil::Date;
use postgres_types::Json;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::{
    filter::{Filter, Position, Sort},
    found, place,
};
use crate::{
    db::{Arg, Db, DbError, shape},
    ids::NotaryId,
    notary::offices::{Offer, OfficeKind, Specialisation},
    words::tsquery,
};

/// A notary in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = NotaryCard)]
pub struct Card {
    /// The office.
    pub id: NotaryId,
    /// The notary.
    pub name: String,
    /// What the office is called.
    pub office_name: String,
    /// How it is kept.
    pub office_kind: OfficeKind,
    /// The city.
    pub city: String,
    /// The province, by its two letters.
    pub province: String,
    /// `IT` or `SM`.
    pub country: String,
    /// Where on the map, in degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// What the notary is known for.
    pub specialisations: Vec<Specialisation>,
    /// Languages that are spoken, by their ISO 639-1 codes.
    pub languages: Vec<String>,
    /// Years of experience.
    pub experience_years: Option<i16>,
    /// What clients can do over this service.
    pub offers: Vec<Offer>,
    /// The average of its reviews, 1 to 5; `null` without any.
    pub rating: Option<f64>,
    /// How many reviews.
    pub reviews: i32,
    /// How many acts.
    pub acts: i32,
    /// What it looks like, at most 320 pixels wide.
    pub thumbnail_url: Option<String>,
    /// How far from the point, over ground, in kilometres to two decimals; `null` when there is no point.
    #[serde(default)]
    pub distance_km: Option<f64>,
    #[serde(skip)]
    #[schema(ignore)]
    chord: Option<f64>,
}

const SELECT: &str = "SELECT p.chord, (SELECT to_jsonb(c) FROM (SELECT p.id, p.first_name || ' ' || p.last_name AS name,
        p.office_name, p.office_kind, p.city, p.province, p.country, p.latitude, p.longitude, p.specialisations,
        p.languages, p.experience_years, p.offers, CASE WHEN p.rating_count > 0 THEN p.rating END AS rating,
        p.rating_count AS reviews, p.acts_count AS acts, '/media/' || p.picture || '-320.jpg' AS thumbnail_url) AS c) AS card";

impl Card {
    fn from_row(row: &Row) -> Self {
        let chord: Option<f64> = row.get("chord");
        let distance_km = chord.map(|chord| (place::ground(chord) * 100.0).round() / 100.0);
        Self { distance_km, chord, ..row.get::<_, Json<Self>>("card").0 }
    }

    /// Where a page that ends with this notary continues.
    pub fn position(&self, sort: Sort) -> Position {
        match sort {
            Sort::Rating => {
                Position::Rated((self.rating.unwrap_or(0.0) * 100.0).round() as i64, self.reviews, self.id)
            }
            Sort::Newest => Position::Newest(self.id),
            Sort::Distance => Position::Near(self.chord.unwrap_or_default().to_bits(), self.id),
        }
    }
}

/// Notaries of a page, at most `limit`, who are found on `today`.
pub async fn list(
    db: &Db,
    filter: &Filter,
    sort: Sort,
    after: Option<&Position>,
    (today, limit): (Date, i64),
) -> Result<Vec<Card>, DbError> {
    let Some((statement, args)) = statement(filter, sort, after, (today, limit)) else {
        return Ok(Vec::new());
    };
    let rows = db.public().read(statement, args).await?;
    Ok(rows.iter().map(Card::from_row).collect())
}

/// The statement of [`list`] with its arguments; `None` when nothing but punctuation was typed. Arguments: today; latitude,
/// longitude, the straight line of the radius; [`EVERYBODY`] when the nearest are walked; what is filtered by, words first,
/// then in the order of [`Filter`]; where to go on; the limit.
pub fn statement(
    filter: &Filter,
    sort: Sort,
    after: Option<&Position>,
    (today, limit): (Date, i64),
) -> Option<(&'static str, Vec<Arg>)> {
    let words = filter.q.as_deref().map(tsquery);
    if words == Some(None) {
        return None;
    }
    let mut query = Query { text: String::new(), args: vec![Box::new(today)] };
    query.candidates(filter, words.flatten(), sort);
    query.filter(filter);
    match sort {
        Sort::Distance => query.nearest(after, limit),
        Sort::Rating | Sort::Newest => query.ordered(sort, after, limit),
    }
    Some((shape(query.text), query.args))
}

/// No bound. That there might be one makes PostgreSQL walk the index instead of sorting whoever is in the box.
const EVERYBODY: i64 = i64::MAX;

/// A statement being put together, with its arguments; the first is today.
struct Query {
    text: String,
    args: Vec<Arg>,
}

impl Query {
    /// The number of a new argument.
    fn argument<T: postgres_types::ToSql + Send + Sync + 'static>(&mut self, value: T) -> usize {
        self.args.push(Box::new(value));
        self.args.len()
    }

    /// Adds a condition; `$` stands for its argument.
    fn and<T: postgres_types::ToSql + Send + Sync + 'static>(&mut self, condition: &str, value: Option<T>) {
        if let Some(value) = value {
            let argument = self.argument(value);
            let _ = write!(self.text, " AND {}", condition.replace('$', &format!("${argument}")));
        }
    }

    /// Who can be found: by words, whatever the order (walking one would pass by everybody for a rare word); by place, from the
    /// nearest on; or all of them, of whom the order or a filter takes what it needs.
    fn candidates(&mut self, filter: &Filter, words: Option<String>, sort: Sort) {
        // The point is computed once, not for every row.
        const CHORD: &str = "n.place <-> (SELECT place_on_earth($2, $3))";
        let (is_near, is_worded) = (filter.near.is_some(), words.is_some());
        self.text = format!(
            "-- notary.directory.list\n{SELECT} FROM ({}SELECT n.*, {} AS chord FROM notary AS n WHERE {}",
            if sort == Sort::Distance { "SELECT p.* FROM (" } else { "" },
            if is_near { CHORD } else { "NULL::float8" },
            found!("$1")
        );
        if let Some(near) = filter.near {
            self.argument(near.latitude);
            self.argument(near.longitude);
            self.argument(place::chord(near.radius_km));
            if !is_worded {
                let within = "n.place <@ (SELECT cube_enlarge(place_on_earth($2, $3), $4::float8, 3))";
                let _ = write!(self.text, " AND {within}");
            }
        }
        if is_near && !is_worded && sort == Sort::Distance {
            let everybody = self.argument(EVERYBODY);
            let _ = write!(self.text, " ORDER BY chord LIMIT ${everybody}");
        }
        self.and("n.search @@ to_tsquery('simple', $)", words);
        if is_worded {
            self.text.push_str(" OFFSET 0");
        }
        self.text.push_str(") AS p WHERE true");
        if is_near {
            self.text.push_str(" AND p.chord <= $4::float8"); // the box has corners
        }
    }

    fn filter(&mut self, filter: &Filter) {
        self.and("folded(p.city) = folded($)", filter.city.clone());
        self.and("p.province = $", filter.province.clone());
        self.and("p.specialisations @> ARRAY[$::text]", filter.specialisation.map(Specialisation::as_str));
        self.and("p.rating >= $::bigint::numeric / 100", filter.min_rating);
    }

    /// By an order that has an index.
    fn ordered(&mut self, sort: Sort, after: Option<&Position>, limit: i64) {
        match after {
            Some(Position::Rated(rating, count, id)) => {
                let (r, c, i) = (self.argument(*rating), self.argument(*count), self.argument(*id));
                let key = format!("(${r}::bigint::numeric / 100, ${c}, ${i})");
                let _ = write!(self.text, " AND (p.rating, p.rating_count, p.id) < {key}");
            }
            Some(Position::Newest(id)) => self.and("p.id < $", Some(*id)),
            Some(Position::Near(..)) | None => {}
        }
        let by = if sort == Sort::Newest { "" } else { "p.rating DESC, p.rating_count DESC, " };
        let limit = self.argument(limit);
        let _ = write!(self.text, " ORDER BY {by}p.id DESC LIMIT ${limit}");
    }

    /// By distance. The index knows distances alone; offices of one house are equally far, so all of the last distance are
    /// taken, and then their ids decide.
    fn nearest(&mut self, after: Option<&Position>, limit: i64) {
        if let Some(Position::Near(chord, id)) = after {
            let (c, i) = (self.argument(f64::from_bits(*chord)), self.argument(*id));
            let _ = write!(self.text, " AND (p.chord, p.id) > (${c}, ${i})");
        }
        let limit = self.argument(limit);
        let _ = write!(
            self.text,
            " ORDER BY p.chord FETCH FIRST (${limit}) ROWS WITH TIES) AS p ORDER BY p.chord, p.id LIMIT ${limit}"
        );
    }
}
