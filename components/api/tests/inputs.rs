use action_component::{
    Context, Failure, FromMessage, Kind, Message, Rejection, Reply, Section,
    inputs::{Date, Select, TextArea, TextFormat},
    secrets::{Followed, Secrets},
    testing,
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

/// A call of the exported function `mock_function_one`, whose inputs are of every type that there is.
fn call(inputs: Value) -> Message {
    let function = json!({ "id": 3, "name": "mock_function_one", "display_name": "Mock function one" });
    let mut body = json!({ "function": function });
    body["inputs"] = inputs;
    testing::message("mock_function_one", body)
}

/// All of them, as the platform sends them.
fn every_type() -> Value {
    json!({
        "mock_input_text": "plain",
        "mock_input_number": 123,
        "mock_input_boolean": true,
        "mock_input_select": { "id": 54, "name": "select  ล ฦ ว" },
        "mock_input_multiselect": [{ "id": 55, "name": "value one" }, { "id": 56, "name": "value two" }],
        "mock_input_date_picker": 1_624_924_800_000_i64,
        "mock_input_date_time_picker": 1_624_967_473_343_i64,
        "mock_input_text_with_value_string": { "format": "text", "content": "line one\nline two" },
    })
}

fn read<T: FromMessage>(inputs: Value) -> T {
    T::from_message(&call(inputs)).unwrap_or_else(|rejection| panic!("{rejection}"))
}

fn rejection<T: FromMessage>(inputs: Value) -> String {
    let Err(Rejection(text)) = T::from_message(&call(inputs)) else { panic!("taken") };
    text
}

fn date(milliseconds: i64) -> Date {
    Date(Timestamp::from_millisecond(milliseconds).unwrap())
}

#[derive(Debug, Deserialize, PartialEq)]
struct One {
    host: String,
    count: Option<u8>,
}

#[test]
fn inputs_of_every_type_are_read_whole() {
    #[derive(Deserialize)]
    struct Inputs {
        mock_input_text: String,
        mock_input_number: u32,
        mock_input_boolean: bool,
        mock_input_select: Select,
        mock_input_multiselect: Vec<Select>,
        mock_input_date_picker: Date,
        mock_input_date_time_picker: Date,
        mock_input_text_with_value_string: TextArea,
    }
    let inputs: Inputs = read(every_type());
    assert_eq!((inputs.mock_input_text.as_str(), inputs.mock_input_number), ("plain", 123));
    assert!(inputs.mock_input_boolean);
    assert_eq!(inputs.mock_input_select, Select { id: 54, name: "select  ล ฦ ว".to_owned() });
    assert_eq!(inputs.mock_input_multiselect[1], Select { id: 56, name: "value two".to_owned() });
    assert_eq!(inputs.mock_input_date_picker, date(1_624_924_800_000));
    assert_eq!(inputs.mock_input_date_time_picker.0.to_string(), "2021-06-29T11:51:13.343Z");
    let area = TextArea { format: TextFormat::Text, content: "line one\nline two".to_owned() };
    assert_eq!(inputs.mock_input_text_with_value_string, area);
}

#[test]
fn inputs_of_every_type_are_read_as_what_they_say() {
    #[derive(Deserialize)]
    struct Inputs {
        mock_input_select: String,
        mock_input_multiselect: BTreeSet<String>,
        mock_input_text_with_value_string: String,
        mock_input_number: f64,
        mock_input_date_picker: i64,
    }
    let inputs: Inputs = read(every_type());
    assert_eq!(inputs.mock_input_select, "select  ล ฦ ว");
    assert_eq!(inputs.mock_input_multiselect, BTreeSet::from(["value one".into(), "value two".into()]));
    assert_eq!(inputs.mock_input_text_with_value_string, "line one\nline two");
    assert!((inputs.mock_input_number - 123.0).abs() < f64::EPSILON);
    assert_eq!(inputs.mock_input_date_picker, 1_624_924_800_000);
}

#[test]
fn selects_are_read_by_id_too() {
    #[derive(Deserialize)]
    struct Inputs {
        mock_input_select: i64,
        mock_input_multiselect: Vec<u16>,
        mock_input_boolean: Value,
    }
    let inputs: Inputs = read(every_type());
    assert_eq!((inputs.mock_input_select, inputs.mock_input_multiselect), (54, vec![55, 56]));
    assert_eq!(inputs.mock_input_boolean, true);
}

#[derive(Debug, Deserialize, PartialEq)]
enum Severity {
    Low,
    #[serde(rename = "Very high")]
    VeryHigh,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Judged {
    severity: Severity,
}

#[test]
fn a_select_is_read_as_an_enum_of_its_values() {
    assert_eq!(
        read::<Judged>(json!({ "severity": { "id": 7, "name": "Very high" } })).severity,
        Severity::VeryHigh
    );
    assert_eq!(read::<Judged>(json!({ "severity": "Low" })).severity, Severity::Low);
    let came = rejection::<Judged>(json!({ "severity": { "id": 8, "name": "Medium" } }));
    assert_eq!(came, r#"input severity: came "Medium", expected one of "Low", "Very high""#);
}

#[test]
fn an_activity_fields_ids_are_read_by_their_labels() {
    #[derive(Deserialize)]
    struct Fields {
        severity: Severity,
        severities: Vec<String>,
        number: i64,
    }
    let values = json!({ "7": { "label": "Very high" }, "8": { "label": "Low" } });
    let message = |properties: Value| {
        let fields =
            json!({ "severity": { "values": values }, "severities": { "values": values }, "number": {} });
        let type_info = json!({ "actioninvocation": { "fields": fields } });
        testing::message("Act", json!({ "properties": properties, "type_info": type_info }))
    };
    let fields: Fields = message(json!({ "severity": 7, "severities": [8, 7], "number": 7 })).read().unwrap();
    assert_eq!((fields.severity, fields.number), (Severity::VeryHigh, 7));
    assert_eq!(fields.severities, ["Low", "Very high"]);
    let unknown = message(json!({ "severity": 9, "severities": [], "number": 7 })).read::<Fields>();
    assert_eq!(unknown.err().unwrap().0, "severity: came the number 9, expected one of its values");
}

#[test]
fn enums_that_hold_something_are_read_as_serde_writes_them() {
    #[derive(Debug, Deserialize, PartialEq)]
    enum Target {
        Host(String),
        Range { from: u8, to: u8 },
    }
    #[derive(Deserialize)]
    struct Inputs {
        targets: Vec<Target>,
    }
    let targets = json!([{ "Host": "a" }, { "Range": { "from": 1, "to": 9 } }]);
    let inputs: Inputs = read(json!({ "targets": targets }));
    assert_eq!(inputs.targets, [Target::Host("a".into()), Target::Range { from: 1, to: 9 }]);
}

#[test]
fn a_text_area_says_how_it_is_to_be_read() {
    #[derive(Deserialize)]
    struct Inputs {
        notes: TextArea,
    }
    let read = |notes: Value| read::<Inputs>(json!({ "notes": notes })).notes;
    let area = |format, content: &str| TextArea { format, content: content.to_owned() };
    assert_eq!(read(json!({ "type": "html", "content": "<b>x</b>" })), area(TextFormat::Html, "<b>x</b>"));
    assert_eq!(read(json!({ "format": "HTML", "content": "" })), area(TextFormat::Html, ""));
    assert_eq!(read(json!("plain")), area(TextFormat::Text, "plain"));
    assert_eq!(read(json!({ "format": null, "content": "x" })), area(TextFormat::Unknown, "x"));
    let came = rejection::<Inputs>(json!({ "notes": 7 }));
    assert_eq!(
        came,
        "input notes: came the number 7, expected a text, or an object with its format and content"
    );
}

#[test]
fn what_was_left_empty_is_none_or_the_default() {
    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Inputs {
        host: Option<String>,
        tags: Vec<String>,
        since: Option<Date>,
        severity: Option<Select>,
        notes: Option<TextArea>,
        sure: bool,
    }
    let empty =
        json!({ "host": null, "tags": null, "since": null, "severity": null, "notes": null, "sure": null });
    for inputs in [empty, json!({}), Value::Null] {
        assert_eq!(read::<Inputs>(inputs), Inputs::default());
    }
}

#[test]
fn a_missing_input_is_named_in_words_for_whoever_configured_the_workflow() {
    let missing = "input host: missing field: it was left empty where the workflow or playbook calls the function, or \
                   the function has no such input";
    for inputs in [json!({}), json!({ "host": null }), Value::Null] {
        assert_eq!(rejection::<One>(inputs), missing);
    }
}

#[test]
fn a_wrong_input_is_answered_with_what_came_and_what_was_expected() {
    let host = json!("x");
    let cases = [
        (json!({ "host": 5 }), "input host: came the number 5, expected a text"),
        (json!({ "host": true }), "input host: came true, expected a text"),
        (json!({ "host": ["x"] }), "input host: came a list, expected a text"),
        (json!({ "host": {} }), "input host: came an object, expected a text"),
        (
            json!({ "host": host, "count": 256 }),
            "input count: came the number 256, expected a whole number from 0 to 255",
        ),
        (
            json!({ "host": host, "count": "many" }),
            "input count: came a text, expected a whole number from 0 to 255",
        ),
        (
            json!({ "host": host, "count": 1.5 }),
            "input count: came the number 1.5, expected a whole number from 0 to 255",
        ),
        (json!(["x"]), "inputs: came a list, expected an object"),
    ];
    for (inputs, expected) in cases {
        assert_eq!(rejection::<One>(inputs), expected);
    }
}

#[test]
fn a_wrong_value_deep_inside_is_named_with_its_place() {
    #[derive(Debug, Deserialize)]
    struct Inputs {
        #[expect(dead_code, reason = "read, not looked at")]
        ids: Vec<i64>,
    }
    let ids = json!([{ "id": 1, "name": "a" }, "b"]);
    assert_eq!(
        rejection::<Inputs>(json!({ "ids": ids })),
        "input ids[1]: came a text, expected a whole number"
    );
    let one = json!({ "id": 1, "name": "a" });
    assert_eq!(rejection::<Inputs>(json!({ "ids": one })), "input ids: came a select value, expected a list");
    #[derive(Debug, Deserialize)]
    struct When {
        #[expect(dead_code, reason = "read, not looked at")]
        when: Date,
    }
    let soon = rejection::<When>(json!({ "when": "soon" }));
    assert_eq!(soon, "input when: came a text, expected a date (milliseconds since 1970)");
    assert!(rejection::<When>(json!({ "when": u64::MAX })).contains("expected a date"));
}

#[test]
fn a_date_that_no_calendar_reaches_is_rejected() {
    #[derive(Debug, Deserialize)]
    struct When {
        when: Date,
    }
    let last = 253_402_207_200_000_i64;
    assert_eq!(read::<When>(json!({ "when": last })).when.0.to_string(), "9999-12-30T22:00:00Z");
    assert_eq!(read::<When>(json!({ "when": -1 })).when.0.to_string(), "1969-12-31T23:59:59.999Z");
    for (beyond, shown) in [
        (json!(last + 1), "253402207200001"),
        (json!(i64::MAX), "9223372036854775807"),
        (json!(i64::MIN), "-9223372036854775808"),
        (json!(u64::MAX), "18446744073709551615"),
    ] {
        let expected = "expected a date between the years -9999 and 9999 (milliseconds since 1970)";
        let came = format!("input when: came the number {shown}, {expected}");
        assert_eq!(rejection::<When>(json!({ "when": beyond })), came);
    }
    let float = rejection::<When>(json!({ "when": 0.5 }));
    assert_eq!(float, "input when: came the number 0.5, expected a date (milliseconds since 1970)");
}

#[test]
fn a_rejection_is_short_however_much_came() {
    let long = "x".repeat(10 << 20);
    let text = rejection::<Judged>(json!({ "severity": { "id": 1, "name": long } }));
    assert!(text.len() < 400 && text.contains("…\", expected one of \"Low\""), "{text}");
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    assert!(rejection::<Nothing>(json!({ long: 1 })).len() < 400);
}

#[test]
fn a_hundred_thousand_inputs_are_read_past() {
    let mut inputs: serde_json::Map<String, Value> =
        (0..100_000).map(|n| (format!("n{n}"), n.into())).collect();
    inputs.insert("host".into(), "x".into());
    assert_eq!(read::<One>(inputs.clone().into()).host, "x");
    assert_eq!(read::<BTreeMap<String, Value>>(inputs.into()).len(), 100_001);
}

#[test]
fn a_type_of_ones_own_says_itself_what_is_wrong() {
    #[derive(Debug, Deserialize)]
    struct Inputs {
        address: IpAddr,
    }
    assert_eq!(read::<Inputs>(json!({ "address": "127.0.0.1" })).address, IpAddr::from([127, 0, 0, 1]));
    let came = rejection::<Inputs>(json!({ "address": "here" }));
    assert_eq!(came, "input address: invalid IP address syntax");
}

#[test]
fn each_kind_of_message_is_read_where_people_filled_it_in() {
    let with = |headers: &[(&str, &str)], body: &Value| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Message::new("", "", headers, body.clone(), body.to_string().into())
    };
    let one = json!({ "host": "x", "count": null });
    let read = |message: Message, kind| {
        assert_eq!(message.kind(), kind);
        assert_eq!(One::from_message(&message), Ok(One { host: "x".to_owned(), count: None }));
    };
    read(with(&[], &json!({ "properties": one })), Kind::Action);
    read(with(&[], &json!({ "function": {}, "inputs": one })), Kind::Function);
    read(with(&[("destination", "/queue/inbound_destinations.201.x")], &one), Kind::Inbound);
    let request = json!({ "request_originator": {}, "request_payload": one });
    read(with(&[("Co3MessagePayload", "RestAPIExecutionEventDTO")], &request), Kind::Connector);
}

#[test]
fn a_handler_of_whole_messages_reads_inputs_when_it_wants_to() {
    let message = call(json!({ "host": "x", "severity": { "id": 1, "name": "Low" } }));
    assert_eq!(message.read::<One>().unwrap().host, "x");
    assert_eq!(message.read::<Judged>().unwrap().severity, Severity::Low);
    assert_eq!(message.inputs()["severity"]["id"], 1);
}

/// Knows one secret, called PIN.
#[derive(Debug)]
struct Vault;

impl Secrets for Vault {
    fn follow(&self, _section: &str, text: &str, _allowed: &[&str]) -> Followed {
        Followed { text: text.replace("$PIN", "4711-secret"), found: true, ..Followed::default() }
    }

    fn mask(&self, text: &str) -> String {
        text.replace("4711-secret", "***")
    }
}

fn with_pin(inputs: &Value) -> Message {
    let filled = inputs.to_string().replace("$PIN", "4711-secret");
    call(inputs.clone()).with_secrets(serde_json::from_str(&filled).unwrap(), Arc::new(Vault))
}

#[test]
fn secrets_that_were_filled_in_are_read_and_shown_nowhere() {
    let message = with_pin(&json!({ "host": "$PIN", "count": 7 }));
    let inputs: One = message.read().unwrap();
    assert_eq!((inputs.host.as_str(), inputs.count), ("4711-secret", Some(7)));
    assert_eq!(message.inputs()["host"], "$PIN");
    assert_eq!(message.mask("it is 4711-secret"), "it is ***");
    assert!(!format!("{message:?} {:?}", message.inputs()).contains("4711-secret"));
}

#[test]
fn a_rejection_does_not_show_a_secret() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read, not looked at")]
    struct Inputs {
        address: IpAddr,
        severity: Option<Severity>,
        count: Option<u8>,
    }
    let rejection = |inputs: Value| Inputs::from_message(&with_pin(&inputs)).unwrap_err().0;
    let came = rejection(json!({ "address": "$PIN" }));
    assert_eq!(came, "input address: what the secret holds that is named there does not suit the handler");
    let severity = rejection(json!({ "address": "::1", "severity": "$PIN" }));
    assert!(severity.contains("not shown") && severity.contains("\"Low\""), "{severity}");
    assert!(!severity.contains("4711"), "{severity}");
    // What is wrong elsewhere is said as always.
    let count = rejection(json!({ "address": "::1", "count": 300, "severity": "$PIN" }));
    assert!(count.starts_with("input severity") || count.contains("the number 300"), "{count}");
    let missing = rejection(json!({ "severity": "$PIN" }));
    assert!(!missing.contains("4711"), "{missing}");
}

#[tokio::test]
async fn a_status_does_not_show_a_secret() {
    let bench = testing::Bench::new(testing::Platform::answering(|_| (200, json!({}))));
    let cx: Context = bench.context(with_pin(&json!({ "host": "$PIN" })));
    cx.status("asking with 4711-secret").await;
    assert_eq!(bench.statuses(), ["asking with ***"]);
}

#[test]
fn a_function_without_success_says_why() {
    let failure = Failure::unsuccessful("nobody owns it");
    assert_eq!(failure.to_string(), "nobody owns it");
    assert_eq!(Reply::unsuccessful("nobody owns it").message(), "nobody owns it");
    assert_eq!(Reply::results(json!({})).unwrap().message(), "Completed");
}

#[test]
fn a_section_has_flags_and_lists() {
    let section = Section::new(
        "x",
        [("on", "Yes"), ("off", "0"), ("empty", ""), ("odd", "maybe"), ("names", "A, B,,")],
    );
    assert_eq!(section.flag("on").unwrap(), Some(true));
    assert_eq!(section.flag("off").unwrap(), Some(false));
    assert_eq!((section.flag("empty").unwrap(), section.flag("none").unwrap()), (None, None));
    assert!(section.flag("odd").unwrap_err().to_string().contains("odd: expected `true` or `false`"));
    assert_eq!(section.list("names").collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(section.list("none").count(), 0);
}

/// Any JSON, and often something that the platform might send.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-2..300_i64).prop_map(Value::from),
        prop_oneof!["Low|Very high|7|id|name|content", "\\PC{0,4}"].prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            (inner.clone(), inner.clone()).prop_map(|(id, name)| json!({ "id": id, "name": name })),
            (inner.clone(), inner.clone())
                .prop_map(|(format, content)| json!({ "format": format, "content": content })),
            prop::collection::btree_map("Low|7|[a-z]{0,2}", inner, 0..4)
                .prop_map(|fields| fields.into_iter().collect::<Value>()),
        ]
    })
}

