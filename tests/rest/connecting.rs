//! Logging in and choosing the organization.

use super::{api_key, settings, user};
use action_processor::{
    rest::{Address, ConnectError, Connection, Credentials, Proxy, connect},
    secret::Secret,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use stand_in_platform::{API_KEY_ID, API_KEY_SECRET, EMAIL, Fault, ORG_ID, ORG_NAME, PASSWORD, Platform};
use tokio::net::TcpListener;

async fn several() -> Platform {
    Platform::builder()
        .organizations([
            json!({ "id": 1, "name": "Alpha", "uuid": "uuid-1", "cloud_account": "account-1" }),
            json!({ "id": 2, "name": "Правда", "uuid": "uuid-2", "cloud_account": null }),
            json!({ "id": 3, "name": "Closed", "enabled": false }),
            json!({ "id": 4, "name": "Plain", "actions_framework_enabled": false }),
        ])
        .start()
        .await
}

async fn connected(platform: &Platform, org: Option<&str>) -> Result<i64, ConnectError> {
    let mut settings = settings(platform);
    settings.org = org.map(ToOwned::to_owned);
    connect(settings).await.map(|platform| platform.org_id())
}

#[tokio::test]
async fn an_api_key_is_sent_with_every_call_and_no_cookie() {
    let platform = Platform::start().await;
    let connected = connect(settings(&platform)).await.unwrap();
    assert_eq!((connected.org_id(), connected.org_name()), (ORG_ID, ORG_NAME));
    let requests = platform.requests();
    assert_eq!(
        requests.iter().map(|request| request.line()).collect::<Vec<_>>(),
        ["GET /rest/session".to_owned(), format!("GET /rest/orgs/{ORG_ID}"),]
    );
    for request in requests {
        assert!(request.header("authorization").unwrap().starts_with("Basic "));
        assert!(request.header("cookie").is_none() && request.header("x-sess-id").is_none());
    }
}

#[tokio::test]
async fn a_user_logs_in_once_and_then_shows_cookie_and_token() {
    let platform = Platform::start().await;
    let mut settings = settings(&platform);
    settings.credentials = user();
    connect(settings).await.unwrap();
    let requests = platform.requests();
    assert_eq!(requests[0].line(), "POST /rest/session");
    assert_eq!(requests[0].json()["email"], EMAIL);
    assert_eq!(requests[1].header("cookie"), Some("JSESSIONID=session-1"));
    assert_eq!(requests[1].header("x-sess-id"), Some("csrf-1"));
    assert!(requests[1].header("authorization").is_none());
}

#[tokio::test]
async fn the_organization_goes_by_name_uuid_or_cloud_account() {
    let platform = several().await;
    assert_eq!(connected(&platform, Some("Правда")).await.unwrap(), 2);
    assert_eq!(connected(&platform, Some("uuid-2")).await.unwrap(), 2);
    assert_eq!(connected(&platform, Some("account-1")).await.unwrap(), 1);
}

#[tokio::test]
async fn several_organizations_and_none_named_is_an_error_that_lists_them() {
    let error = connected(&several().await, None).await.unwrap_err();
    assert!(error.to_string().ends_with("which one: Alpha, Правда, Closed, Plain"), "{error}");
    assert_eq!(error.exit_code(), 24);
}

#[tokio::test]
async fn an_organization_that_the_account_is_no_member_of_is_an_error_that_lists_them() {
    let error = connected(&several().await, Some("Beta")).await.unwrap_err();
    assert!(error.to_string().contains("\"Beta\"") && error.to_string().contains("Alpha, Правда"), "{error}");
    assert_eq!(error.exit_code(), 24);
}

#[tokio::test]
async fn an_organization_that_is_closed_to_the_account_is_told_so() {
    let error = connected(&several().await, Some("Closed")).await.unwrap_err();
    assert!(matches!(error, ConnectError::Disabled { name } if name == "Closed"));
}

#[tokio::test]
async fn an_organization_without_the_action_module_is_told_so() {
    let error = connected(&several().await, Some("Plain")).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoActionModule { name } if name == "Plain"));
}

#[tokio::test]
async fn an_account_without_any_organization_is_told_so() {
    let platform = Platform::builder().organizations(Vec::<Value>::new()).start().await;
    assert!(matches!(connected(&platform, None).await, Err(ConnectError::NoOrganization)));
}

