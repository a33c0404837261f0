//! Which handler the daemon would give a message to.

use crate::{Component, Failure, FailureKind, Kind, Message, Section, address::Address, handler::AnyHandler};
use std::sync::Arc;

/// `None` for inbound news that no handler takes, which the daemon acknowledges and lets go.
pub(super) fn handler<'a>(
    component: &'a Component,
    section: &'a Section,
    message: &Message,
) -> Result<Option<&'a Arc<dyn AnyHandler>>, Failure> {
    let destination = match message.kind() {
        // Whoever makes up an action need not know the queue that the component serves.
        Kind::Action => component.serves(section),
        Kind::Function | Kind::Inbound | Kind::Connector => message.destination(),
    };
    let address = Address::of(message.kind(), destination, message.action());
    match address.find(|address| at(component, section, address)) {
        None if is_let_go(component, section, message) => Ok(None),
        None => Err(Failure::with_kind(FailureKind::Rejected, nobody(component, section, message))),
        found => Ok(found),
    }
}

fn at<'a>(
    component: &'a Component,
    section: &'a Section,
    wanted: Address<'_>,
) -> Option<&'a Arc<dyn AnyHandler>> {
    let mut found = component.routes(section).filter(|(address, _)| *address == wanted);
    let first = found.next();
    assert!(
        found.next().is_none(),
        "component `{}` has two handlers for {wanted:?}; the daemon refuses to start with it",
        component.name()
    );
    first.map(|(_, handler)| handler)
}

fn is_let_go(component: &Component, section: &Section, message: &Message) -> bool {
    let is_served = |address| matches!(address, Address::Inbound { destination, .. } if destination == message.destination());
    message.kind() == Kind::Inbound
        && !message.action().is_empty()
        && component.routes(section).any(|(address, _)| is_served(address))
}

/// For a message that no handler takes: those that there are.
fn nobody(component: &Component, section: &Section, message: &Message) -> String {
    let routes = || component.routes(section).map(|(address, _)| address);
    let (what, known): (_, Vec<String>) = match message.kind() {
        Kind::Action => ("action", routes().filter_map(action).collect()),
        Kind::Function => ("function", routes().filter_map(function).collect()),
        Kind::Inbound => ("inbound event", routes().filter_map(inbound).collect()),
        Kind::Connector => ("connector", routes().filter_map(connector).collect()),
    };
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let (component, name) = (component.name(), message.action());
    let of = match message.kind() {
        Kind::Inbound => format!(" of {}", message.destination()),
        _ => String::new(),
    };
    let hint = hint(routes(), message).unwrap_or_default();
    format!("component `{component}` has no handler for the {what} `{name}`{of}; it has {known}{hint}")
}

/// The test may have made up a message of the wrong kind.
fn hint<'a>(mut routes: impl Iterator<Item = Address<'a>>, message: &Message) -> Option<&'static str> {
    let name = message.action();
    routes.find_map(|address| match (message.kind(), address) {
        (Kind::Action, Address::Function(function)) if function == name => {
            Some(". It has a function of this name: testing::function makes a call of it")
        }
        (Kind::Function, Address::Action { name: Some(action), .. }) if action == name => {
            Some(". It has an action of this name: testing::message makes a message of it")
        }
        _ => None,
    })
}

fn action(address: Address<'_>) -> Option<String> {
    match address {
        Address::Action { name, .. } => Some(name.unwrap_or("all else").to_owned()),
        _ => None,
    }
}

fn function(address: Address<'_>) -> Option<String> {
    match address {
        Address::Function(name) => Some(name.to_owned()),
        _ => None,
    }
}

fn inbound(address: Address<'_>) -> Option<String> {
    match address {
        Address::Inbound { destination, event } => {
            Some(format!("{} of {destination}", event.unwrap_or("all else")))
        }
        _ => None,
    }
}

fn connector(address: Address<'_>) -> Option<String> {
    match address {
        Address::Connector(queue) => Some(queue.unwrap_or("all else").to_owned()),
        _ => None,
    }
}
