//! What the platform sent.

use crate::{
    Kind,
    inputs::{self, ShellInputs},
    secrets::{FilledIn, Secrets},
};
use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// One message of the platform: what fired, on which object, and what the user filled in (guide, chapter 5, "Action
/// data"). Cheap to clone.
#[derive(Clone)]
pub struct Message(Arc<Inner>, Option<Arc<FilledIn>>, Option<Arc<ShellInputs>>);

struct Inner {
    action: String,
    destination: String,
    headers: Arc<Vec<(String, String)>>,
    body: Value,
    raw: Bytes,
    arrival: Arrival,
    kind: Kind,
}

/// A message's place in the order of arrival: grows from message to message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival(u64);

/// One object of a message (the incident, a task, …) with the labels that the message carries for it.
#[derive(Clone, Copy)]
pub struct Object<'a> {
    value: &'a Value,
    /// `type_info.<type>.fields`
    fields: &'a Value,
}

/// No message was sent as early as that many milliseconds after 1970 (in March 1973), nor will one be as many seconds (in
/// 5138): a smaller timestamp is in seconds.
const LEAST_MILLISECONDS: i64 = 100_000_000_000;

/// The message does not have the shape that a handler asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejection(pub String);

/// A type that a handler can ask for.
///
/// Any `Deserialize` type reads what people filled in: a function's inputs, an action's activity fields (`properties`), a
/// low-code connector's `request_payload`, an inbound message's body. [`inputs`] says which types suit
/// which inputs; one that was left empty is as good as absent. [`Message`] itself takes the message as it came.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler's input",
    label = "not an input",
    note = "a handler takes its input first and the `Context` second: `async fn handler(input: Input, cx: Context)`",
    note = "an input is `Message`, or a type of your own that derives `serde::Deserialize`"
)]
pub trait FromMessage: Sized + Send {
    /// Reads `Self` out of `message`.
    ///
    /// # Errors
    /// The message does not hold what is asked for: the rejection names the field, what came and what was expected.
    fn from_message(message: &Message) -> Result<Self, Rejection>;

    /// Whether it reads an input of this name; `None` where that cannot be said.
    #[must_use]
    fn reads(name: &str) -> Option<bool> {
        let _ = name;
        None
    }
}

/// A function's input that says which incident a call is about.
pub(crate) const INCIDENT_ID: &str = "incident_id";

/// A whole number, however the platform or a script wrote it: 7, 7.0, "7", {"id": 7}.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Object(select) => select.get("id").and_then(Value::as_i64),
        value => value.as_i64().or_else(|| value.as_f64().and_then(whole)),
    }
}

/// The number, if it is a whole one that a float holds exactly.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

// === impl Arrival ===

impl Arrival {
    /// The place of the message that arrives now.
    #[must_use]
    pub fn next() -> Self {
        static ARRIVALS: AtomicU64 = AtomicU64::new(0);
        Self(ARRIVALS.fetch_add(1, Ordering::Relaxed))
    }
}

// === impl Message ===

impl Message {
    /// A message as it came from the broker.
    ///
    /// `action` is the handler's name ([`handler_name`](crate::name::handler_name)), `destination` the programmatic
    /// name of the queue, `raw` the body's bytes and `body` what they say.
    #[must_use]
    pub fn new(
        action: impl Into<String>,
        destination: impl Into<String>,
        headers: Vec<(String, String)>,
        body: Value,
        raw: Bytes,
    ) -> Self {
        Self::arrived(Arrival::next(), action, destination, Arc::new(headers), body, raw)
    }

    /// The same, for a message whose arrival was noted before it could be read; whoever noted it shares the headers.
    #[must_use]
    pub fn arrived(
        arrival: Arrival,
        action: impl Into<String>,
        destination: impl Into<String>,
        headers: Arc<Vec<(String, String)>>,
        body: Value,
        raw: Bytes,
    ) -> Self {
        let (action, destination) = (action.into(), destination.into());
        let header = |name| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let queue = header("destination").unwrap_or_default();
        let queue_kind = queue.trim_start_matches("/queue/").split('.').next().unwrap_or_default();
        let kind = Kind::of(queue_kind, header(Kind::PAYLOAD), &body);
        Self(Arc::new(Inner { action, destination, headers, body, raw, arrival, kind }), None, None)
    }

    /// The same message, of which [`read`](Self::read) reads `inputs`, in which references have been replaced by what
    /// they lead to. Everything else shows what came.
    #[must_use]
    pub fn with_secrets(self, inputs: Value, secrets: Arc<dyn Secrets>) -> Self {
        Self(self.0, Some(Arc::new(FilledIn { inputs, secrets })), self.2)
    }

    /// The same message, of which [`read`](Self::read) reads the inputs that were written on a command line as what the
    /// handler asks for.
    #[must_use]
    pub fn with_shell_inputs(self, inputs: Option<Arc<ShellInputs>>) -> Self {
        Self(self.0, self.1, inputs)
    }

