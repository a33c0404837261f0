//! What a function's inputs name (`$NAME`, `^NAME`) is taken from where app.config's references lead.

use crate::{
    component::secrets::{Followed, Secrets},
    config::References,
    logging::{self, Redactor},
    secret::Secret,
};
use std::sync::{PoisonError, RwLock};

/// Follows references, and tells the log and the recordings what they must not show from then on.
#[derive(Debug)]
pub(crate) struct InputSecrets {
    references: RwLock<References>,
    /// What inputs have been filled with.
    followed: Redactor,
    log: Redactor,
}

impl InputSecrets {
    pub(crate) fn new(references: References) -> Self {
        let references = RwLock::new(references);
        Self { references, followed: Redactor::default(), log: logging::redactor() }
    }

    /// The same where what it finds is shown by something else than the log.
    pub(crate) fn shown_by(self, redactor: Redactor) -> Self {
        Self { log: redactor, ..self }
    }

    /// References lead where `references` says from now on.
    pub(super) fn renew(&self, references: References) {
        *self.references.write().unwrap_or_else(PoisonError::into_inner) = references;
    }
}

impl Secrets for InputSecrets {
    fn follow(&self, section: &str, text: &str, allowed: &[&str]) -> Followed {
        // Following may take long: a changed configuration is not kept waiting for it.
        let references = self.references.read().unwrap_or_else(PoisonError::into_inner).clone();
        let resolved = references.resolve_allowed(section, text, allowed);
        for piece in &resolved.pieces {
            let secret = Secret::from(piece.value.as_str());
            self.followed.add(&secret);
            self.log.add(&secret);
        }
        Followed {
            found: !resolved.pieces.is_empty(),
            refused: resolved.refused,
            missing: resolved.missing.into_iter().map(|missing| missing.what).collect(),
            text: resolved.text,
        }
    }

    fn mask(&self, text: &str) -> String {
        self.followed.mask(text).into_owned()
    }
}
