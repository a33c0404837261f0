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
