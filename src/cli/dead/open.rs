//! Where the journal is.

use super::DeadError;
use crate::{
    component::Component,
    config::{Config, Overrides},
    daemon::settings,
    logging::Redactor,
    store::{self, Journal},
};
use std::path::Path;

/// The journal, and what must not be shown of what is in it.
pub(super) struct Opened {
    pub(super) journal: Journal,
    pub(super) redactor: Redactor,
}

/// Opens the journal that the processor with this app.config uses, whether or not it runs.
pub(super) async fn open(file: Option<&Path>, components: &[Component]) -> Result<Opened, DeadError> {
    let overrides = Overrides { file: file.map(Path::to_owned), ..Overrides::default() };
    let config = Config::load(&overrides.sources()?.for_journal(), components)?;
    let journal = store::open_beside(&settings::store(&config)?).await?;
    Ok(Opened { journal, redactor: Redactor::new(&config.secrets()) })
}
