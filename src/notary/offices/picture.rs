//! The picture of an office. Its files have random names and are written before the row names them, as those of events.

use jiff::Timestamp;

use crate::{
    db::{DbError, Tx},
    events::images::{Key, Size},
    ids::NotaryId,
};

/// Longest description of a picture, in characters.
pub const ALT_MAX: usize = 300;

/// The picture of an office, as everybody sees it. Addresses are relative to the server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = OfficePicture)]
pub struct Picture {
    /// A JPEG.
    #[schema(example = "/media/0f0e0d0c0b0a09080706050403020100.jpg")]
    pub url: String,
    /// At most 960 pixels wide.
    pub medium_url: String,
    /// At most 320 pixels wide.
    pub thumbnail_url: String,
    /// What it shows, for those who cannot see it.
    pub alt: String,
}

impl Picture {
    /// The picture with these files.
    pub fn of(key: &Key, alt: &str) -> Self {
        Self {
            url: key.url(Size::Full),
            medium_url: key.url(Size::Medium),
            thumbnail_url: key.url(Size::Small),
            alt: alt.to_owned(),
        }
    }
}

/// The columns of [`Picture`] as JSON, of a table: `office_picture!("n")`.
macro_rules! office_picture {
    ($office:literal) => {
        concat!(
            "CASE WHEN ",
            $office,
            ".picture IS NOT NULL THEN jsonb_build_object('url', '/media/' || ",
            $office,
            ".picture || '.jpg', 'medium_url', '/media/' || ",
            $office,
            ".picture || '-960.jpg', 'thumbnail_url', '/media/' || ",
            $office,
            ".picture || '-320.jpg', 'alt', ",
            $office,
            ".picture_alt) END"
        )
    };
}
pub(in crate::notary) use office_picture;

/// Gives a locked office this picture, or none. The files of the one before, if it had one, are to be removed.
pub async fn set(
    tx: &mut Tx,
    office: NotaryId,
    picture: Option<(&Key, &str)>,
    now: Timestamp,
) -> Result<Option<Key>, DbError> {
    const SET: &str = "-- notary.offices.set_picture
        UPDATE notary n SET picture = $2, picture_alt = $3, updated_at = $4
        FROM (SELECT id, picture FROM notary WHERE id = $1) had WHERE n.id = had.id RETURNING had.picture";
    let (key, alt) = picture.map_or((None, ""), |(key, alt)| (Some(key.as_str()), alt));
    let had: Option<String> = tx.query_one(SET, &[&office, &key, &alt, &now]).await?.get("picture");
    Ok(had.as_deref().map(Key::stored))
}

#[cfg(test)]
mod tests {
    use super::{Key, Picture};

    #[test]
    fn the_statement_names_the_files_as_the_key_does() {
        let key = Key::new([7; 16]);
        let Picture { url, medium_url, thumbnail_url, .. } = Picture::of(&key, "");
        let written = |end: &str| format!("/media/{}{end}.jpg", key.as_str());
        assert_eq!([url, medium_url, thumbnail_url], [written(""), written("-960"), written("-320")]);
    }
}
