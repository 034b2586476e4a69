//! The port to the keys: what is personal or secret is sealed before it is written, and can be made unreadable for ever
//! by throwing its key away, without touching a byte of the log.
use crate::{Actor, Event, EventId, Reason, UserId, access};
use std::{collections::BTreeSet, fmt, net::IpAddr, sync::Arc};
use uuid::Uuid;

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
    /// The envelope's reason, where it is sealed for those whom it is about as well.
    Reason = 14,
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
///
/// What somebody says of others is theirs too: the reason is first sealed under the keys of [those whom it is about](super::sharers),
/// one after the other, so that it goes with each of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Particulars {
    /// Where the command came from.
    pub address: Option<IpAddr>,
    /// Why it was given.
    pub reason: Option<Reason>,
}

/// What of them is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Where the command came from.
    pub address: Option<IpAddr>,
    /// Why it was given: it may have gone with somebody whom it is about.
    pub reason: Opened<Option<Reason>>,
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

    /// Seals them for an event, the reason for these besides, at most 255; none if there is nothing to seal.
    ///
    /// # Errors
    /// See [`Vault::seal`].
    pub fn seal(
        &self,
        vault: &dyn Vault,
        owner: Owner,
        event: EventId,
        sharers: &BTreeSet<UserId>,
    ) -> Result<Option<Sealed>, VaultError> {
        if *self == Self::default() {
            return Ok(None);
        }
        let mut clear = match self.address {
            None => vec![0],
            Some(IpAddr::V4(v4)) => [&[4][..], &v4.octets()].concat(),
            Some(IpAddr::V6(v6)) => [&[6][..], &v6.octets()].concat(),
        };
        let mut reason = self.reason.as_ref().map_or_else(Vec::new, |reason| reason.as_str().into());
        if !reason.is_empty() && !sharers.is_empty() {
            let count = u8::try_from(sharers.len());
            clear[0] |= SHARED;
            clear.push(count.map_err(|_| VaultError::NoNewKey("a reason is about too many users".to_owned()))?);
            for user in sharers {
                clear.extend(user.0.as_bytes());
                reason = vault.seal(Owner::User(*user), event, Field::Reason, &reason)?.0.to_vec();
            }
        }
        clear.extend(reason);
        vault.seal(owner, event, Field::Particulars, &clear).map(Some)
    }

    /// Opens them.
    ///
    /// # Errors
    /// See [`Vault::open`].
    pub fn open(vault: &dyn Vault, owner: Owner, event: EventId, sealed: &Sealed) -> Result<Opened<Told>, VaultError> {
        vault.open(owner, event, Field::Particulars, sealed)?.try_map(|clear| {
            let forged = || VaultError::Forged(owner);
            let (address, sharers, reason) = parts(&clear).ok_or_else(forged)?;
            let reason = unwrapped(vault, event, &sharers, reason)?.try_map(|reason| {
                let text = String::from_utf8(reason).map_err(|_| forged())?;
                (!text.is_empty()).then(|| text.parse()).transpose().map_err(|_| forged())
            })?;
            Ok(Told { address, reason })
        })
    }
}

/// A reason, out of the seals of those whom it is about.
fn unwrapped(vault: &dyn Vault, event: EventId, sharers: &[UserId], reason: &[u8]) -> Result<Opened, VaultError> {
    let mut reason = reason.to_vec();
    for user in sharers.iter().rev() {
        match vault.open(Owner::User(*user), event, Field::Reason, &Sealed(reason.into()))? {
            Opened::Clear(inner) => reason = inner,
            gone => return Ok(gone),
        }
    }
    Ok(Opened::Clear(reason))
}

/// In the first byte, beside the address's family: the reason is sealed for others too, who are named before it.
const SHARED: u8 = 8;

/// The address, those for whom the reason is sealed, and the reason.
fn parts(clear: &[u8]) -> Option<(Option<IpAddr>, Vec<UserId>, &[u8])> {
    let (first, rest) = clear.split_first()?;
    let (address, rest) = match first & !SHARED {
        0 => (None, rest),
        4 => rest.split_first_chunk::<4>().map(|(octets, rest)| (Some(IpAddr::from(*octets)), rest))?,
        6 => rest.split_first_chunk::<16>().map(|(octets, rest)| (Some(IpAddr::from(*octets)), rest))?,
        _ => return None,
    };
    if first & SHARED == 0 {
        return Some((address, vec![], rest));
    }
    let (count, rest) = rest.split_first()?;
    let (ids, reason) = rest.split_at_checked(16 * usize::from(*count))?;
    let (ids, _) = ids.as_chunks::<16>();
    Some((address, ids.iter().map(|id| UserId(Uuid::from_bytes(*id))).collect(), reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::testing::TestVault;

    const ADA: UserId = UserId(Uuid::from_u128(0xada));
    const BOB: UserId = UserId(Uuid::from_u128(0xb0b));
    const EVENT: EventId = EventId(Uuid::from_u128(1));

    fn particulars() -> Particulars {
        Particulars { address: Some([192, 0, 2, 7].into()), reason: Some("for ada and bob".parse().unwrap()) }
    }

    /// As it is stored for ever.
    #[test]
    fn a_reason_is_sealed_for_all_whom_it_is_about() {
        let sealed = |sharers: &[UserId]| {
            let sharers = sharers.iter().copied().collect();
            let sealed = particulars().seal(&TestVault::new(), Owner::Cluster, EVENT, &sharers).unwrap().unwrap();
            format!("{:02x?}", sealed.0).replace(", ", "")
        };
        assert_eq!(sealed(&[]), "[c722c206f6697ecc9a27c4e589708fda281c11b4a2ceb847e4209722]");
        let shared = concat!(
            "[cf22c206f60d11beba46a084a911e1be087e7ed641829effa085f1e5665b4cf57041a79c6ef61e20ffc802d94b15d7f6",
            "db242d88bd08b22669e809379bdc73afe6c4ec6f2d6fb10f7da6ff3da1]"
        );
        assert_eq!(sealed(&[ADA, BOB]), shared);
    }

    #[test]
    fn it_goes_with_any_of_them_and_the_address_with_the_owner_alone() {
        let vault = TestVault::new();
        let sealed = particulars().seal(&vault, Owner::Cluster, EVENT, &BTreeSet::from([ADA, BOB])).unwrap().unwrap();
        let open = || Particulars::open(&vault, Owner::Cluster, EVENT, &sealed);
        let told = |reason| Ok(Opened::Clear(Told { address: particulars().address, reason }));
        assert_eq!(open(), told(Opened::Clear(particulars().reason)));
        vault.erase(BOB);
        assert_eq!(open(), told(Opened::Erased));

        let vault = TestVault::new();
        let open = || Particulars::open(&vault, Owner::Cluster, EVENT, &sealed);
        vault.give_up(Owner::User(ADA));
        assert_eq!(open(), told(Opened::Unreadable));
        vault.give_up(Owner::Cluster);
        assert_eq!(open(), Ok(Opened::Unreadable));
    }

    #[test]
    fn damaged_ones_are_refused() {
        for clear in [&[][..], &[1], &[8], &[8, 1, 0], &[4, 1, 2], &[16]] {
            assert_eq!(parts(clear), None, "{clear:?}");
        }
    }
}
