//! Defaults < the vendor's variables for defaults < file < environment < command line.
//!
//! The `config` crate merges the layers. It takes top-level names for paths (`[a.b]` would nest), so all sections stand
//! in one table below a single name, where names are taken literally.

use super::{
    ini, keys,
    problems::Problems,
    sources::{SourceFile, Sources},
    stores::without_line_end,
};
use config::{ConfigError, Map, Source, Value, ValueKind};
use std::collections::BTreeMap;

/// One key's merged value, before references are followed.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) text: String,
    pub(super) origin: String,
}

/// Section → key → value.
pub(super) type RawSections = BTreeMap<String, BTreeMap<String, Raw>>;

/// The origin of a value that nobody gave.
pub(super) const DEFAULT: &str = "default";

const ROOT: &str = "sections";
const PREFIX: &str = "PROCESSOR__";

/// One source of values: each with its section, its key and where it stands.
#[derive(Clone, Default)]
struct Layer {
    values: Vec<(String, String, Raw)>,
    /// Sections that say nothing are there all the same: such a platform or instance inherits everything.
    sections: Vec<String>,
}

/// Merges all layers. `components` are the sections that an environment variable may reach besides those of the file.
pub(super) fn merge(sources: &Sources, components: &[&str], problems: &mut Problems) -> RawSections {
    let file = sources.file.as_ref().map(|file| Layer::of_file(file, problems)).unwrap_or_default();
    let environment = Layer::of_environment(&sources.environment, &Names::new(&file, components), problems);
    let merged = config::Config::builder()
        .add_source(Layer::of_defaults())
        .add_source(Layer::of_vendor_defaults(&sources.environment))
        .add_source(file)
        .add_source(environment)
        .add_source(Layer::of_arguments(sources))
        .build();
    let sections = merged.and_then(|merged| raw_sections(merged.cache)).unwrap_or_else(|error| {
        problems.missing(error.to_string());
        RawSections::new()
    });
    without_empty(sections, &sources.environment)
}

fn raw_sections(cache: Value) -> Result<RawSections, ConfigError> {
    let Some(sections) = cache.into_table()?.remove(ROOT) else {
        return Ok(RawSections::new());
    };
    let section = |(name, values): (String, Value)| {
        let values = values.into_table()?.into_iter();
        Ok((name, values.map(|(key, value)| Ok((key, raw(value)?))).collect::<Result<_, ConfigError>>()?))
    };
    sections.into_table()?.into_iter().map(section).collect()
}

fn raw(value: Value) -> Result<Raw, ConfigError> {
    let origin = value.origin().unwrap_or(DEFAULT).to_owned();
    Ok(Raw { text: value.into_string()?, origin })
}

/// A key of ours that is given without a value counts as not given, as it does for the vendor's framework.
fn without_empty(mut sections: RawSections, environment: &BTreeMap<String, String>) -> RawSections {
    let vendor = Layer::of_vendor_defaults(environment);
    for (name, values) in sections.iter_mut().filter(|(name, _)| keys::is_ours(name)) {
        for (key, raw) in values.iter_mut().filter(|(_, raw)| raw.text.is_empty()) {
            let of_vendor = vendor.values.iter().find(|(section, known, _)| (section, known) == (name, key));
            let default = keys::all().find(|known| (known.section, known.name) == (name, key));
            let default = default.and_then(|key| key.default).unwrap_or_default();
            let default = || Raw { text: default.to_owned(), origin: DEFAULT.to_owned() };
            *raw = of_vendor.map_or_else(default, |(.., raw)| raw.clone());
        }
        values.retain(|_, raw| !raw.text.is_empty());
    }
    sections
}

// === impl Layer ===

impl Layer {
    fn push(&mut self, section: &str, key: &str, text: &str, origin: String) {
        self.values.push((section.to_owned(), key.to_owned(), Raw { text: text.to_owned(), origin }));
    }

    fn of_defaults() -> Self {
        let mut layer = Self::default();
        for key in keys::all() {
            if let Some(default) = key.default {
                layer.push(key.section, key.name, default, DEFAULT.to_owned());
            }
        }
        layer
    }

