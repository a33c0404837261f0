use serde_json::{Map, Value, json};
use std::{
    fs,
    io::{self, Read},
    path::Path,
    str::FromStr,
};

/// `key=value` or `key:=JSON`.
#[derive(Debug, Clone)]
pub(super) struct Input {
    key: String,
    value: Value,
}

/// The id of an action that no platform knows.
const MADE_UP: i64 = 0;

impl FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("no `=`: write KEY=VALUE, or KEY:=JSON")?;
        let (key, value) = match key.strip_suffix(':') {
            Some(key) => (key, json_value(value)?),
            None => (key, guessed(value)),
        };
        match key.trim() {
            "" => Err("no key before the `=`: write KEY=VALUE".to_owned()),
            key => Ok(Self { key: key.to_owned(), value }),
        }
    }
}

fn json_value(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("what follows `:=` must be JSON: {error}"))
}

/// As a person means it: `007` and `1e5` are texts, so that no serial number is mistaken for a number.
fn guessed(text: &str) -> Value {
    match text {
        "" => Value::Null,
        "true" => true.into(),
        "false" => false.into(),
        text if is_number(text) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        text => text.into(),
    }
}

fn is_number(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

/// What the file holds, with the inputs of the command line on top: a message's whole body, or `{"inputs": …}`.
pub(super) fn given(inputs: &[Input], file: Option<&Path>) -> Result<Value, String> {
    let mut body = match file {
        Some(path) => body(path)?,
        None => json!({ "inputs": {} }),
    };
    let fields = if body.get("action_id").is_some() { "properties" } else { "inputs" };
    if body[fields].is_null() {
        body[fields] = json!({});
    }
    let Some(fields) = body[fields].as_object_mut() else {
        return Err(format!("--input: `{fields}` is no object"));
    };
    for Input { key, value } in inputs {
        fields.insert(key.clone(), value.clone());
    }
    Ok(body)
}

fn body(path: &Path) -> Result<Value, String> {
    let shown = path.display();
    let text = if path == Path::new("-") { standard_input() } else { fs::read_to_string(path) };
    let text = text.map_err(|error| format!("--input {shown}: cannot be read: {error}"))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| format!("--input {shown}: not JSON: {error}"))?;
    let is_message = value.get("action_id").is_some() || value["function"].is_object();
    match value {
        Value::Object(_) if is_message => Ok(value),
        Value::Object(inputs) => Ok(json!({ "inputs": inputs })),
        _ => Err(format!("--input {shown}: must be a JSON object, of inputs or a whole message")),
    }
}

fn standard_input() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// A call of the function `name` (`FunctionDTO`).
pub(super) fn function(name: &str, mut given: Value, incident: Option<i64>) -> Value {
    let mut inputs = fields(&mut given);
    if let Some(id) = incident {
        inputs.entry("incident_id").or_insert_with(|| id.into());
    }
    let made_up = json!({
        "function": { "id": MADE_UP, "name": name, "display_name": name },
        "principal": { "id": MADE_UP, "name": "processor invoke", "type": "user" },
    });
    let mut body = over(made_up, given);
    body["inputs"] = inputs.into();
    body
}

/// An action on `incident` (`ActionDataDTO`).
pub(super) fn action(mut given: Value, incident: Option<Value>) -> Value {
    let properties = fields(&mut given);
    let made_up = json!({
        "action_id": MADE_UP, "object_type": 0, "type_info": {}, "incident": null, "task": null, "artifact": null,
        "note": null, "milestone": null, "attachment": null, "row": null, "user": null,
    });
    let mut body = over(made_up, given);
    body["properties"] = properties.into();
    if let Some(incident) = incident {
        body["incident"] = incident;
    }
    body
}

/// Takes the inputs, or activity fields, out of what is given.
fn fields(given: &mut Value) -> Map<String, Value> {
    let mut taken = Map::new();
    for name in ["properties", "inputs"] {
        if let Some(Value::Object(fields)) = given.as_object_mut().and_then(|given| given.remove(name)) {
            taken.extend(fields);
        }
    }
    taken
}

/// What is made up, with what is given in its place where it is.
fn over(made_up: Value, given: Value) -> Value {
    match (made_up, given) {
        (Value::Object(mut whole), Value::Object(given)) => {
            whole.extend(given);
            Value::Object(whole)
        }
        (made_up, _) => made_up,
    }
}
