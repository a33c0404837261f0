//! The exit codes: those of the vendor's self-test, so that scripts written for it go on working.

/// Something that none of the others names.
pub(super) const FAILED: u8 = 1;
/// A component that was asked for is not part of this program.
pub(super) const NOT_FOUND: u8 = 2;
pub(super) const REST_UNREACHABLE: u8 = 20;
pub(super) const CA_FILE: u8 = 22;
pub(super) const CERTIFICATE: u8 = 23;
pub(super) const STOMP_UNREACHABLE: u8 = 30;
pub(super) const STOMP_UNAUTHORIZED: u8 = 31;
pub(super) const QUEUE_REFUSED: u8 = 32;
pub(super) const QUEUE_SILENT: u8 = 33;
/// As every other command says it.
pub(super) const USAGE: u8 = crate::cli::USAGE;

/// Whether the credentials are what was refused.
pub(super) fn is_unauthorized(code: u8) -> bool {
    matches!(code, 21 | 25 | STOMP_UNAUTHORIZED)
}

/// All of them. 21, 24 and 25 come from `rest::ConnectError::exit_code`.
const MEANINGS: [(u8, &str); 14] = [
    (0, "all is well"),
    (
        FAILED,
        "something else failed, such as a directory or a store of secrets that cannot be used; the line says what",
    ),
    (NOT_FOUND, "what -l names is no component of this program; all else is well"),
    (
        REST_UNREACHABLE,
        "the platform is unreachable or busy: name look-up, TCP, proxy, TLS, no answer in time, 503 and the like",
    ),
    (21, "the platform refuses the API key"),
    (CA_FILE, "the file that cafile or stomp_cafile names is missing or cannot be used"),
    (CERTIFICATE, "the certificate of the platform or of the broker is refused"),
    (24, "not a member of the organization, or not clear which one"),
    (25, "the platform refuses the e-mail address or the password"),
    (STOMP_UNREACHABLE, "the broker is unreachable: name look-up, TCP, proxy, TLS, or no answer in time"),
    (STOMP_UNAUTHORIZED, "the broker refuses the credentials"),
    (QUEUE_REFUSED, "the broker refuses a queue"),
    (QUEUE_SILENT, "the broker does not confirm a queue in time"),
    (USAGE, "app.config, or what was set in its place, has mistakes"),
];

/// What `processor check --help` says below its options.
pub(super) fn help() -> String {
    let codes = MEANINGS.map(|(code, meaning)| format!("  {code:>2}  {meaning}\n")).concat();
    format!(
        "With --connect each queue is subscribed to for a moment. While that lasts the broker may hand the check one \
         message of each queue, which a running processor then does not get. It is not acknowledged, and the broker \
         hands it out again as soon as the check has said goodbye: nothing is lost, and nothing is carried out.\n\n\
         Exit codes (the first failure decides):\n{codes}"
    )
}
