use action_processor::{
    component::{
        CancellationToken, Component, Context, Failure, Message, Reply, Rest, Section, Services, handler_fn,
        testing::Platform,
    },
    dispatch::{ActionNames, Registry, Workshop},
    test_actions::TestActions,
};
use serde_json::{Value, json};
use std::{collections::HashMap, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    task::JoinHandle,
};

/// The vendor's own client.
mod vendor;

/// A port that serves the destination `tasks`.
struct Port {
    address: SocketAddr,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
    /// One permit for each message of the action `Wait` that may end.
    gate: Arc<Semaphore>,
    workshop: Arc<Workshop>,
}

struct Client(TcpStream);

async fn look_up(inputs: HashMap<String, String>, cx: Context) -> Result<Reply, Failure> {
    cx.status("looking").await;
    Reply::custom(inputs)
}

fn component(gate: Arc<Semaphore>) -> Component {
    let echo = |message: Message, cx: Context| async move {
        cx.status("one half").await;
        let name = message.properties().text("name").unwrap_or("nobody").to_owned();
        Ok(Reply::text(format!("hello, {name}")))
    };
    let wait = move |_: Message, _: Context| {
        let gate = gate.clone();
        async move {
            gate.acquire().await?.forget();
            Ok(Reply::text("waited"))
        }
    };
    let headers = |message: Message, _: Context| async move {
        let header = |name| message.header(name).unwrap_or("none").to_owned();
        let names = ["correlation-id", "Co3ContextToken", "reply-to", "destination"];
        Ok(Reply::text(names.map(header).join(" ")))
    };
    Component::new("tasks")
        .on("Echo", handler_fn(echo))
        .on("Wait", handler_fn(wait))
        .on("Headers", handler_fn(headers))
        .function("Look Up", handler_fn(look_up))
}

// === impl Port ===

impl Port {
    async fn open() -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let component = component(gate.clone());
        let platform = Platform::answering(|_| {
            let names = ["Echo", "Wait", "Headers", "Unhandled"];
            let entities: Vec<Value> =
                names.iter().zip(1..).map(|(name, id)| json!({ "id": id, "name": name })).collect();
            (200, json!({ "entities": entities }))
        });
        let registry = Registry::build([(&component, Section::default())]).unwrap();
        let names = ActionNames::new(Rest::new(platform.clone(), None));
        let shutdown = CancellationToken::new();
        let services = Services::new(platform, 25, shutdown.clone());
        let workshop = Arc::new(Workshop::new(registry, names, services));
        let port = TestActions::bind("127.0.0.1", 0, 201, workshop.clone()).await.unwrap();
        let address = port.local_addr().unwrap();
        let served = tokio::spawn(port.serve(shutdown.clone()));
        Self { address, shutdown, served, gate, workshop }
    }

    async fn client(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Until this many workers are taken.
    async fn at_work(&self, number: usize) {
        while self.workshop.services().workers.free() != 25 - number {
            tokio::task::yield_now().await;
        }
    }
}

// === impl Client ===

impl Client {
    async fn submit(&mut self, number: u32, text: impl AsRef<[u8]>) {
        self.0.write_all(&frame(number, text)).await.unwrap();
    }

    async fn read(&mut self) -> String {
        let mut text = vec![0; self.0.read_u32().await.unwrap() as usize];
        self.0.read_exact(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    }

    async fn read_many(&mut self, number: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for _ in 0..number {
            texts.push(self.read().await);
        }
        texts
    }

    /// What is left until the port hangs up.
    async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = self.0.read_to_end(&mut rest).await;
        rest
    }
}

fn frame(number: u32, text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    let length = u32::try_from(text.len() + 4).unwrap();
    [&length.to_be_bytes()[..], &number.to_be_bytes(), text].concat()
}

/// As `submit tasks {…}` sends it.
fn echo(name: &str) -> String {
    format!("tasks {}\n", json!({ "action_id": 1, "properties": { "name": name } }))
}

const WAIT: &str = "tasks {\"action_id\": 2}\n";

fn response(number: u32, kind: u8, message: &str, complete: bool) -> String {
    let body = json!({ "message_type": kind, "message": message, "complete": complete });
    format!("RESPONSE<action {number}>: {body}")
}

fn echoed(number: u32, name: &str) -> [String; 3] {
    [
        format!("Action Submitted<action {number}>"),
        response(number, 0, "one half", false),
        response(number, 0, &format!("hello, {name}"), true),
    ]
}