    /// Reads what people filled in as a type of the component's own, as a handler with such an input is given it.
    ///
    /// # Errors
    /// The rejection names the input, what came and what was expected.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        let sent = self.entered();
        let shell = self.2.as_deref();
        match &self.1 {
            Some(filled) => {
                inputs::read(&filled.inputs, &Value::Null, Some(sent), self.kind(), shell, &self.0.raw)
            }
            None => inputs::read(sent, self.properties().fields, None, self.kind(), shell, &self.0.raw),
        }
    }

    /// What people entered, as it came: a function's inputs, an action's activity fields, a low-code connector's
    /// `request_payload`, the whole of an inbound message. Secrets are named in it, not filled in.
    #[must_use]
    pub fn entered(&self) -> &Value {
        match self.kind() {
            Kind::Action => &self.0.body["properties"],
            Kind::Function => self.inputs(),
            Kind::Connector => &self.0.body["request_payload"],
            Kind::Inbound => &self.0.body,
        }
    }

    /// Whether secrets were filled in, so that what comes of the message has to be [`mask`](Self::mask)ed.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        self.1.is_some()
    }

    /// `text` with `***` for the secrets that were filled in.
    #[must_use]
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.1 {
            Some(filled) => Cow::Owned(filled.secrets.mask(text)),
            None => Cow::Borrowed(text),
        }
    }

    /// The same in every text of `value`, the names of its fields and its numbers included.
    pub fn mask_in(&self, value: &mut Value) {
        match value {
            _ if !self.has_secrets() => {}
            Value::String(text) => *text = self.mask(text).into_owned(),
            Value::Array(values) => values.iter_mut().for_each(|value| self.mask_in(value)),
            Value::Object(fields) => {
                let masked = std::mem::take(fields).into_iter().map(|(name, mut value)| {
                    self.mask_in(&mut value);
                    (self.mask(&name).into_owned(), value)
                });
                *fields = masked.collect();
            }
            Value::Number(number) => {
                let text = number.to_string();
                let masked = self.mask(&text);
                if masked != text {
                    *value = masked.into_owned().into();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// What queued it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Its place among the messages that this process took from the broker. Tasks may get to run in another order.
    #[must_use]
    pub fn arrival(&self) -> Arrival {
        self.0.arrival
    }

    /// What the handler is found by: the name of the action that fired, as handlers are named (`add_task` for "Add
    /// Task"); a function's API name; an inbound message's `action`; a low-code connector's queue.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.0.action
    }

    /// The programmatic name of the message destination.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.0.destination
    }

    /// A header's value; the first, where a header is repeated.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All headers, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The broker's name for this message (`message-id`); empty where it has none.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header("message-id").unwrap_or_default()
    }

    /// Names the invocation on the platform (`correlation-id`).
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.header("correlation-id")
    }

    /// When the platform sent it (header `timestamp`): milliseconds since 1970 UTC, or seconds, as AMQP and so `RabbitMQ`
    /// has them.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        let since_1970: i64 = self.header("timestamp")?.trim().parse().ok()?;
        if since_1970.checked_abs()? < LEAST_MILLISECONDS {
            return Timestamp::from_second(since_1970).ok();
        }
        Timestamp::from_millisecond(since_1970).ok()
    }

    /// The body: the platform's `ActionDataDTO`, with every field it has.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.0.body
    }

    /// The body's bytes, as they came.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.0.raw
    }

    /// The id of the rule that fired.
    #[must_use]
    pub fn action_id(&self) -> Option<i64> {
        self.0.body["action_id"].as_i64()
    }

    /// The incident that the action fired on; every action message has one.
    #[must_use]
    pub fn incident(&self) -> Object<'_> {
        Object { value: &self.0.body["incident"], fields: self.fields("incident") }
    }

    /// The id of the message's incident: the one that an action fired on, or the one that a function's input
    /// `incident_id` names. `None` where it has none.
    #[must_use]
    pub fn incident_id(&self) -> Option<i64> {
        match self.kind() {
            Kind::Function => number(&self.inputs()[INCIDENT_ID]),
            Kind::Action | Kind::Inbound | Kind::Connector => self.0.body["incident"]["id"].as_i64(),
        }
    }

    /// The task that the action fired on, or that the note or attachment belongs to.
    #[must_use]
    pub fn task(&self) -> Option<Object<'_>> {
        self.object("task")
    }

    /// The artifact that the action fired on.
    #[must_use]
    pub fn artifact(&self) -> Option<Object<'_>> {
        self.object("artifact")
    }

    /// The note that the action fired on.
    #[must_use]
    pub fn note(&self) -> Option<Object<'_>> {
        self.object("note")
    }

    /// The milestone that the action fired on.
    #[must_use]
    pub fn milestone(&self) -> Option<Object<'_>> {
        self.object("milestone")
    }

    /// The attachment that the action fired on.
    #[must_use]
    pub fn attachment(&self) -> Option<Object<'_>> {
        self.object("attachment")
    }

    /// The data table's row that the action fired on. Its columns are read as fields are: by the column's API name.
    #[must_use]
    pub fn row(&self) -> Option<Object<'_>> {
        let row = self.object("row")?;
        let is_table =
            |id: &Value| id.is_number() && (*id == row.value["type_id"] || *id == self.0.body["object_type"]);
        let types = self.0.body["type_info"].as_object();
        // A table's type bears the table's name, not "row".
        let table = types.and_then(|types| types.values().find(|info| is_table(&info["type_id"])));
        Some(Object { fields: table.map_or(row.fields, |info| &info["fields"]), ..row })
    }

    /// The activity fields that the user filled in when choosing the action.
    #[must_use]
    pub fn properties(&self) -> Object<'_> {
        Object { value: &self.0.body["properties"], fields: self.fields("actioninvocation") }
    }

    /// A function's inputs, as they came; `null` for other messages.
    #[must_use]
    pub fn inputs(&self) -> &Value {
        &self.0.body["inputs"]
    }

    /// Who chose the action, or whose change fired the rule.
    #[must_use]
    pub fn user(&self) -> Option<Object<'_>> {
        self.object("user")
    }

    fn object(&self, name: &str) -> Option<Object<'_>> {
        let value = &self.0.body[name];
        value.is_object().then(|| Object { value, fields: self.fields(name) })
    }

    fn fields(&self, type_name: &str) -> &Value {
        &self.0.body["type_info"][type_name]["fields"]
    }
}

