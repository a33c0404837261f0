//! set_last_updated

use action_component::Component;

/// The component that the processor links in.
#[must_use]
pub fn component() -> Component {
    Component::new("set_last_updated")
}
