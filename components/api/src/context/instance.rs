//! What belongs to one component on one platform, and to no other instance of it.

use super::Context;
use crate::{Component, Failure, Section};
use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// One component with one section, on one platform: its section, and what was made of it
/// ([`Component::state`]). A changed section makes a new one.
pub struct Instance {
    section: Arc<Section>,
    states: Arc<[StateMaker]>,
    made: Mutex<HashMap<TypeId, Made>>,
    scope: Arc<Scope>,
}

type Made = Arc<dyn Any + Send + Sync>;

/// What wrappers gather, order and limit by: messages of two scopes never meet. It outlives a changed section.
#[derive(Debug, Default)]
pub(crate) struct Scope(
    // Its address tells it apart, which a value without size may not have.
    #[expect(dead_code, reason = "see above")] u8,
);

/// Makes one value of a component's state.
#[derive(Clone)]
pub(crate) struct StateMaker {
    id: TypeId,
    name: &'static str,
    make: Arc<Make>,
}

type Make = dyn Fn(&Section, &Section) -> Result<Made, Failure> + Send + Sync;

// === impl Instance ===

impl Instance {
    /// An instance of `component` with this section.
    #[must_use]
    pub fn new(component: &Component, section: Section) -> Arc<Self> {
        let section = Arc::new(section.knowing(component.tuned()));
        Self::within(Arc::default(), component.states().into(), section)
    }

    /// What follows `before` once the section may have changed: the same where it has not. Messages that wait in
    /// wrappers go on to be gathered and counted with those that come.
    #[must_use]
    pub fn following(self: &Arc<Self>, before: &Arc<Self>) -> Arc<Self> {
        if self.section == before.section && same(&self.states, &before.states) {
            return before.clone();
        }
        Self::within(before.scope.clone(), self.states.clone(), self.section.clone())
    }

    pub(crate) fn within(scope: Arc<Scope>, states: Arc<[StateMaker]>, section: Arc<Section>) -> Arc<Self> {
        Arc::new(Self { section, states, made: Mutex::default(), scope })
    }

    /// Its section of app.config.
    #[must_use]
    pub fn section(&self) -> &Arc<Section> {
        &self.section
    }

    pub(crate) fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }

    /// The value of type `T`, made now if it was not yet. One that could not be made is tried again the next time.
    fn state<T: Send + Sync + 'static>(&self, integrations: &Section) -> Result<Arc<T>, Failure> {
        let wanted = TypeId::of::<T>();
        let lacks = || {
            let name = type_name::<T>();
            Failure::new(format!(
                "The component has no state of the type {name}: make it in Component::state."
            ))
        };
        let maker = self.states.iter().find(|maker| maker.id == wanted).ok_or_else(lacks)?;
        // Held while the author's code makes it: there is to be one. What it guards is whole even after a panic.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let value = match made.get(&wanted) {
            Some(value) => value.clone(),
            None => {
                let value = (maker.make)(&self.section, integrations)?;
                made.insert(wanted, value.clone());
                value
            }
        };
        value.downcast::<T>().map_err(|_| lacks())
    }
}

/// Its section's keys: the values may be secrets.
impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("section", &self.section).finish_non_exhaustive()
    }
}

// === impl StateMaker ===

impl StateMaker {
    pub(crate) fn new<T, E>(make: impl Fn(&Section, &Section) -> Result<T, E> + Send + Sync + 'static) -> Self
    where
        T: Send + Sync + 'static,
        E: Into<Failure>,
    {
        let name = type_name::<T>();
        let make = move |section: &Section, integrations: &Section| match make(section, integrations) {
            Ok(value) => Ok(Arc::new(value) as Made),
            Err(error) => {
                let failure: Failure = error.into();
                let section = section.name();
                Err(failure.in_words(|text| {
                    format!("What the component [{section}] needs could not be made of its section: {text}")
                }))
            }
        };
        Self { id: TypeId::of::<T>(), name, make: Arc::new(make) }
    }

    /// Whether both make a value of the same type.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Debug for StateMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Whether these are the same makers, and not only such as look alike.
pub(crate) fn same(some: &[StateMaker], others: &[StateMaker]) -> bool {
    let is_same = |(one, other): (&StateMaker, &StateMaker)| Arc::ptr_eq(&one.make, &other.make);
    some.len() == others.len() && some.iter().zip(others).all(is_same)
}

// === impl Context ===

impl Context {
    /// What [`Component::state`] made of the component's section: one value for all messages of this instance of the
    /// component. It is made when a handler first asks for it, and anew once the section or `[integrations]` has
    /// changed; a message that is at work then goes on with what it has.
    ///
    /// # Errors
    /// It could not be made, which is tried again the next time, or the component makes nothing of this type.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Failure> {
        self.inner.instance.state(&self.inner.services.integrations)
    }
}