#[tokio::test]
async fn a_wrong_api_key_is_unauthorized() {
    let platform = Platform::start().await;
    let mut settings = settings(&platform);
    settings.credentials =
        Credentials::ApiKey { id: API_KEY_ID.to_owned(), secret: Secret::from("not-this") };
    let error = connect(settings).await.unwrap_err();
    assert_eq!(error.exit_code(), 21);
    assert!(!error.is_transient() && !format!("{error:?}{error}").contains("not-this"));
    assert_eq!(platform.requests().len(), 1);
}

#[tokio::test]
async fn a_wrong_password_is_told_as_one() {
    let platform = Platform::start().await;
    let mut settings = settings(&platform);
    settings.credentials = Credentials::User { email: EMAIL.to_owned(), password: Secret::from("not-this") };
    let error = connect(settings).await.unwrap_err();
    assert_eq!(error.exit_code(), 25);
    assert!(error.to_string().contains(EMAIL) && !format!("{error:?}{error}").contains("not-this"));
}

#[tokio::test]
async fn a_platform_that_is_not_there_is_unreachable_for_now() {
    let platform = Platform::start().await;
    let mut settings = settings(&platform);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    settings.address.port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = connect(settings).await.unwrap_err();
    assert_eq!((error.exit_code(), error.is_transient()), (20, true));
    let told = error.to_string();
    assert!(
        told.ends_with("cannot be reached (see host, port and proxy_host in app.config): Connection refused (os error 111)"),
        "{told}"
    );
}

#[tokio::test]
async fn a_platform_that_is_busy_may_be_asked_again() {
    let platform = Platform::start().await;
    platform.fault(Fault::status(503));
    assert!(connect(settings(&platform)).await.unwrap_err().is_transient());
    connect(settings(&platform)).await.unwrap();
}

#[tokio::test]
async fn each_step_can_be_taken_by_itself() {
    let platform = several().await;
    let logged_in = Connection::new(settings(&platform)).unwrap().log_in().await.unwrap();
    assert_eq!(logged_in.organizations().len(), 4);
    assert!(matches!(logged_in.organization(), Err(ConnectError::WhichOrganization { .. })));
    assert_eq!(platform.requests().len(), 1);
}

#[tokio::test]
async fn http_without_tls_is_refused_for_any_other_machine() {
    let platform = Platform::start().await;
    for host in ["soar.example.com", "192.0.2.1", "localhost.example.com", "127.0.0.1.example.com"] {
        let mut settings = settings(&platform);
        settings.credentials = api_key();
        settings.address.host = host.to_owned();
        let error = Connection::new(settings).unwrap_err();
        assert!(error.to_string().contains("only an address of this machine"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_takes_the_connection_and_says_nothing_is_unreachable() {
    let platform = Platform::start().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings(&platform);
    settings.address.port = silent.local_addr().unwrap().port();
    settings.address.plain_on_loopback = false;
    settings.timeouts.connect = std::time::Duration::from_millis(200);
    let error = connect(settings).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn nothing_that_is_printed_holds_a_secret() {
    let platform = Platform::start().await;
    for credentials in [api_key(), user()] {
        let mut settings = settings(&platform);
        settings.credentials = credentials;
        let user = Some(("me".to_owned(), Secret::from("proxy-secret")));
        settings.proxy = Some(Proxy::new("127.0.0.1", platform.port(), user).unwrap());
        let mut printed = format!("{settings:?}");
        let connection = Connection::new(settings).unwrap();
        printed += &format!("{connection:?}");
        let logged_in = connection.log_in().await.unwrap();
        printed += &format!("{logged_in:?}{:?}", logged_in.organization());
        printed += &format!("{:?}", logged_in.open().await.unwrap());
        let encoded = BASE64_STANDARD.encode(format!("{API_KEY_ID}:{API_KEY_SECRET}"));
        let proxy = BASE64_STANDARD.encode("me:proxy-secret");
        for secret in [API_KEY_SECRET, PASSWORD, "proxy-secret", "session-1", "csrf-1", &encoded, &proxy] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }
}

#[test]
fn an_address_may_be_an_ipv6_one() {
    let mut address = Address::new("2001:db8::1");
    address.prefix = "/soar/".to_owned();
    assert_eq!(address.base().unwrap().as_str(), "https://[2001:db8::1]/soar/rest");
}
