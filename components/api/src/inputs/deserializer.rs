//! Reads a `serde_json::Value` as what the handler asks for, where the platform's shape allows for more than one reading.

use super::{
    Mistake, TEXT_AREA,
    shell::{self, Reading},
};
use serde::{
    Deserializer,
    de::{
        Error as _, IntoDeserializer, Unexpected, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Map, Number, Value};

/// A value to be read.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    value: &'a Value,
    place: Place<'a>,
    shell: Option<Reading<'a>>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// The outermost object, of whose fields those that were left empty (`null`) are as good as absent. What the platform
    /// knows of each field.
    Outermost(&'a Value),
    /// A field of it, or an item of that.
    Field {
        name: &'a str,
        /// By the ids of a select field's values, their labels.
        labels: &'a Value,
    },
    /// Deeper down.
    Inside,
}

/// A key of an object; one that is read as a number may be written as a text.
struct Key<'a>(&'a str);

impl<'a> Input<'a> {
    /// `fields` is the message's `type_info` of them; `null` where it has none.
    pub(super) fn outermost(value: &'a Value, fields: &'a Value) -> Self {
        Self { value, place: Place::Outermost(fields), shell: None }
    }

    /// The same, of which what came from a command line is read as what is asked for.
    pub(super) fn of_shell(self, reading: Reading<'a>) -> Self {
        Self { shell: Some(reading), ..self }
    }

    /// Whether it is a value that was written on a command line.
    fn is_of_shell(self) -> bool {
        matches!((self.place, self.shell), (Place::Field { name, .. }, Some(shell)) if shell.holds(name))
    }

    /// What was written on the command line, where that was taken for something else than a text.
    fn written(self) -> Option<String> {
        self.is_of_shell().then(|| shell::as_text(self.value)).flatten()
    }

    /// The text itself, a select value's name, also where only its id came, or a text area's content.
    fn text(self) -> Option<&'a str> {
        match self.value {
            Value::String(text) => Some(text),
            Value::Number(id) => match self.place {
                Place::Field { labels, .. } => labels[id.to_string().as_str()]["label"].as_str(),
                _ => None,
            },
            Value::Object(fields) => select(fields).map(|(_, name)| name).or_else(|| content(fields)),
            _ => None,
        }
    }

    /// The number itself, or a select value's id.
    fn number(self) -> Option<&'a Number> {
        match self.value {
            Value::Number(number) => Some(number),
            Value::Object(fields) => select(fields).map(|(id, _)| id),
            _ => None,
        }
    }

    fn fields(self, fields: &'a Map<String, Value>) -> impl Iterator<Item = (Key<'a>, Self)> {
        let is_outermost = matches!(self.place, Place::Outermost(_));
        let wanted = fields.iter().filter(move |(_, value)| !(is_outermost && value.is_null()));
        wanted.map(move |(name, value)| {
            let place = match self.place {
                Place::Outermost(known) => Place::Field { name, labels: &known[name.as_str()]["values"] },
                Place::Field { .. } | Place::Inside => Place::Inside,
            };
            (Key(name), Self { value, place, shell: self.shell })
        })
    }

    fn visit_text<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match (self.text(), self.written()) {
            (Some(text), _) => visitor.visit_borrowed_str(text),
            (None, Some(text)) => visitor.visit_string(text),
            (None, None) => Err(self.unexpected(&visitor)),
        }
    }

    fn visit_number<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let written = self.value.as_str().filter(|_| self.is_of_shell()).and_then(shell::as_number);
        match self.number().or(written.as_ref()) {
            Some(number) => visit(number, visitor),
            None => Err(self.unexpected(&visitor)),
        }
    }

    fn visit_map<V: Visitor<'a>>(
        self,
        fields: &'a Map<String, Value>,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let mut access = MapDeserializer::new(self.fields(fields));
        let value = visitor.visit_map(&mut access)?;
        access.end()?;
        Ok(value)
    }

    fn visit_seq<V: Visitor<'a>>(self, values: &'a [Value], visitor: V) -> Result<V::Value, Mistake> {
        let items = values.iter().map(|value| Self { value, ..self });
        let mut access = SeqDeserializer::new(items);
        let value = visitor.visit_seq(&mut access)?;
        access.end()?;
        Ok(value)
    }

    /// As it came, if it `suits`.
    fn visit_if<V: Visitor<'a>>(self, suits: bool, visitor: V) -> Result<V::Value, Mistake> {
        if suits { self.deserialize_any(visitor) } else { Err(self.unexpected(&visitor)) }
    }

    fn unexpected<'v, V: Visitor<'v>>(self, visitor: &V) -> Mistake {
        let came = match self.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(number) => unexpected_number(number),
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(fields) if select(fields).is_some() => Unexpected::Other("a select value"),
            Value::Object(fields) if content(fields).is_some() => Unexpected::Other("a text area"),
            Value::Object(_) => Unexpected::Map,
        };
        Mistake::invalid_type(came, visitor)
    }
}

