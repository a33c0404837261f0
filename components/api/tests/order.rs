use action_component::{Component, Message, Section, testing};
use serde_json::json;

fn message(incident: Option<i64>, owner: i64) -> Message {
    testing::message("Act", json!({ "incident": { "id": incident, "owner_id": owner } }))
}

fn by_owner() -> Component {
    Component::new("mailer").order_by(|message: &Message| {
        message.incident().get("owner_id").as_i64().map(|id| format!("owner {id}"))
    })
}

fn line(component: &Component, order_by: &str, message: &Message) -> Option<String> {
    let section = Section::new("mailer", [("order_by", order_by)]);
    component.order(&section).unwrap()?.of(message)
}

#[test]
fn messages_stand_in_no_line_unless_the_component_asks_for_it() {
    assert!(Component::new("mailer").order(&Section::default()).unwrap().is_none());
}

#[test]
fn messages_of_one_incident_stand_in_one_line() {
    let component = Component::new("mailer").in_order();
    let line = |incident, owner| line(&component, "", &message(incident, owner));
    assert_eq!(line(Some(1), 7), line(Some(1), 8));
    assert_ne!(line(Some(1), 7), line(Some(2), 7));
    assert_eq!(line(None, 7), None, "no incident, no line");
}

#[test]
fn a_component_can_have_lines_of_its_own() {
    assert_eq!(line(&by_owner(), "", &message(Some(1), 7)).as_deref(), Some("owner 7"));
}

#[test]
fn the_operator_has_the_last_word() {
    let message = message(Some(1), 7);
    assert_eq!(line(&by_owner(), "incident", &message).as_deref(), Some("1"));
    assert_eq!(line(&Component::new("mailer"), " incident ", &message).as_deref(), Some("1"));
    assert_eq!(line(&by_owner(), "none", &message), None);
}

#[test]
fn another_value_is_a_mistake_in_the_section_beside_others_in_it() {
    #[derive(serde::Deserialize)]
    struct Settings {
        #[serde(rename = "port")]
        _port: u16,
    }
    let section = Section::new("mailer", [("order_by", "artifact"), ("port", "s3cr3t")]);
    let error = by_owner().order(&section).unwrap_err().to_string();
    assert!(error.contains("[mailer]") && error.contains("order_by") && error.contains("`none`"), "{error}");
    let error = by_owner().configured::<Settings>("").check(&section).unwrap_err().to_string();
    assert!(error.contains("order_by") && error.contains("port"), "{error}");
    assert!(by_owner().check(&section).is_err());
}
