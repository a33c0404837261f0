//! Where the journal is.

use super::DeadError;
use crate::{
    component::Component,
    config::{Config, Overrides},
    logging::Redactor,
    store::{self, Journal, Settings, SyncMode, Url},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// The journal, and what must not be shown of what is in it.
pub(super) struct Opened {
    pub(super) journal: Journal,
    pub(super) redactor: Redactor,
}

/// Opens the journal that the processor with this app.config uses, whether or not it runs.
pub(super) async fn open(file: Option<&Path>, components: &[Component]) -> Result<Opened, DeadError> {
    let overrides = Overrides { file: file.map(Path::to_owned), ..Overrides::default() };
    let config = Config::load(&overrides.sources()?, components)?;
    let journal = store::open_beside(&settings(&config)).await?;
    Ok(Opened { journal, redactor: Redactor::new(&config.secrets()) })
}

fn settings(_config: &Config) -> Settings {
    let directory = std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
    Settings {
        url: Url::StateDirectory(directory.unwrap_or_else(|| "/var/lib/processor".into())),
        sync: SyncMode::default(),
        keep: Duration::from_hours(1),
        lease: Duration::from_secs(30),
        tls: None,
    }
}
