//! What the platform has of that which components ask for, as it said last.

use crate::component::{
    Component, Requirement, Rest,
    rest::{Request, RestError},
};
use futures_util::{StreamExt, stream};
use http::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};

/// The platform's answers. What it has not been asked, or could not answer yet, is not known.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions {
    functions: BTreeMap<String, Definition>,
    /// Functions that were there and are not: believed once the platform says so again.
    doubted: BTreeSet<String>,
    fields: Option<Fields>,
    action_fields: Option<Fields>,
    connectors: Connectors,
    /// Counts the changes that the platform told of by itself, which an answer on its way may not know of yet.
    updates: u64,
}

/// A function on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Definition {
    /// There is none of this name.
    Missing,
    /// Its calls come by this message destination; empty where it names none.
    At(String),
}

/// Fields by API access name, with their input types.
pub(super) type Fields = BTreeMap<String, String>;

/// The low-code connectors' queues, by their whole names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Connectors {
    pub(super) queues: BTreeSet<String>,
    pub(super) support: Support,
}

/// Whether the platform tells which connectors it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Support {
    #[default]
    Unknown,
    /// It has no such list, or does not show it to this account.
    None,
    Listed,
}

/// What to ask the platform for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Questions {
    pub(super) functions: BTreeSet<String>,
    pub(super) fields: bool,
    pub(super) action_fields: bool,
    pub(super) connectors: bool,
}

/// What it answered; `None` where it was not asked.
#[derive(Debug, Default)]
pub(super) struct Answers {
    functions: Vec<(String, Result<Definition, RestError>)>,
    fields: Option<Result<Fields, RestError>>,
    action_fields: Option<Result<Fields, RestError>>,
    connectors: Option<Result<Connectors, RestError>>,
    /// As it was when they were asked for.
    updates: u64,
}

/// How many functions are asked for at the same time.
const AT_ONCE: usize = 4;

#[derive(Deserialize)]
struct FunctionDto {
    destination_handle: Option<String>,
}

#[derive(Deserialize)]
struct FieldDto {
    name: String,
    #[serde(default)]
    input_type: String,
}

#[derive(Deserialize)]
struct QueuesDto {
    #[serde(default)]
    queues: Vec<QueueDto>,
}

#[derive(Deserialize)]
struct QueueDto {
    queue_name: Option<String>,
}

// === impl Questions ===

impl Questions {
    /// What `component` has to know of the platform.
    pub(super) fn of(&mut self, component: &Component) {
        self.functions.extend(component.functions().map(|(name, _)| name.to_owned()));
        self.connectors |= component.any_connector().is_some() || component.connectors().next().is_some();
    }

    /// What it takes to see whether `requirement` is met.
    pub(super) fn whether(&mut self, requirement: &Requirement) {
        match requirement {
            Requirement::Field { .. } => self.fields = true,
            Requirement::ActionField { .. } => self.action_fields = true,
            Requirement::Function { name } => {
                self.functions.insert(name.clone());
            }
            _ => {}
        }
    }

    /// Asks. Each question is put once: who asks again at intervals needs no other patience.
    pub(super) async fn ask(self, rest: &Rest, updates: u64) -> Answers {
        let functions = stream::iter(self.functions).map(|name| async {
            let definition = function(rest, &name).await;
            (name, definition)
        });
        let (functions, fields, action_fields, connectors) = tokio::join!(
            functions.buffered(AT_ONCE).collect(),
            when(self.fields, fields(rest, "incident")),
            when(self.action_fields, fields(rest, "actioninvocation")),
            when(self.connectors, connectors(rest)),
        );
        Answers { functions, fields, action_fields, connectors, updates }
    }
}

async fn when<T>(asked: bool, question: impl Future<Output = T>) -> Option<T> {
    if asked { Some(question.await) } else { None }
}

async fn function(rest: &Rest, name: &str) -> Result<Definition, RestError> {
    let path = format!("/functions/{}?handle_format=names", crate::component::rest::segment(name));
    match get::<FunctionDto>(rest, &path).await {
        Ok(function) => Ok(Definition::At(function.destination_handle.unwrap_or_default())),
        Err(error) if says_missing(&error) => Ok(Definition::Missing),
        Err(error) => Err(error),
    }
}

