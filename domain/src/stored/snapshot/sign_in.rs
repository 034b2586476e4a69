//! The sign-in backend in a snapshot.
use super::{people::nothing, seal_id};
use crate::{
    Cluster, Position, Stamp, Timestamp, UserId,
    backend::{Proposal, SignIn},
    stored::{
        DecodeError, EncodeError, Field, Owner, Sealed, Vault,
        backend::{ProviderV1, Seals},
        envelope::timestamp,
        user::{called, text},
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct Standing<'a> {
    #[serde(borrow)]
    provider: Option<ProviderV1<'a>>,
    since: Option<i64>,
    credentials_at: Option<i64>,
    #[serde(borrow)]
    proposal: Option<Proposed<'a>>,
    revision: u64,
}

#[derive(Serialize, Deserialize)]
struct Proposed<'a> {
    #[serde(borrow)]
    provider: ProviderV1<'a>,
    operator: [u8; 16],
    linked: bool,
    /// Sealed; none if it was erased, or can't be read.
    login: Option<Vec<u8>>,
    unreadable: bool,
    at: i64,
    revision: u64,
}

fn active(vault: &dyn Vault, at: Stamp) -> Seals<'_> {
    let (client_secret, directory_token) = (Field::SnapshotClientSecret, Field::SnapshotDirectoryToken);
    Seals { vault, id: seal_id(at), client_secret, directory_token }
}

fn proposed(vault: &dyn Vault, at: Stamp) -> Seals<'_> {
    let (client_secret, directory_token) = (Field::SnapshotProposedSecret, Field::SnapshotProposedToken);
    Seals { vault, id: seal_id(at), client_secret, directory_token }
}

impl<'a> Standing<'a> {
    pub(super) fn of(cluster: &'a Cluster, vault: &dyn Vault) -> Result<Self, EncodeError> {
        let SignIn { provider, since, credentials_at, proposal, revision } = &cluster.sign_in;
        let seals = active(vault, cluster.at);
        Ok(Self {
            provider: provider.as_ref().map(|provider| ProviderV1::of(provider, &seals)).transpose()?,
            since: since.map(Timestamp::micros),
            credentials_at: credentials_at.map(Timestamp::micros),
            proposal: proposal.as_ref().map(|proposal| Proposed::of(proposal, cluster.at, vault)).transpose()?,
            revision: revision.0,
        })
    }

    pub(super) fn sign_in(self, at: Stamp, vault: &dyn Vault) -> Result<SignIn, DecodeError> {
        let time = |micros: Option<i64>| micros.map(|micros| timestamp(micros, "a time")).transpose();
        Ok(SignIn {
            provider: self.provider.map(|provider| provider.provider(&active(vault, at))).transpose()?,
            since: time(self.since)?,
            credentials_at: time(self.credentials_at)?,
            proposal: self.proposal.map(|proposal| proposal.proposal(at, vault)).transpose()?,
            revision: Position(self.revision),
        })
    }
}

impl<'a> Proposed<'a> {
    fn of(proposal: &'a Proposal, at: Stamp, vault: &dyn Vault) -> Result<Self, EncodeError> {
        let owner = Owner::User(proposal.operator);
        let seal = |login: &str| vault.seal(owner, seal_id(at), Field::SnapshotProposedLogin, login.as_bytes());
        Ok(Self {
            provider: ProviderV1::of(&proposal.provider, &proposed(vault, at))?,
            operator: proposal.operator.0.into_bytes(),
            linked: proposal.linked,
            login: proposal.login.readable().map(seal).transpose()?.map(|sealed| sealed.0.to_vec()),
            unreadable: proposal.login.is_unreadable(),
            at: proposal.proposed_at.micros(),
            revision: proposal.revision.0,
        })
    }

    fn proposal(self, at: Stamp, vault: &dyn Vault) -> Result<Proposal, DecodeError> {
        let operator = UserId(Uuid::from_bytes(self.operator));
        let owner = Owner::User(operator);
        let open =
            |sealed: Vec<u8>| vault.open(owner, seal_id(at), Field::SnapshotProposedLogin, &Sealed(sealed.into()));
        let login = self.login.map(open).transpose()?.map(text).transpose()?;
        let login = called(operator, login.unwrap_or(nothing(self.unreadable)))?;
        Ok(Proposal {
            provider: self.provider.provider(&proposed(vault, at))?,
            operator,
            linked: self.linked,
            login,
            proposed_at: timestamp(self.at, "a time")?,
            revision: Position(self.revision),
        })
    }
}
