//! The broker's layers, and all that is well.

use serde_json::Value;
use stand_in_platform::EMAIL;

use super::scripted::Scripted;
use super::{PATIENCE, Served, check, connect, silent_port, unused_port, with_key};
use crate::support::broker::{ACCOUNT, API_KEY, Broker, Credentials, LIMITED_KEY, Make, READER};
use crate::support::certificates::{Authority, Request};
use crate::support::platform_queue::{Message, PlatformQueue};
use crate::support::proxies::TestProxy;
use crate::support::statistics::Statistics;
use crate::support::tls_server::TlsServer;

#[tokio::test]
async fn all_is_well_and_every_layer_says_what_it_saw() {
    let (served, broker) = (Served::start().await, Broker::shared().await);
    let config = served.config(broker, "check_well").set("resilient", "noload", "set_last_updated");
    let config = config.set("add_task", "destination", "check_well_too");
    let checked = connect(&config).await;
    checked.assert_ok();
    for (step, words) in [
        ("dns", "127.0.0.1"),
        ("tls", "certificate CN=localhost for localhost, valid until 2120-01-01"),
        ("login", API_KEY.login),
        ("login", "STOMP 1.2, ActiveMQ/5"),
        ("login", "heart-beats: ours every 15 s, the broker's every 10 s"),
        ("organization", "Test Organization (id 201)"),
        ("action module", "enabled"),
        ("replies", "/queue/acks.201.check_well may be written to"),
        ("queue", "actions.201.check_well subscribed"),
        ("queue", "actions.201.check_well_too subscribed"),
    ] {
        let lines = checked.lines(step, "ok");
        assert!(lines.iter().any(|line| line.contains(words)), "{step}: {words}\n{}", checked.text);
    }
}

#[tokio::test]
async fn a_user_may_check_too_and_machines_may_read_it() {
    let (served, broker) = (Served::start().await, Broker::shared().await);
    served.platform.change_password(EMAIL, ACCOUNT.passcode);
    let config = served.config(broker, "check_user");
    let config = config.set("resilient", "api_key_id", "").set("resilient", "api_key_secret", "");
    let config = config.set("resilient", "email", EMAIL).set("resilient", "password", ACCOUNT.passcode);
    let checked = check(&config, &["--connect", "--json"]).await;
    checked.assert_ok();
    let report: Value = serde_json::from_str(&checked.text).unwrap();
    let last = report["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["part"], &last["step"], &last["outcome"]),
        (&"STOMP".into(), &"queue".into(), &"ok".into())
    );
    assert!(!checked.text.contains(ACCOUNT.passcode), "{}", checked.text);
}

