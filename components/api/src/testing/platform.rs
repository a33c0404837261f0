use super::{
    answer::{Answers, IntoAnswers},
    call::{Asked, Call, Upload},
    endpoint::{Captured, Endpoint, proposed},
    held::Hold,
};
use crate::{
    recording::Recordings,
    rest::{Backend, Identity, Request, Response, RestError, Site},
};
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::Value;
use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// Stands in for the platform's REST API, and remembers each call.
///
/// A call of an endpoint that the test has not set panics in the words of what was asked for and what is set, so that the
/// test fails where the mistake is, whatever the handler makes of errors.
pub struct Platform {
    state: Mutex<State>,
    site: OnceLock<Site>,
}

struct State {
    endpoints: Vec<Set>,
    otherwise: Otherwise,
    calls: Vec<Call>,
    uploads: Vec<Upload>,
    held: Vec<Hold>,
}

/// An endpoint and what it answers.
struct Set {
    endpoint: Endpoint,
    answers: Shared,
    asked: bool,
}

/// Locked by itself while an answer is made, so that a closure may ask the platform for its calls.
type Shared = Arc<Mutex<Answers>>;

/// Who answers what no endpoint does.
enum Otherwise {
    Nobody,
    Answers(Shared),
    Backend(Arc<dyn Backend>),
    /// A call that was not recorded fails the test.
    Recorded(Arc<dyn Backend>),
}

/// Who answers one call.
enum Chosen {
    Answers(Shared, Captured),
    Backend(Arc<dyn Backend>),
    Recorded(Arc<dyn Backend>),
}

// === impl Platform ===

