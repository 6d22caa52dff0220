//! Names of a picture's files: random, so that they can be neither guessed nor chosen.

use data_encoding::HEXLOWER;

/// Where all pictures are.
pub const FOLDER: &str = "media";
/// Bytes of randomness in a key.
const KEY_BYTES: usize = 16;
const EXTENSION: &str = ".jpg";

/// The name of a picture: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Key(String);

/// One of a picture's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The picture.
    Full,
    /// For a page: at most 960 pixels wide.
    Medium,
    /// For a list: at most 320 pixels wide.
    Small,
}

impl Size {
    /// Every file of a picture.
    pub const ALL: [Self; 3] = [Self::Full, Self::Medium, Self::Small];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Full => "",
            Self::Medium => "-960",
            Self::Small => "-320",
        }
    }
}

impl Key {
    /// A key from the operating system's randomness.
    pub fn new(random: [u8; KEY_BYTES]) -> Self {
        Self(HEXLOWER.encode(&random))
    }

    /// As it was stored.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of one of its files in URLs.
    pub fn name(&self, size: Size) -> String {
        format!("{}{}{EXTENSION}", self.0, size.suffix())
    }

    /// Where the storage has one of its files.
    pub fn file(&self, size: Size) -> String {
        format!("{FOLDER}/{}/{}", &self.0[..2], self.name(size))
    }

    /// Where everybody finds one of its files.
    pub fn url(&self, size: Size) -> String {
        format!("/media/{}", self.name(size))
    }

    /// The file called `name`, if it is a name of ours: nothing else ever reaches the storage.
    pub fn parse(name: &str) -> Option<(Self, Size)> {
        let stem = name.strip_suffix(EXTENSION)?;
        let (key, suffix) = stem.split_at_checked(2 * KEY_BYTES)?;
        let size = Size::ALL.into_iter().find(|size| size.suffix() == suffix)?;
        is_hex(key).then(|| (Self(key.to_owned()), size))
    }
}

fn is_hex(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Nothing else is a key, whoever wrote it: files are found by it.
impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;

        impl serde::de::Visitor<'_> for Digits {
            type Value = Key;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("32 hexadecimal digits")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Key, E> {
                let fits = text.len() == 2 * KEY_BYTES && is_hex(text);
                let wrong = || E::invalid_value(serde::de::Unexpected::Str(text), &self);
                fits.then(|| Key(text.to_owned())).ok_or_else(wrong)
            }
        }

        deserializer.deserialize_str(Digits)
    }
}

/// The key of a stored file; `None` for what is not a picture's.
pub fn key_of(file: &str) -> Option<Key> {
    let name = file.strip_prefix(FOLDER)?.rsplit_once('/')?.1;
    Key::parse(name).map(|(key, _)| key)
}

/// The folders in which files are, by the first digits of their keys.
pub fn folders() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|first| format!("{FOLDER}/{first:02x}"))
}

#[cfg(test)]
mod tests {
    use super::{Key, Size, folders, key_of};

    #[test]
    fn names_are_read_back_and_nothing_else_is_a_name() {
        let key = Key::new([0xab; 16]);
        for size in Size::ALL {
            assert_eq!(Key::parse(&key.name(size)), Some((key.clone(), size)));
            assert_eq!(key_of(&key.file(size)), Some(key.clone()));
            assert!(folders().any(|folder| key.file(size).starts_with(&folder)));
        }
        let other = "ab".repeat(16);
        for bad in [
            "",
            ".jpg",
            "../secret",
            "..%2fsecret.jpg",
            &other,
            &format!("{other}.png"),
            &format!("{other}-640.jpg"),
            &format!("{}.jpg", other.to_uppercase()),
            &format!("/{}.jpg", &other[1..]),
            &format!("{}è.jpg", &other[1..]),
        ] {
            assert_eq!(Key::parse(bad), None, "{bad}");
        }
    }
}
