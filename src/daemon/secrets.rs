//! What a function's inputs name (`$NAME`, `^NAME`) is taken from where app.config's references lead.

use crate::{
    component::secrets::{Followed, Secrets},
    config::References,
    logging::Redactor,
    secret::Secret,
};
use std::sync::{PoisonError, RwLock};

/// Follows references, and tells whatever shows or keeps something what it must not show from then on.
#[derive(Debug)]
pub(crate) struct InputSecrets {
    references: RwLock<References>,
    redactor: Redactor,
}

impl InputSecrets {
    pub(crate) fn new(references: References, redactor: Redactor) -> Self {
        Self { references: RwLock::new(references), redactor }
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
            self.redactor.add(&Secret::from(piece.value.as_str()));
        }
        Followed {
            found: !resolved.pieces.is_empty(),
            refused: resolved.refused,
            missing: resolved.missing.into_iter().map(|missing| missing.what).collect(),
            text: resolved.text,
        }
    }

    fn mask(&self, text: &str) -> String {
        self.redactor.mask_excerpt(text).into_owned()
    }
}