impl Platform {
    /// A platform on which nothing is set.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with(Otherwise::Nobody)
    }

    /// A platform that answers what was recorded in this directory (`processor run --log-http-responses DIR`), as
    /// [`RecordedBackend`](crate::recording::RecordedBackend) says; endpoints that are set besides come first.
    ///
    /// # Panics
    /// The directory cannot be read.
    #[must_use]
    #[track_caller]
    pub fn recorded(directory: impl AsRef<Path>) -> Arc<Self> {
        match Recordings::read(directory) {
            Ok(recordings) => Self::with(Otherwise::Recorded(Arc::new(recordings.backend()))),
            Err(error) => panic!("{error}"),
        }
    }

    /// Answers each call with the status and the JSON that `answer` gives. A status of 400 or above makes the call
    /// fail, in the words of the JSON's `message`.
    #[must_use]
    pub fn answering(answer: impl Fn(&Call) -> (u16, Value) + Send + Sync + 'static) -> Arc<Self> {
        let answers = (move |asked: &Asked| answer(asked)).into_answers();
        Self::with(Otherwise::Answers(Arc::new(Mutex::new(answers))))
    }

    /// Passes each call on to `backend`, and remembers it.
    #[must_use]
    pub fn watching(backend: Arc<dyn Backend>) -> Arc<Self> {
        Self::with(Otherwise::Backend(backend))
    }

    fn with(otherwise: Otherwise) -> Arc<Self> {
        let (endpoints, calls, uploads, held) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let state = Mutex::new(State { endpoints, otherwise, calls, uploads, held });
        Arc::new(Self { state, site: OnceLock::new() })
    }

    /// Says where it is and who asks, what [`Rest::site`](crate::Rest::site) gives: to begin with organization 201, "Test
    /// Organization", at `https://soar.example.com`, asked by the API key 4 "processor".
    ///
    /// # Panics
    /// It was asked for already.
    #[track_caller]
    pub fn at(&self, site: Site) -> &Self {
        assert!(self.site.set(site).is_ok(), "set the site before anything asks for it, and once");
        self
    }

    /// Sets what `endpoint` answers: a method and a path as components give it, in which `{name}` stands for any segment
    /// and `{*name}` for all that follow. A query, where the endpoint has one, must be the call's.
    ///
    /// ```
    /// # use action_component::testing::{Answer, Platform};
    /// # use serde_json::json;
    /// let platform = Platform::new();
    /// platform
    ///     .on("GET /users/{id}", json!({ "id": 115, "enabled": true }))
    ///     .on("PUT /incidents/{id}", |asked: &action_component::testing::Asked| (200, asked.body.clone()))
    ///     .on("POST /incidents/{id}/tasks", [Answer::error(503, "busy"), Answer::json(200, &json!({ "id": 1 }))])
    ///     .on("GET /incidents/{id}/attachments/{file}/contents", Answer::file("text/plain", "hello"));
    /// ```
    /// Where several endpoints mean a call, the one with the most segments in full answers, and of equal ones the one
    /// that was set last.
    ///
    /// # Panics
    /// `endpoint` is none.
    #[track_caller]
    pub fn on(&self, endpoint: &str, answers: impl IntoAnswers) -> &Self {
        let answers = Arc::new(Mutex::new(answers.into_answers()));
        let set = Set { endpoint: read(endpoint), answers, asked: false };
        self.state().endpoints.push(set);
        self
    }

    pub(super) fn add_hold(&self, hold: Hold) {
        self.state().held.push(hold);
    }

    /// Sets what every call gets that no endpoint answers.
    pub fn otherwise(&self, answers: impl IntoAnswers) -> &Self {
        let answers = Arc::new(Mutex::new(answers.into_answers()));
        self.state().otherwise = Otherwise::Answers(answers);
        self
    }

    /// The calls so far, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The calls of this endpoint so far, in order.
    ///
    /// # Panics
    /// `endpoint` is none.
    #[must_use]
    #[track_caller]
    pub fn asked(&self, endpoint: &str) -> Vec<Call> {
        let endpoint = read(endpoint);
        self.calls().into_iter().filter(|call| endpoint.captures(call).is_some()).collect()
    }

    /// The one call of this endpoint.
    ///
    /// # Panics
    /// There was none, or more than one.
    #[must_use]
    #[track_caller]
    pub fn asked_once(&self, endpoint: &str) -> Call {
        let asked = self.asked(endpoint);
        match <[Call; 1]>::try_from(asked) {
            Ok([call]) => call,
            Err(asked) => {
                panic!(
                    "{endpoint} was asked for {} times, not once; all calls:\n{}",
                    asked.len(),
                    self.told()
                )
            }
        }
    }

    /// The files that were sent to endpoints of this platform, and what was sent along with them, in order.
    #[must_use]
    pub fn uploads(&self) -> Vec<Upload> {
        self.state().uploads.clone()
    }

    /// That these calls were made and no others, in this order: `["GET /users/115", "POST /incidents/4573/tasks"]`.
    ///
    /// # Panics
    /// They were not.
    #[track_caller]
    pub fn assert_calls<'a>(&self, expected: impl IntoIterator<Item = &'a str>) {
        let expected: Vec<&str> = expected.into_iter().collect();
        let made: Vec<String> = self.calls().iter().map(ToString::to_string).collect();
        assert_eq!(made, expected, "the component made other calls (left) than the test expects (right)");
    }

    /// That nothing was asked for but by GET.
    ///
    /// # Panics
    /// Something was.
    #[track_caller]
    pub fn assert_nothing_changed(&self) {
        let changes = self.calls().iter().any(|call| call.method != Method::GET);
        assert!(!changes, "the component changed something; all calls:\n{}", self.told());
    }

    /// That each endpoint was asked for, and as often as it has answers in turn.
    ///
    /// # Panics
    /// One was not.
    #[track_caller]
    pub fn assert_all_asked(&self) {
        let missing: Vec<String> = self.state().endpoints.iter().filter_map(Set::missing).collect();
        assert!(missing.is_empty(), "{}; all calls:\n{}", missing.join("; "), self.told());
    }

    fn told(&self) -> String {
        let lines = self.calls().iter().map(|call| format!("    {call}\n")).collect::<String>();
        if lines.is_empty() { "    none\n".to_owned() } else { lines }
    }

    /// Never held while an answer is made.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, call: Call, request: Request, chosen: Chosen) -> Result<Response, RestError> {
        match chosen {
            Chosen::Backend(backend) => backend.call(request).await,
            Chosen::Recorded(backend) => match backend.call(request).await {
                Err(RestError::Unsendable { reason, .. }) => {
                    panic!("the component asked for {call}: {reason}")
                }
                outcome => outcome,
            },
            Chosen::Answers(answers, captured) => {
                let uploads = Upload::all(&call.path, request.body)
                    .await
                    .map_err(|source| RestError::File { file: call.path.clone(), source })?;
                self.state().uploads.extend(uploads.iter().cloned());
                let asked = Asked { call, captured, uploads };
                let answer = answers.lock().unwrap_or_else(PoisonError::into_inner).next(&asked);
                match answer {
                    Some(answer) => answer.give(&asked.call).await,
                    None => panic!(
                        "the component asked for {} more often than the test has set answers in turn; all calls:\n{}",
                        asked.call,
                        self.told()
                    ),
                }
            }
        }
    }
}

