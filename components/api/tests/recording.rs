use action_component::{
    Rest,
    recording::{Kind, RecordedBackend, RecordingError, Recordings, message_file_name, response_file_name},
    rest::RestError,
};
use http::{Method, StatusCode};
use jiff::civil::{DateTime, date};
use serde_json::{Value, json};
use std::{fs, sync::Arc};
use tempfile::TempDir;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../add_task/recorded");

fn time(second: i8) -> DateTime {
    date(2017, 3, 7).at(15, 7, second, 33_583_000)
}

fn rest(backend: RecordedBackend) -> Rest {
    Rest::new(Arc::new(backend), None)
}

/// A directory with a message and these responses, recorded one second after the other.
fn recorded(responses: &[(u16, Method, &str, &str)]) -> (TempDir, Rest) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(message_file_name("Act", time(0))), "{}").unwrap();
    for (second, (status, method, path, body)) in (1..).zip(responses) {
        let status = StatusCode::from_u16(*status).unwrap();
        let name = response_file_name(status, Kind::Json, method, path, time(second));
        fs::write(directory.path().join(name), body).unwrap();
    }
    let backend = Recordings::open(directory.path()).unwrap().backend();
    (directory, rest(backend))
}

async fn get(rest: &Rest, path: &str) -> Result<Value, RestError> {
    rest.get(path).await
}

#[test]
fn files_are_called_as_the_vendor_calls_them() {
    assert_eq!(message_file_name("Add Task", time(14)), "ActionMessage_Add Task_2017-03-07T15-07-14.033583");
    assert_eq!(
        response_file_name(
            StatusCode::OK,
            Kind::Json,
            &Method::POST,
            "/rest/orgs/211/incidents/4573/tasks",
            time(14)
        ),
        "200_JSON_POST__rest_orgs_211_incidents_4573_tasks__2017-03-07T15-07-14.033583"
    );
    assert_eq!(
        response_file_name(StatusCode::CONFLICT, Kind::Header, &Method::PUT, "/rest/a?b=c/d:e", time(1)),
        "409_HEADER_PUT__rest_a_b=c_d-e_2017-03-07T15-07-01.033583"
    );
}

#[test]
fn a_file_name_fits_a_file_system() {
    let (long, time) = ("/é".repeat(500), time(1));
    for name in [
        message_file_name(&long, time),
        response_file_name(StatusCode::OK, Kind::Header, &Method::OPTIONS, &long, time),
    ] {
        assert!(name.len() <= 255 && name.ends_with("_2017-03-07T15-07-01.033583"), "{name}");
    }
}

#[test]
fn the_sample_holds_its_message_under_the_actions_own_name() {
    let recordings = Recordings::open(SAMPLE).unwrap();
    let [message] = recordings.messages() else { panic!("one message") };
    assert_eq!(message.display_name, "Add Task");
    assert_eq!(message.time, date(2017, 3, 7).at(15, 7, 14, 33_583_000));
    assert_eq!(message.body["incident"]["id"], 4573);
    assert_eq!(recordings.org_id(), Some(211));
}

#[tokio::test]
async fn a_call_finds_its_recording_within_the_organization_or_outside() {
    let rest = rest(Recordings::open(SAMPLE).unwrap().backend());
    assert_eq!(get(&rest, "/users/115").await.unwrap()["id"], 115);
    assert!(get(&rest, "").await.unwrap()["users"].is_object());
    let session: Value = rest.platform().post("/session", &json!({})).await.unwrap();
    assert_eq!(session["user_id"], 115);
}

#[tokio::test]
async fn recordings_are_given_in_the_order_of_their_times_and_the_last_get_again() {
    let path = "/rest/orgs/7/x";
    let (_directory, rest) = recorded(&[(200, Method::GET, path, "1"), (200, Method::GET, path, "2")]);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(get(&rest, "/x").await.unwrap());
    }
    assert_eq!(seen, [1, 2, 2, 2]);
}

#[tokio::test]
async fn a_change_is_not_answered_more_often_than_it_was_recorded() {
    let (_directory, rest) = recorded(&[(200, Method::POST, "/rest/orgs/7/x", "1")]);
    assert_eq!(rest.post::<Value>("/x", &json!({})).await.unwrap(), 1);
    let error = rest.post::<Value>("/x", &json!({})).await.unwrap_err().to_string();
    assert!(error.contains("not so often"), "{error}");
}

#[tokio::test]
async fn a_query_is_part_of_a_recording_unless_the_recorder_left_it_out() {
    let (path, named) = ("/rest/orgs/7/x", "/rest/orgs/7/x?handle_format=names");
    let (_directory, rest) = recorded(&[(200, Method::GET, path, "1"), (200, Method::GET, named, "2")]);
    assert_eq!(get(&rest, "/x").await.unwrap(), 1);
    assert_eq!(get(&rest, "/x?handle_format=names").await.unwrap(), 2);
    assert_eq!(get(&rest, "/x?other=1").await.unwrap(), 1);
}

#[tokio::test]
async fn a_recorded_refusal_fails_as_it_did() {
    let body = r#"{"success": false, "message": "Changed meanwhile"}"#;
    let (_directory, rest) = recorded(&[(409, Method::PUT, "/rest/orgs/7/x", body)]);
    let error = rest.put::<Value>("/x", &json!({})).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::CONFLICT));
    assert!(error.to_string().contains("Changed meanwhile"), "{error}");
}

#[tokio::test]
async fn a_call_that_was_not_recorded_names_the_closest() {
    let rest = rest(Recordings::open(SAMPLE).unwrap().backend());
    let error = get(&rest, "/users/116").await.unwrap_err();
    assert!(!error.is_transient(), "trying again would not help");
    let error = error.to_string();
    assert!(error.contains("`GET__rest_orgs_211_users_116_` was not recorded"), "{error}");
    assert!(error.contains("`GET__rest_orgs_211_users_115_`"), "{error}");
}

#[test]
fn other_files_are_left_alone() {
    let (directory, _) = recorded(&[]);
    for name in
        ["README.md", "notes_2017", "200_HEADER_GET__rest__2017-03-07T15-07-01", "x_y_2017-03-07T15-07-01"]
    {
        fs::write(directory.path().join(name), "not JSON").unwrap();
    }
    assert_eq!(Recordings::open(directory.path()).unwrap().messages().len(), 1);
}

#[test]
fn a_directory_that_cannot_be_used_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Recordings::open(directory.path()).unwrap_err();
    assert!(matches!(open(), RecordingError::NoMessage(_)));
    fs::write(directory.path().join(message_file_name("Act", time(0))), "not JSON").unwrap();
    assert!(matches!(open(), RecordingError::NotJson { .. }));
    let missing = Recordings::open(directory.path().join("missing")).unwrap_err();
    assert!(missing.to_string().contains("missing: cannot be read"), "{missing}");
}
