use super::{
    InvokeArgs,
    secrets::NotedSecrets,
    target::{self, Target},
};
use crate::{
    cli::rehearsal::{Journal, Noted, Setting, Unable, check_settings, error, registry},
    component::{
        CancellationToken, Component, Rest, Section, Services, recording::Recordings, rest::Backend,
    },
    config::{Config, Settings},
    daemon::{self, DaemonError, secrets::InputSecrets, settings},
    dispatch::{ActionNames, Registry, Workshop},
    logging::{Redactor, complain},
    rest,
    secret::Secret,
};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};

/// Where the handler works, and with what.
pub(super) struct Stage {
    registry: Registry,
    backend: Arc<dyn Backend>,
    integrations: Section,
    secrets: InputSecrets,
    /// Whether a function's failure lets its workflow go on, unless the component's section says otherwise.
    traps: bool,
    is_mocked: bool,
    pub(super) org: i64,
    pub(super) redactor: Redactor,
}

/// Recordings in place of the platform. Of app.config, where there is one, the sections of the components that are meant
/// and `[integrations]` count, and what references lead to.
pub(super) fn mocked(
    args: &InvokeArgs,
    components: &[Component],
    directory: &Path,
) -> Result<(Stage, Target), Unable> {
    check_settings(&set(args), components).map_err(Unable::Usage)?;
    let sources = args.overrides.sources().map_err(Unable::Config)?;
    let settings = Config::sections(&sources, components).map_err(Unable::Config)?;
    let meant = target::meant(args, &settings, components);
    settings.check_references_of(&meant).map_err(Unable::Config)?;
    let registry = registry(&settings, &meant).map_err(|clashes| error(DaemonError::Clashes(clashes)))?;
    let target = target::find(&registry, args).map_err(Unable::Usage)?;
    let (recordings, torn) = Recordings::readable(directory).map_err(error)?;
    torn.iter().for_each(|problem| complain(&format!("processor: {problem}")));
    let secrets: Vec<Secret> = settings.secrets().cloned().collect();
    let redactor = Redactor::new(&secrets);
    let stage = Stage {
        registry,
        secrets: InputSecrets::new(settings.references().clone(), redactor.clone()),
        traps: traps(&settings)?,
        backend: Arc::new(recordings.backend()),
        integrations: settings.component_section("integrations"),
        is_mocked: true,
        org: recordings.org_id().and_then(|id| i64::try_from(id).ok()).unwrap_or_default(),
        redactor,
    };
    Ok((stage, target))
}

/// Whether a function's failure lets its workflow go on.
fn traps(settings: &Settings) -> Result<bool, Unable> {
    let options = settings.component_section("resilient");
    let traps = options.flag("trap_exception").map_err(|mistake| Unable::Usage(mistake.to_string()))?;
    Ok(traps.unwrap_or_default())
}

/// What `--set` says; the other options are the platform's.
fn set(args: &InvokeArgs) -> Vec<Setting> {
    let arguments = args.overrides.arguments.iter().filter(|argument| argument.option.starts_with("--set "));
    let setting = arguments.cloned().map(|argument| Setting {
        section: argument.section,
        key: argument.key,
        value: argument.value,
    });
    setting.collect()
}

/// The platform of app.config. A handler that does not exist is told before anything is asked of it; other components need
/// no section.
pub(super) async fn real(args: &InvokeArgs, components: &[Component]) -> Result<(Stage, Target), Unable> {
    let sources = args.overrides.sources().map_err(Unable::Config)?;
    let settings = Config::sections(&sources, components).map_err(Unable::Config)?;
    let meant = target::meant(args, &settings, components);
    let config = Config::load(&sources, &meant).map_err(Unable::Config)?;
    let registry = daemon::registry(&config, &meant).map_err(error)?;
    let target = target::find(&registry, args).map_err(Unable::Usage)?;
    let redactor = Redactor::new(&config.secrets());
    let settings = settings::rest(&config, None).map_err(|problem| Unable::Usage(problem.to_string()))?;
    let settings = rest::Settings { redactor: redactor.clone(), ..settings };
    let platform = rest::connect(settings).await.map_err(error)?;
    warn(&config, platform.org_name());
    let stage = Stage {
        registry,
        secrets: InputSecrets::new(config.references().clone(), redactor.clone()),
        traps: config.work.trap_exception,
        org: platform.org_id(),
        backend: Arc::new(platform),
        integrations: config.section("integrations"),
        is_mocked: false,
        redactor,
    };
    Ok((stage, target))
}

fn warn(config: &Config, org: &str) {
    let host = &config.platform.host;
    eprintln!(
        "processor: this works on the real platform {host}, organization {org:?}: what the handler changes there is \
         changed. (--mock DIRECTORY works on recordings.)"
    );
}

// === impl Stage ===

impl Stage {
    /// The incident as it is on the platform; among recordings there may be none of it.
    pub(super) async fn incident(&self, id: i64) -> Result<Value, Unable> {
        let rest = Rest::new(self.backend.clone(), None);
        match rest.get(&format!("/incidents/{id}")).await {
            Ok(incident) => Ok(incident),
            Err(_not_recorded) if self.is_mocked => Ok(json!({ "id": id })),
            Err(problem) => Err(error(problem)),
        }
    }

    /// What carries the message out, and notes each REST call in `journal`.
    pub(super) fn workshop(self, journal: &Journal) -> Workshop {
        let backend = Arc::new(Noted { backend: self.backend, journal: journal.clone() });
        let names = ActionNames::new(Rest::new(backend.clone(), None));
        let secrets = Arc::new(NotedSecrets { secrets: self.secrets, journal: journal.clone() });
        let services = Services::new(backend, 1, CancellationToken::new())
            .with_integrations(self.integrations)
            .with_redactor(self.redactor)
            .with_secrets(secrets);
        let workshop = Workshop::new(self.registry, names, services);
        workshop.set_trap_exception(self.traps);
        workshop
    }
}
