//! A JSON text that keeps what nobody changed.
//!
//! A [`Value`] cannot hold every JSON number: integers beyond 64 bits and fractions with more digits than an `f64` lose
//! some. So the author of a change sees a `Value`, and what is written is made from the *text* that was read: each part
//! that is still equal is copied as it stood.

use serde_json::{Map, Value, value::RawValue};
use serde_path_to_error::Error as PathError;
use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// How deeply a document may be nested, as `serde_json` limits it too: deeper ones would exhaust the stack.
const DEEPEST: usize = 127;

/// A text that was read, and its value.
#[derive(Debug)]
pub(super) struct Document {
    text: Box<RawValue>,
    value: Value,
}

/// The members of an object in their order; of a name that stands twice, the last value counts.
struct Members<'a>(Vec<(String, &'a RawValue)>);

type Result<T> = std::result::Result<T, serde_json::Error>;

// === impl Document ===

impl Document {
    pub(super) fn read(text: &[u8]) -> std::result::Result<Self, PathError<serde_json::Error>> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let text: Box<RawValue> = serde_path_to_error::deserialize(&mut reader)?;
        reader.end().map_err(at_root)?;
        // A number beyond the range of an f64 is no mistake of the platform's; only the slow way can read it.
        let value = match serde_json::from_str(text.get()) {
            Ok(value) => value,
            Err(error) if !error.is_syntax() => return Err(at_root(error)),
            Err(_) => tolerant(&text, 0).map_err(at_root)?,
        };
        Ok(Self { text, value })
    }

    /// What the author of a change sees.
    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// The text that says `value`, with everything that is still equal copied from the text that was read.
    pub(super) fn changed_to(&self, value: &Value) -> Result<String> {
        let mut out = String::with_capacity(self.text.get().len() + 64);
        write(&mut out, &self.text, &self.value, value)?;
        Ok(out)
    }
}

// === impl Members ===

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                let mut places: HashMap<String, usize> = HashMap::new();
                while let Some((name, raw)) = map.next_entry::<String, &'de RawValue>()? {
                    match places.get(&name).and_then(|&place| members.get_mut(place)) {
                        Some(member) => member.1 = raw,
                        None => {
                            places.insert(name.clone(), members.len());
                            members.push((name, raw));
                        }
                    }
                }
                Ok(Members(members))
            }
        }
        reader.deserialize_map(Visitor)
    }
}

/// Writes `after` where `raw` stood, whose value is `before`.
fn write(out: &mut String, raw: &RawValue, before: &Value, after: &Value) -> Result<()> {
    match (before, after) {
        _ if before == after => out.push_str(raw.get()),
        (Value::Object(before), Value::Object(after)) => write_object(out, raw, before, after)?,
        (Value::Array(before), Value::Array(after)) => write_array(out, raw, before, after)?,
        _ => out.push_str(&serde_json::to_string(after)?),
    }
    Ok(())
}

fn write_object(
    out: &mut String,
    raw: &RawValue,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<()> {
    let Members(members) = serde_json::from_str(raw.get())?;
    let mut separator = '{';
    for (name, raw) in &members {
        if let (Some(before), Some(after)) = (before.get(name), after.get(name)) {
            write_name(out, &mut separator, name)?;
            write(out, raw, before, after)?;
        }
    }
    for (name, value) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        write_name(out, &mut separator, name)?;
        out.push_str(&serde_json::to_string(value)?);
    }
    out.push_str(if separator == '{' { "{}" } else { "}" });
    Ok(())
}

fn write_name(out: &mut String, separator: &mut char, name: &str) -> Result<()> {
    out.push(std::mem::replace(separator, ','));
    out.push_str(&serde_json::to_string(name)?);
    out.push(':');
    Ok(())
}

fn write_array(out: &mut String, raw: &RawValue, before: &[Value], after: &[Value]) -> Result<()> {
    let raws: Vec<&RawValue> = serde_json::from_str(raw.get())?;
    out.push('[');
    for (index, value) in after.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        match counterpart(index, value, before).and_then(|place| raws.get(place).zip(before.get(place))) {
            Some((raw, before)) => write(out, raw, before, value)?,
            None => out.push_str(&serde_json::to_string(value)?),
        }
    }
    out.push(']');
    Ok(())
}

/// The element that `value`, now at `index`, was before: the same one at the same place, else an equal one, else one with
/// the same `id`, else the one at the same place, which it may be a change of.
fn counterpart(index: usize, value: &Value, before: &[Value]) -> Option<usize> {
    let id = value.get("id");
    Some(index)
        .filter(|&index| before.get(index) == Some(value))
        .or_else(|| before.iter().position(|element| element == value))
        .or_else(|| before.iter().position(|element| id.is_some() && element.get("id") == id))
        .or_else(|| Some(index).filter(|&index| index < before.len()))
}

/// Reads what `serde_json` refuses: numbers whose exponent no `f64` has become the largest one.
fn tolerant(raw: &RawValue, depth: usize) -> Result<Value> {
    let text = raw.get();
    if depth > DEEPEST {
        return Err(serde::de::Error::custom("nested too deeply"));
    }
    match text.as_bytes().first() {
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text)?;
            let read = |(name, raw)| Ok((name, tolerant(raw, depth + 1)?));
            members.into_iter().map(read).collect::<Result<Map<_, _>>>().map(Value::Object)
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text)?;
            elements.into_iter().map(|raw| tolerant(raw, depth + 1)).collect::<Result<_>>().map(Value::Array)
        }
        _ => serde_json::from_str(text).or_else(|error| beyond_range(text).ok_or(error)),
    }
}

fn beyond_range(text: &str) -> Option<Value> {
    let number: f64 = text.parse().ok()?;
    number.is_infinite().then(|| Value::from(f64::MAX.copysign(number)))
}

/// The text was well-formed where this happens, so that there is no better place to name.
fn at_root(error: serde_json::Error) -> PathError<serde_json::Error> {
    PathError::new(serde_path_to_error::Track::new().path(), error)
}
