use super::hop::ProxyFailed;
use super::{Address, Credentials, Organization, Platform, Settings, session::Session, wire::Wire};
use crate::tls::CertificateRefused;
use action_component::rest::{BoxError, Content, Request, RestError};
use http::Method;
use serde::Deserialize;
use std::{error::Error, time::Duration};

/// Why the platform cannot be used. None of these texts holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A setting cannot be.
    #[error("{0}")]
    Settings(String),
    /// No answer from there: DNS, TCP, proxy, TLS, or a silence.
    #[error("{address} cannot be reached (see host, port and proxy_host in app.config): {source}")]
    Unreachable {
        /// Where.
        address: Address,
        /// What happened.
        source: BoxError,
    },
    /// The proxy on the way there failed; the platform may be as well as ever.
    #[error("{address}: {source}")]
    Proxy {
        /// Where the call was to go.
        address: Address,
        /// What is wrong with which proxy, and what names it.
        source: BoxError,
    },
    /// The platform's certificate was refused; nothing was sent.
    #[error("{address}: {}", refused(.source.as_ref()))]
    Certificate {
        /// Whose.
        address: Address,
        /// Why.
        source: BoxError,
    },
    /// The platform does not know the API key, or its secret is another.
    #[error("the platform refuses the API key (see api_key_id and api_key_secret in app.config): {message}")]
    Unauthorized {
        /// The platform's own words.
        message: String,
    },
    /// The platform does not know the account, or its password is another.
    #[error("the platform refuses {email} (see email and password in app.config): {message}")]
    WrongPassword {
        /// The account.
        email: String,
        /// The platform's own words.
        message: String,
    },
    /// The account is a member of no organization at all.
    #[error("the account is not a member of any organization; make it one on the platform")]
    NoOrganization,
    /// There are several, and app.config names none.
    #[error("the account is a member of several organizations: say by org in app.config which one: {}", .names.join(", "))]
    WhichOrganization {
        /// Their names.
        names: Vec<String>,
    },
    /// The account is not a member of the one that app.config names.
    #[error("the account is not a member of the organization \"{wanted}\" (org in app.config), but of: {}", .names.join(", "))]
    NotMember {
        /// What app.config names.
        wanted: String,
        /// What there is.
        names: Vec<String>,
    },
    /// The organization may not be used by this account from here.
    #[error(
        "the organization \"{name}\" is not accessible: it may refuse this computer's IP address, or want another way \
         of logging in"
    )]
    Disabled {
        /// Its name.
        name: String,
    },
    /// The organization has no message destinations.
    #[error(
        "the organization \"{name}\" has no Action Module (actions_framework_enabled); ask for a licence that has"
    )]
    NoActionModule {
        /// Its name.
        name: String,
    },
    /// The platform answered, but otherwise than it should.
    #[error("{0}")]
    Rest(RestError),
}

/// A platform that has not been asked anything yet.
#[derive(Debug)]
pub struct Connection {
    settings: Settings,
    wire: Wire,
    session: Session,
}

/// A platform that knows who we are.
#[derive(Debug)]
pub struct LoggedIn {
    connection: Connection,
    organizations: Vec<Organization>,
}

/// `GET /orgs/<id>`, which says much more.
#[derive(Deserialize)]
struct Abilities {
    #[serde(default)]
    actions_framework_enabled: bool,
}

/// Logs in, chooses the organization and sees that it may be used: one attempt at each.
///
/// # Errors
/// See [`ConnectError`]; [`is_transient`](ConnectError::is_transient) says whether to try again.
pub async fn connect(settings: Settings) -> Result<Platform, ConnectError> {
    Connection::new(settings)?.log_in().await?.open().await
}

// === impl Connection ===

