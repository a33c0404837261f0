//! Text that must not be printed.

pub use action_component::secret::Secret;
