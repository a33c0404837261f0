use crate::{Failure, Reply, reply::FailureKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a test asks of a handler's outcome. Each fails the test in the words of what came instead.
pub trait Outcome {
    /// That it ended well, saying `text`.
    fn assert_says(&self, text: &str);

    /// That it ended with these results of a function (`results.content`). A function that answers with a text has that
    /// for its content.
    fn assert_content(&self, content: &Value);

    /// What a function found (`results.content`), as a type of the test's own.
    fn content<T: DeserializeOwned>(&self) -> T;

    /// That a function looked in vain: `results.success` is false, for a reason that holds `words`. It is the same
    /// whether its handler gave [`Reply::unsuccessful`] or failed with [`Failure::unsuccessful`].
    fn assert_unsuccessful(&self, words: &str);

    /// That it failed, and its text holds `words`.
    fn assert_fails(&self, words: &str);

    /// That the message did not have the shape that the handler asks for, and the text holds `words`: the input's name,
    /// for example.
    fn assert_rejected(&self, words: &str);
}

// === impl Outcome ===

impl Outcome for Result<Reply, Failure> {
    #[track_caller]
    fn assert_says(&self, text: &str) {
        match self {
            Ok(reply) => assert_eq!(reply.message(), text, "the reply's text differs"),
            Err(failure) => panic!("{}, not the reply {text:?}", described(failure)),
        }
    }

    #[track_caller]
    fn assert_content(&self, content: &Value) {
        assert_eq!(&found(self), content, "the function's results (left) are not those expected (right)");
    }

    #[track_caller]
    fn content<T: DeserializeOwned>(&self) -> T {
        let content = found(self);
        match T::deserialize(&content) {
            Ok(content) => content,
            Err(error) => panic!("the function's results are of another shape: {error}: {content}"),
        }
    }

    #[track_caller]
    fn assert_unsuccessful(&self, words: &str) {
        match in_vain(self) {
            Some(reason) => assert!(reason.contains(words), "the reason {reason:?} does not say {words:?}"),
            None => match self {
                Ok(Reply::Results(results)) => panic!("the function was successful: {}", results.content),
                Ok(reply) => panic!("it ended well, saying {:?}", reply.message()),
                Err(failure) => {
                    panic!("{}, an error and not results without success", described(failure))
                }
            },
        }
    }

    #[track_caller]
    fn assert_fails(&self, words: &str) {
        match (self, in_vain(self)) {
            (Ok(_), Some(reason)) => panic!(
                "it was without success, because of {reason:?}, which is no error to a workflow: ask for that by \
                 assert_unsuccessful"
            ),
            (Ok(reply), None) => {
                panic!("it ended well, saying {:?}, but was expected to fail", reply.message())
            }
            (Err(failure), _) => {
                let text = failure.to_string();
                assert!(text.contains(words), "{} does not say {words:?}", described(failure));
            }
        }
    }

    #[track_caller]
    fn assert_rejected(&self, words: &str) {
        self.assert_fails(words);
        if let Err(failure) = self {
            let words = "but not because of the message's shape";
            assert_eq!(failure.kind(), FailureKind::Rejected, "{}, {words}", described(failure));
        }
    }
}

#[track_caller]
fn found(outcome: &Result<Reply, Failure>) -> Value {
    if let Some(reason) = in_vain(outcome) {
        panic!("the function was not successful: {reason}");
    }
    match outcome {
        Ok(Reply::Results(results)) => results.content.clone(),
        Ok(reply) => reply.message().into(),
        Err(failure) => panic!("{}, and no results", described(failure)),
    }
}

/// Why a function was without success, if it was.
fn in_vain(outcome: &Result<Reply, Failure>) -> Option<String> {
    match outcome {
        Ok(Reply::Results(results)) => results.reason.clone(),
        Ok(reply @ Reply::Superseded) => Some(reply.message().to_owned()),
        Ok(Reply::Done(_)) => None,
        Err(failure) => (failure.kind() == FailureKind::Unsuccessful).then(|| failure.to_string()),
    }
}

fn described(failure: &Failure) -> String {
    format!("the failure ({:?}) {:?}", failure.kind(), failure.to_string())
}