#[tokio::test]
async fn messages_stay_on_the_queue_and_nobody_stays_subscribed() {
    let (served, broker) = (Served::start().await, Broker::shared().await);
    let queue = PlatformQueue::open(broker, "check_messages").await;
    queue.post_all((0..3).map(|_| Message::new("{}"))).await;
    connect(&served.config(broker, "check_messages")).await.assert_ok();
    let untouched = |after: &Statistics| (after.pending, after.delivered, after.consumers) == (3, 0, 0);
    queue.until_statistics(PATIENCE, untouched).await;
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_unreachable() {
    let (served, port) = (Served::start().await, unused_port().await);
    let config = served.without_broker().await.set("resilient", "stomp_port", &port.to_string());
    connect(&config).await.assert_failed(30, "tcp", &["refused", "check host and port"]);
}

#[tokio::test]
async fn each_of_several_brokers_is_tried_and_one_that_is_away_is_a_warning() {
    let (served, broker) = (Served::start().await, Broker::shared().await);
    let hosts = format!("localhost:{}, localhost:{}", unused_port().await, broker.port());
    let checked =
        connect(&served.config(broker, "check_several").set("resilient", "stomp_host", &hosts)).await;
    checked.assert_ok();
    assert_eq!(checked.lines("tcp", "warning").len(), 1, "{}", checked.text);
    assert_eq!(checked.lines("queue", "ok").len(), 1, "{}", checked.text);
    let hosts = format!("localhost:{}, localhost:{}", unused_port().await, unused_port().await);
    let checked =
        connect(&served.config(broker, "check_several").set("resilient", "stomp_host", &hosts)).await;
    checked.assert_failed(30, "brokers", &["not one"]);
}

#[tokio::test]
async fn a_broker_that_says_nothing_does_not_hold_the_check_up() {
    let (served, (_listener, port)) = (Served::start().await, silent_port().await);
    let config = served.without_broker().await.set("resilient", "stomp_port", &port.to_string());
    let checked = connect(&config.set("resilient", "selftest_timeout", "3")).await;
    checked.assert_failed(30, "tls", &["no answer within 3 s"]);
}

#[tokio::test]
async fn a_broker_that_does_not_answer_the_login_does_not_hold_the_check_up() {
    let served = Served::start().await;
    let broker = Scripted::start(|connection, _| connection.ignore_all()).await;
    let config = broker.config(&served).await.set("resilient", "selftest_timeout", "3");
    connect(&config).await.assert_failed(30, "login", &["no answer within 3 s", "stomp_port"]);
}

#[tokio::test]
async fn a_certificate_of_the_broker_for_another_name_is_refused_before_anything_is_sent() {
    let served = Served::start().await;
    let authority = Authority::new("CA of the broker");
    let wrong = authority.issue(&Request::server(["other.example.com"]));
    let mut server = TlsServer::start(wrong.server_config()).await;
    let cafile = authority.file();
    let config = served.without_broker().await.set("resilient", "stomp_port", &server.port().to_string());
    let config = config.set("resilient", "stomp_cafile", &cafile.path().display().to_string());
    let words = ["STOMP", "not for `localhost` but for other.example.com", "What to do"];
    connect(&config).await.assert_failed(23, "tls", &words);
    assert!(server.connection().await.received.is_empty());
}

#[tokio::test]
async fn credentials_that_the_broker_refuses_are_told_without_the_secret() {
    let stranger = Credentials { login: "a-key-unknown-to-the-broker", passcode: "with-a-secret-of-its-own" };
    let builder = stand_in_platform::Platform::builder().api_key(stranger.login, stranger.passcode);
    let (served, broker) = (Served::with(builder).await, Broker::shared().await);
    let checked = connect(&with_key(served.config(broker, "check_stranger"), stranger)).await;
    checked.assert_failed(31, "login", &["the broker refused the credentials", "check the API key"]);
    assert!(!checked.text.contains(stranger.passcode), "{}", checked.text);
}

#[tokio::test]
async fn credentials_that_the_platform_refuses_are_not_shown_to_the_broker() {
    let served = Served::start().await;
    let authority = Authority::new("CA of the broker");
    let mut server = TlsServer::start(authority.issue(&Request::server(["localhost"])).server_config()).await;
    let cafile = authority.file();
    let config = served.without_broker().await.set("resilient", "stomp_port", &server.port().to_string());
    let config = config.set("resilient", "stomp_cafile", &cafile.path().display().to_string());
    let checked = connect(&config.set("resilient", "api_key_secret", "not-this-one")).await;
    checked.assert_failed(21, "login", &["api_key_secret"]);
    assert_eq!(checked.lines("login", "skipped").len(), 1, "{}", checked.text);
    let connection = server.connection().await;
    assert!(connection.handshake && connection.received.is_empty(), "{connection:?}");
}

#[tokio::test]
async fn a_refused_queue_is_named_and_the_others_are_tried() {
    let (served, broker) = (Served::start().await, Broker::shared().await);
    let config = served.config(broker, "granted").set("resilient", "noload", "");
    let config = config.set("add_task", "destination", "check_one").set(
        "set_last_updated",
        "destination",
        "check_two",
    );
    let checked = connect(&with_key(config, LIMITED_KEY)).await;
    let words = ["actions.201.check_one", "actions.201.check_two", "not authorized", "among its users"];
    checked.assert_failed(32, "queue", &words);
    assert!(checked.lines("queue", "ok")[0].contains("actions.201.granted"), "{}", checked.text);
}

#[tokio::test]
async fn a_broker_that_hangs_up_over_a_refused_queue_is_asked_again_for_the_others() {
    let served = Served::start().await;
    let broker = Scripted::start(|mut connection, number| async move {
        connection.connected().await;
        if number > 0 {
            return connection.confirm_all().await;
        }
        let receipt = connection.receipt().await.unwrap();
        connection.say(&format!("ERROR\nmessage:not authorized to read\nreceipt-id:{receipt}")).await;
    })
    .await;
    let checked = connect(&broker.config(&served).await).await;
    checked.assert_failed(32, "queue", &["not authorized to read"]);
    assert_eq!(checked.lines("queue", "ok").len(), 2, "{}", checked.text);
}

#[tokio::test]
async fn a_broker_that_hangs_up_without_a_word_is_told_as_the_reason() {
    let served = Served::start().await;
    let broker = Scripted::start(|mut connection, _| async move {
        connection.connected().await;
        connection.frame().await;
    })
    .await;
    let config = broker.config(&served).await;
    connect(&config).await.assert_failed(30, "queue", &["the connection fell meanwhile"]);
}

#[tokio::test]
async fn queues_that_are_not_confirmed_in_time_are_named() {
    let served = Served::start().await;
    let broker = Scripted::start(|mut connection, _| async move {
        connection.connected().await;
        connection.ignore_all().await;
    })
    .await;
    let config = broker.config(&served).await.set("resilient", "selftest_timeout", "3");
    let checked = connect(&config).await;
    checked.assert_failed(
        33,
        "queue",
        &["actions.201.add_task", "actions.201.hello", "no answer within 3 s"],
    );
}

#[tokio::test]
async fn a_proxy_on_the_way_to_the_broker_is_a_layer_of_its_own() {
    let (served, broker) = (Served::start().await, Broker::shared().await);
    let proxy = TestProxy::http("", "").await;
    let url = format!("http://user:password-of-the-proxy@{}", proxy.address);
    let checked = connect(&served.config(broker, "check_proxy").set("resilient", "stomp_proxy", &url)).await;
    checked.assert_ok();
    let shown = format!("http://{}", proxy.address);
    assert!(checked.lines("proxy", "ok")[0].contains(&shown), "{}", checked.text);
    assert!(!checked.text.contains("password-of-the-proxy"), "{}", checked.text);
}

#[tokio::test]
async fn an_account_that_may_write_nowhere_is_told_so() {
    let builder = stand_in_platform::Platform::builder().api_key(READER.login, READER.passcode);
    let (served, broker) = (Served::with(builder).await, Broker::shared_of(Make::RabbitMq).await);
    let config = served.config(broker, "check_reader").set("resilient", "stomp_broker", "rabbitmq");
    let checked = connect(&with_key(config.clone(), READER)).await;
    checked.assert_failed(32, "replies", &["amq.default", "let the account write there"]);
    assert_eq!(checked.lines("queue", "ok").len(), 1, "{}", checked.text);
    let checked = connect(&config).await;
    checked.assert_ok();
    assert!(checked.lines("replies", "ok")[0].contains("consumer_timeout"), "{}", checked.text);
}

#[tokio::test]
async fn a_wrong_virtual_host_is_not_answered_with_the_advice_to_set_it() {
    let (served, broker) = (Served::start().await, Broker::shared_of(Make::RabbitMq).await);
    let config = served.config(broker, "check_virtual_host");
    let checked = connect(&config.clone().set("resilient", "stomp_virtual_host", "nowhere")).await;
    checked.assert_failed(31, "login", &["that stomp_virtual_host names", "correct the name"]);
    // Where it is not set, that is the advice.
    connect(&config).await.assert_failed(
        31,
        "login",
        &["set stomp_broker = rabbitmq, or stomp_virtual_host"],
    );
}
