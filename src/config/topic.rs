//! The headings that keys stand under.

/// What a group of keys is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Without these nothing works.
    Essential,
    /// TLS.
    Certificates,
    /// The link to the message broker.
    Broker,
    /// The platform's REST API.
    Rest,
    /// How messages are worked on.
    Work,
    /// What is logged, and where.
    Logs,
    /// Where secrets are kept.
    Secrets,
    /// Aids for authors.
    Development,
    /// What outlives a dead process.
    Store,
    /// Settings that components share.
    Integrations,
}

// === impl Topic ===

impl Topic {
    /// The heading in app.config and in `--help`.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Essential => "The platform, and who we are there",
            Self::Certificates => "Certificates",
            Self::Broker => "The link to the broker",
            Self::Rest => "The REST API",
            Self::Work => "Work",
            Self::Logs => "Logs",
            Self::Secrets => "Where ^NAME is looked for",
            Self::Development => "Development",
            Self::Store => "The journal: what has been started, and how it was answered",
            Self::Integrations => "What components share",
        }
    }
}
