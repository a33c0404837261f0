//! What the platform, or whatever stands before it, quotes of our credentials leaves nowhere: no answer, no line of the
//! log at any level, no recording, nothing in the journal.

use super::{PATIENCE, World, action, handlers::Daemon};
use crate::support::{
    broker::{ACCOUNT, API_KEY, Broker},
    platform_queue::{Message, PlatformQueue, Reply},
    processor::{AppConfig, Processor},
};
use action_processor::{
    component::{Component, Context, Failure, Message as Input, Reply as Answer, handler_fn},
    signals::Signal,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use stand_in_platform::{Recorded, Reply as Page};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

const INCIDENT: &str = "/rest/orgs/201/incidents/4573";

/// Any this long piece of a secret gives it away.
const TELLING: usize = 10;

/// Quotes the request as a firewall's page does, further to the right each time: what is cut off is another part of it.
fn quoting(status: u16) -> impl Fn(&Recorded) -> Page + Send + Sync + 'static {
    let pages = AtomicUsize::new(0);
    move |request: &Recorded| {
        let number = pages.fetch_add(1, SeqCst);
        let headers = request.headers.iter().filter(|(name, _)| {
            ["authorization", "cookie", "x-sess-id", "x-co3contexttoken"].contains(&name.as_str())
        });
        let headers = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        let headers = headers.collect::<Vec<_>>().join("\n");
        let secret = API_KEY.passcode.replace('-', "&#45;");
        let quoted = match number % 4 {
            0 => format!("<pre>{headers}</pre>{secret}"),
            1 => format!("{}{}", "x".repeat(200 + 7 * number), headers),
            2 => json!({ "message": headers, "hints": [secret] }).to_string().replace('/', "\\/"),
            _ => json!({ "title": "refused", "message": "x".repeat(270) + API_KEY.passcode }).to_string(),
        };
        Page::text(StatusCode::from_u16(status).unwrap(), quoted)
    }
}

/// Everything that a processor has said or kept.
struct Outputs(Vec<(String, Vec<u8>)>);

