//! JSON has no NaN and no infinity: `serde_json` writes `null` in their place, and says nothing.

use serde::ser::{self, Error as _, Serialize};
use serde_json::{Error, Value};

/// A value's JSON, if it has one that says all of it.
///
/// # Errors
/// It has none, or holds a number that is none: the error names the member.
pub(crate) fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Error> {
    check(value)?;
    serde_json::to_value(value)
}

/// That no number in `value` is NaN or infinite.
///
/// # Errors
/// One is: the error names its member.
pub(crate) fn check<T: Serialize + ?Sized>(value: &T) -> Result<(), Error> {
    value.serialize(Finite { path: String::new() })
}

/// Looks at a value, and writes nothing.
struct Finite {
    path: String,
}

/// Looks at what a value is made of.
struct Members {
    path: String,
    next: usize,
    key: String,
}

// === impl Finite ===

impl Finite {
    fn members(self) -> Members {
        Members { path: self.path, next: 0, key: String::new() }
    }

    fn float(self, number: f64) -> Result<(), Error> {
        if number.is_finite() {
            return Ok(());
        }
        let what = if number.is_nan() { "not a number (NaN)" } else { "infinite" };
        let member = if self.path.is_empty() { "the value" } else { &self.path };
        Err(Error::custom(format!("{member} is {what}, which JSON cannot say; send null or leave it out")))
    }
}

macro_rules! fine {
    ($($name:ident: $type:ty),* $(,)?) => {
        $(fn $name(self, _value: $type) -> Result<(), Error> {
            Ok(())
        })*
    };
}

impl ser::Serializer for Finite {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members;
    type SerializeTuple = Members;
    type SerializeTupleStruct = Members;
    type SerializeTupleVariant = Members;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    fine!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    );

    fn serialize_f32(self, number: f32) -> Result<(), Error> {
        self.float(f64::from(number))
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        self.float(number)
    }

    fn serialize_none(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
    ) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.members().look(variant, value)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Members, Error> {
        Ok(self.members())
    }

    fn serialize_tuple(self, _length: usize) -> Result<Members, Error> {
        Ok(self.members())
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Members, Error> {
        Ok(self.members())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Members, Error> {
        Ok(Finite { path: joined(&self.path, variant) }.members())
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Members, Error> {
        Ok(self.members())
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Members, Error> {
        Ok(self.members())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Members, Error> {
        Ok(Finite { path: joined(&self.path, variant) }.members())
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

// === impl Members ===

impl Members {
    fn look<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        value.serialize(Finite { path: joined(&self.path, name) })
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let path = format!("{}[{}]", self.path, self.next);
        self.next += 1;
        value.serialize(Finite { path })
    }
}

macro_rules! items {
    ($($kind:ident::$name:ident),*) => {
        $(impl ser::$kind for Members {
            type Ok = ();
            type Error = Error;

            fn $name<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.item(value)
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        })*
    };
}

items!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! fields {
    ($($kind:ident),*) => {
        $(impl ser::$kind for Members {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
                self.look(name, value)
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Members {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let key = serde_json::to_value(key)?;
        self.key = key.as_str().map_or_else(|| key.to_string(), ToOwned::to_owned);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let name = std::mem::take(&mut self.key);
        self.look(&name, value)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}
