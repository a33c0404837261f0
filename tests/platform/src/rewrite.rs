//! Other forms: what the platform makes of the values that it is sent, and how it gives them back.
//!
//! Which field is what kind stands in the definitions: `/types/incident/fields`, `/types/<table>/fields`.

use serde_json::{Map, Value, json};

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// The definitions of one type.
pub(crate) struct Definitions(Vec<Value>);

// === impl Definitions ===

impl Definitions {
    pub(crate) fn new(fields: Option<&Value>) -> Self {
        Self(fields.and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// Makes of an object what the platform would keep.
    pub(crate) fn store(&self, object: &mut Value) {
        self.each(object, stored);
    }

    /// Makes of an object what the platform would answer in this format: `names`, `objects`, else ids.
    pub(crate) fn show(&self, object: &mut Value, format: &str) {
        self.each(object, |field, value| shown(field, value, format));
    }

    /// What the platform would keep of the value of one field: `name`, `properties.score`.
    pub(crate) fn stored(&self, field: &str, value: &Value) -> Value {
        let name = field.rsplit('.').next().unwrap_or(field);
        self.0
            .iter()
            .find(|known| known["name"] == name)
            .map_or_else(|| value.clone(), |field| stored(field, value))
    }

    /// What the platform would answer of the value of one field.
    pub(crate) fn shown(&self, field: &str, value: &Value, format: &str) -> Value {
        let name = field.rsplit('.').next().unwrap_or(field);
        let known = self.0.iter().find(|known| known["name"] == name);
        known.map_or_else(|| value.clone(), |field| shown(field, value, format))
    }

    fn each(&self, object: &mut Value, make: impl Fn(&Value, &Value) -> Value) {
        for field in &self.0 {
            let Some(name) = field["name"].as_str() else { continue };
            let holder = match field["prefix"].as_str() {
                Some(prefix) => object.get_mut(prefix),
                None => Some(&mut *object),
            };
            if let Some(value) = holder.and_then(|holder| holder.get_mut(name)) {
                *value = make(field, value);
            }
        }
    }
}

fn stored(field: &Value, value: &Value) -> Value {
    match (field["input_type"].as_str().unwrap_or_default(), value) {
        ("textarea", Value::Object(area)) => stored(field, area.get("content").unwrap_or(&Value::Null)),
        ("textarea", Value::String(text)) if field["rich_text"] == true => {
            let is_stored = text.starts_with("<div class=\"rte\">");
            if is_stored {
                text.clone().into()
            } else {
                format!("<div class=\"rte\"><div>{text}</div></div>").into()
            }
        }
        ("text", Value::String(text)) => text.trim().into(),
        ("select" | "select_owner", value) => id(field, value),
        ("multiselect", Value::Array(values)) => {
            let mut ids: Vec<Value> = values.iter().map(|value| id(field, value)).collect();
            ids.sort_by_key(|id| id.as_i64());
            ids.into()
        }
        ("datepicker", Value::Number(time)) => {
            time.as_i64().map_or_else(|| value.clone(), |time| (time - time.rem_euclid(DAY)).into())
        }
        ("number", Value::String(text)) => {
            text.trim().parse::<i64>().map_or_else(|_| value.clone(), Value::from)
        }
        _ => value.clone(),
    }
}

fn id(field: &Value, value: &Value) -> Value {
    let label = value.get("name").unwrap_or(value);
    let known = field["values"].as_array().into_iter().flatten().find(|choice| choice["label"] == *label);
    known
        .map(|choice| choice["value"].clone())
        .or_else(|| value.get("id").cloned())
        .unwrap_or_else(|| value.clone())
}

fn shown(field: &Value, value: &Value, format: &str) -> Value {
    match value {
        Value::Array(values) => values.iter().map(|value| shown(field, value, format)).collect(),
        value => {
            let known =
                field["values"].as_array().into_iter().flatten().find(|choice| choice["value"] == *value);
            match (known, format) {
                (Some(choice), "names") => choice["label"].clone(),
                (Some(choice), "objects") => json!({ "id": value, "name": choice["label"] }),
                _ => value.clone(),
            }
        }
    }
}

/// The cells of a row, by column, with `make` made of each value.
pub(crate) fn cells(row: &mut Value, make: impl Fn(&str, &Value) -> Value) {
    let cells = row.get_mut("cells").and_then(Value::as_object_mut);
    for (column, cell) in cells.into_iter().flat_map(Map::iter_mut) {
        if let Some(value) = cell.get_mut("value") {
            *value = make(column, value);
        }
    }
}
