use crate::ProviderUrl;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// A sort of sign-in backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// This server: logins and passwords are kept here.
    Local,
    /// A GitHub organization.
    GitHub,
    /// An OpenID provider.
    Oidc,
}

impl BackendKind {
    /// Every sort.
    pub const ALL: [Self; 3] = [Self::Local, Self::GitHub, Self::Oidc];

    /// Its name in JSON, in paths and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::GitHub => "github",
            Self::Oidc => "oidc",
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a provider's subjects mean something: the same number is somebody else elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Realm {
    /// The sort of provider.
    pub kind: BackendKind,
    /// GitHub's address, or the issuer.
    pub address: ProviderUrl,
}

/// Who somebody is at a provider, whatever they are called there: personal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The provider.
    pub realm: Realm,
    subject: Arc<str>,
}

/// The text is no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a provider's subject is 1 to 255 characters of ASCII")]
pub struct IdentityError;

impl Identity {
    /// Whom the provider knows by this: GitHub's numeric user id, or the claim `sub` (OpenID Connect Core 1.0 §2: at most 255
    /// characters of ASCII).
    ///
    /// # Errors
    /// It is longer, empty, or of other characters.
    pub fn new(realm: Realm, subject: &str) -> Result<Self, IdentityError> {
        let printable = |b: u8| b == b' ' || b.is_ascii_graphic();
        let fits = (1..=255).contains(&subject.len()) && subject.bytes().all(printable);
        if fits { Ok(Self { realm, subject: subject.into() }) } else { Err(IdentityError) }
    }

    /// The provider's word for them.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// One text, for sealing.
    pub(crate) fn to_text(&self) -> String {
        format!("{} {} {}", self.realm.kind, self.realm.address, self.subject)
    }
}

impl FromStr for Identity {
    type Err = IdentityError;
    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let mut parts = text.splitn(3, ' ');
        let mut next = || parts.next().ok_or(IdentityError);
        let (kind, address, subject) = (next()?, next()?, next()?);
        let kind = BackendKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or(IdentityError)?;
        Self::new(Realm { kind, address: address.parse().map_err(|_| IdentityError)? }, subject)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, …)", self.realm.kind)
    }
}