#[tokio::test]
async fn a_submission_with_a_function_goes_to_the_function_and_its_results_come_back() {
    let port = Port::open().await;
    let mut client = port.client().await;
    let inputs = json!({ "host": "a.example", "severity": { "id": 52, "name": "High" } });
    let body = json!({ "function": { "name": "Look Up" }, "inputs": inputs });
    client.submit(1, format!("tasks {body}\n")).await;
    let said = client.read_many(3).await;
    assert_eq!(said[..2], ["Action Submitted<action 1>".to_owned(), response(1, 0, "looking", false)]);
    let answer: Value = serde_json::from_str(said[2].strip_prefix("RESPONSE<action 1>: ").unwrap()).unwrap();
    assert_eq!(answer["results"], json!({ "host": "a.example", "severity": "High" }));
    assert_eq!((&answer["message_type"], &answer["complete"]), (&json!(0), &json!(true)));
}

#[tokio::test]
async fn a_submission_is_confirmed_and_answered_with_its_news_before_its_last_word() {
    let port = Port::open().await;
    let mut client = port.client().await;
    client.submit(7, echo("Åsa 😀")).await;
    assert_eq!(client.read_many(3).await, echoed(7, "Åsa 😀"));
}

#[tokio::test]
async fn a_frame_may_be_split_at_every_byte() {
    let port = Port::open().await;
    let frame = frame(1, echo("x"));
    for at in 1..frame.len() {
        let mut client = port.client().await;
        client.0.set_nodelay(true).unwrap();
        let (first, second) = frame.split_at(at);
        client.0.write_all(first).await.unwrap();
        client.0.flush().await.unwrap();
        tokio::task::yield_now().await;
        client.0.write_all(second).await.unwrap();
        assert_eq!(client.read_many(3).await, echoed(1, "x"), "split at {at}");
    }
}

#[tokio::test]
async fn more_clients_than_are_served_are_turned_away_in_words() {
    let port = Port::open().await;
    let mut clients = Vec::new();
    for number in 0..64 {
        let mut client = port.client().await;
        client.submit(number, echo("x")).await;
        client.read_many(3).await;
        clients.push(client);
    }
    assert!(port.client().await.read().await.starts_with("Too many clients: 64"));
    drop(clients.pop());
    // As soon as the port has noticed that one has gone.
    loop {
        let mut client = port.client().await.0;
        let mut words = [0; 20];
        // One that is turned away may find the connection reset.
        let submitted = client.write_all(&frame(1, echo("x"))).await;
        let read = client.read_exact(&mut words).await;
        if submitted.is_ok() && read.is_ok() && words[4..] == *b"Action Submitted" {
            break;
        }
    }
}

#[tokio::test]
async fn what_clients_only_announce_takes_no_memory_without_bound() {
    let port = Port::open().await;
    let mut half = Vec::new();
    // Each announces 60 MiB and sends four bytes of them: two find room.
    for _ in 0..2 {
        let mut client = port.client().await;
        client.0.write_all(&[60 << 20_u32, 1].map(u32::to_be_bytes).concat()).await.unwrap();
        half.push(client);
    }
    let refused = async {
        loop {
            let mut client = port.client().await;
            client.0.write_all(&[60 << 20_u32, 1].map(u32::to_be_bytes).concat()).await.unwrap();
            let read = tokio::time::timeout(std::time::Duration::from_millis(200), client.read()).await;
            match read {
                Ok(words) => break words,
                // This one found room before one of the others.
                Err(_waits) => half.push(client),
            }
        }
    };
    let words = refused.await;
    assert!(words.contains("as much as there is room for"), "{words}");
    assert!(half.len() <= 3, "{} clients", half.len());
    let mut client = port.client().await;
    client.submit(7, echo("x")).await;
    assert_eq!(client.read_many(3).await, echoed(7, "x"));
}