/// What is wrong with the words for a value that cannot be read as a `T`.
fn fault<T: DeserializeOwned>(value: &Value) -> Option<String> {
    #[derive(Deserialize)]
    struct Given<T> {
        #[expect(dead_code, reason = "read, not looked at")]
        input: T,
    }
    let Rejection(text) = call(json!({ "input": value })).read::<Given<T>>().err()?;
    let named = text.starts_with("input input");
    let explained =
        (text.contains(": came ") && text.contains(", expected ")) || text.contains("missing field: ");
    (!named || !explained).then_some(text)
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_rejected_with_its_name_and_what_was_expected(value in anything()) {
        let faults = [
            fault::<String>(&value), fault::<char>(&value), fault::<bool>(&value), fault::<()>(&value),
            fault::<u8>(&value), fault::<i64>(&value), fault::<u128>(&value), fault::<f32>(&value),
            fault::<Date>(&value), fault::<Select>(&value), fault::<TextArea>(&value), fault::<Severity>(&value),
            fault::<Vec<Select>>(&value), fault::<BTreeSet<String>>(&value), fault::<Vec<Option<i64>>>(&value),
            fault::<BTreeMap<u8, Severity>>(&value), fault::<BTreeMap<String, Value>>(&value),
            fault::<(u8, String)>(&value), fault::<[u16; 2]>(&value), fault::<Option<One>>(&value),
        ];
        prop_assert_eq!(faults.into_iter().flatten().next(), None, "{}", value);
    }

    #[test]
    fn a_value_is_read_as_it_came(value in anything()) {
        let read: Option<Value> = read::<BTreeMap<String, Value>>(json!({ "input": value })).remove("input");
        prop_assert_eq!(read.unwrap_or_default(), value);
    }
}

#[test]
fn a_number_of_many_digits_is_shown_as_it_came() {
    #[derive(Debug, Deserialize)]
    struct Many {
        #[expect(dead_code)]
        ids: Vec<i64>,
    }
    for written in ["12345678901234567890123", "-0.10000000000000000000001", "1E400"] {
        let raw = format!(r#"{{"function": {{"name": "f"}}, "inputs": {{"ids": [7, {written}]}}}}"#);
        let body = serde_json::from_str(&raw.replace("1E400", "1.5")).unwrap();
        let message = Message::new("f", "queue", Vec::new(), body, raw.clone().into());
        let Err(Rejection(text)) = message.read::<Many>() else { panic!("taken") };
        assert!(text.contains(&format!("input ids[1]: came the number {written}, expected")), "{text}");
    }
}
