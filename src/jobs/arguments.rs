//! Arguments as people write them: whether they are those of a kind, and what is wrong with them, in words for people.
//!
//! Stored arguments are read generously: a newer server may have written members that this one does not know. What people
//! write is read strictly: a member that nobody would hear is a slip.

use serde::{Deserializer, Serialize, de::DeserializeOwned};
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::{
    text::{self, pointer_part},
    wording,
};

/// Why a value is not the arguments of a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct WrongArgs {
    /// JSON pointer to what is wrong.
    pub pointer: String,
    /// In words.
    pub detail: String,
}

/// Whether people may give these as the arguments of `J`.
pub(super) fn check<J: Serialize + DeserializeOwned>(args: &Value) -> Result<(), WrongArgs> {
    if let Some(pointer) = text::nuls(args).into_iter().next() {
        return Err(WrongArgs { pointer, detail: text::NUL.to_owned() });
    }
    let heard = serde_json::to_value(read::<J>(args)?).unwrap_or_default();
    unheard(args, &heard, "").map_or(Ok(()), Err)
}

/// Whether these decode as the arguments of `J`.
pub(super) fn fits<J: DeserializeOwned>(args: &Value) -> Result<(), WrongArgs> {
    read::<J>(args).map(drop)
}

fn read<J: DeserializeOwned>(args: &Value) -> Result<J, WrongArgs> {
    // serde would take a list for a struct, field by field.
    if let Some(fields) = fields::<J>().filter(|_| !args.is_object()) {
        let with =
            if fields.is_empty() { String::new() } else { format!(" with {}", wording::listed(fields)) };
        return Err(WrongArgs { pointer: String::new(), detail: format!("must be an object{with}") });
    }
    serde_path_to_error::deserialize::<_, J>(args.clone()).map_err(|error| {
        let mut pointer: String = error.path().iter().map(part).collect();
        let is_null = args.pointer(&pointer).is_some_and(Value::is_null);
        let said =
            wording::of::<J>(wording::From::Body { is_null }, error.path(), &error.inner().to_string());
        if let Some(member) = said.member.map(|member| format!("/{}", pointer_part(&member)))
            && !pointer.ends_with(&member)
        {
            pointer.push_str(&member);
        }
        WrongArgs { pointer, detail: said.detail }
    })
}

fn part(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", pointer_part(key)),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}

/// The first member of `said` that is not among what was `heard`.
fn unheard(said: &Value, heard: &Value, pointer: &str) -> Option<WrongArgs> {
    match (said, heard) {
        (Value::Object(said), Value::Object(heard)) => said.iter().find_map(|(name, value)| {
            let pointer = format!("{pointer}/{}", pointer_part(name));
            if let Some(heard) = heard.get(name) {
                return unheard(value, heard, &pointer);
            }
            let names: Vec<&str> = heard.keys().map(String::as_str).collect();
            let known = if names.is_empty() { "none".to_owned() } else { wording::listed(&names) };
            Some(WrongArgs { pointer, detail: format!("there is no such member; there are {known}") })
        }),
        (Value::Array(said), Value::Array(heard)) => {
            let pairs = said.iter().zip(heard).enumerate();
            pairs.into_iter().find_map(|(at, (said, heard))| unheard(said, heard, &format!("{pointer}/{at}")))
        }
        _ => None,
    }
}

/// The members of `J`, if it is a struct: it is asked what it wants to read, and told no.
fn fields<J: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let mut asked = Asked(None);
    let _ = J::deserialize(&mut asked);
    asked.0
}

/// Remembers the members of the struct that somebody wants.
struct Asked(Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for &mut Asked {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("there is nothing"))
    }

    fn deserialize_struct<V: serde::de::Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0 = Some(fields);
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jobs::registry::registry;

    #[derive(Serialize, serde::Deserialize)]
    struct Order {
        to: Option<String>,
        lines: Vec<Line>,
    }

    #[derive(Serialize, serde::Deserialize)]
    struct Line {
        count: u8,
    }

    #[test]
    fn what_nobody_would_hear_is_refused_of_people_and_overlooked_in_the_store() {
        let wrong = |args: Value| check::<Order>(&args).map_err(|it| (it.pointer, it.detail));
        let said = |pointer: &str, detail: &str| Err((pointer.to_owned(), detail.to_owned()));
        assert_eq!(wrong(json!({"lines": [{"count": 1}]})), Ok(()));
        let more = json!({"lines": [{"count": 1, "of": 2}]});
        assert_eq!(wrong(more.clone()), said("/lines/0/of", "there is no such member; there are `count`"));
        assert_eq!(fits::<Order>(&more), Ok(()));
        let members = "there is no such member; there are `lines`, `to`";
        assert_eq!(wrong(json!({"lines": [], "zzz": null})), said("/zzz", members));
        assert_eq!(wrong(json!({"lines": [], "to": "a\0"})), said("/to", text::NUL));
        assert_eq!(wrong(json!({})), said("/lines", "is required"));
        for other in [json!(5), json!([1]), json!("x"), json!(null)] {
            assert_eq!(wrong(other), said("", "must be an object with `to`, `lines`"));
        }
        let count = json!({"lines": [{"count": "x"}]});
        assert_eq!(wrong(count), said("/lines/0/count", "must be a whole number"));
        assert_eq!(check::<i64>(&json!(7)), Ok(()), "not every kind is a struct");
    }

    #[test]
    fn a_kind_without_arguments_has_no_members() {
        let registry = registry();
        let check = registry.get("events.warm_cache").unwrap().check;
        assert_eq!(check(&json!({})), Ok(()));
        assert_eq!(check(&json!(5)).unwrap_err().detail, "must be an object");
        let unknown = check(&json!({"a": 1})).unwrap_err();
        assert_eq!(
            (unknown.pointer.as_str(), unknown.detail.as_str()),
            ("/a", "there is no such member; there are none")
        );
        let check = registry.get("events.remove_image").unwrap().check;
        let escape = check(&json!({"key": "../../etc/passwd"})).unwrap_err();
        assert_eq!(
            (escape.pointer.as_str(), escape.detail.as_str()),
            ("/key", "must be 32 hexadecimal digits")
        );
    }
}
