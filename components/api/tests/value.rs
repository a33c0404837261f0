//! Selects, text areas and dates.

use action_component::{
    date::{self, Date, Timestamp},
    value::{self, Handle, TextArea, TextFormat},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
struct Incident {
    severity: Handle,
    summary: TextArea,
    #[serde(with = "date::millis")]
    found: Timestamp,
    #[serde(with = "date::optional_millis", default)]
    due: Option<Timestamp>,
}

fn read(severity: &Value, summary: &Value) -> Result<Incident, serde_json::Error> {
    serde_json::from_value(
        json!({ "severity": severity, "summary": summary, "found": 1_524_236_957_000_i64 }),
    )
}

#[test]
fn each_form_of_a_select_is_read() {
    for (form, id, name) in [
        (json!(6), Some(6), None),
        (json!("High"), None, Some("High")),
        (json!({ "id": 6, "name": "High" }), Some(6), Some("High")),
        (json!({ "id": 6, "name": null }), Some(6), None),
    ] {
        let incident = read(&form, &json!("")).unwrap();
        assert_eq!((incident.severity.id(), incident.severity.name()), (id, name), "{form}");
        assert_eq!((value::id(&form), value::name(&form)), (id, name), "{form}");
    }
    let error = read(&json!([6]), &json!("")).unwrap_err().to_string();
    assert!(error.contains("a number, a text, or an object with `id` and `name`"), "{error}");
    assert_eq!(value::names(&json!([{ "id": 1, "name": "A" }, "B", 3])), ["A", "B"]);
}

#[test]
fn each_form_of_a_text_area_is_read_and_written_as_it_came() {
    for (form, format, content) in [
        (json!("plain or not"), None, "plain or not"),
        (json!({ "format": "html", "content": "<b>x</b>" }), Some(TextFormat::Html), "<b>x</b>"),
        (json!({ "format": "text", "content": "1 < 2" }), Some(TextFormat::Text), "1 < 2"),
    ] {
        let incident = read(&json!(1), &form).unwrap();
        assert_eq!((incident.summary.format, incident.summary.content.as_str()), (format, content));
        assert_eq!(value::text(&form), Some(content));
        assert_eq!(serde_json::to_value(&incident).unwrap()["summary"], form);
        assert_eq!(Value::from(incident.summary), form);
    }
    let input = read(&json!(1), &json!({ "type": "html", "content": null })).unwrap();
    assert_eq!(input.summary, TextArea::html(""));
}

#[test]
fn dates_are_milliseconds_on_the_wire() {
    let incident = read(&json!(1), &json!("")).unwrap();
    assert_eq!((incident.found.to_string().as_str(), incident.due), ("2018-04-20T15:09:17Z", None));
    let written = serde_json::to_value(&incident).unwrap();
    assert_eq!((&written["found"], &written["due"]), (&json!(1_524_236_957_000_i64), &Value::Null));
    assert_eq!(value::date(&written["found"]), Some(incident.found));
    assert_eq!(value::date(&json!(i64::MAX)), None);
}

#[test]
fn a_day_is_its_beginning_in_utc_wherever_we_are() {
    let day = "2018-04-20".parse().unwrap();
    assert_eq!(date::day_to_millis(day), 1_524_182_400_000);
    assert_eq!(date::day_from_millis(1_524_182_400_000), Some(day));
    assert_eq!(date::day_from_millis(1_524_182_399_999).unwrap().to_string(), "2018-04-19");
    assert_eq!((date::day_from_millis(i64::MIN), date::day_from_millis(i64::MAX)), (None, None));
}

#[test]
fn every_day_of_the_calendar_has_a_value() {
    for day in [Date::MIN, "1969-12-31".parse().unwrap(), Date::MAX] {
        let millis = date::day_to_millis(day);
        assert_eq!(date::day_from_millis(millis), Some(day));
        assert_eq!(date::day_from_millis(millis + 86_399_999), Some(day));
    }
    assert_eq!(date::day_to_millis(Date::MAX), 253_402_214_400_000);
}