/// `{"id": 52, "name": "High"}`
fn select(fields: &Map<String, Value>) -> Option<(&Number, &str)> {
    match (fields.get("id"), fields.get("name")) {
        (Some(Value::Number(id)), Some(Value::String(name))) => Some((id, name)),
        _ => None,
    }
}

/// `{"format": "html", "content": "<b>x</b>"}`
fn content(fields: &Map<String, Value>) -> Option<&str> {
    fields.get("content").and_then(Value::as_str)
}

fn visit<'v, V: Visitor<'v>>(number: &Number, visitor: V) -> Result<V::Value, Mistake> {
    match unexpected_number(number) {
        Unexpected::Unsigned(number) => visitor.visit_u64(number),
        Unexpected::Signed(number) => visitor.visit_i64(number),
        _ => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn unexpected_number(number: &Number) -> Unexpected<'static> {
    match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => Unexpected::Unsigned(number),
        (None, Some(number)) => Unexpected::Signed(number),
        (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// Methods of a `Deserializer` that read a value in one of the ways above.
macro_rules! read_as {
    ($way:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
            self.$way(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Input<'de> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => visit(number, visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(values) => self.visit_seq(values, visitor),
            Value::Object(fields) => self.visit_map(fields, visitor),
        }
    }

    read_as!(visit_text: deserialize_str deserialize_string deserialize_char deserialize_identifier);

    read_as!(visit_number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64);

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.visit_if(self.value.is_boolean(), visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.visit_if(self.value.is_array(), visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        self.visit_if(self.value.is_object() || self.value.is_array(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        if let Some(name) = self.written() {
            return visitor.visit_enum(name.into_deserializer());
        }
        match (self.text(), self.value) {
            (Some(name), _) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            (None, Value::Object(fields)) => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(self.fields(fields))))
            }
            _ => Err(self.unexpected(&visitor)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        // serde_json's own way to hand out the text of a value.
        if name == "$serde_json::private::RawValue" {
            return Ok(self.value.deserialize_newtype_struct(name, visitor)?);
        }
        match self.written().filter(|_| name == TEXT_AREA) {
            Some(text) => visitor.visit_string(text),
            None => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        if let (Place::Field { name, .. }, Some(shell)) = (self.place, self.shell) {
            shell.ignores(name);
        }
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct tuple tuple_struct map
    }
}

impl<'de> IntoDeserializer<'de, Mistake> for Input<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

// === impl Key ===

impl Key<'_> {
    fn visit_number<'v, V: Visitor<'v>>(&self, visitor: V) -> Result<V::Value, Mistake> {
        match self.0.parse::<Number>() {
            Ok(number) => visit(&number, visitor),
            Err(_) => Err(Mistake::invalid_type(Unexpected::Str(self.0), &visitor)),
        }
    }
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_borrowed_str(self.0)
    }

    read_as!(visit_number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Mistake> for Key<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
