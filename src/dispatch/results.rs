//! What a function or a low-code connector gives back besides its acknowledgement: its results, in the envelope that the
//! scripts which come after it know.

use super::work::Job;
use crate::component::{Kind, Message, Reply, reply::Results};
use jiff::Zoned;
use serde_json::{Map, Value, json};
use std::{fs, sync::LazyLock, time::Duration};

/// For a component without a version.
const UNKNOWN: &str = "unknown";

/// The results of `job`, which took this long, as `reply` says; `None` where the platform awaits none.
pub(super) fn results(job: &Job, reply: &Reply, took: Duration) -> Option<Value> {
    let results = match reply {
        Reply::Results(results) => results.clone(),
        Reply::Superseded => Results::unsuccessful(reply.message()),
        // A text is the better result than none for whoever looks for one.
        other => Results::of(other.message().into()),
    };
    match job.message.kind() {
        Kind::Function | Kind::Connector if results.bare => Some(results.content),
        Kind::Function => Some(of_function(job, &results, took)),
        Kind::Connector => Some(of_connector(job, results, took)),
        _ => None,
    }
}

/// Payload version 2.0.
fn of_function(job: &Job, results: &Results, took: Duration) -> Value {
    let mut metrics = metrics(job, "1.0", took);
    metrics["timestamp"] = Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string().into();
    json!({
        "version": 2.0,
        "success": results.reason.is_none(),
        "reason": results.reason,
        "content": results.content,
        "raw": null,
        "inputs": inputs(&job.message),
        "metrics": metrics,
    })
}

/// Payload version 1.0 of low-code connectors. What a handler gives with a `content` of its own is taken for a response:
/// `{"status_code": 200, "content": …}`.
fn of_connector(job: &Job, results: Results, took: Duration) -> Value {
    let body = job.message.body();
    let (status_code, content) = match results.content {
        Value::Object(mut response) if response.contains_key("content") => {
            let content = response.remove("content").unwrap_or_default();
            (response.remove("status_code").unwrap_or_default(), content)
        }
        content => (Value::Null, content),
    };
    json!({
        "request_originator": body["request_originator"],
        "version": 1.0,
        "success": results.reason.is_none(),
        "reason": results.reason,
        "status_code": status_code,
        "content": text(content),
        "content_type": body["request_payload"]["response_content_type"],
        "metrics": metrics(job, "2.0", took),
    })
}

/// The platform takes a connector's content as a text only.
fn text(content: Value) -> Value {
    match content {
        Value::Null | Value::String(_) => content,
        other => other.to_string().into(),
    }
}

fn metrics(job: &Job, version: &str, took: Duration) -> Value {
    static HOST: LazyLock<String> = LazyLock::new(host);
    let package_version = Some(&*job.route.version).filter(|version| !version.is_empty());
    json!({
        "version": version,
        "package": &*job.route.component,
        "package_version": package_version.unwrap_or(UNKNOWN),
        "host": *HOST,
        "execution_time_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    })
}

/// This machine's name; reading it waits for no disk.
fn host() -> String {
    let name =
        fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    name.map_or_else(|_| UNKNOWN.to_owned(), |name| name.trim().to_owned())
}

/// The inputs as they came, each reduced to what people chose or wrote.
fn inputs(message: &Message) -> Value {
    match message.inputs() {
        Value::Object(inputs) => {
            let plain = inputs.iter().map(|(name, value)| (name.clone(), plain(value)));
            Value::Object(plain.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn plain(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said =
                |key| fields.get(key).filter(|value| value.as_str().is_some_and(|text| !text.is_empty()));
            said("name").or_else(|| said("content")).unwrap_or(value).clone()
        }
        Value::Array(values) => values.iter().map(chosen).collect(),
        other => other.clone(),
    }
}

/// One of a multi-select's values.
fn chosen(value: &Value) -> Value {
    value.get("name").unwrap_or(value).clone()
}