impl Connection {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`ConnectError::Settings`]
    pub fn new(settings: Settings) -> Result<Self, ConnectError> {
        let wire = Wire::new(&settings).map_err(ConnectError::Settings)?;
        let session = Session::new(settings.credentials.clone(), settings.redactor.clone());
        Ok(Self { settings, wire, session })
    }

    /// Says who we are.
    ///
    /// # Errors
    /// Unreachable, certificate refused, unauthorized, wrong password.
    pub async fn log_in(self) -> Result<LoggedIn, ConnectError> {
        match self.session.log_in(&self.wire).await {
            Ok(organizations) => Ok(LoggedIn { connection: self, organizations }),
            Err(error) => Err(self.error(error)),
        }
    }

    fn error(&self, error: RestError) -> ConnectError {
        let address = self.settings.address.clone();
        match error {
            RestError::Certificate { source, .. } => ConnectError::Certificate { address, source },
            RestError::Unauthorized { message, .. } => match self.session.credentials() {
                Credentials::ApiKey { .. } => ConnectError::Unauthorized { message },
                Credentials::User { email, .. } => {
                    ConnectError::WrongPassword { email: email.clone(), message }
                }
            },
            // Its own words would say twice that the platform cannot be reached.
            RestError::Unreachable { source, .. } if source.is::<ProxyFailed>() => {
                ConnectError::Proxy { address, source }
            }
            RestError::Unreachable { source, .. } => ConnectError::Unreachable { address, source },
            error @ (RestError::Interrupted { .. } | RestError::TimedOut { .. }) => {
                ConnectError::Unreachable { address, source: error.into() }
            }
            error => ConnectError::Rest(error),
        }
    }
}

// === impl LoggedIn ===

impl LoggedIn {
    /// The organizations that the account is a member of.
    #[must_use]
    pub fn organizations(&self) -> &[Organization] {
        &self.organizations
    }

    /// The one that the settings name.
    ///
    /// # Errors
    /// There is none, or more than one could be meant, or it may not be used.
    pub fn organization(&self) -> Result<Organization, ConnectError> {
        Organization::choose(&self.organizations, self.connection.settings.org.as_deref())
    }

    /// Chooses the organization and sees that it may be used.
    ///
    /// # Errors
    /// See [`organization`](Self::organization); it has no Action Module; the platform went away.
    pub async fn open(self) -> Result<Platform, ConnectError> {
        let organization = self.organization()?;
        let abilities =
            self.abilities(organization.id).await.map_err(|error| self.connection.error(error))?;
        if !abilities.actions_framework_enabled {
            return Err(ConnectError::NoActionModule { name: organization.name });
        }
        let Connection { settings, wire, session } = self.connection;
        Ok(Platform::new(wire, session, organization, &settings))
    }

    async fn abilities(&self, id: i64) -> Result<Abilities, RestError> {
        let Connection { wire, session, .. } = &self.connection;
        let request = Request::new(Method::GET, "");
        let response = wire.send(request, Some(id), &session.pass().headers).await?;
        let text = match response.body {
            Content::Bytes(text) => text,
            _ => Default::default(),
        };
        let read = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&text));
        read.map_err(|source| RestError::Unreadable {
            method: Method::GET,
            path: format!("/orgs/{id}"),
            source: Box::new(source),
        })
    }
}

/// A refusal of our own says everything.
fn refused(source: &(dyn Error + 'static)) -> String {
    match source.downcast_ref::<CertificateRefused>() {
        Some(refused) => refused.to_string(),
        None => format!("the certificate is refused: {source}"),
    }
}

// === impl ConnectError ===

impl ConnectError {
    /// Whether it may pass without anybody's help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Proxy { .. } => true,
            Self::Rest(error) => error.is_transient(),
            Self::Settings(_)
            | Self::Certificate { .. }
            | Self::Unauthorized { .. }
            | Self::WrongPassword { .. }
            | Self::NoOrganization
            | Self::WhichOrganization { .. }
            | Self::NotMember { .. }
            | Self::Disabled { .. }
            | Self::NoActionModule { .. } => false,
        }
    }

    /// How long the platform asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Rest(error) => error.retry_after(),
            _ => None,
        }
    }

    /// What the peer's self-test exits with.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } | Self::Proxy { .. } => 20,
            // A gateway answered in the platform's place, or the platform is busy.
            Self::Rest(error) if error.is_transient() => 20,
            Self::Unauthorized { .. } => 21,
            Self::Certificate { .. } => 23,
            Self::NoOrganization
            | Self::WhichOrganization { .. }
            | Self::NotMember { .. }
            | Self::Disabled { .. } => 24,
            Self::WrongPassword { .. } => 25,
            Self::Settings(_) | Self::NoActionModule { .. } | Self::Rest(_) => 1,
        }
    }
}
