use super::{complaint, rest};
use action_component::{
    Failure,
    rest::Patch,
    testing::{Platform, incident},
};
use serde_json::{Value, json};

fn rename(incident: &mut Value) -> Result<(), Failure> {
    incident["name"] = "new".into();
    Ok(())
}

#[tokio::test]
async fn an_object_is_read_and_changed() {
    let platform = Platform::new();
    let object = platform.object("/incidents/7", incident(7));
    rest(&platform).get_put("/incidents/7", rename).await.unwrap();
    assert_eq!((&object.now()["name"], &object.now()["vers"]), (&json!("new"), &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn somebody_else_can_be_faster() {
    let platform = Platform::new();
    let object = platform.object("/incidents/7", incident(7));
    object.meanwhile(|incident| incident["owner_id"] = 3.into());
    rest(&platform).get_put("/incidents/7", rename).await.unwrap();
    assert_eq!((&object.now()["name"], &object.now()["owner_id"]), (&json!("new"), &json!(3)));
    let methods: Vec<String> = platform.calls().iter().map(|call| call.method.to_string()).collect();
    assert_eq!(methods, ["GET", "PUT", "GET", "PUT"]);
}

#[tokio::test]
async fn a_patch_changes_fields_that_nobody_else_has() {
    let platform = Platform::new();
    let mut before = incident(7);
    before["properties"]["score"] = 3.into();
    let object = platform.object("/incidents/7", before.clone());
    let patch = || Patch::of(&before).set("properties.score", 4).set("name", "new");
    let send =
        async |patch: Patch| rest(&platform).patch::<Value>("/incidents/7", &patch.body()).await.unwrap();

    object.meanwhile(|incident| incident["properties"]["score"] = 9.into());
    let refused = send(patch()).await;
    assert_eq!(refused["field_failures"][0]["actual_current_value"], json!(9));
    assert_eq!(object.now()["name"], before["name"]);

    object.meanwhile(|incident| incident["properties"]["score"] = 3.into());
    assert_eq!(send(patch()).await["success"], json!(true));
    assert_eq!((&object.now()["name"], &object.now()["properties"]["score"]), (&json!("new"), &json!(4)));
}

#[tokio::test]
async fn another_object_is_not_set() {
    let platform = Platform::new();
    let _object = platform.object("/incidents/7", incident(7));
    assert!(complaint(rest(&platform).get::<Value>("/incidents/8")).await.contains("GET /incidents/8"));
}
