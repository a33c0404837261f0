//! What is to be served, given the components and what the platform has. Pure.

use super::{
    Loaded,
    definitions::{Definition, Definitions, Fields, Questions, Support},
    findings::{Finding, Findings, Standing},
};
use crate::{
    component::{Component, Requirement},
    dispatch::{Clash, Destination, Entry, Registry},
};
use std::collections::BTreeSet;

/// What follows from it all.
#[derive(Debug)]
pub(super) struct Plan {
    /// The handlers, of components that are not loaded too.
    pub(super) registry: Registry,
    /// The queues to take messages from.
    pub(super) queues: BTreeSet<String>,
    /// The queues that functions' calls come by, each with the function.
    pub(super) calls: Vec<(String, String)>,
    /// Everything that was looked for, and how it stands.
    pub(super) findings: Findings,
}

/// What a plan is made for.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// The organization's id.
    pub(super) org: i64,
    /// Where the platform tells of low-code connectors that come and go.
    pub(super) subscription_queue: Option<String>,
}

/// The questions whose answers the plan needs. What a component that has been loaded needed has been there.
pub(super) fn questions(components: &[Loaded], ready: &BTreeSet<String>) -> Questions {
    let mut questions = Questions::default();
    for loaded in components {
        questions.of(&loaded.component);
        if !ready.contains(loaded.name()) {
            loaded.component.requirements().iter().for_each(|requirement| questions.whether(requirement));
        }
    }
    questions
}

/// `ready` holds the names of the components that have been loaded, which stay so.
pub(super) fn plan(
    components: &[Loaded],
    definitions: &Definitions,
    ready: &mut BTreeSet<String>,
    scope: &Scope,
) -> Result<Plan, Vec<Clash>> {
    let mut findings = Findings::default();
    let mut entries = Vec::new();
    for loaded in components {
        let name = loaded.name();
        let known = ready.contains(name);
        let needs = requirements(&loaded.component, definitions, known);
        let withheld = reason(name, &needs);
        if withheld.is_none() {
            ready.insert(name.to_owned());
        }
        needs.into_iter().for_each(|(what, standing)| findings.add(Finding::need(name, what), standing));
        entries.push(Entry { component: &loaded.component, section: loaded.section.clone(), withheld });
    }
    let registry = Registry::gather(entries)?;
    let calls = calls(&registry, definitions, scope.org, &mut findings);
    let mut queues = queues(&registry, definitions, scope);
    queues.extend(calls.iter().map(|(queue, _)| queue.clone()));
    connectors(&registry, definitions, scope.org, &mut findings);
    Ok(Plan { registry, queues, calls, findings })
}

// === what is needed ===

fn requirements(component: &Component, definitions: &Definitions, met: bool) -> Vec<(String, Standing)> {
    let standing = |requirement| if met { Standing::met() } else { standing(requirement, definitions) };
    let needs = component.requirements().iter();
    needs.map(|requirement| (requirement.to_string(), standing(requirement))).collect()
}

fn standing(requirement: &Requirement, definitions: &Definitions) -> Standing {
    match requirement {
        Requirement::Field { name } => match definitions.fields() {
            None => Standing::Unknown,
            Some(fields) if fields.contains_key(name) => Standing::met(),
            Some(_) => Standing::Missing(format!(
                "create an incident field with the API access name {name:?} (Customization Settings, Layouts)"
            )),
        },
        Requirement::ActionField { name, input_type } => definitions
            .action_fields()
            .map_or(Standing::Unknown, |fields| activity_field(fields, name, input_type)),
        Requirement::Function { name } => match definitions.function(name) {
            None => Standing::Unknown,
            Some(Definition::At(_)) => Standing::met(),
            Some(Definition::Missing) => Standing::Missing(create_function(name)),
        },
        other => Standing::Missing(format!("this processor is too old to see to {other}; take a newer one")),
    }
}

fn activity_field(fields: &Fields, name: &str, input_type: &str) -> Standing {
    match fields.get(name) {
        Some(found) if found == input_type => Standing::met(),
        Some(found) => Standing::Missing(format!(
            "the activity field {name:?} is there, but of type {found:?}: delete it and create one of type {input_type:?} \
             (Customization Settings, Rules, Activity Fields)"
        )),
        None => Standing::Missing(format!(
            "create an activity field with the API access name {name:?} of type {input_type:?} (Customization Settings, \
             Rules, Activity Fields)"
        )),
    }
}

