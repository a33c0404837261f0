//! The names that a type reads, without a value to read them from.

use serde::{
    Deserializer,
    de::{self, DeserializeOwned, Visitor},
};
use std::fmt;

/// The names of a struct's fields; `None` for a type that does not say them: a map, an enum, a JSON value, or a struct
/// that takes whatever comes (`flatten`).
pub(crate) fn fields_of<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    T::deserialize(Asking).err().and_then(|Said(fields)| fields)
}

/// Gives no value to any type, and finds out what was asked for.
struct Asking;

/// The fields that were asked for, as the error that ends the reading.
#[derive(Debug)]
struct Said(Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Asking {
    type Error = Said;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Said> {
        Err(Said(None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Said> {
        Err(Said(Some(fields)))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Said> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Said> {
        visitor.visit_some(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

impl de::Error for Said {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self(None)
    }
}

impl std::error::Error for Said {}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("only asked")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::Value;
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "nothing reads it")]
    struct Named {
        #[serde(rename = "incident_id")]
        incident: i64,
        host: Option<String>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "nothing reads it")]
    struct Around(Named);

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "nothing reads it")]
    struct Flat {
        host: String,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    #[test]
    fn a_struct_names_its_fields_and_others_do_not() {
        assert_eq!(fields_of::<Named>(), Some(["incident_id", "host"].as_slice()));
        assert_eq!(fields_of::<Around>(), fields_of::<Named>());
        assert_eq!(fields_of::<Option<Named>>(), fields_of::<Named>());
        assert_eq!(fields_of::<Flat>(), None);
        assert_eq!(fields_of::<Value>(), None);
    }
}
