use action_component::{FromMessage, Message, Rejection, recording::Recordings, testing};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// The recorded message of a real platform.
fn recorded() -> Message {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../add_task/recorded");
    let recordings = Recordings::open(directory).unwrap();
    let message = &recordings.messages()[0];
    testing::message(&message.display_name, message.body.clone())
}

#[expect(clippy::needless_pass_by_value, reason = "the callers make it for this")]
fn with(properties: Value) -> Message {
    testing::message("Act", json!({ "properties": properties }))
}

fn rejection<T: FromMessage>(properties: Value) -> String {
    let Err(Rejection(text)) = T::from_message(&with(properties)) else { panic!("taken") };
    text
}

#[test]
fn headers_are_read_by_name_and_the_first_of_a_repeated_one_counts() {
    let headers =
        [("message-id", "ID:1"), ("foo", "first"), ("foo", "second"), ("timestamp", "1488917234033")];
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let message = Message::new("act", "queue", headers, Value::Null, "null".into());
    assert_eq!(message.header("foo"), Some("first"));
    assert_eq!(message.headers().count(), 4);
    assert_eq!(message.id(), "ID:1");
    assert_eq!(message.correlation_id(), None);
    assert_eq!(message.timestamp().unwrap().to_string(), "2017-03-07T20:07:14.033Z");
    assert_eq!((message.action(), message.destination()), ("act", "queue"));
    assert_eq!(&message.raw()[..], b"null");
}

#[test]
fn a_timestamp_that_is_none_is_none() {
    for text in ["", "soon", "99999999999999999999"] {
        let headers = vec![("timestamp".to_owned(), text.to_owned())];
        assert_eq!(Message::new("", "", headers, Value::Null, "".into()).timestamp(), None);
    }
}

#[test]
fn a_timestamp_in_seconds_as_amqp_has_it_is_that_time() {
    let sent = |text: &str| {
        let headers = vec![("timestamp".to_owned(), text.to_owned())];
        let message = Message::new("", "", headers, Value::Null, "".into());
        message.timestamp().map(|time| time.to_string())
    };
    assert_eq!(sent("1488917234").as_deref(), Some("2017-03-07T20:07:14Z"));
    assert_eq!(sent("1488917234033").as_deref(), Some("2017-03-07T20:07:14.033Z"));
    assert_eq!(sent("4102444800").as_deref(), Some("2100-01-01T00:00:00Z"));
    assert_eq!(sent("-9223372036854775808"), None);
}

#[test]
fn messages_know_the_order_of_their_arrival() {
    let (first, second) = (recorded(), recorded());
    assert!(first.arrival() < second.arrival());
    assert_eq!(first.clone().arrival(), first.arrival());
}

#[test]
fn the_recorded_message_gives_its_incident() {
    let message = recorded();
    let incident = message.incident();
    assert_eq!(
        (message.action(), message.action_id(), message.correlation_id()),
        ("add_task", Some(909), Some("invid:390"))
    );
    assert_eq!((message.incident_id(), incident.id()), (Some(4573), Some(4573)));
    assert!(incident.name().unwrap().starts_with("QRadar ID 269"));
    assert_eq!(incident.text("description"), Some("<div>First's Automatic Test Rule Ran</div>"));
    assert_eq!(incident.get("draft"), false);
    assert!(incident.get("no_such_field").is_null());
    assert_eq!(incident.property("qradar_id"), "269");
    assert_eq!(incident.date("create_date"), Timestamp::from_millisecond(1_488_811_937_000).ok());
    assert_eq!(incident.date("due_date"), None);
    assert_eq!(incident.value()["vers"], 17);
}

#[test]
fn ids_become_labels() {
    let message = recorded();
    let incident = message.incident();
    assert_eq!(incident.label("severity_code"), Some("High"), "a number");
    assert_eq!(incident.label("plan_status"), Some("Active"), "a letter");
    assert_eq!(incident.labels("incident_type_ids"), ["System Intrusion"], "a list");
    assert_eq!(incident.labels("severity_code"), ["High"], "a list of one");
    assert_eq!(incident.label("resolution_id"), None, "empty");
    assert!(incident.labels("resolution_id").is_empty());
    assert_eq!(incident.label("no_such_field"), None);
}

#[test]
fn activity_fields_are_read_with_their_labels() {
    let message = recorded();
    let fields = message.properties();
    assert_eq!(fields.text("task_name"), Some("A test task"));
    assert_eq!(fields.get("task_phase"), 7751);
    assert_eq!(fields.label("task_phase"), Some("Engage"));
    assert_eq!(message.user().unwrap().id(), Some(115));
    assert_eq!(message.user().unwrap().text("email"), Some("user3@example.com"));
}

#[test]
fn what_the_action_did_not_fire_on_is_absent() {
    let message = recorded();
    let absent = [
        message.task(),
        message.artifact(),
        message.note(),
        message.milestone(),
        message.attachment(),
        message.row(),
    ];
    assert!(absent.iter().all(Option::is_none));
}

#[test]
fn what_the_action_fired_on_is_there() {
    let of = |name: &str| testing::message("Act", json!({ name: { "id": 5 } }));
    assert_eq!(of("task").task().unwrap().id(), Some(5));
    assert_eq!(of("artifact").artifact().unwrap().id(), Some(5));
    assert_eq!(of("note").note().unwrap().id(), Some(5));
    assert_eq!(of("milestone").milestone().unwrap().id(), Some(5));
    assert_eq!(of("attachment").attachment().unwrap().id(), Some(5));
    assert_eq!(of("row").row().unwrap().id(), Some(5));
}

