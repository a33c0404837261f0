//! `[jira:europe]`, `[jira:us]`: several sections of one component, each an instance of it.
//!
//! An instance inherits the keys of `[jira]` that it does not set, and is called as its section is. Without such a section
//! the component is one instance, called by its own name.

use super::{Config, platforms, problems::Problems, settings::Settings};
use action_component::{Component, Section};
use std::collections::{BTreeMap, BTreeSet};

/// The key that says which platforms an instance is for.
const PLATFORM: &str = "platform";

impl Config {
    /// The components that are loaded on this platform; one with several sections once for each, called as that is.
    #[must_use]
    pub fn components(&self, components: &[Component]) -> Vec<Component> {
        let mine = |instance: &Component| self.loads(instance.name()) && self.is_served(instance.name());
        self.instances(components).into_iter().filter(mine).collect()
    }

    /// The same, with those that `noload` leaves out, of all platforms.
    #[must_use]
    pub fn instances(&self, components: &[Component]) -> Vec<Component> {
        self.settings.instances(components)
    }

    /// A component's section; see [`Settings::component_section`].
    #[must_use]
    pub fn section(&self, name: &str) -> Section {
        self.settings.component_section(name)
    }

    /// Whether `noload` leaves this component, or this instance of one, in.
    #[must_use]
    pub fn loads(&self, name: &str) -> bool {
        !self.work.noload.iter().any(|left_out| left_out == name || left_out == family(name))
    }

    /// Whether this platform is one of those that `platform` in the component's section names; all are where it names none,
    /// or where platforms have no names.
    #[must_use]
    pub fn is_served(&self, component: &str) -> bool {
        match self.section(component).get(PLATFORM).filter(|names| !names.trim().is_empty()) {
            Some(names) if platforms::is_named(&self.settings) => {
                names.split(',').any(|word| word.trim() == self.name())
            }
            _ => true,
        }
    }

    pub(super) fn check_components(
        &self,
        components: &[Component],
        problems: &mut Problems,
        warnings: &mut Problems,
    ) {
        let instances = self.instances(components);
        let names: Vec<&str> = instances.iter().chain(components).map(Component::name).collect();
        self.check_noload(&names, warnings);
        let loaded = |name: &str| self.platforms().any(|platform| platform.loads(name));
        for instance in instances.iter().filter(|instance| loaded(instance.name())) {
            self.settings.check_sections_of(instance.name(), problems, warnings);
            self.check_platforms(instance.name(), problems);
            if lineage(instance.name()).any(|section| self.settings.is_awaited(section)) {
                // What is only a name so far is not to be judged.
                continue;
            }
            let section = self.section(instance.name());
            for function in instance.unordered(&section) {
                let name = instance.name();
                warnings.missing(format!(
                    "[{name}]: the order by incident does nothing for the function {function:?}, whose inputs have no \
                     incident_id"
                ));
            }
            if let Err(error) = instance.check(&section) {
                let lacks = !self.settings.names().any(|name| family(name) == family(instance.name()));
                let hint = if lacks { "; `processor config -u` adds a section for it" } else { "" };
                problems.missing(format!("{error}{hint}"));
            }
        }
        // What is missing may stand in such a section.
        self.settings.check_sections(&names, if problems.is_empty() { warnings } else { problems });
    }

    /// Platforms that inherit `noload` are warned of once.
    fn check_noload(&self, names: &[&str], warnings: &mut Problems) {
        let left_out = self.platforms().flat_map(|platform| {
            let place = platform.place(super::keys::RESILIENT, "noload").unwrap_or_default();
            platform.work.noload.iter().map(move |name| (place, name.as_str()))
        });
        let unknown: BTreeSet<(&str, &str)> = left_out.filter(|(_, name)| !names.contains(name)).collect();
        for (place, name) in unknown {
            warnings.at(place, format!("noload names {name}, which is no component of this program"));
        }
    }

    fn check_platforms(&self, component: &str, problems: &mut Problems) {
        if !platforms::is_named(&self.settings) {
            return;
        }
        let known: Vec<&str> = self.platforms().map(Config::name).collect();
        let given = lineage(component).filter_map(|section| self.settings.get(section, PLATFORM)).last();
        for name in given
            .iter()
            .flat_map(|given| given.text.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            if !known.contains(&name) {
                let origin = given.map(|given| given.origin.clone()).unwrap_or_default();
                problems
                    .at(origin, format!("platform names {name}, but there are only: {}", known.join(", ")));
            }
        }
    }
}

/// The component's name, given an instance's.
#[must_use]
pub fn family(name: &str) -> &str {
    name.split_once(':').map_or(name, |(family, _)| family)
}

/// The sections whose keys `name` has, those that count more last.
fn lineage(name: &str) -> impl Iterator<Item = &str> {
    let own = Some(name).filter(|_| family(name) != name);
    std::iter::once(family(name)).chain(own)
}

impl Settings {
    /// The components, one with several sections once for each, called as that is.
    #[must_use]
    pub fn instances(&self, components: &[Component]) -> Vec<Component> {
        components.iter().flat_map(|component| self.instances_of(component)).collect()
    }

    fn instances_of(&self, component: &Component) -> Vec<Component> {
        let is_one = |section: &&str| family(section) == component.name() && *section != component.name();
        let sections: Vec<&str> = self.names().filter(is_one).collect();
        match sections.as_slice() {
            [] => vec![component.clone()],
            sections => sections.iter().map(|section| component.clone().called(*section)).collect(),
        }
    }

    /// A component's section, references followed: its own keys, and those that an instance inherits. A section that
    /// does not exist is empty.
    #[must_use]
    pub fn component_section(&self, name: &str) -> Section {
        let mut values: BTreeMap<&str, &str> = BTreeMap::new();
        for section in lineage(name) {
            values.extend(self.section(section).map(|(key, setting)| (key, setting.text.as_str())));
        }
        Section::new(name, values)
    }

    /// Whether the references in the sections of `components` lead somewhere.
    ///
    /// # Errors
    /// Those that do not, each with its place.
    pub fn check_references_of(&self, components: &[Component]) -> Result<(), Problems> {
        let mut problems = Problems::default();
        for instance in self.instances(components) {
            self.check_sections_of(instance.name(), &mut problems, &mut Problems::default());
        }
        problems.or(())
    }

    fn check_sections_of(&self, component: &str, problems: &mut Problems, warnings: &mut Problems) {
        lineage(component).for_each(|section| self.check_references(section, problems, warnings));
    }

    /// Warns of sections that nearly bear the name of one that is read.
    pub(super) fn check_sections(&self, components: &[&str], warnings: &mut Problems) {
        let known: Vec<&str> = super::keys::SECTIONS.into_iter().chain(components.iter().copied()).collect();
        for name in self.names().filter(|name| !known.contains(&family(name))) {
            let bare = family(name).to_lowercase();
            let distances = known.iter().map(|known| (strsim::osa_distance(&bare, known), *known));
            if let Some((0..=2, nearest)) = distances.min()
                && let Some((_, first)) = self.section(name).next()
            {
                let what = format!("nothing reads the section [{name}]; did you mean [{nearest}]?");
                warnings.at(&first.origin, what);
            }
        }
    }
}
