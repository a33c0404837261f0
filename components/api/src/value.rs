//! Selects, text areas and dates, in whichever of their forms the platform sends them.
//!
//! The functions look at a value of any JSON that was read; [`Handle`] and [`TextArea`] are for types of one's own and
//! for what is written:
//!
//! ```
//! use action_component::value::{self, TextArea};
//! use serde_json::json;
//!
//! let incident = json!({
//!     "severity_code": { "id": 6, "name": "High" },
//!     "description": { "format": "html", "content": "<b>Look!</b>" },
//!     "discovered_date": 1524236957000_i64,
//! });
//! assert_eq!(value::name(&incident["severity_code"]), Some("High"));
//! assert_eq!(value::text(&incident["description"]), Some("<b>Look!</b>"));
//! assert_eq!(value::date(&incident["discovered_date"]).unwrap().to_string(), "2018-04-20T15:09:17Z");
//!
//! let change = json!({ "description": TextArea::text("1 < 2"), "severity_code": "Low" });
//! assert_eq!(change["description"], json!({ "format": "text", "content": "1 < 2" }));
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What refers to something else: a select's value, a user, a phase. It comes as an id, a name, or both (guide,
/// chapter 6, "Object handles"), and the platform takes it as any of these.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number, a text, or an object with `id` and `name`")]
pub enum Handle {
    /// `6`
    Id(i64),
    /// `"High"`
    Name(String),
    /// `{"id": 6, "name": "High"}`
    Both {
        /// The id.
        id: i64,
        /// The name.
        #[serde(default)]
        name: Option<String>,
    },
}

/// Text of several lines: as plain text, as HTML, or unsaid.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "TextForm", into = "TextForm")]
pub struct TextArea {
    /// What the content is; unsaid where it came as a bare text.
    pub format: Option<TextFormat>,
    /// The text itself.
    pub content: String,
}

/// What the content of a [`TextArea`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextFormat {
    /// Plain text: `<` is just that.
    Text,
    /// HTML, of which the platform knows a part.
    Html,
}

/// The forms of a text area on the wire.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a text, or an object with `format` and `content`")]
enum TextForm {
    Bare(String),
    Whole {
        #[serde(alias = "type")]
        format: Option<TextFormat>,
        #[serde(default)]
        content: Option<String>,
    },
}

/// The id in `6` or `{"id": 6, …}`.
#[must_use]
pub fn id(value: &Value) -> Option<i64> {
    value.get("id").unwrap_or(value).as_i64()
}

/// The name in `"High"` or `{"name": "High", …}`. An id's name is a matter of [`Fields`](crate::Fields).
#[must_use]
pub fn name(value: &Value) -> Option<&str> {
    value.get("name").unwrap_or(value).as_str()
}

/// The names of a multi-select's values.
#[must_use]
pub fn names(values: &Value) -> Vec<&str> {
    values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice).iter().filter_map(name).collect()
}

/// The content of a text area, in either form; any other text as it is.
#[must_use]
pub fn text(value: &Value) -> Option<&str> {
    value.get("content").unwrap_or(value).as_str()
}

/// The time in a date field.
#[must_use]
pub fn date(value: &Value) -> Option<Timestamp> {
    crate::date::from_millis(value.as_i64()?)
}

// === impl Handle ===

impl Handle {
    /// The id, where it came.
    #[must_use]
    pub fn id(&self) -> Option<i64> {
        match self {
            Self::Id(id) | Self::Both { id, .. } => Some(*id),
            Self::Name(_) => None,
        }
    }

    /// The name, where it came.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Name(name) => Some(name),
            Self::Both { name, .. } => name.as_deref(),
        }
    }
}

// === impl TextArea ===

impl TextArea {
    /// Plain text.
    #[must_use]
    pub fn text(content: impl Into<String>) -> Self {
        Self { format: Some(TextFormat::Text), content: content.into() }
    }

    /// HTML of one's own. What comes from elsewhere must be made safe first (`safe_html`): a script in it would run in a
    /// user's browser.
    #[must_use]
    pub fn html(content: impl Into<String>) -> Self {
        Self { format: Some(TextFormat::Html), content: content.into() }
    }
}

#[cfg(feature = "text")]
impl TextArea {
    /// Markdown, as HTML that may be shown to users whatever it holds ([`text::from_markdown`](crate::text::from_markdown)).
    #[must_use]
    pub fn from_markdown(markdown: &str) -> Self {
        Self::html(crate::text::from_markdown(markdown))
    }

    /// HTML that comes from elsewhere, without what would be dangerous ([`text::safe`](crate::text::safe)).
    #[must_use]
    pub fn safe_html(html: &str) -> Self {
        Self::html(crate::text::safe(html))
    }

    /// The content as plain text. A bare text is taken for HTML, which is how rich text comes.
    #[must_use]
    pub fn to_plain(&self) -> String {
        match self.format {
            Some(TextFormat::Text) => self.content.clone(),
            Some(TextFormat::Html) | None => crate::text::plain(&self.content),
        }
    }

    /// The content as Markdown. A bare text is taken for HTML, which is how rich text comes.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        match self.format {
            Some(TextFormat::Text) => crate::text::markdown(&crate::text::from_plain(&self.content)),
            Some(TextFormat::Html) | None => crate::text::markdown(&self.content),
        }
    }
}

impl From<TextForm> for TextArea {
    fn from(form: TextForm) -> Self {
        match form {
            TextForm::Bare(content) => Self { format: None, content },
            TextForm::Whole { format, content } => Self { format, content: content.unwrap_or_default() },
        }
    }
}

impl From<TextArea> for TextForm {
    fn from(TextArea { format, content }: TextArea) -> Self {
        match format {
            None => Self::Bare(content),
            format => Self::Whole { format, content: Some(content) },
        }
    }
}

impl From<TextArea> for Value {
    fn from(area: TextArea) -> Self {
        match area.format {
            None => area.content.into(),
            Some(TextFormat::Text) => serde_json::json!({ "format": "text", "content": area.content }),
            Some(TextFormat::Html) => serde_json::json!({ "format": "html", "content": area.content }),
        }
    }
}
