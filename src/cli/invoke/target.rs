use super::InvokeArgs;
use crate::{
    cli::rehearsal::registry,
    component::{Component, Kind, name::handler_name},
    config::Settings,
    dispatch::Registry,
};
use std::fmt;

/// The handler that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Function { name: String, component: String },
    Action { name: String, destination: String },
}

/// Finds it; or else says what there is.
pub(super) fn find(registry: &Registry, args: &InvokeArgs) -> Result<Target, String> {
    let mut found = candidates(registry, args);
    match (found.pop(), found.as_slice()) {
        (None, _) => Err(nobody(registry, &args.name)),
        (Some(target), []) => Ok(target),
        (Some(target), others) => Err(several(&args.name, others.iter().chain([&target]))),
    }
}

/// The components that have such a handler: the sections of others do not matter. All of them where none has.
pub(super) fn meant(args: &InvokeArgs, settings: &Settings, components: &[Component]) -> Vec<Component> {
    let has_one = |component: &&Component| match registry(settings, std::slice::from_ref(component)) {
        Ok(registry) => !candidates(&registry, args).is_empty(),
        Err(_clashes_with_itself) => true,
    };
    let meant: Vec<Component> = components.iter().filter(has_one).cloned().collect();
    if meant.is_empty() { components.to_vec() } else { meant }
}

fn candidates(registry: &Registry, args: &InvokeArgs) -> Vec<Target> {
    let (given, action) = (args.name.trim(), handler_name(&args.name));
    let functions = registry.functions().filter(|(name, _)| *name == given).map(|(name, route)| {
        Target::Function { name: name.to_owned(), component: route.component.to_string() }
    });
    let destinations = registry.destinations().filter(|name| match &args.destination {
        // One that is named may answer the action by its default handler.
        Some(wanted) => wanted == name && registry.find(name, &action).is_some(),
        None => registry.actions(name).contains(&action.as_str()),
    });
    let actions = destinations
        .map(|name| Target::Action { name: action.clone(), destination: name.to_owned() })
        .collect::<Vec<_>>();
    match (args.function, &args.destination) {
        (true, _) => functions.collect(),
        (false, Some(_)) => actions,
        (false, None) => functions.chain(actions).collect(),
    }
}

fn several<'a>(name: &str, targets: impl Iterator<Item = &'a Target>) -> String {
    let choices = targets.map(|target| match target {
        Target::Function { component, .. } => format!("  --function: the one of component {component}"),
        Target::Action { destination, .. } => format!("  --destination {destination}: the action there"),
    });
    let choices: Vec<String> = choices.collect();
    format!("several handlers are called {name:?}; say which:\n{}", choices.join("\n"))
}

fn nobody(registry: &Registry, name: &str) -> String {
    let functions = registry.functions().map(|(name, _)| format!("  function {name}"));
    let actions = registry.destinations().flat_map(|destination| {
        let of = move |action: &str| format!("  action {action} (destination {destination})");
        registry.actions(destination).into_iter().map(of).collect::<Vec<_>>()
    });
    let all: Vec<String> = functions.chain(actions).collect();
    let all = if all.is_empty() { "  nothing".to_owned() } else { all.join("\n") };
    format!("there is no handler for {name:?} here; there are:\n{all}")
}

// === impl Target ===

impl Target {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Function { .. } => Kind::Function,
            Self::Action { .. } => Kind::Action,
        }
    }

    /// Whose queue the message would have come from. A function's is the platform's to choose.
    pub(super) fn destination(&self) -> &str {
        match self {
            Self::Function { component, .. } => component,
            Self::Action { destination, .. } => destination,
        }
    }
}

/// `function look_up (component lookup)`
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function { name, component } => write!(f, "function {name} (component {component})"),
            Self::Action { name, destination } => write!(f, "action {name} (destination {destination})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::{Context, Failure, Message, Reply, Section, handler_fn};

    fn args(name: &str) -> InvokeArgs {
        let overrides = crate::config::Overrides::default();
        let (inputs, name) = (Vec::new(), name.to_owned());
        InvokeArgs {
            name,
            inputs,
            input: None,
            incident: None,
            mock: None,
            function: false,
            destination: None,
            overrides,
        }
    }

    #[test]
    fn the_choices_are_named_where_several_handlers_have_one_name() {
        let done = || handler_fn(async |_: Message, _: Context| Ok::<_, Failure>(Reply::text("done")));
        let one = Component::new("one").on("Look Up", done()).function("look_up", done());
        let other = Component::new("other").on("Look Up", done());
        let both = [(&one, Section::default()), (&other, Section::default())];
        let registry = Registry::build(both).unwrap();
        let words = find(&registry, &args("look_up")).unwrap_err();
        for choice in ["--function: the one of component one", "--destination one:", "--destination other:"] {
            assert!(words.contains(choice), "{words}");
        }
        // An action's display name is no function's name.
        assert!(!find(&registry, &args("Look Up")).unwrap_err().contains("--function"));
    }
}
