//! References to secrets inside a function's inputs.
//!
//! [`references`] knows how they are written, [`filling`] fills in what they lead to.

pub mod filling;
pub mod references;

use references::Reference;
use serde_json::Value;
use std::{fmt, sync::Arc};

/// Follows references (`$NAME`, `${NAME}`, `^NAME`, `^{NAME}`), and keeps what they lead to from being shown.
pub trait Secrets: fmt::Debug + Send + Sync {
    /// Follows those references in `text`, an input of a handler whose section is `section`, that are among `allowed`.
    /// It may ask files and commands, and take as long as they do.
    fn follow(&self, section: &str, text: &str, allowed: &[&str]) -> Followed;

    /// `text` without the secrets that references have led to.
    fn mask(&self, text: &str) -> String;
}

/// A text whose references were followed. Printing it does not show the text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// The text; a reference that was not followed stands in it unchanged.
    pub text: String,
    /// At least one reference was followed, so that the text is not to be shown.
    pub found: bool,
    /// At least one was not, because it is not allowed.
    pub refused: bool,
    /// What is wrong with allowed ones that lead nowhere.
    pub missing: Vec<String>,
}

/// A message's inputs with secrets filled in.
pub(crate) struct FilledIn {
    pub(crate) inputs: Value,
    pub(crate) secrets: Arc<dyn Secrets>,
}

// === impl Followed ===

impl Followed {
    /// Follows the references in `text` to what `find` gives for them, or to why there is nothing. With `allowed`, only
    /// those whose names are among these: the text is not the operator's own then.
    #[must_use]
    pub fn of(
        text: &str,
        allowed: Option<&[&str]>,
        mut find: impl FnMut(Reference<'_>) -> Result<String, String>,
    ) -> Self {
        let mut followed = Self::default();
        let rest = references::each(text, |before, reference| {
            followed.text.push_str(before);
            if allowed.is_some_and(|allowed| !allowed.contains(&reference.name)) {
                followed.text.push_str(reference.written);
                followed.refused |= reference.is_name();
                return;
            }
            // What an operator allows by name is meant, however it is called.
            let meant = allowed.is_some() || reference.is_name();
            followed.take(reference, meant, find(reference));
        });
        followed.text.push_str(rest);
        followed
    }

    fn take(&mut self, reference: Reference<'_>, meant: bool, found: Result<String, String>) {
        match found {
            Ok(value) => {
                self.text.push_str(&value);
                self.found = true;
            }
            Err(nowhere) => {
                self.text.push_str(reference.written);
                if meant {
                    self.missing.push(format!("{} leads nowhere: {nowhere}", reference.written));
                }
            }
        }
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed")
            .field("found", &self.found)
            .field("refused", &self.refused)
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}