/// The message's names, not its contents: an incident can hold anything.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id())
            .field("destination", &self.destination())
            .field("action", &self.action())
            .field("incident", &self.incident_id())
            .finish_non_exhaustive()
    }
}

// === impl Object ===

impl<'a> Object<'a> {
    /// The object's id.
    #[must_use]
    pub fn id(&self) -> Option<i64> {
        self.value["id"].as_i64()
    }

    /// The object's name.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        self.text("name")
    }

    /// A field as it came; `null` where there is none.
    #[must_use]
    pub fn get(&self, field: &str) -> &'a Value {
        &self.value[field]
    }

    /// A field's text. A rich text that came as `{format, content}` gives its content.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&'a str> {
        let value = self.get(field);
        value.as_str().or_else(|| value["content"].as_str())
    }

    /// A custom field of an incident, which the platform keeps under `properties`.
    #[must_use]
    pub fn property(&self, field: &str) -> &'a Value {
        &self.value["properties"][field]
    }

    /// A date field (milliseconds since 1970 UTC).
    #[must_use]
    pub fn date(&self, field: &str) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.find(field).as_i64()?).ok()
    }

    /// The label of a select field's value: "High" where the object holds only the id 3402 (guide, chapter 5, "Action
    /// data and type information"), or `{"id", "name"}` (chapter 6, "Object handles").
    #[must_use]
    pub fn label(&self, field: &str) -> Option<&'a str> {
        self.label_of(field, self.find(field))
    }

    /// The labels of a multi-select field's values; of a select field's, the one.
    #[must_use]
    pub fn labels(&self, field: &str) -> Vec<&'a str> {
        let value = self.find(field);
        let ids = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        ids.iter().filter_map(|id| self.label_of(field, id)).collect()
    }

    /// The whole object as JSON.
    #[must_use]
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// Reads the object as a type of the component's own.
    ///
    /// # Errors
    /// The rejection names the field, what came and what was expected.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        inputs::read(self.value, self.fields, None, Kind::Action, None, &[])
    }

    /// The value in a column of a data table's row.
    #[must_use]
    pub fn cell(&self, column: &str) -> &'a Value {
        let cells = &self.value["cells"];
        let by_id = || &cells[self.fields[column]["id"].to_string().as_str()]["value"];
        match &cells[column]["value"] {
            Value::Null => by_id(),
            value => value,
        }
    }

    /// A field of the object, or else a custom field of that name, or a column.
    fn find(&self, field: &str) -> &'a Value {
        let found = [self.get(field), self.property(field), self.cell(field)];
        found.into_iter().find(|value| !value.is_null()).unwrap_or(&Value::Null)
    }

    fn label_of(&self, field: &str, id: &'a Value) -> Option<&'a str> {
        let choices = &self.fields[field]["values"];
        let label = |id: &Value| {
            let key = match id {
                Value::String(text) => text.clone(),
                Value::Null => return None,
                id => id.to_string(),
            };
            choices[key.as_str()]["label"].as_str()
        };
        if id.is_object() {
            return label(&id["id"]).or_else(|| id["name"].as_str());
        }
        // What is a label already is one.
        let is_label = |text: &&str| {
            choices
                .as_object()
                .is_some_and(|choices| choices.values().any(|choice| choice["label"] == **text))
        };
        label(id).or_else(|| id.as_str().filter(is_label))
    }
}

/// The object's id, not its contents.
impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("id", &self.id()).finish_non_exhaustive()
    }
}

// === impl FromMessage ===

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Send> FromMessage for T {
    fn from_message(message: &Message) -> Result<Self, Rejection> {
        message.read()
    }

    fn reads(name: &str) -> Option<bool> {
        inputs::fields_of::<T>().map(|fields| fields.contains(&name))
    }
}

impl FromMessage for Message {
    fn from_message(message: &Message) -> Result<Self, Rejection> {
        Ok(message.clone())
    }
}
