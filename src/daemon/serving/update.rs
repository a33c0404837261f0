//! The platform's word that low-code connectors have come or gone.

use super::plan::is_ours;
use crate::{component::Kind, stomp::Headers};
use serde::Deserialize;

/// The payload's type, in the header [`Kind::PAYLOAD`].
const PAYLOAD: &str = "ConnectorSubscriptionUpdateDTO";

/// Queues that have come and gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) come: Vec<String>,
    pub(super) gone: Vec<String>,
    /// Those that it is not for such a message to name: not a connector's, or not of this organization.
    pub(super) refused: Vec<String>,
}

#[derive(Deserialize)]
struct Dto {
    subscribe: Option<Vec<String>>,
    unsubscribe: Option<Vec<String>>,
}

impl Update {
    /// Whether a message with these headers is one.
    pub(super) fn is_in(headers: &Headers) -> bool {
        headers.get(Kind::PAYLOAD) == Some(PAYLOAD)
    }

    /// # Errors
    /// The body does not have the shape of one.
    pub(super) fn read(body: &[u8], org: i64) -> Result<Self, serde_json::Error> {
        let Dto { subscribe, unsubscribe } = serde_json::from_slice(body)?;
        let (subscribe, unsubscribe) = (subscribe.unwrap_or_default(), unsubscribe.unwrap_or_default());
        let (come, not_come): (Vec<_>, Vec<_>) = subscribe.into_iter().partition(|queue| is_ours(queue, org));
        let (gone, not_gone): (Vec<_>, Vec<_>) =
            unsubscribe.into_iter().partition(|queue| is_ours(queue, org));
        Ok(Self { come, gone, refused: not_come.into_iter().chain(not_gone).collect() })
    }
}