/// Whether it is the platform that says so: a gateway's 404 while it restarts has no error code.
fn says_missing(error: &RestError) -> bool {
    matches!(error, RestError::Status(error) if error.status == StatusCode::NOT_FOUND && error.error_code.is_some())
}

async fn fields(rest: &Rest, of: &str) -> Result<Fields, RestError> {
    let fields: Vec<FieldDto> = get(rest, &format!("/types/{of}/fields")).await?;
    Ok(fields.into_iter().map(|field| (field.name, field.input_type)).collect())
}

/// Platforms without low-code connectors answer 404, some 500; an account without the permission 403.
async fn connectors(rest: &Rest) -> Result<Connectors, RestError> {
    match get::<QueuesDto>(rest, "/connectors/queues").await {
        Ok(list) => {
            let queues = list.queues.into_iter().filter_map(|queue| queue.queue_name).collect();
            Ok(Connectors { queues, support: Support::Listed })
        }
        Err(error) if lists_none(&error) => {
            Ok(Connectors { queues: BTreeSet::new(), support: Support::None })
        }
        Err(error) => Err(error),
    }
}

fn lists_none(error: &RestError) -> bool {
    matches!(error.status().map(|status| status.as_u16()), Some(403 | 404 | 500))
}

async fn get<T: DeserializeOwned>(rest: &Rest, path: &str) -> Result<T, RestError> {
    let mut request = Request::new(Method::GET, path);
    request.once = true;
    rest.read(request).await
}

// === impl Definitions ===

impl Definitions {
    /// Takes what was answered; where there was no answer, the last one holds. The first error, if there was one.
    pub(super) fn take(&mut self, answers: Answers) -> Option<RestError> {
        let mut trouble = None;
        // Nobody asks for the others any more.
        let asked: BTreeSet<&String> = answers.functions.iter().map(|(name, _)| name).collect();
        self.doubted.retain(|name| asked.contains(name));
        for (name, definition) in answers.functions {
            match definition {
                Ok(definition) => self.take_function(name, definition),
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        take(&mut self.fields, answers.fields, &mut trouble);
        take(&mut self.action_fields, answers.action_fields, &mut trouble);
        match answers.connectors {
            Some(Ok(connectors)) if answers.updates == self.updates => self.take_connectors(connectors),
            Some(Err(error)) => trouble = trouble.or(Some(error)),
            // The platform has told of a change since it was asked.
            Some(Ok(_)) | None => {}
        }
        trouble
    }

    /// A function that runs is given up only when the platform says twice that it is gone.
    fn take_function(&mut self, name: String, definition: Definition) {
        let was_there = matches!(self.functions.get(&name), Some(Definition::At(_)));
        if definition == Definition::Missing && was_there && self.doubted.insert(name.clone()) {
            return;
        }
        self.doubted.remove(&name);
        self.functions.insert(name, definition);
    }

    fn take_connectors(&mut self, connectors: Connectors) {
        match (connectors.support, self.connectors.support) {
            // What is served goes on: without a list there is only what the platform tells by itself.
            (Support::None, Support::Listed) => {}
            (Support::None, _) => self.connectors.support = Support::None,
            _ => self.connectors = connectors,
        }
    }

    /// The platform says by itself that these connectors have come and gone.
    pub(super) fn update_connectors(&mut self, come: Vec<String>, gone: &[String]) {
        self.updates += 1;
        self.connectors.queues.extend(come);
        self.connectors.queues.retain(|queue| !gone.contains(queue));
    }

    /// What [`Questions::ask`] wants to know.
    pub(super) fn updates(&self) -> u64 {
        self.updates
    }

    /// Whether something is to be looked at again soon.
    pub(super) fn is_in_doubt(&self) -> bool {
        !self.doubted.is_empty()
    }

    pub(super) fn function(&self, name: &str) -> Option<&Definition> {
        self.functions.get(name)
    }

    pub(super) fn fields(&self) -> Option<&Fields> {
        self.fields.as_ref()
    }

    pub(super) fn action_fields(&self) -> Option<&Fields> {
        self.action_fields.as_ref()
    }

    pub(super) fn connectors(&self) -> &Connectors {
        &self.connectors
    }
}

fn take<T>(known: &mut Option<T>, answer: Option<Result<T, RestError>>, trouble: &mut Option<RestError>) {
    match answer {
        Some(Ok(answer)) => *known = Some(answer),
        Some(Err(error)) => _ = trouble.get_or_insert(error),
        None => {}
    }
}
