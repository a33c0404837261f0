//! Errors in words.

use std::error::Error;

/// An error with its causes on one line: those of HTTP and TLS libraries say nothing by themselves. A cause that the
/// text holds already is not repeated.
///
/// ```
/// use action_component::with_causes;
///
/// let error: Box<dyn std::error::Error> = "no port".parse::<u16>().unwrap_err().into();
/// assert_eq!(with_causes(error.as_ref()), "invalid digit found in string");
/// ```
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let because = error.to_string();
        // The TLS library puts these words before what a verifier of one's own says.
        let because = because.strip_prefix("other error: ").unwrap_or(&because);
        if !text.contains(because) {
            text = format!("{text}: {because}");
        }
        cause = error.source();
    }
    text
}
