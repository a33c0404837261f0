use crate::component::{inputs::ShellInputs, recording};
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
    /// Whether the value is a guess at what was written as text.
    is_text: bool,
}

/// The id of an action that no platform knows.
const MADE_UP: i64 = 0;

impl FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("no `=`: write KEY=VALUE, or KEY:=JSON")?;
        let (key, value, is_text) = match key.strip_suffix(':') {
            Some(key) => (key, json_value(value)?, false),
            None => (key, written(value), true),
        };
        match key.trim() {
            "" => Err("no key before the `=`: write KEY=VALUE".to_owned()),
            key => Ok(Self { key: key.to_owned(), value, is_text }),
        }
    }
}

fn json_value(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("what follows `:=` must be JSON: {error}"))
}

/// Nothing at all is a field left empty.
fn written(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { ShellInputs::guessed(text) }
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
    for Input { key, value, .. } in inputs {
        fields.insert(key.clone(), value.clone());
    }
    Ok(body)
}

fn body(path: &Path) -> Result<Value, String> {
    let shown = path.display();
    let bytes = if path == Path::new("-") { standard_input() } else { fs::read(path) };
    let bytes = bytes.map_err(|error| format!("--input {shown}: cannot be read: {error}"))?;
    let text = recording::text(&bytes).map_err(|error| format!("--input {shown}: {error}"))?;
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("--input {shown}: not JSON: {error}"))?;
    let is_message = value.get("action_id").is_some() || value["function"].is_object();
    match value {
        Value::Object(_) if is_message => Ok(value),
        Value::Object(mut result) if is_result(&result) => Ok(json!({ "inputs": result.remove("inputs") })),
        Value::Object(inputs) => Ok(json!({ "inputs": inputs })),
        _ => Err(format!("--input {shown}: must be a JSON object, of inputs or a whole message")),
    }
}

/// What a function gave earlier (the payload samples of the vendor's apps): its inputs are among it.
fn is_result(object: &Map<String, Value>) -> bool {
    let inputs = object.get("inputs").is_some_and(|inputs| inputs.is_object() || inputs.is_null());
    inputs && (object.contains_key("metrics") || object.contains_key("content"))
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The names of what the command line gives, for the handler to read as what it asks for.
pub(super) fn of_shell(inputs: &[Input]) -> ShellInputs {
    let names = |inputs: &mut dyn Iterator<Item = &Input>| inputs.map(|input| input.key.clone()).collect();
    ShellInputs::new(names(&mut inputs.iter()), names(&mut inputs.iter().filter(|input| input.is_text)))
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
