use action_component::{Failure, Reply, reply};
use serde_json::json;
use std::{error::Error, fmt, io};

#[derive(Debug)]
struct Outer(io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the file is no use")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn acknowledgements_are_as_the_platform_reads_them() {
    let done = json!({ "message_type": 0, "message": "done", "complete": true });
    assert_eq!(Reply::text("done").to_json(), done);
    assert_eq!(reply::interim("so far")["complete"], false);
    let failed = json!({ "message_type": 1, "message": "no", "complete": true });
    assert_eq!(Failure::new("no").to_json(), failed);
}

#[test]
fn an_error_becomes_a_failure_with_its_causes() {
    let failure = Failure::from(Outer(io::Error::other("disk full")));
    assert_eq!(failure.to_string(), "the file is no use: disk full");
}

#[test]
fn each_failure_says_something() {
    assert!(!Failure::returned().to_string().is_empty());
    assert!(!Failure::new("").to_string().is_empty(), "an empty text would show as nothing at all");
}

#[derive(serde::Serialize)]
struct Scores {
    score: f64,
    more: Vec<std::collections::BTreeMap<&'static str, Option<f32>>>,
}

#[test]
fn a_number_that_json_cannot_say_is_an_error_with_its_place() {
    let scores =
        |score, risk| Scores { score, more: vec![[("risk", None)].into(), [("risk", Some(risk))].into()] };
    for (scores, place) in [
        (scores(f64::NAN, 1.0), "score is not a number (NaN)"),
        (scores(1.0, f32::INFINITY), "more[1].risk is infinite"),
        (scores(1.0, f32::NEG_INFINITY), "more[1].risk is infinite"),
    ] {
        for failure in [Reply::results(&scores), Reply::custom(&scores), Reply::response(200, &scores)] {
            assert!(failure.unwrap_err().to_string().contains(place), "{place}");
        }
        let body = action_component::rest::Body::json(&scores).unwrap_err().to_string();
        assert!(body.contains(place), "{body}");
    }
    assert!(Reply::results(scores(0.5, 0.25)).is_ok());
}

#[derive(Debug, thiserror::Error)]
#[error("the service is busy")]
struct Busy;

#[derive(Debug, thiserror::Error)]
#[error("asked in vain")]
struct Asked(#[source] Busy);

#[test]
fn boxed_errors_and_texts_become_failures_by_a_question_mark() {
    type Boxed = Box<dyn Error + Send + Sync>;
    fn fails<T>(error: impl Into<Failure>) -> Result<T, Failure> {
        Err(error.into())
    }
    let of_box = || -> Result<(), Failure> { Ok(Err::<(), Boxed>(Box::new(Asked(Busy)))?) };
    let of_text = || -> Result<(), Failure> { Ok(Err::<(), String>("no port".to_owned())?) };
    let of_str = || -> Result<(), Failure> { Ok(Err::<(), &str>("no host")?) };
    assert_eq!(of_box().unwrap_err().to_string(), "asked in vain: the service is busy");
    assert_eq!(of_text().unwrap_err().to_string(), "no port");
    assert_eq!(of_str().unwrap_err().to_string(), "no host");
    assert!(fails::<()>(Asked(Busy)).unwrap_err().cause::<Busy>().is_some());
}

#[test]
fn a_failure_keeps_its_cause_in_other_words_and_does_not_print_it() {
    let failure = Failure::from(Asked(Busy)).in_words(|text| format!("Not done: {text}"));
    assert_eq!(failure.to_string(), "Not done: asked in vain: the service is busy");
    assert!(failure.cause::<Asked>().is_some() && failure.cause::<Busy>().is_some());
    assert!(failure.cause::<fmt::Error>().is_none() && Failure::new("x").cause::<Busy>().is_none());
    assert!(!format!("{failure:?}").contains("Asked"), "{failure:?}");
}