impl Outputs {
    fn gather(answers: &[Reply], log: &[String], directories: &[&Path]) -> Self {
        let mut all = vec![("log".to_owned(), log.join("\n").into_bytes())];
        all.extend(answers.iter().map(|answer| ("answer".to_owned(), answer.body.clone().into_bytes())));
        for directory in directories {
            for file in fs::read_dir(directory).unwrap() {
                let path = file.unwrap().path();
                all.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
        Self(all)
    }

    fn assert_without(&self, secrets: &[&str]) {
        for (name, contents) in &self.0 {
            let text = String::from_utf8_lossy(contents);
            for secret in secrets {
                for at in 0..=secret.len().saturating_sub(TELLING) {
                    let piece = &secret[at..secret.len().min(at + TELLING)];
                    if let Some(place) = text.find(piece) {
                        let start = text.floor_char_boundary(place.saturating_sub(200));
                        panic!("{name} has {piece:?} of {secret:?}: {}", &text[start..place + piece.len()]);
                    }
                }
            }
        }
    }
}

fn recording(config: AppConfig, directory: &Path) -> AppConfig {
    config.set("resilient", "loglevel", "TRACE").set("resilient", "request_max_retries", "1").set(
        "resilient",
        "log_http_responses",
        &directory.display().to_string(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn quoted_credentials_of_an_api_key_leave_nowhere() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let recorded = tempfile::tempdir().unwrap();
    let queue = PlatformQueue::open(broker, "quoted").await;
    world.platform.route(Method::GET, INCIDENT, quoting(403));
    let config = recording(world.config(broker, "set_last_updated", "quoted"), recorded.path());
    let mut processor = Processor::run(&config);
    let messages: Vec<Message> = (0..12).map(|_| action(2, &json!({}))).collect();
    let tokens: Vec<String> = messages.iter().map(|message| message.context_token().to_owned()).collect();
    queue.post_all(messages).await;
    let answers = queue.answers(12, PATIENCE).await;
    assert!(answers.iter().all(|answer| answer.body.contains("403") && answer.body.contains("***")));
    queue.until_settled(PATIENCE).await;
    assert!(processor.stop(PATIENCE).await.success());
    let outputs = Outputs::gather(&answers, &processor.log(), &[world.state.path(), recorded.path()]);
    let basic = STANDARD.encode(format!("{}:{}", API_KEY.login, API_KEY.passcode));
    let (_, secret_part) = basic.split_at(API_KEY.login.len() * 4 / 3 + 4);
    let html = API_KEY.passcode.replace('-', "&#45;");
    outputs.assert_without(&[API_KEY.passcode, secret_part, &html]);
    outputs.assert_without(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn quoted_tokens_of_a_session_leave_nowhere() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let recorded = tempfile::tempdir().unwrap();
    let queue = PlatformQueue::open(broker, "quoted_session").await;
    world.platform.route(Method::GET, INCIDENT, quoting(500));
    let config = recording(world.config(broker, "set_last_updated", "quoted_session"), recorded.path())
        .set("resilient", "api_key_id", "")
        .set("resilient", "api_key_secret", "")
        .set("resilient", "email", ACCOUNT.login)
        .set("resilient", "password", ACCOUNT.passcode);
    let mut processor = Processor::run(&config);
    queue.post(action(2, &json!({}))).await;
    queue.answers(1, PATIENCE).await;
    // The next session has tokens of its own.
    world.platform.expire_sessions();
    world.platform.route(Method::GET, "/rest/orgs/201/incidents/4574", |_| {
        Page::error(StatusCode::UNAUTHORIZED, "log in again")
    });
    let other = json!({ "action_id": 2, "object_type": 0, "incident": { "id": 4574 }, "properties": {} });
    queue.post(Message::new(other.to_string())).await;
    queue.answers(2, PATIENCE).await;
    queue.post(action(2, &json!({}))).await;
    let answers = queue.answers(3, PATIENCE).await;
    queue.until_settled(PATIENCE).await;
    assert!(world.platform.logins() > 1);
    assert!(processor.stop(PATIENCE).await.success());
    let outputs = Outputs::gather(&answers, &processor.log(), &[world.state.path(), recorded.path()]);
    outputs.assert_without(&["session-1", "csrf-1", "session-2", "csrf-2", ACCOUNT.passcode]);
}

/// Fails, and says as much of what it knows as it can.
async fn talkative(message: Input, cx: Context) -> Result<Answer, Failure> {
    let learned = "learned<while>at-work-4711";
    cx.register_secret(learned);
    let token = message.header("Co3ContextToken").unwrap_or_default().to_owned();
    tracing::warn!(learned, token, headers = ?message.headers().collect::<Vec<_>>(), "component");
    cx.status(format!("trying {learned} with {token}")).await;
    let error = cx.rest().get::<Value>("/incidents/4573").await.unwrap_err();
    if message.action() == "talk" {
        return Ok(Answer::text(format!("{error}; {learned}; {token}; {}", API_KEY.passcode)));
    }
    Err(Failure::new(format!("{error}; learned&lt;while&gt;at-work-4711; {token}; {}", &learned[..12])))
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_and_dead_letters_hold_no_secret() {
    let (broker, world) = (Broker::shared().await, World::new().await);
    let queue = PlatformQueue::open(broker, "talkative").await;
    let news = PlatformQueue::of_kind(broker, "inbound_destinations", "talkative_news").await;
    world.platform.route(Method::GET, INCIDENT, quoting(403));
    let component = Component::new("talkative")
        .destination("talkative")
        .otherwise(handler_fn(talkative))
        .inbound_otherwise("talkative_news", handler_fn(talkative));
    let config = world.config(broker, "talkative", "talkative");
    let daemon = Daemon::run(&config, component);
    let message = action(4, &json!({}));
    let event = Message::new(json!({ "action": "create", "incident": { "id": 1 } }).to_string());
    let tokens = [message.context_token().to_owned(), event.context_token().to_owned()];
    queue.post(message).await;
    news.post(event).await;
    queue.answers(1, PATIENCE).await;
    news.until_settled(PATIENCE).await;
    queue.until_settled(PATIENCE).await;
    let answers = queue.replies(2, PATIENCE).await;
    daemon.signal(Signal::Stop).await;
    daemon.ended().await.unwrap();
    assert!(answers.iter().any(|answer| !answer.is_last() && answer.body.contains("trying *** with ***")));
    let shown = super::journal::dead(&config.clone().set("resilient", "noload", ""), &["show", "1"]).await;
    assert!(shown.contains("***"), "{shown}");
    let outputs = Outputs::gather(&answers, &[shown], &[world.state.path()]);
    outputs.assert_without(&["learned<while>at-work-4711", "learned&lt;while&gt;", API_KEY.passcode]);
    outputs.assert_without(&tokens.each_ref().map(String::as_str));
}
