use super::complaint;
use action_component::{
    Failure, FailureKind, Reply,
    testing::{Outcome, assert_holds},
};
use serde::Deserialize;
use serde_json::json;

type Ended = Result<Reply, Failure>;

#[derive(Debug, PartialEq, Deserialize)]
struct Found {
    hits: u32,
}

fn found() -> Ended {
    Reply::results(json!({ "hits": 3 }))
}

#[tokio::test]
async fn what_holds_passes() {
    Ok(Reply::text("done")).assert_says("done");
    found().assert_content(&json!({ "hits": 3 }));
    assert_eq!(found().content::<Found>(), Found { hits: 3 });
    Ok(Reply::unsuccessful("no such host")).assert_unsuccessful("such host");
    Ended::Err(Failure::unsuccessful("no such host")).assert_unsuccessful("such host");
    Ok(Reply::text("a text is content, too")).assert_content(&json!("a text is content, too"));
    Ended::Err(Failure::new("it is down")).assert_fails("down");
    Ended::Err(Failure::with_kind(FailureKind::Rejected, "name: missing")).assert_rejected("name");
}

#[tokio::test]
async fn what_does_not_hold_fails_the_test_in_the_words_of_what_came() {
    let failed = || Ended::Err(Failure::new("it is down"));
    let complaints = [
        (complaint(async { failed().assert_says("done") }).await, "it is down"),
        (complaint(async { failed().content::<Found>() }).await, "it is down"),
        (complaint(async { failed().assert_fails("up") }).await, "it is down"),
        (complaint(async { failed().assert_rejected("down") }).await, "shape"),
        (complaint(async { Ok(Reply::text("done")).assert_fails("x") }).await, "done"),
        (complaint(async { Ok(Reply::text("done")).assert_content(&json!(1)) }).await, "done"),
        (complaint(async { Ok(Reply::unsuccessful("x")).assert_fails("x") }).await, "assert_unsuccessful"),
        (complaint(async { failed().assert_unsuccessful("x") }).await, "not results without success"),
        (complaint(async { Ok(Reply::text("done")).assert_unsuccessful("x") }).await, "done"),
        (complaint(async { Reply::results(json!([])).content::<Found>() }).await, "another shape"),
        (complaint(async { Ok(Reply::unsuccessful("nobody")).content::<Found>() }).await, "nobody"),
        (complaint(async { found().assert_unsuccessful("x") }).await, "was successful"),
    ];
    for (words, expected) in complaints {
        assert!(words.contains(expected), "{words:?} does not say {expected:?}");
    }
}

#[tokio::test]
async fn what_matters_of_some_json_is_compared_and_where_it_differs_is_said() {
    let whole = json!({ "id": 7, "tasks": [{ "id": 1, "name": "Look" }], "owner": null });
    assert_holds(&whole, &json!({ "tasks": [{ "name": "Look" }], "owner": null, "missing": null }));
    for (part, words) in [
        (json!({ "tasks": [{ "name": "Act" }] }), r#"/tasks/0/name is "Look", not "Act""#),
        (json!({ "tasks": [] }), "/tasks is [{"),
        (json!({ "id": { "id": 7 } }), "/id is 7"),
        (json!([]), "the whole is {"),
    ] {
        let complaint = complaint(async { assert_holds(&whole, &part) }).await;
        assert!(complaint.contains(words), "{complaint:?} does not say {words:?}");
    }
}
