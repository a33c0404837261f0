//! add_task

use action_component::Component;

/// The component that the processor links in.
#[must_use]
pub fn component() -> Component {
    Component::new("add_task")
}