fn create_function(name: &str) -> String {
    format!(
        "create a function with the API name {name:?} (Customization Settings, Functions) on a message destination that \
         this account may read"
    )
}

/// Why a component with these needs is not loaded; `None` where it is.
fn reason(name: &str, needs: &[(String, Standing)]) -> Option<String> {
    let unmet = needs.iter().filter(|(_, standing)| !standing.is_met());
    let unmet: Vec<&str> = unmet.map(|(what, _)| what.as_str()).collect();
    (!unmet.is_empty()).then(|| {
        format!(
            "The component {name:?} of this processor is not loaded, because the platform lacks {}. Nothing has been done. \
             Once that is created, the processor takes the component up by itself.",
            unmet.join(" and ")
        )
    })
}

// === where it comes from ===

fn queues(registry: &Registry, definitions: &Definitions, scope: &Scope) -> BTreeSet<String> {
    let Scope { org, subscription_queue } = scope;
    let actions = registry.destinations().map(|name| Destination::actions(*org, name).to_string());
    let inbound = registry.inbound().map(|name| Destination::of_kind(INBOUND, *org, name).to_string());
    let listed = definitions.connectors().queues.iter();
    let connectors = listed.filter(|queue| is_served(registry, queue, *org)).cloned();
    let any = registry.any_connector().is_some() || registry.connectors().next().is_some();
    let word = subscription_queue.clone().filter(|_| any);
    actions.chain(inbound).chain(connectors).chain(word).collect()
}

/// The queue of each function that is there, and the function.
fn calls(
    registry: &Registry,
    definitions: &Definitions,
    org: i64,
    findings: &mut Findings,
) -> Vec<(String, String)> {
    let mut calls = Vec::new();
    for (name, route) in registry.functions() {
        let (standing, queue) = function(name, definitions, org);
        findings.add(Finding::served(&route.component, format!("the function {name:?}")), standing);
        calls.extend(queue.map(|queue| (queue, name.to_owned())));
    }
    calls
}

const INBOUND: &str = "inbound_destinations";
const CONNECTORS: &str = "connectors";

fn function(name: &str, definitions: &Definitions, org: i64) -> (Standing, Option<String>) {
    match definitions.function(name) {
        None => (Standing::Unknown, None),
        Some(Definition::Missing) => (Standing::Missing(create_function(name)), None),
        Some(Definition::At(handle)) if handle.is_empty() => (
            Standing::Missing(format!("the function {name:?} has no message destination: give it one")),
            None,
        ),
        Some(Definition::At(handle)) => {
            let queue = Destination::actions(org, handle).to_string();
            (Standing::Met(queue.clone()), Some(queue))
        }
    }
}

/// Whether this is one connector's queue in this organization. A broker takes some characters for a pattern or for a list
/// of queues, which could be anybody's.
pub(super) fn is_ours(queue: &str, org: i64) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let destination: Result<Destination, _> = queue.parse();
    queue.chars().all(plain)
        && destination.is_ok_and(|queue| queue.kind == CONNECTORS && queue.org == org.to_string())
}

fn is_served(registry: &Registry, queue: &str, org: i64) -> bool {
    is_ours(queue, org) && queue.parse().is_ok_and(|queue| registry.serves(&queue))
}

fn connectors(registry: &Registry, definitions: &Definitions, org: i64, findings: &mut Findings) {
    let known = definitions.connectors();
    let none = || {
        Standing::Missing(
            "the platform lists no low-code connectors: it is too old for them, or this account may not see them".into(),
        )
    };
    for (name, route) in registry.connectors() {
        let queue = Destination::of_kind(CONNECTORS, org, name).to_string();
        let standing = match known.support {
            _ if known.queues.contains(&queue) => Standing::Met(queue),
            Support::Unknown => Standing::Unknown,
            Support::None => none(),
            Support::Listed => {
                Standing::Missing(format!("create the low-code connector whose queue is {queue:?}"))
            }
        };
        findings.add(Finding::served(&route.component, format!("the low-code connector {name:?}")), standing);
    }
    if let Some(route) = registry.any_connector() {
        let standing = match known.support {
            Support::Unknown => Standing::Unknown,
            Support::None if known.queues.is_empty() => none(),
            Support::None | Support::Listed => Standing::met(),
        };
        findings
            .add(Finding::served(&route.component, "the list of low-code connectors".to_owned()), standing);
    }
}
