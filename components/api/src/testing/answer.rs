use super::call::{Asked, Call};
use crate::rest::{Response, RestError};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::{collections::VecDeque, fmt, io, time::Duration};

/// What a stand-in platform answers to one call: a status with JSON or a file, or that the call fails on its way.
///
/// A JSON value is an answer with the status 200, and so is a pair of a status and a JSON value. A status of 400 or above
/// makes the call fail, in the words of the JSON's `message`.
#[derive(Debug, Clone)]
#[must_use]
pub struct Answer {
    what: What,
    after: Duration,
}

#[derive(Debug, Clone)]
enum What {
    Status(StatusCode, HeaderMap, Bytes),
    Unreachable,
    Interrupted,
    TimedOut,
}

/// What an endpoint answers, call by call.
pub struct Answers(Made);

enum Made {
    Always(Answer),
    InTurn(VecDeque<Answer>),
    By(Box<dyn FnMut(&Asked) -> Answer + Send>),
}

/// What can be an endpoint's answers: an [`Answer`], a JSON value or a pair of status and JSON, the same each time; an
/// array or `Vec` of those, one after the other and none after the last; a closure that makes one of the [`Asked`].
pub trait IntoAnswers {
    /// The answers.
    fn into_answers(self) -> Answers;
}

// === impl Answer ===

impl Answer {
    /// `body` with this status.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// An error, in the platform's form: `{"success": false, "message": …}`.
    pub fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({ "success": false, "message": message }))
    }

    /// A file's contents.
    pub fn file(content_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self::new(200, content_type, bytes)
    }

    /// 204, without a body.
    pub fn empty() -> Self {
        Self::of(What::Status(StatusCode::NO_CONTENT, HeaderMap::new(), Bytes::new()))
    }

    /// Nobody is there: [`RestError::Unreachable`].
    pub fn unreachable() -> Self {
        Self::of(What::Unreachable)
    }

    /// The link breaks before the answer is here: [`RestError::Interrupted`].
    pub fn interrupted() -> Self {
        Self::of(What::Interrupted)
    }

    /// No answer in time: [`RestError::TimedOut`], at once; [`after`](Self::after) makes it take its time.
    pub fn timed_out() -> Self {
        Self::of(What::TimedOut)
    }

    /// The same, but only after `delay`: on a paused clock in no time.
    pub fn after(self, delay: Duration) -> Self {
        Self { after: delay, ..self }
    }

    fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = body.into();
        let mut headers = HeaderMap::new();
        if let Ok(content_type) = HeaderValue::from_str(content_type) {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        Self::of(What::Status(status, headers, body))
    }

    fn of(what: What) -> Self {
        Self { what, after: Duration::ZERO }
    }

    /// What the component gets for `call`.
    pub(super) async fn give(self, call: &Call) -> Result<Response, RestError> {
        if !self.after.is_zero() {
            tokio::time::sleep(self.after).await;
        }
        let (method, path) = (call.method.clone(), call.path.clone());
        match self.what {
            What::Status(status, headers, body) if status.is_success() => {
                Ok(Response::new(status, body).with_headers(headers))
            }
            What::Status(status, _, body) => Err(RestError::from_answer(method, &path, status, None, &body)),
            What::Unreachable => {
                Err(RestError::Unreachable { method, path, source: broken(io::ErrorKind::ConnectionRefused) })
            }
            What::Interrupted => {
                Err(RestError::Interrupted { method, path, source: broken(io::ErrorKind::ConnectionReset) })
            }
            What::TimedOut => Err(RestError::TimedOut { method, path, after: self.after }),
        }
    }
}

fn broken(kind: io::ErrorKind) -> crate::rest::BoxError {
    Box::new(io::Error::from(kind))
}

impl From<Value> for Answer {
    fn from(body: Value) -> Self {
        Self::json(200, &body)
    }
}

impl From<(u16, Value)> for Answer {
    fn from((status, body): (u16, Value)) -> Self {
        Self::json(status, &body)
    }
}

// === impl Answers ===

impl Answers {
    /// The next answer; `None` where there is none left.
    pub(super) fn next(&mut self, asked: &Asked) -> Option<Answer> {
        match &mut self.0 {
            Made::Always(answer) => Some(answer.clone()),
            Made::InTurn(answers) => answers.pop_front(),
            Made::By(make) => Some(make(asked)),
        }
    }

    /// How many are still to be asked for.
    pub(super) fn left(&self) -> usize {
        match &self.0 {
            Made::InTurn(answers) => answers.len(),
            Made::Always(_) | Made::By(_) => 0,
        }
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Made::Always(answer) => answer.fmt(f),
            Made::InTurn(answers) => answers.fmt(f),
            Made::By(_) => f.write_str("closure"),
        }
    }
}

impl IntoAnswers for Answers {
    fn into_answers(self) -> Self {
        self
    }
}

impl IntoAnswers for Answer {
    fn into_answers(self) -> Answers {
        Answers(Made::Always(self))
    }
}

impl IntoAnswers for Value {
    fn into_answers(self) -> Answers {
        Answer::from(self).into_answers()
    }
}

impl IntoAnswers for (u16, Value) {
    fn into_answers(self) -> Answers {
        Answer::from(self).into_answers()
    }
}

impl<T: Into<Answer>> IntoAnswers for Vec<T> {
    fn into_answers(self) -> Answers {
        Answers(Made::InTurn(self.into_iter().map(Into::into).collect()))
    }
}

impl<T: Into<Answer>, const N: usize> IntoAnswers for [T; N] {
    fn into_answers(self) -> Answers {
        Answers(Made::InTurn(self.into_iter().map(Into::into).collect()))
    }
}

impl<F, T> IntoAnswers for F
where
    F: FnMut(&Asked) -> T + Send + 'static,
    T: Into<Answer>,
{
    fn into_answers(mut self) -> Answers {
        Answers(Made::By(Box::new(move |asked| self(asked).into())))
    }
}
