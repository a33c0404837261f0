//! A number as it stands in the message: one with many digits is not what a number in memory shows.

use super::Kind;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};
use std::collections::BTreeMap;

/// The number at `path` of what people entered, to the letter.
pub(super) fn number(raw: &[u8], kind: Kind, path: &Path) -> Option<String> {
    let whole: &RawValue = serde_json::from_slice(raw).ok()?;
    let entered = match kind {
        Kind::Action => member(whole, "properties")?,
        Kind::Function => member(whole, "inputs")?,
        Kind::Connector => member(whole, "request_payload")?,
        Kind::Inbound => whole,
    };
    let found = path.iter().try_fold(entered, |value, segment| match segment {
        Segment::Seq { index } => {
            serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(*index).copied()
        }
        Segment::Map { key } => member(value, key),
        Segment::Enum { .. } | Segment::Unknown => Some(value),
    });
    let text = found?.get();
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit()).then(|| text.to_owned())
}

fn member<'a>(object: &'a RawValue, key: &str) -> Option<&'a RawValue> {
    serde_json::from_str::<BTreeMap<String, &RawValue>>(object.get()).ok()?.remove(key)
}
