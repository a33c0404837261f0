//! What can be typed.

use serde_json::{Map, Value};
use std::str::FromStr;

/// How the commands are explained.
pub(crate) const HELP: &str = "\
What you can type:
  function NAME [INPUT=VALUE …]              a playbook calls the function: function look_up host=one.example
  action [DESTINATION:]NAME [FIELD=VALUE …]  a rule fires: action \"Say Hello\" name=World
  inbound DESTINATION EVENT [FIELD=VALUE …]  news of an inbound destination: inbound tickets create number=7
  connector QUEUE [FIELD=VALUE …]            a low-code connector's request: connector lookups url=https://one.example
  terminate NUMBER                           somebody terminates the playbook that made call #NUMBER
  field incident|action NAME TYPE            makes a field, for requires_field and requires_action_field
  incident                                   shows the incident that everything happens on, as it is now
  help, quit

As for `processor invoke`, numbers, true and false are what they are, `host=` is left empty, any other VALUE is a text, and
NAME:=JSON is any JSON: 'level:={\"id\": 3, \"name\": \"High\"}'. Quotes hold together what has spaces or quotes in it:
name=\"Ada Lovelace\". What an action fires on besides the incident has an @: '@artifact:={\"id\": 7, \"value\": \"one.example\"}',
or @task, @note, @milestone, @attachment, @row. Every function that is asked for exists. An action goes to the DESTINATION that
it names, or else to that of your app.config's first component, or else to the one that is called as the directory.";

/// A line, understood.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Nothing,
    Help,
    Quit,
    Incident,
    Field(Field),
    Terminate(usize),
    Send(Call),
}

/// A field to be defined.
#[derive(Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) of_action: bool,
    pub(crate) name: String,
    pub(crate) input_type: String,
}

/// A message to be sent.
#[derive(Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) what: What,
    pub(crate) values: Map<String, Value>,
    /// What an action fires on besides the incident.
    pub(crate) objects: Map<String, Value>,
}

/// What an action may fire on besides the incident.
const OBJECTS: [&str; 6] = ["artifact", "attachment", "milestone", "note", "row", "task"];

/// What is called.
#[derive(Debug, PartialEq)]
pub(crate) enum What {
    Function { name: String },
    Action { destination: Option<String>, name: String },
    Inbound { destination: String, event: String },
    Connector { queue: String },
}

impl FromStr for Command {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words = words(line)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match *words {
            [] => Ok(Self::Nothing),
            ["help" | "?"] => Ok(Self::Help),
            ["quit" | "exit"] => Ok(Self::Quit),
            ["incident"] => Ok(Self::Incident),
            ["field", of @ ("incident" | "action"), name, input_type] => Ok(Self::Field(Field {
                of_action: of == "action",
                name: name.to_owned(),
                input_type: input_type.to_owned(),
            })),
            ["terminate", number] => {
                let number = number.trim_start_matches('#').parse().map(Self::Terminate);
                number.map_err(|_| "terminate which? Its number, as in `#1 sent`".to_owned())
            }
            ["function", name, ref values @ ..] => send(What::Function { name: name.to_owned() }, values),
            ["action", name, ref values @ ..] => send(action(name), values),
            ["inbound", destination, event, ref values @ ..] => {
                send(What::Inbound { destination: destination.to_owned(), event: event.to_owned() }, values)
            }
            ["connector", queue, ref values @ ..] => {
                send(What::Connector { queue: queue.to_owned() }, values)
            }
            [first, ..] => Err(format!("{first:?} is not understood like this; `help` shows what is")),
        }
    }
}

fn send(what: What, values: &[&str]) -> Result<Command, String> {
    let (mut fields, mut objects) = (Map::new(), Map::new());
    for word in values {
        let (name, value) = assignment(word)?;
        match name.strip_prefix('@') {
            None => fields.insert(name, value),
            Some(object) if OBJECTS.contains(&object) => objects.insert(object.to_owned(), value),
            Some(_) => {
                return Err(format!(
                    "{name} is none of {}",
                    OBJECTS.map(|name| format!("@{name}")).join(", ")
                ));
            }
        };
    }
    Ok(Command::Send(Call { what, values: fields, objects }))
}

fn action(name: &str) -> What {
    match name.split_once(':') {
        Some((destination, name)) => {
            What::Action { destination: Some(destination.to_owned()), name: name.to_owned() }
        }
        None => What::Action { destination: None, name: name.to_owned() },
    }
}

fn assignment(word: &str) -> Result<(String, Value), String> {
    let (name, value) = word
        .split_once('=')
        .ok_or_else(|| format!("{word:?} is no NAME=VALUE; quotes hold words together"))?;
    match name.strip_suffix(':') {
        Some(name) => {
            let value = serde_json::from_str(value)
                .map_err(|error| format!("{word:?}: what follows `:=` must be JSON: {error}"))?;
            Ok((name.to_owned(), value))
        }
        None => Ok((name.to_owned(), meant(value))),
    }
}

/// What a person means: `007` and `1e5` are texts.
fn meant(value: &str) -> Value {
    let is_number = || value.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
    match value {
        "" => Value::Null,
        "true" => true.into(),
        "false" => false.into(),
        _ if is_number() => serde_json::from_str(value).unwrap_or_else(|_no_number| value.into()),
        _ => value.into(),
    }
}

/// Splits at white space, but not between quotes, single or double, which are taken off.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for char in line.chars() {
        match (quote, char) {
            (Some(open), _) if open == char => quote = None,
            (None, '"' | '\'') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (None, _) if char.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    if quote.is_some() { Err("a quote is left open".to_owned()) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(line: &str) -> Value {
        match line.parse() {
            Ok(Command::Send(call)) => Value::Object(call.values),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_are_what_they_are_for_invoke() {
        let typed =
            r#"function f a=x b=7 c=-2.5 d=true e= f=007 g=1e5 h="two words" i={} 'j:={"id": 3}' k:=[1]"#;
        let expected = json!({
            "a": "x", "b": 7, "c": -2.5, "d": true, "e": null, "f": "007", "g": "1e5", "h": "two words", "i": "{}",
            "j": { "id": 3 }, "k": [1],
        });
        assert_eq!(values(typed), expected);
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        for (line, words) in [
            ("function f x", "NAME=VALUE"),
            ("function f x:={", "must be JSON"),
            ("action \"Say", "left open"),
            ("terminate it", "number"),
            ("say hello", "not understood"),
            ("action a @planet:={}", "@planet"),
        ] {
            let told = line.parse::<Command>().unwrap_err();
            assert!(told.contains(words), "{line}: {told}");
        }
    }

    #[test]
    fn an_action_takes_along_what_it_fires_on() {
        let Ok(Command::Send(call)) = r#"action tickets:close who=Ada '@row:={"id": 4}'"#.parse() else {
            panic!()
        };
        let destination = Some("tickets".to_owned());
        assert_eq!(call.what, What::Action { destination, name: "close".to_owned() });
        assert_eq!(Value::Object(call.objects), json!({ "row": { "id": 4 } }));
        assert_eq!(Value::Object(call.values), json!({ "who": "Ada" }));
    }
}