impl Backend for Platform {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, RestError>> {
        let call = Call::of(&request);
        let (chosen, released) = {
            let mut state = self.state();
            (state.choose(&call), state.holds_of(&call))
        };
        Box::pin(async move {
            let answer = match chosen {
                Ok(chosen) => self.answer(call, request, chosen).await,
                Err(words) => panic!("{words}"),
            };
            for released in released {
                released.cancelled().await;
            }
            answer
        })
    }

    fn site(&self) -> Option<&Site> {
        Some(self.site.get_or_init(made_up))
    }
}

fn made_up() -> Site {
    let site = Site::new("https://soar.example.com", 201, "Test Organization");
    site.with_identity(Identity::api_key(4, "processor"))
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

#[track_caller]
pub(super) fn read(endpoint: &str) -> Endpoint {
    match endpoint.parse() {
        Ok(endpoint) => endpoint,
        Err(words) => panic!("{words}"),
    }
}

// === impl State ===

impl State {
    /// Remembers `call`, and finds out who answers it; if nobody, what to say.
    fn choose(&mut self, call: &Call) -> Result<Chosen, String> {
        self.calls.push(call.clone());
        let meant = self.endpoints.iter_mut().filter_map(|set| Some((set.endpoint.captures(call)?, set)));
        if let Some((captured, set)) = meant.max_by_key(|(_, set)| set.endpoint.precision()) {
            set.asked = true;
            return Ok(Chosen::Answers(set.answers.clone(), captured));
        }
        match &self.otherwise {
            Otherwise::Nobody => Err(self.unset(call)),
            Otherwise::Answers(answers) => Ok(Chosen::Answers(answers.clone(), Captured::new())),
            Otherwise::Backend(backend) => Ok(Chosen::Backend(backend.clone())),
            Otherwise::Recorded(backend) => Ok(Chosen::Recorded(backend.clone())),
        }
    }

    /// What the answer has to wait for.
    fn holds_of(&self, call: &Call) -> Vec<CancellationToken> {
        let held = self.held.iter().filter(|hold| hold.endpoint.captures(call).is_some());
        held.map(|hold| hold.released.clone()).collect()
    }

    fn unset(&self, call: &Call) -> String {
        let set: String = self.endpoints.iter().map(|set| format!("    {}\n", set.endpoint)).collect();
        let set = if set.is_empty() { "    nothing\n".to_owned() } else { set };
        let proposed = proposed(call);
        format!(
            "the component asked for an endpoint that this test has not set:\n    {call}\nIt has set:\n{set}Set it: \
             platform.on(\"{proposed}\", json!({{ … }}))"
        )
    }
}

impl Set {
    fn missing(&self) -> Option<String> {
        let left = self.answers.lock().unwrap_or_else(PoisonError::into_inner).left();
        match (self.asked, left) {
            (false, _) => Some(format!("{} was not asked for", self.endpoint)),
            (true, 0) => None,
            (true, left) => {
                Some(format!("{} was asked for {left} times less than it has answers", self.endpoint))
            }
        }
    }
}
