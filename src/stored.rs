//! Words that are stored and shown the same way: one list for the type, the column and the API.

/// An enumeration whose variants are stored, sent and read by the names that stand beside them.
macro_rules! stored {
    ($(#[$meta:meta])* $name:ident as $schema:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant),+
        }

        $crate::stored::described!($name as $schema [$($text),+]);

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is stored.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

/// Describes an enumeration by the names it is sent with. (utoipa's derive does not see a `serde(rename)` whose text comes
/// from a macro, and would describe the names of the variants.)
macro_rules! described {
    ($name:ident as $schema:ident [$($text:literal),+]) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($text),+]))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($schema).into()
            }
        }
    };
}
pub(crate) use described;

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema as _;

    use crate::notary::{licence::Status, notifications::Kind, rules::machine::Name as _};

    #[test]
    fn words_are_described_as_they_are_sent() {
        let kinds = serde_json::to_value(Kind::schema()).unwrap();
        let sent: Vec<_> = Kind::ALL.iter().map(|kind| serde_json::to_value(kind).unwrap()).collect();
        assert_eq!(kinds["enum"], serde_json::json!(sent));
        let licences = serde_json::to_value(Status::schema()).unwrap();
        assert_eq!(licences["enum"], serde_json::json!(["active", "expiring_soon", "expired", "disabled"]));
    }
}
