//! The ways of each make of broker.

use action_processor::stomp::session::Session;
use action_processor::stomp::{Command, Frame, Headers, Make, Settings, Settlement};

fn settings(make: Option<Make>) -> Settings {
    Settings { make, prefetch: 25, ..Settings::new("broker.example") }
}

fn session(settings: &Settings, server: &str) -> Session {
    let answer = Frame::new(Command::Connected).with("version", "1.2").with("server", server);
    Session::open(settings, &answer).unwrap()
}

fn subscribe(settings: &Settings, server: &str) -> Frame {
    session(settings, server).subscribe("0".parse().unwrap(), "actions.201.x", settings)
}

/// The headers in which makes differ, those that are there.
fn differing(frame: &Frame) -> Vec<(&'static str, String)> {
    let names = ["destination", "activemq.prefetchSize", "consumer-window-size", "prefetch-count"];
    names.into_iter().filter_map(|name| Some((name, frame.header(name)?.to_owned()))).collect()
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().fold(Frame::new(Command::Message), |frame, (name, value)| frame.with(*name, *value)).headers
}

#[test]
fn the_make_is_found_from_what_the_broker_calls_itself() {
    let named = |server| Make::named(Some(server));
    assert_eq!(named("ActiveMQ/5.17.2"), Make::ActiveMq);
    assert_eq!(named("ActiveMQ-Artemis/2.31.2 ActiveMQ Artemis Messaging Engine"), Make::Artemis);
    assert_eq!(named("RabbitMQ/3.10.8"), Make::RabbitMq);
    assert_eq!([named("apache-apollo/1.7"), Make::named(None)], [Make::Other, Make::Other]);
}

#[test]
fn the_make_that_was_set_counts_whatever_the_broker_calls_itself() {
    let profile = session(&settings(Some(Make::RabbitMq)), "ActiveMQ/5.17.2").profile().clone();
    assert_eq!(profile.make(), Make::RabbitMq);
}

#[test]
fn each_make_is_asked_for_a_prefetch_in_its_own_words() {
    let name = |name: &'static str, value: &str| (name, value.to_owned());
    let asked = |server| differing(&subscribe(&settings(None), server));
    let bare = name("destination", "actions.201.x");
    assert_eq!(asked("ActiveMQ/5.17.2"), [bare.clone(), name("activemq.prefetchSize", "25")]);
    assert_eq!(asked("ActiveMQ-Artemis/2"), [bare.clone(), name("consumer-window-size", "409600")]);
    let rabbit = [name("destination", "/queue/actions.201.x"), name("prefetch-count", "25")];
    assert_eq!(asked("RabbitMQ/3.10.8"), rabbit);
    assert_eq!(
        asked("unheard of"),
        [bare, name("activemq.prefetchSize", "25"), name("prefetch-count", "25")]
    );
}

#[test]
fn a_prefetch_of_one_is_one_message_at_a_time_for_artemis_too() {
    let one = Settings { prefetch: 1, ..settings(None) };
    assert_eq!(subscribe(&one, "ActiveMQ-Artemis/2").header("consumer-window-size"), Some("0"));
}

#[test]
fn a_prefix_that_was_set_counts_for_every_make_and_leaves_full_names_alone() {
    let settings = Settings { destination_prefix: Some("/amq/queue/".into()), ..settings(None) };
    let profile = session(&settings, "RabbitMQ/3.10.8").profile().clone();
    assert_eq!(profile.on_the_wire("acks.201.x"), "/amq/queue/acks.201.x");
    assert_eq!(profile.on_the_wire("/queue/acks.201.x"), "/queue/acks.201.x");
}

#[test]
fn only_rabbitmq_is_not_trusted_with_transactions() {
    let way = |server| session(&settings(None), server).profile().settlement();
    assert_eq!(["ActiveMQ/5", "ActiveMQ-Artemis/2", "else"].map(way), [Settlement::Transaction; 3]);
    assert_eq!(way("RabbitMQ/3.10.8"), Settlement::Receipts);
}

#[test]
fn the_virtual_host_is_the_one_that_was_set_or_as_the_make_wants_it() {
    let host =
        |settings: &Settings| Session::greeting(settings, "b.example").header("host").unwrap().to_owned();
    assert_eq!(host(&settings(None)), "b.example");
    assert_eq!(host(&settings(Some(Make::RabbitMq))), "/");
    assert_eq!(
        host(&Settings { virtual_host: Some("soar".into()), ..settings(Some(Make::RabbitMq)) }),
        "soar"
    );
}

fn identity(server: &str, pairs: &[(&str, &str)], body: &[u8]) -> Option<String> {
    session(&settings(None), server).profile().identity(&headers(pairs), body)
}

#[test]
fn a_message_is_known_again_by_what_stays_the_same_for_this_make() {
    let identity = |server: &str, pairs: &[(&str, &str)]| identity(server, pairs, b"{}");
    assert_eq!(identity("ActiveMQ/5", &[("message-id", "ID:1")]).as_deref(), Some("ID:1"));
    let sent = [("correlation-id", "invid:1"), ("timestamp", "17"), ("Co3ContextToken", "secret")];
    let delivered = |delivery| [&[("message-id", delivery)], &sent[..]].concat();
    let first = identity("RabbitMQ/3", &delivered("T_0@@session-a@@1")).unwrap();
    assert_eq!(Some(&first), identity("RabbitMQ/3", &delivered("T_0@@session-b@@7")).as_ref());
    assert!(first.starts_with("invid:1 17 ") && !first.contains("secret"), "{first}");
    let other = [&[("message-id", "T")], &sent[..2], &[("Co3ContextToken", "another")]].concat();
    assert_ne!(Some(first), identity("RabbitMQ/3", &other));
    let named = [&delivered("T")[..], &[("amqp-message-id", "amqp-1")]].concat();
    assert_eq!(identity("RabbitMQ/3", &named).as_deref(), Some("amqp-1"));
    assert_eq!(identity("RabbitMQ/3", &[("message-id", "T_0@@session-a@@1")]), None);
}

#[test]
fn an_identity_that_two_messages_may_share_is_none() {
    let invocation = [("correlation-id", "invid:1"), ("Co3ContextToken", "token")];
    assert_eq!(identity("RabbitMQ/3", &invocation, b"{}"), None, "without a time");
    let counted = [&invocation[..], &[("amqp-message-id", "7")]].concat();
    assert_eq!(identity("RabbitMQ/3", &counted, b"{}"), None, "a publisher's counter");
    for server in ["ActiveMQ/5", "ActiveMQ-Artemis/2", "RabbitMQ/3", "unheard of"] {
        for empty in ["", "  "] {
            assert_eq!(identity(server, &[("message-id", empty), ("amqp-message-id", empty)], b"{}"), None);
        }
    }
    assert_eq!(identity("unheard of", &[("message-id", "17")], b"{}"), None, "a connection's counter");
    assert!(identity("unheard of", &[("message-id", "ID:h-1:17")], b"{}").is_some());
}

#[test]
fn two_messages_of_one_invocation_and_second_are_two() {
    let sent = [("correlation-id", "invid:1"), ("timestamp", "1700000000"), ("Co3ContextToken", "token")];
    let [one, other] =
        [b"{\"action_id\":1}", b"{\"action_id\":2}"].map(|body| identity("RabbitMQ/3", &sent, body));
    assert!(one.is_some() && one != other, "{one:?}");
}
