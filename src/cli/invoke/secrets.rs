use crate::{
    cli::rehearsal::Journal,
    component::secrets::{Followed, Secrets},
    daemon::secrets::InputSecrets,
};

/// Follows what inputs name as the daemon does, and notes in the journal what the daemon would tell its log.
#[derive(Debug)]
pub(super) struct NotedSecrets {
    pub(super) secrets: InputSecrets,
    pub(super) journal: Journal,
}

impl Secrets for NotedSecrets {
    fn follow(&self, section: &str, text: &str, allowed: &[&str]) -> Followed {
        let followed = self.secrets.follow(section, text, allowed);
        followed.missing.iter().for_each(|reason| self.journal.note("secret", reason));
        if followed.refused {
            let refused =
                format!("{text:?} is passed on as it is: input_secrets in [{section}] does not name it");
            self.journal.note("secret", &refused);
        }
        followed
    }

    fn mask(&self, text: &str) -> String {
        self.secrets.mask(text)
    }
}