#[tokio::test]
async fn several_frames_may_come_at_once() {
    let port = Port::open().await;
    let mut client = port.client().await;
    let frames: Vec<u8> = (1..=20).flat_map(|number| frame(number, echo("x"))).collect();
    client.0.write_all(&frames).await.unwrap();
    let mut texts = client.read_many(60).await;
    let mut expected: Vec<String> = (1..=20).flat_map(|number| echoed(number, "x")).collect();
    texts.sort();
    expected.sort();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn each_client_gets_its_own_replies_though_numbers_are_the_same() {
    let port = Port::open().await;
    let (mut one, mut other) = (port.client().await, port.client().await);
    one.submit(1, echo("one")).await;
    other.submit(1, echo("other")).await;
    assert_eq!(other.read_many(3).await, echoed(1, "other"));
    assert_eq!(one.read_many(3).await, echoed(1, "one"));
}

#[tokio::test]
async fn a_quick_submission_overtakes_a_slow_one() {
    let port = Port::open().await;
    let mut client = port.client().await;
    client.submit(1, WAIT).await;
    assert_eq!(client.read().await, "Action Submitted<action 1>");
    client.submit(2, echo("x")).await;
    assert_eq!(client.read_many(3).await, echoed(2, "x"));
    port.gate.add_permits(1);
    assert_eq!(client.read().await, response(1, 0, "waited", true));
}

#[tokio::test]
async fn a_submission_has_the_headers_that_the_platform_sends() {
    let port = Port::open().await;
    let mut client = port.client().await;
    client.submit(1, r#"tasks {"action_id": 3}"#).await;
    client.read().await;
    let headers = "invid:390 dummy /queue/acks.201.tasks /queue/actions.201.tasks";
    assert_eq!(client.read().await, response(1, 0, headers, true));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_its_number_and_the_next_submission_is_taken() {
    let port = Port::open().await;
    let mut client = port.client().await;
    let bad: [(&[u8], &str); 6] = [
        (b"tasks {\"action_id\": \n", "Bad Message<action 5>! the message's body is not JSON"),
        (b"tasks [1]\n", "Bad Message<action 5>! the message's body is JSON but not an object"),
        (b"tasks \xFF\n", "Bad Message<action 5>! the message's body is not UTF-8 text"),
        (b"{\"action_id\":1}\n", "<action 5>: Submit actions with the format: <queue> <message as JSON>"),
        (b"\n", "<action 5>: Submit actions with the format"),
        (b"", "<action 5>: Submit actions with the format"),
    ];
    for (text, complaint) in bad {
        client.submit(5, text).await;
        let said = client.read().await;
        assert!(said.starts_with(complaint), "{said}");
    }
    client.0.write_all(&[0, 0, 0, 2, 1, 2]).await.unwrap();
    assert!(client.read().await.starts_with("Bad Message! Too short"));
    client.submit(6, echo("x")).await;
    assert_eq!(client.read_many(3).await, echoed(6, "x"));
}

#[tokio::test]
async fn an_unknown_action_or_destination_is_answered_with_an_error() {
    let port = Port::open().await;
    let mut client = port.client().await;
    for (text, why) in [
        ("tasks {\"action_id\": 4}", "echo, headers, wait"),
        ("others {\"action_id\": 1}", "handlers there: none"),
    ] {
        client.submit(1, text).await;
        client.read().await;
        let said = client.read().await;
        assert!(said.starts_with("RESPONSE<action 1>: {\"message_type\":1,") && said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn a_frame_beyond_the_limit_ends_its_connection_and_no_other() {
    let port = Port::open().await;
    let (mut huge, mut other) = (port.client().await, port.client().await);
    huge.0.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    assert!(huge.read().await.contains("at most 100 MiB"));
    assert!(huge.rest().await.is_empty());
    other.submit(1, echo("x")).await;
    assert_eq!(other.read_many(3).await, echoed(1, "x"));
}

#[tokio::test]
async fn a_submission_of_some_megabytes_is_taken() {
    let port = Port::open().await;
    let mut client = port.client().await;
    let name = "x".repeat(5 << 20);
    client.submit(1, echo(&name)).await;
    assert_eq!(client.read_many(3).await, echoed(1, &name));
}

#[tokio::test]
async fn the_work_of_a_client_that_goes_away_is_finished() {
    let port = Port::open().await;
    let mut client = port.client().await;
    client.submit(1, WAIT).await;
    client.read().await;
    port.at_work(1).await;
    drop(client);
    let mut other = port.client().await;
    other.submit(1, echo("x")).await;
    other.read_many(3).await;
    port.at_work(1).await;
    port.gate.add_permits(1);
    port.at_work(0).await;
    assert_eq!(port.gate.available_permits(), 0);
}

#[tokio::test]
async fn a_shutdown_lets_what_is_at_work_finish_and_takes_no_more() {
    let port = Port::open().await;
    let (mut client, idle) = (port.client().await, port.client().await);
    client.submit(1, WAIT).await;
    client.read().await;
    port.at_work(1).await;
    port.shutdown.cancel();
    assert!(idle.rest().await.is_empty());
    client.submit(2, echo("too late")).await;
    port.gate.add_permits(1);
    assert_eq!(client.read().await, response(1, 0, "waited", true));
    assert!(client.rest().await.is_empty());
    port.served.await.unwrap();
    assert!(TcpStream::connect(port.address).await.is_err());
}
