//! Texts of the pages behind the links in mails: a file `texts/pages/<name>.<language>.txt` of lines `key: text`. What the API
//! may answer has a text under its code, in the words of the page.

use super::Language;

macro_rules! pages {
    ($($(#[$doc:meta])* $variant:ident $name:literal),+ $(,)?) => {
        /// Every page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum PageText { $($(#[$doc])* $variant),+ }

        impl PageText {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            const fn source(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$variant, Language::It) => include_str!(concat!("texts/pages/", $name, ".it.txt")),
                      (Self::$variant, Language::En) => include_str!(concat!("texts/pages/", $name, ".en.txt")),)+
                }
            }
        }
    };
}
pages! {
    /// The address is somebody's.
    VerifyEmail "verify_email",
    /// A new password.
    ResetPassword "reset_password",
}

impl PageText {
    /// Its texts by key, in their order.
    pub fn lines(self, language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.source(language).lines().filter_map(|line| line.split_once(": "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, PageText};

    #[test]
    fn both_languages_say_the_same_things() {
        for page in PageText::ALL {
            let keys = |language| page.lines(language).map(|(key, _)| key).collect::<Vec<_>>();
            assert_eq!(keys(Language::It), keys(Language::En));
            assert!(page.source(Language::It).lines().count() == keys(Language::It).len());
            assert!(page.lines(Language::It).zip(page.lines(Language::En)).all(|(it, en)| it.1 != en.1));
        }
    }
}
