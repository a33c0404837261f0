use super::ConnectError;
use serde::Deserialize;

/// One of the organizations that the account is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Organization {
    /// What stands in `/orgs/<id>` and in the queues' names.
    pub id: i64,
    /// As the platform shows it.
    pub name: String,
    /// Whether it may be used from here, by this account.
    #[serde(default)]
    pub enabled: bool,
    /// Another name for it.
    #[serde(default)]
    pub uuid: Option<String>,
    /// And another, on a cloud platform.
    #[serde(default)]
    pub cloud_account: Option<String>,
}

impl Organization {
    /// The one that `wanted` names, of those that the account is a member of.
    pub(super) fn choose(all: &[Self], wanted: Option<&str>) -> Result<Self, ConnectError> {
        let names = || all.iter().map(|organization| organization.name.clone()).collect();
        let found = match (wanted, all) {
            (_, []) => return Err(ConnectError::NoOrganization),
            (None, [only]) => only,
            (None, _) => return Err(ConnectError::WhichOrganization { names: names() }),
            (Some(wanted), _) => all
                .iter()
                .find(|organization| organization.is_called(wanted))
                .ok_or_else(|| ConnectError::NotMember { wanted: wanted.to_owned(), names: names() })?,
        };
        if found.enabled {
            Ok(found.clone())
        } else {
            Err(ConnectError::Disabled { name: found.name.clone() })
        }
    }

    fn is_called(&self, wanted: &str) -> bool {
        let wanted = Some(wanted);
        Some(self.name.as_str()) == wanted
            || self.uuid.as_deref() == wanted
            || self.cloud_account.as_deref() == wanted
    }
}
