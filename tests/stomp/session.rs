//! One connection's rules.

use std::time::Duration;

use action_processor::stomp::heartbeat::Heartbeat;
use action_processor::stomp::roster::SubscriptionId;
use action_processor::stomp::session::{Fault, Received, Session, SessionError};
use action_processor::stomp::{Command, Frame, Settings, Version};
use tokio::time::Instant;

fn settings() -> Settings {
    Settings { login: Some("key".into()), passcode: Some("s:e\\c".into()), ..Settings::new("broker.example") }
}

fn connected(version: Option<&str>, beats: &str) -> Frame {
    let frame = Frame::new(Command::Connected).with("heart-beat", beats).with("server", "ActiveMQ/5.17.2");
    match version {
        Some(version) => frame.with("version", version),
        None => frame,
    }
}

fn session(version: Option<&str>) -> Session {
    Session::open(&settings(), &connected(version, "0,0")).unwrap()
}

fn id(number: u32) -> SubscriptionId {
    number.to_string().parse().unwrap()
}

fn message() -> Frame {
    Frame::new(Command::Message).with("ack", "a1").with("message-id", "m1").with("subscription", "0")
}

fn fault_of_login(words: &str, body: &'static str) -> Fault {
    let answer = Frame::new(Command::Error).with("message", words).with_body(body);
    match Session::open(&settings(), &answer) {
        Err(SessionError::Broker(error)) => error.fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_greeting_offers_all_versions_and_says_who_we_are() {
    let greeting = Session::greeting(&settings(), "broker.example");
    assert_eq!(greeting.command, Command::Connect);
    let said =
        ["accept-version", "host", "heart-beat", "login", "passcode"].map(|name| greeting.header(name));
    let expected = ["1.0,1.1,1.2", "broker.example", "15000,10000", "key", "s:e\\c"].map(Some);
    assert_eq!(said, expected);
}

#[test]
fn the_brokers_version_is_taken() {
    let chosen = [None, Some("1.0"), Some("1.1"), Some("1.2")].map(|version| session(version).version());
    assert_eq!(chosen, [Version::V1_0, Version::V1_0, Version::V1_1, Version::V1_2]);
    let odd = Session::open(&settings(), &connected(Some("2.0"), "0,0"));
    assert!(matches!(odd, Err(SessionError::Version(version)) if version == "2.0"));
}

#[test]
fn the_larger_interval_holds_and_zero_means_never() {
    let ours = Heartbeat { send: Duration::from_secs(10), receive: Duration::from_secs(15), grace: 2.0 };
    let agreed = |answer| ours.agree(answer).map(|beats| (beats.send, beats.receive));
    let seconds = |number| Some(Duration::from_secs(number));
    assert_eq!(agreed("5000,20000"), Some((seconds(20), seconds(15))));
    assert_eq!(agreed("30000,0"), Some((None, seconds(30))));
    assert_eq!(agreed("0,1000"), Some((seconds(10), None)));
    assert_eq!(agreed("soon"), None);
    let none = Heartbeat { send: Duration::ZERO, receive: Duration::ZERO, grace: 2.0 };
    assert_eq!(none.agree("1,1").map(|beats| (beats.send, beats.receive)), Some((None, None)));
}

#[test]
fn beats_go_out_early_and_grace_is_given() {
    let ours = Heartbeat { send: Duration::from_secs(10), receive: Duration::from_secs(10), grace: 3.0 };
    let beats = ours.agree("10000,10000").unwrap();
    let now = Instant::now();
    assert!(beats.due(now).unwrap() <= now + Duration::from_secs(9));
    assert_eq!(beats.patience(), Some(Duration::from_secs(30)));
}

#[test]
fn a_broker_that_leaves_every_other_beat_out_is_not_taken_for_dead() {
    let ours = Heartbeat::default();
    let beats = ours.agree("10000,10000").unwrap();
    assert!(beats.patience().unwrap() > ours.receive * 2 + Duration::from_secs(5));
}

#[test]
fn a_grace_below_one_or_beyond_reason_does_no_harm() {
    for grace in [0.0, f32::NAN, -1.0] {
        let ours = Heartbeat { grace, ..Heartbeat::default() };
        assert_eq!(ours.agree("10000,0").unwrap().patience(), Some(Duration::from_secs(10)));
    }
    let ours = Heartbeat { grace: f32::MAX, ..Heartbeat::default() };
    assert!(ours.agree("18446744073709551615,18446744073709551615").unwrap().patience().is_some());
}

#[test]
fn a_1_0_broker_has_no_heart_beats() {
    let session = Session::open(&settings(), &connected(None, "1000,1000")).unwrap();
    assert_eq!((session.beats().send, session.beats().receive), (None, None));
}

#[test]
fn each_version_acknowledges_in_its_own_way() {
    let ack = |version| match session(version).receive(message()) {
        Ok(Received::Message(message)) => message.ack.unwrap(),
        other => panic!("{other:?}"),
    };
    let bare = Frame::new(Command::Ack);
    assert_eq!(ack(Some("1.2")), bare.clone().with("id", "a1"));
    assert_eq!(ack(Some("1.1")), bare.clone().with("message-id", "m1").with("subscription", "0"));
    assert_eq!(ack(Some("1.0")), bare.with("message-id", "m1"));
}

#[test]
fn a_message_that_cannot_be_acknowledged_costs_itself_only() {
    let bare = Frame::new(Command::Message).with("subscription", "0").with("ack", "");
    for (version, missing) in [(Some("1.2"), "ack"), (Some("1.1"), "message-id"), (None, "message-id")] {
        match session(version).receive(bare.clone()) {
            Ok(Received::Message(message)) => {
                assert_eq!(message.ack, None);
                assert!(message.fault.unwrap().contains(&format!("no header {missing},")));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_subscribe_names_prefetch_both_ways_and_wants_a_receipt() {
    let mut settings = settings();
    (settings.prefetch, settings.destination_prefix) = (0, Some("/queue/".into()));
    let answer = Frame::new(Command::Connected).with("version", "1.2").with("server", "scripted/1");
    let frame = Session::open(&settings, &answer).unwrap().subscribe(id(3), "actions.201.x", &settings);
    let said =
        ["id", "destination", "ack", "activemq.prefetchSize", "prefetch-count"].map(|n| frame.header(n));
    assert_eq!(said, ["3", "/queue/actions.201.x", "client-individual", "1", "1"].map(Some));
    assert!(frame.header("receipt").is_some());
}

#[test]
fn a_receipt_confirms_the_subscription_that_asked_for_it() {
    let mut session = session(Some("1.2"));
    session.subscribe(id(0), "a", &settings());
    let second = session.subscribe(id(1), "b", &settings());
    let receipt = Frame::new(Command::Receipt).with("receipt-id", second.header("receipt").unwrap());
    assert!(matches!(session.receive(receipt), Ok(Received::Subscribed(which)) if which == id(1)));
}

#[test]
fn a_refusal_is_of_the_subscription_named_by_its_receipt() {
    let mut session = session(Some("1.2"));
    session.subscribe(id(0), "a", &settings());
    let second = session.subscribe(id(1), "b", &settings());
    let words = "User key is not authorized to read from: queue://b";
    let error = Frame::new(Command::Error)
        .with("message", words)
        .with("receipt-id", second.header("receipt").unwrap());
    match session.receive(error) {
        Ok(Received::Refused(which, error)) => assert_eq!((which, error.message.as_str()), (id(1), words)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_without_a_receipt_is_of_the_oldest_request() {
    let mut session = session(Some("1.2"));
    let first = session.subscribe(id(0), "a", &settings());
    for number in 1..20 {
        session.subscribe(id(number), "b", &settings());
    }
    let receipt = Frame::new(Command::Receipt).with("receipt-id", first.header("receipt").unwrap());
    session.receive(receipt).unwrap();
    let error = Frame::new(Command::Error).with("message", "access_refused");
    assert!(matches!(session.receive(error), Ok(Received::Refused(which, _)) if which == id(1)));
}

#[test]
fn another_error_ends_the_session() {
    let mut session = session(Some("1.2"));
    session.subscribe(id(0), "a", &settings());
    let error = Frame::new(Command::Error).with_body("broker is going down\nstack trace");
    match session.receive(error) {
        Err(SessionError::Broker(error)) => {
            assert_eq!((error.fault, error.message.as_str()), (Fault::Transient, "broker is going down"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn wrong_credentials_are_told_from_what_will_pass() {
    assert_eq!(fault_of_login("User name [key] or password is invalid.", ""), Fault::Credentials);
    assert_eq!(fault_of_login("Bad CONNECT", "Access refused for user 'key'"), Fault::Credentials);
    assert_eq!(fault_of_login("whatever", "java.lang.SecurityException: no"), Fault::Credentials);
    let passing = "unable to connect to authentication service";
    assert_eq!(fault_of_login(passing, "java.lang.SecurityException: no"), Fault::Transient);
    assert_eq!(fault_of_login("Virtual host stopped", ""), Fault::Transient);
    assert_eq!(fault_of_login("Bad CONNECT", "Virtual host 'b.example' access denied"), Fault::VirtualHost);
}

#[test]
fn a_frame_out_of_place_is_an_error_in_the_handshake_only() {
    let early = Session::open(&settings(), &message());
    assert!(matches!(early, Err(SessionError::Unexpected(Command::Message))));
    let late = session(Some("1.2")).receive(connected(Some("1.2"), "0,0"));
    assert!(matches!(late, Ok(Received::Useless(why)) if why.contains("CONNECTED")));
}
