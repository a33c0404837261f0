//! What can be typed.

use serde_json::{Map, Value};
use std::str::FromStr;

/// How the commands are explained.
pub(crate) const HELP: &str = "\
What you can type:
  function NAME [INPUT=VALUE …]              a playbook calls the function: function look_up host=one.example
  action [DESTINATION:]NAME [FIELD=VALUE …]  a rule fires: action \"Say Hello\" name=World
  inbound DESTINATION EVENT [FIELD=VALUE …]  news of an inbound destination: inbound tickets create number=7
  field incident|action NAME TYPE            makes a field, for requires_field and requires_action_field
  incident                                   shows the incident that everything happens on, as it is now
  help, quit

A VALUE is JSON if it can be read as JSON (7, true, [1, 2]), nothing at all if it is left out (host=), else a text. Put
what holds spaces or quotes between quotes: name=\"Ada Lovelace\", 'level={\"id\": 3, \"name\": \"High\"}'. Every function that is
asked for exists. An action goes to the DESTINATION that it names, or else to that of your app.config's first component, or
else to the one that is called as the directory.";

/// A line, understood.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Nothing,
    Help,
    Quit,
    Incident,
    Field(Field),
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
}

/// What is called.
#[derive(Debug, PartialEq)]
pub(crate) enum What {
    Function { name: String },
    Action { destination: Option<String>, name: String },
    Inbound { destination: String, event: String },
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
            ["function", name, ref values @ ..] => send(What::Function { name: name.to_owned() }, values),
            ["action", name, ref values @ ..] => send(action(name), values),
            ["inbound", destination, event, ref values @ ..] => {
                send(What::Inbound { destination: destination.to_owned(), event: event.to_owned() }, values)
            }
            [first, ..] => Err(format!("{first:?} is not understood like this; `help` shows what is")),
        }
    }
}

fn send(what: What, values: &[&str]) -> Result<Command, String> {
    let values = values.iter().map(|value| assignment(value)).collect::<Result<_, _>>()?;
    Ok(Command::Send(Call { what, values }))
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
    let value = if value.is_empty() { "null" } else { value };
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_no_json| value.into())))
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
