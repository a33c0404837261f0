use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986, section 2.3: what needs no escape.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `text` as one segment of a path: `rest.get(&format!("/functions/{}", segment(name)))`.
#[must_use]
pub fn segment(text: &str) -> String {
    match text {
        // A server may take these for steps in the tree, escaped or not; nothing on the platform is called so.
        "." | ".." => String::new(),
        text => utf8_percent_encode(text, ESCAPED).to_string(),
    }
}

/// `path` with a query, escaped.
///
/// ```
/// use action_component::rest::with_query;
///
/// let path = with_query("/incidents/7/tasks", [("handle_format", "names"), ("q", "a & b")]);
/// assert_eq!(path, "/incidents/7/tasks?handle_format=names&q=a%20%26%20b");
/// ```
#[must_use]
pub fn with_query<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut whole = path.to_owned();
    for (name, value) in query {
        whole.push(if whole.contains('?') { '&' } else { '?' });
        whole.extend(utf8_percent_encode(name, ESCAPED));
        whole.push('=');
        whole.extend(utf8_percent_encode(value, ESCAPED));
    }
    whole
}
