use super::{Content, RestError};
use mime_guess::Mime;
use serde::Serialize;

/// What is neither said nor known.
const UNKNOWN: &str = "application/octet-stream";

/// One part of a `multipart/form-data` body.
#[derive(Debug)]
pub struct Part {
    /// The form field that it fills: `file`, `artifact`.
    pub name: String,
    /// The file's name, if it is one.
    pub file_name: Option<String>,
    /// Its MIME type. What is none is sent as `application/octet-stream`.
    pub content_type: String,
    /// How many bytes it has, where that is known beforehand.
    pub length: Option<u64>,
    /// The bytes.
    pub content: Content,
}

// === impl Part ===

impl Part {
    /// A field of the form that holds a text.
    #[must_use]
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::field(name.into(), "text/plain; charset=utf-8", text.into().into_bytes())
    }

    /// A field of the form that holds JSON.
    ///
    /// # Errors
    /// The value has no JSON form.
    pub fn json(name: impl Into<String>, value: &(impl Serialize + ?Sized)) -> Result<Self, RestError> {
        crate::finite::check(value).map_err(RestError::Unwritable)?;
        let text = serde_json::to_vec(value).map_err(RestError::Unwritable)?;
        Ok(Self::field(name.into(), "application/json", text))
    }

    fn field(name: String, content_type: &str, bytes: Vec<u8>) -> Self {
        let length = u64::try_from(bytes.len()).ok();
        Self { name, file_name: None, content_type: content_type.to_owned(), length, content: bytes.into() }
    }

    pub(super) fn again(&self) -> Option<Self> {
        Some(Self {
            name: self.name.clone(),
            file_name: self.file_name.clone(),
            content_type: self.content_type.clone(),
            length: self.length,
            content: self.content.again()?,
        })
    }
}

/// `text` if it is a MIME type; what mails and web pages say in its place (nothing, `unknown`, a name with blanks) counts as
/// `application/octet-stream`.
#[must_use]
pub fn mime_type(text: &str) -> &str {
    let text = text.trim();
    let is_header = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control());
    let is_one = |part: &str| !part.is_empty() && part != "*";
    let is_type = text
        .parse::<Mime>()
        .is_ok_and(|mime| is_one(mime.type_().as_str()) && is_one(mime.subtype().as_str()));
    if is_header && is_type { text } else { UNKNOWN }
}

/// The MIME type that a file of this name has.
pub(super) fn guessed(name: &str) -> &'static str {
    // Only what is behind the last separator of either kind is a name.
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    mime_guess::from_path(name).first_raw().unwrap_or(UNKNOWN)
}
