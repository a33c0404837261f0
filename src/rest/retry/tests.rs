use super::*;
use http::HeaderValue;
use std::iter;

fn unreachable() -> RestError {
    RestError::Unreachable { method: Method::POST, path: "/x".to_owned(), source: "refused".into() }
}

fn status(code: u16, retry_after: Option<u64>) -> RestError {
    let status = StatusCode::from_u16(code).unwrap();
    RestError::from_answer(Method::POST, "/x", status, retry_after.map(Duration::from_secs), &Bytes::new())
}

#[test]
fn a_wait_beyond_the_longest_is_given_up_at_once() {
    let policy = Retries::default();
    for (asked, repeated) in [(60, true), (61, false), (86_400, false), (u64::MAX, false)] {
        for code in [429, 503] {
            let waits = waits(policy, &Method::GET, || status(code, Some(asked)));
            assert_eq!(!waits.is_empty(), repeated, "{asked}");
            assert!(waits.iter().all(|wait| *wait >= Duration::from_secs(asked)), "{waits:?}");
        }
    }
}

#[test]
fn a_wait_beyond_the_time_left_is_given_up_at_once() {
    let attempts = || {
        let deadline = Instant::now().checked_add(Duration::from_secs(20));
        Attempts::new(Retries::default(), Method::GET).until(deadline)
    };
    let again = || Some(Request::new(Method::GET, "/x"));
    assert!(matches!(attempts().after(status(429, Some(10)), again()), Next::Again(..)));
    assert!(matches!(attempts().after(status(429, Some(30)), again()), Next::Done(Err(_))));
}

#[test]
fn the_first_broken_link_is_tried_anew_at_once() {
    let broken =
        || RestError::Interrupted { method: Method::GET, path: "/x".to_owned(), source: "reset".into() };
    let waits = waits(Retries::default(), &Method::GET, broken);
    assert_eq!(waits[0], Duration::ZERO);
    assert!(waits[1..].iter().all(|wait| *wait >= Duration::from_secs(1)), "{waits:?}");
    assert!(self::waits(Retries::default(), &Method::POST, broken).is_empty());
}

fn asked(text: &str) -> Option<Duration> {
    let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
    retry_after(&headers)
}

/// The waits between the attempts at a call that fails with what `error` says.
fn waits(policy: Retries, method: &Method, error: impl Fn() -> RestError) -> Vec<Duration> {
    let mut attempts = Attempts::new(policy, method.clone());
    iter::from_fn(|| match attempts.after(error(), Some(Request::new(method.clone(), "/x"))) {
        Next::Again(_, wait) => Some(wait),
        Next::Done(_) => None,
    })
    .collect()
}

#[test]
fn each_wait_is_twice_the_last_with_jitter_that_only_shortens() {
    let waits = waits(Retries::default(), &Method::POST, unreachable);
    assert_eq!(waits.len(), 4);
    for (wait, longest) in iter::zip(waits, [2, 4, 8, 16].map(Duration::from_secs)) {
        assert!(wait <= longest && wait >= longest / 2, "{wait:?} of {longest:?}");
    }
}

#[test]
fn no_wait_is_longer_than_the_longest() {
    let policy = Retries { attempts: 2000, backoff: 1e300, ..Retries::default() };
    assert!(waits(policy, &Method::POST, unreachable).iter().all(|wait| *wait <= policy.longest));
}

#[test]
fn what_the_platform_asks_for_is_waited_for() {
    let policy = Retries { attempts: 2, ..Retries::default() };
    let waits = waits(policy, &Method::POST, || status(503, Some(7)));
    assert!(waits[0] >= Duration::from_secs(7) && waits[0] <= Duration::from_millis(7500), "{waits:?}");
}

#[test]
fn one_attempt_means_no_retries() {
    let policy = Retries { attempts: 1, ..Retries::default() };
    assert!(waits(policy, &Method::GET, unreachable).is_empty());
}