    fn of_vendor_defaults(environment: &BTreeMap<String, String>) -> Self {
        let mut layer = Self::default();
        for (variable, key) in keys::PEER_DEFAULTS {
            if let Some(value) = environment.get(*variable).filter(|value| !value.is_empty()) {
                layer.push(keys::RESILIENT, key, value, format!("environment variable {variable}"));
            }
        }
        layer
    }

    fn of_file(file: &SourceFile, problems: &mut Problems) -> Self {
        let mut layer = Self::default();
        let path = file.path.display();
        let ini = ini::parse(&file.text);
        for mistake in ini.mistakes {
            problems.at(format!("{path}:{}", mistake.line), mistake.what);
        }
        for section in ini.sections {
            layer.sections.push(section.name.clone());
            for entry in section.entries {
                layer.push(&section.name, &entry.key, &entry.value, format!("{path}:{}", entry.line));
            }
        }
        layer
    }

    fn of_environment(variables: &BTreeMap<String, String>, names: &Names, problems: &mut Problems) -> Self {
        let mut layer = Self::default();
        for (variable, key) in keys::PEER_VARIABLES {
            if let Some(value) = variables.get(*variable) {
                layer.push(
                    "resilient",
                    key,
                    &without_line_end(value),
                    format!("environment variable {variable}"),
                );
            }
        }
        for (variable, value) in variables {
            let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
            let place = format!("environment variable {variable}");
            match rest.split_once("__") {
                Some((section, key)) => {
                    let (section, key) = names.find(section, key);
                    layer.push(&section, &key, &without_line_end(value), place);
                }
                None => problems.at(place, "names no key: write PROCESSOR__SECTION__KEY"),
            }
        }
        layer
    }

    fn of_arguments(sources: &Sources) -> Self {
        let mut layer = Self::default();
        for argument in &sources.arguments {
            layer.push(&argument.section, &argument.key, &argument.value, argument.option.clone());
        }
        layer
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let mut sections: Map<String, Map<String, Value>> = Map::new();
        for section in &self.sections {
            sections.entry(section.clone()).or_default();
        }
        for (section, key, raw) in &self.values {
            let value = Value::new(Some(&raw.origin), ValueKind::String(raw.text.clone()));
            sections.entry(section.clone()).or_default().insert(key.clone(), value);
        }
        let sections: Map<String, Value> =
            sections.into_iter().map(|(name, values)| (name, Value::from(values))).collect();
        Ok(Map::from_iter([(ROOT.to_owned(), Value::from(sections))]))
    }
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Layer").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

/// The sections and keys that exist, by what they are called in the environment: letters and digits in capitals, `_`
/// for everything else.
struct Names {
    sections: BTreeMap<String, String>,
    keys: BTreeMap<(String, String), String>,
}

// === impl Names ===

impl Names {
    fn new(file: &Layer, components: &[&str]) -> Self {
        let ours = keys::all().map(|key| (key.section, key.name));
        let all = file.values.iter().map(|(section, key, _)| (section.as_str(), key.as_str())).chain(ours);
        let all: Vec<(&str, &str)> = all.collect();
        let empty = file.sections.iter().map(String::as_str);
        let sections = all.iter().map(|(section, _)| *section).chain(empty).chain(components.iter().copied());
        Self {
            sections: sections.map(|section| (variable(section), section.to_owned())).collect(),
            keys: all.iter().map(|(s, key)| ((variable(s), variable(key)), (*key).to_owned())).collect(),
        }
    }

    fn find(&self, section: &str, key: &str) -> (String, String) {
        let known = self.keys.get(&(variable(section), variable(key)));
        let section =
            self.sections.get(&variable(section)).cloned().unwrap_or_else(|| section.to_lowercase());
        (section, known.cloned().unwrap_or_else(|| key.to_lowercase()))
    }
}

fn variable(name: &str) -> String {
    let character = |c: char| if c.is_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(character).collect()
}