#[test]
fn a_data_tables_row_is_read_by_the_names_of_its_columns() {
    let columns = json!({
        "host": { "id": 251, "values": {} },
        "verdict": { "id": 252, "values": { "7": { "label": "Malicious" } } },
        "seen": { "id": 253, "values": {} },
    });
    let message = |cells: Value| {
        let row = json!({ "id": 12, "type_id": 1000, "cells": cells });
        let type_info =
            json!({ "incident": { "type_id": 0 }, "hosts": { "type_id": 1000, "fields": columns } });
        testing::message("Act", json!({ "object_type": 1000, "row": row, "type_info": type_info }))
    };
    let by_id = message(json!({
        "251": { "id": 251, "value": "a.example" },
        "252": { "id": 252, "value": 7 },
        "253": { "id": 253, "value": 1_488_811_937_000_i64 },
    }));
    let by_name = message(json!({
        "host": { "value": "a.example" }, "verdict": { "value": 7 }, "seen": { "value": 1_488_811_937_000_i64 },
    }));
    for message in [by_id, by_name] {
        let row = message.row().unwrap();
        assert_eq!((row.id(), row.cell("host").as_str()), (Some(12), Some("a.example")));
        assert_eq!(row.label("verdict"), Some("Malicious"));
        assert_eq!(row.date("seen"), Timestamp::from_millisecond(1_488_811_937_000).ok());
        assert!(row.cell("no_such_column").is_null());
    }
}

#[test]
fn rich_text_gives_its_content_in_either_form() {
    let message = with(json!({ "plain": "<b>x</b>", "rich": { "format": "html", "content": "<b>y</b>" } }));
    assert_eq!(message.properties().text("plain"), Some("<b>x</b>"));
    assert_eq!(message.properties().text("rich"), Some("<b>y</b>"));
}

#[test]
fn a_body_of_any_shape_is_read_without_panic() {
    for body in
        [Value::Null, json!([]), json!("x"), json!({ "incident": 5, "properties": [], "type_info": 1 })]
    {
        let message = testing::message("Act", body);
        assert_eq!((message.action_id(), message.incident_id()), (None, None));
        assert!(message.task().is_none());
        let incident = message.incident();
        assert_eq!((incident.name(), incident.label("x"), incident.date("x")), (None, None, None));
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Fields {
    name: String,
    count: Option<u8>,
    #[serde(default)]
    hosts: Vec<String>,
}

#[test]
fn fields_that_were_left_empty_are_as_good_as_absent() {
    let expected = Fields { name: "x".into(), count: None, hosts: vec![] };
    for properties in
        [json!({ "name": "x" }), json!({ "name": "x", "count": null, "hosts": null, "other": 1 })]
    {
        assert_eq!(Fields::from_message(&with(properties)).unwrap(), expected);
    }
}

#[test]
fn a_rule_without_activity_fields_suits_a_handler_without() {
    #[derive(Deserialize)]
    struct Nothing {}
    assert!(Nothing::from_message(&with(Value::Null)).is_ok());
    assert!(Nothing::from_message(&testing::message("Act", json!({}))).is_ok());
}

#[test]
fn a_rejection_names_the_field_what_came_and_what_was_expected() {
    let missing = "name: missing field: it was left empty, or the rule does not ask for it";
    assert_eq!(rejection::<Fields>(json!({})), missing);
    assert_eq!(rejection::<Fields>(json!({ "name": null })), missing);
    assert_eq!(rejection::<Fields>(Value::Null), missing);
    assert_eq!(rejection::<Fields>(json!({ "name": 5 })), "name: came the number 5, expected a text");
    let name = json!("x");
    assert_eq!(
        rejection::<Fields>(json!({ "name": name, "count": 256 })),
        "count: came the number 256, expected a whole number from 0 to 255"
    );
    assert_eq!(
        rejection::<Fields>(json!({ "name": name, "hosts": ["a", 1] })),
        "hosts[1]: came the number 1, expected a text"
    );
    assert_eq!(rejection::<Fields>(json!(["x"])), "properties: came a list, expected an object");
}

#[test]
fn a_field_missing_deeper_down_is_named_with_its_path() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read, not looked at")]
    struct Outer {
        inner: Vec<Fields>,
    }
    let text = rejection::<Outer>(json!({ "inner": [{ "count": 1 }] }));
    assert!(text.starts_with("inner[0].name: missing field"), "{text}");
}

#[test]
fn an_object_is_read_as_a_type_of_ones_own() {
    #[derive(Deserialize)]
    struct Incident {
        vers: u32,
    }
    let message = recorded();
    assert_eq!(message.incident().read::<Incident>().unwrap().vers, 17);
    assert!(
        message.user().unwrap().read::<Incident>().is_err_and(|rejection| rejection.0.starts_with("vers: "))
    );
}

#[test]
fn printing_a_message_shows_its_names_but_nothing_of_its_contents() {
    let shown = format!("{:?} {:?}", recorded(), recorded().incident());
    assert!(shown.contains("add_task") && shown.contains("4573"), "{shown}");
    assert!(!shown.contains("QRadar"), "{shown}");
}