#[test]
fn what_may_be_repeated_depends_on_the_method() {
    let policy = Retries { attempts: 2, ..Retries::default() };
    let repeated = |code, retry_after| {
        let methods = [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::POST];
        methods.map(|method| !waits(policy, &method, || status(code, retry_after)).is_empty())
    };
    assert_eq!(repeated(429, None), [true; 5]);
    assert_eq!(repeated(503, Some(1)), [true; 5]);
    assert_eq!(repeated(503, None), [true, true, true, false, false]);
    assert_eq!(repeated(502, Some(1)), [true, true, true, false, false]);
    assert_eq!(repeated(500, None), [true, false, false, false, false]);
    assert_eq!(repeated(409, None), [false; 5]);
    assert_eq!(repeated(404, None), [false; 5]);
}

#[test]
fn a_put_without_a_version_is_not_repeated() {
    let repeated = |body: &str| {
        let mut put = Request::new(Method::PUT, "/x");
        put.body = Body::Json(body.to_owned().into());
        let mut attempts = Attempts::new(Retries::default(), Method::PUT);
        matches!(attempts.after(status(502, None), Some(put)), Next::Again(..))
    };
    assert!(repeated(r#"{"vers":1,"name":"A"}"#) && repeated(r#"{"version":1,"cells":{}}"#));
    assert!(!repeated(r#"{"name":"A"}"#) && !repeated("[]") && !repeated(r#"{"vers":null}"#));
}

#[test]
fn a_body_that_cannot_be_had_again_is_not_sent_again() {
    let mut attempts = Attempts::new(Retries::default(), Method::POST);
    assert!(matches!(attempts.after(unreachable(), None), Next::Done(Err(RestError::Unreachable { .. }))));
}

#[test]
fn an_earlier_attempt_that_may_have_been_carried_out_is_not_forgotten() {
    let policy = Retries { attempts: 2, ..Retries::default() };
    let mut attempts = Attempts::new(policy, Method::PUT);
    let again = || Some(Request::new(Method::PUT, "/x"));
    assert!(matches!(attempts.after(status(504, None), again()), Next::Again(..)));
    let Next::Done(Err(last)) = attempts.after(unreachable(), again()) else { panic!("a third attempt") };
    assert!(last.may_have_been_carried_out());
}

#[test]
fn retry_after_is_seconds_or_a_date_or_nothing_that_can_be_read() {
    assert_eq!(asked("120"), Some(Duration::from_secs(120)));
    assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
    assert!(asked("Fri, 31 Dec 2100 23:59:59 GMT").unwrap() > Duration::from_secs(1_000_000));
    for text in
        ["", "soon", "-1", "1.5", "+1", "1 s", "1e3", "0x10", "Sun, 06 Nov 1994", "2100-01-01T00:00:00Z"]
    {
        assert_eq!(asked(text), None, "{text}");
    }
}

#[test]
fn digits_are_seconds_however_many() {
    for (text, seconds) in [("0", 0), (" 7 ", 7), ("007", 7), ("99999999999999999999999", u64::MAX)] {
        assert_eq!(asked(text), Some(Duration::from_secs(seconds)), "{text}");
    }
}

#[test]
fn all_forms_of_dates_are_measured_by_the_answers_own_clock() {
    let ours = "Sun, 06 Nov 1994 08:49:37 GMT";
    for until in
        ["Sun, 06 Nov 1994 08:50:07 GMT", "Sunday, 06-Nov-94 08:50:07 GMT", "Sun Nov  6 08:50:07 1994"]
    {
        let headers = [(header::RETRY_AFTER, until), (header::DATE, ours)];
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        assert_eq!(retry_after(&HeaderMap::from_iter(headers)), Some(Duration::from_secs(30)), "{until}");
        assert_eq!(asked(until), Some(Duration::ZERO), "{until}: by our clock that is long past");
    }
    let headers = [(header::RETRY_AFTER, ours), (header::DATE, "Sunday, 06-Nov-94 08:50:07 GMT")];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    assert_eq!(retry_after(&HeaderMap::from_iter(headers)), Some(Duration::ZERO));
}
