//! Field definitions, as a real platform gave them (shortened).

use action_component::{
    FieldError, Fields, Rest,
    fields::{InputType, Required},
    testing::Platform,
};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) fn definitions() -> Value {
    serde_json::from_str(include_str!("definitions/incident.json")).unwrap()
}

fn platform() -> (Arc<Platform>, Rest) {
    let platform = Platform::answering(|call| match call.path.as_str() {
        "/types/incident/fields" => (200, definitions()),
        _ => (404, json!({ "message": "Unable to find object" })),
    });
    (platform.clone(), Rest::new(platform, Some("token".into())))
}

async fn fields() -> Fields {
    platform().1.fields("incident").await.unwrap()
}

#[tokio::test]
async fn definitions_are_asked_for_in_the_platforms_own_format_with_the_token() {
    let (platform, rest) = platform();
    rest.names().fields("incident").await.unwrap();
    assert_eq!(platform.calls()[0].path, "/types/incident/fields");
    assert_eq!(platform.calls()[0].token.as_deref(), Some("token"));
    let error = rest.fields("no/type").await.unwrap_err();
    assert_eq!(error.to_string(), "GET /types/no%2Ftype/fields: 404 Not Found: Unable to find object");
}

#[tokio::test]
async fn an_id_has_its_label_whichever_way_it_is_said() {
    let fields = fields().await;
    for severity in [json!(3402), json!("3402"), json!({ "id": 3402, "name": "High" }), json!("High")] {
        let incident = json!({ "severity_code": severity });
        assert_eq!(fields.label(&incident, "severity_code").unwrap(), Some("High"), "{incident}");
    }
    assert_eq!(fields.label(&json!({ "plan_status": "C" }), "plan_status").unwrap(), Some("Closed"));
    assert_eq!(fields.label(&json!({ "severity_code": 1 }), "severity_code").unwrap(), None);
    assert_eq!(fields.label(&json!({}), "severity_code").unwrap(), None);
}

#[tokio::test]
async fn labels_of_a_list_and_of_fields_that_stand_elsewhere_are_found() {
    let fields = fields().await;
    let incident =
        json!({ "properties": { "required_multiselect": [3550, 3552] }, "pii": { "data_format": 1 } });
    assert_eq!(fields.labels(&incident, "required_multiselect").unwrap(), ["Value 1", "Value 3"]);
    assert_eq!(fields.label(&incident, "data_format").unwrap(), Some("Paper"));
    assert_eq!(fields.find("data_format").unwrap().path(), "pii.data_format");
    assert_eq!(fields.find("name").unwrap().path(), "name");
}

#[tokio::test]
async fn a_label_gives_the_id_to_write_and_a_mistyped_one_what_was_meant() {
    let fields = fields().await;
    assert_eq!(fields.id("severity_code", "High").unwrap(), 3402);
    assert_eq!(fields.id("severity_code", " high ").unwrap(), 3402);
    let error = fields.id("severity_code", "Hihg").unwrap_err();
    assert_eq!(error.to_string(), r#"the field "severity_code" has no value "Hihg"; did you mean "High"?"#);
    let error = fields.id("severity_code", "Apocalyptic").unwrap_err();
    assert_eq!(error.to_string(), r#"the field "severity_code" has no value "Apocalyptic""#);
}

#[tokio::test]
async fn a_value_that_can_no_longer_be_chosen_is_read_but_not_written() {
    let fields = fields().await;
    let incident = json!({ "resolution_id": 4751 });
    assert_eq!(fields.label(&incident, "resolution_id").unwrap(), Some("False Positive"));
    assert!(matches!(fields.id("resolution_id", "False Positive"), Err(FieldError::NoValue { .. })));
}

#[tokio::test]
async fn a_field_that_is_not_there_is_told_with_near_misses() {
    let fields = fields().await;
    let error = fields.find("severity_cod").unwrap_err();
    assert_eq!(error.to_string(), r#"incident has no field "severity_cod"; did you mean "severity_code"?"#);
    let FieldError::NoField { near, .. } = fields.find("Severity").unwrap_err() else { unreachable!() };
    assert_eq!(near.names().collect::<Vec<_>>(), ["severity_code"]);
    assert_eq!(fields.find("zebra").unwrap_err().to_string(), r#"incident has no field "zebra""#);
    assert!(fields.get("zebra").is_none());
}

#[tokio::test]
async fn a_field_says_what_it_takes() {
    let fields = fields().await;
    let input = |name: &str| fields.find(name).unwrap().input_type.clone();
    assert_eq!(input("severity_code"), InputType::Select);
    assert_eq!(input("discovered_date"), InputType::DateTime);
    assert_eq!(input("zzcustomdatepicker"), InputType::Date);
    assert_eq!(input("owner_id"), InputType::Owner);
    assert!(fields.find("text_area_rich").unwrap().rich_text);
    assert!(fields.iter().all(|field| !matches!(field.input_type, InputType::Other(_))));
}

#[tokio::test]
async fn what_must_be_filled_in_depends_on_the_moment() {
    let fields = fields().await;
    let names = |object: &Value, when| {
        fields.missing(object, when).into_iter().map(|field| field.name.clone()).collect::<Vec<_>>()
    };
    let incident = json!({ "name": " ", "resolution_summary": { "format": "html", "content": "" } });
    assert_eq!(names(&incident, Required::Always), ["discovered_date", "name"]);
    let closing = json!({ "name": "A", "discovered_date": 0, "properties": { "logsource": "x" } });
    assert_eq!(names(&closing, Required::Always), [""; 0]);
    assert_eq!(names(&closing, Required::Close), ["resolution_id", "resolution_summary"]);
}

#[test]
fn a_definition_of_another_version_of_the_platform_is_read_all_the_same() {
    let field =
        json!({ "name": "x", "input_type": "hologram", "text": null, "values": null, "required": "soon" });
    let field: action_component::Field = serde_json::from_value(field).unwrap();
    assert_eq!(field.input_type.as_str(), "hologram");
    assert_eq!((field.required, field.values.len(), field.label.as_str()), (None, 0, ""));
}
