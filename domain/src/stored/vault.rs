//! The port to the keys: what is personal or secret is sealed before it is written, and can be made unreadable for ever
//! by throwing its key away, without touching a byte of the log.
use crate::{Actor, Event, EventId, Reason, UserId, access};
use std::{fmt, net::IpAddr, sync::Arc};

/// A sealed field as it stands in the log. Its nonce is the event's id and the field's number, and so is not in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Arc<[u8]>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// Whose key seals a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The user's own key: thrown away when the user is erased.
    User(UserId),
    /// The cluster's key.
    Cluster,
}

impl From<&Actor> for Owner {
    fn from(actor: &Actor) -> Self {
        match actor {
            Actor::User(id) => Self::User(*id),
            Actor::System | Actor::Agent(_) => Self::Cluster,
        }
    }
}

/// Which field of an event is sealed. The number is part of the nonce, and so is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The envelope's address and reason.
    Particulars = 0,
    /// `UserOnboarded.login`.
    Login = 1,
    /// `PasswordSet.hash`.
    Password = 2,
    /// A user's login in a snapshot of the cluster.
    SnapshotLogin = 3,
    /// A user's password hash in a snapshot of the cluster.
    SnapshotPassword = 4,
    /// `UserLinked.identity`.
    Identity = 5,
    /// A user's identity in a snapshot of the cluster.
    SnapshotIdentity = 6,
    /// A provider's client secret.
    ClientSecret = 7,
    /// A provider's directory token.
    DirectoryToken = 8,
    /// The active provider's client secret in a snapshot of the cluster.
    SnapshotClientSecret = 9,
    /// The active provider's directory token in a snapshot of the cluster.
    SnapshotDirectoryToken = 10,
    /// The proposed provider's client secret in a snapshot of the cluster.
    SnapshotProposedSecret = 11,
    /// The proposed provider's directory token in a snapshot of the cluster.
    SnapshotProposedToken = 12,
    /// The login of a proposal's operator in a snapshot of the cluster.
    SnapshotProposedLogin = 13,
}

/// What opening a sealed field comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened<T = Vec<u8>> {
    /// What was sealed.
    Clear(T),
    /// Nothing: the owner was erased, and their key thrown away.
    Erased,
    /// Nothing: the key was lost, and given up.
    Unreadable,
}

impl<T> Opened<T> {
    /// The same of what `read` makes of what was sealed.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn try_map<U, E>(self, read: impl FnOnce(T) -> Result<U, E>) -> Result<Opened<U>, E> {
        Ok(match self {
            Self::Clear(clear) => Opened::Clear(read(clear)?),
            Self::Erased => Opened::Erased,
            Self::Unreadable => Opened::Unreadable,
        })
    }

    /// What was sealed, if it is to be had.
    pub fn clear(self) -> Option<T> {
        match self {
            Self::Clear(clear) => Some(clear),
            Self::Erased | Self::Unreadable => None,
        }
    }
}

/// Has no keys: for looking at what a log tells without them.
#[derive(Debug, Clone, Copy)]
pub struct Blind;

impl Vault for Blind {
    fn seal(&self, _: Owner, _: EventId, _: Field, _: &[u8]) -> Result<Sealed, VaultError> {
        Err(VaultError::NoNewKey("nothing is written without keys".to_owned()))
    }

    fn open(&self, _: Owner, _: EventId, _: Field, _: &Sealed) -> Result<Opened, VaultError> {
        Ok(Opened::Unreadable)
    }
}

/// A field can't be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// There is no key, and no erasure that would explain it.
    #[error("the key of {0:?} is missing, and nothing says that it was erased: restore the key ring from a backup")]
    KeyMissing(Owner),
    /// The sealed bytes are not what was sealed under this key.
    #[error("a field sealed under the key of {0:?} does not open: the key ring or the log is damaged or foreign")]
    Forged(Owner),
    /// A new key is needed and can't be made.
    #[error("no new key can be made: {0}")]
    NoNewKey(String),
}

/// Seals and opens fields. Implemented over the key ring; pure from here on: the same input seals to the same bytes.
pub trait Vault {
    /// Seals a field of the event with that id. Makes the owner's key if there is none yet.
    ///
    /// # Errors
    /// No key can be made.
    fn seal(&self, owner: Owner, event: EventId, field: Field, clear: &[u8]) -> Result<Sealed, VaultError>;

    /// Opens what [`seal`](Self::seal) sealed.
    ///
    /// # Errors
    /// The key is missing without an erasure and was not given up, or the bytes were not sealed under it.
    fn open(&self, owner: Owner, event: EventId, field: Field, sealed: &Sealed) -> Result<Opened, VaultError>;
}

/// What an event's envelope holds of a person besides their id: sealed together, under the key of its [owner](Particulars::owner).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Particulars {
    /// Where the command came from.
    pub address: Option<IpAddr>,
    /// Why it was given.
    pub reason: Option<Reason>,
}

impl Particulars {
    /// Whose key seals them: the actor's; but where a sign-in failed, and so nobody is known to be the actor, that of the user whose
    /// login was given. It may have been they, and what is theirs must go with them.
    pub fn owner(actor: &Actor, event: &Event) -> Owner {
        match event {
            Event::Access(access::Event::SignInFailed { user: Some(user), .. }) => Owner::User(*user),
            _ => Owner::from(actor),
        }
    }

    /// Seals them for an event; none if there is nothing to seal.
    ///
    /// # Errors
    /// See [`Vault::seal`].
    pub fn seal(&self, vault: &dyn Vault, owner: Owner, event: EventId) -> Result<Option<Sealed>, VaultError> {
        if *self == Self::default() {
            return Ok(None);
        }
        let mut clear = match self.address {
            None => vec![0],
            Some(IpAddr::V4(v4)) => [&[4][..], &v4.octets()].concat(),
            Some(IpAddr::V6(v6)) => [&[6][..], &v6.octets()].concat(),
        };
        clear.extend(self.reason.iter().flat_map(|reason| reason.as_str().bytes()));
        vault.seal(owner, event, Field::Particulars, &clear).map(Some)
    }

    /// Opens them.
    ///
    /// # Errors
    /// See [`Vault::open`].
    pub fn open(vault: &dyn Vault, owner: Owner, event: EventId, sealed: &Sealed) -> Result<Opened<Self>, VaultError> {
        let opened = vault.open(owner, event, Field::Particulars, sealed)?;
        opened.try_map(|clear| Self::parse(&clear).ok_or(VaultError::Forged(owner)))
    }

    fn parse(clear: &[u8]) -> Option<Self> {
        let (family, rest) = clear.split_first()?;
        let (address, reason) = match family {
            0 => (None, rest),
            4 => rest.split_first_chunk::<4>().map(|(octets, rest)| (Some(IpAddr::from(*octets)), rest))?,
            6 => rest.split_first_chunk::<16>().map(|(octets, rest)| (Some(IpAddr::from(*octets)), rest))?,
            _ => return None,
        };
        let reason = match reason {
            [] => None,
            text => Some(std::str::from_utf8(text).ok()?.parse().ok()?),
        };
        Some(Self { address, reason })
    }
}
