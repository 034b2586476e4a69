//! The stored form of what happens to the sign-in backend. Its secrets are sealed under the cluster's key, the login of a proposal's
//! operator under their own.
use super::{
    DecodeError, EncodeError, Field, Opened, Owner, Sealed,
    codes::Coded,
    envelope::word,
    frozen::{Opener, Thaw, Writer},
    user,
};
use crate::{
    Event as Fact, EventId, ProviderWord, UserId,
    backend::{BackendKind, Event, GitHub, Oidc, Provider, Secret},
    stored::Vault,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

#[derive(Serialize, Deserialize)]
pub(super) struct AuthBackendProposedV1<'a> {
    #[serde(borrow)]
    provider: ProviderV1<'a>,
    operator: [u8; 16],
    linked: bool,
    /// Sealed; none if it was erased before it was written.
    login: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AuthBackendProposalWithdrawnV1 {
    operator: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct AuthBackendActivatedV1 {
    kind: u8,
    operator: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct CredentialsUpdatedV1<'a> {
    #[serde(borrow)]
    provider: ProviderV1<'a>,
    client_secret: bool,
    directory_token: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ProviderV1<'a> {
    kind: u8,
    /// GitHub's address, or the issuer.
    address: &'a str,
    client_id: &'a str,
    /// GitHub's organization; for others, the claim that is somebody's login.
    detail: &'a str,
    scopes: Vec<&'a str>,
    /// Sealed; empty if it was unreadable when it was written.
    client_secret: Vec<u8>,
    /// Sealed, as the client's secret.
    directory_token: Option<Vec<u8>>,
}

/// Where the secrets of one provider are sealed.
pub(super) struct Seals<'v> {
    pub(super) vault: &'v dyn Vault,
    pub(super) id: EventId,
    pub(super) client_secret: Field,
    pub(super) directory_token: Field,
}

impl<'v> Seals<'v> {
    const fn of_event(vault: &'v dyn Vault, id: EventId) -> Self {
        Self { vault, id, client_secret: Field::ClientSecret, directory_token: Field::DirectoryToken }
    }

    fn seal(&self, field: Field, secret: &Secret) -> Result<Vec<u8>, EncodeError> {
        let Some(clear) = secret.reveal() else { return Ok(vec![]) };
        Ok(self.vault.seal(Owner::Cluster, self.id, field, clear.as_bytes())?.0.to_vec())
    }

    fn open(&self, field: Field, sealed: Vec<u8>) -> Result<Secret, DecodeError> {
        let damaged = || DecodeError::Damaged("a secret");
        if sealed.is_empty() {
            return Ok(Secret::UNREADABLE);
        }
        match self.vault.open(Owner::Cluster, self.id, field, &Sealed(sealed.into()))? {
            Opened::Clear(clear) => {
                let text = String::from_utf8(clear).map_err(|_| damaged())?;
                Secret::new(Zeroizing::new(text)).ok_or_else(damaged)
            }
            Opened::Unreadable => Ok(Secret::UNREADABLE),
            Opened::Erased => Err(damaged()),
        }
    }
}

impl<'a> ProviderV1<'a> {
    pub(super) fn of(provider: &'a Provider, seals: &Seals<'_>) -> Result<Self, EncodeError> {
        let client_secret = seals.seal(seals.client_secret, provider.client_secret())?;
        let token = provider.directory_token();
        let directory_token = token.map(|token| seals.seal(seals.directory_token, token)).transpose()?;
        let kind = provider.kind().code();
        Ok(match provider {
            Provider::GitHub(GitHub { base_url, organization, client_id, .. }) => Self {
                kind,
                address: base_url.as_str(),
                client_id: client_id.as_str(),
                detail: organization.as_str(),
                scopes: vec![],
                client_secret,
                directory_token,
            },
            Provider::Oidc(Oidc { issuer, client_id, scopes, login_claim, .. }) => Self {
                kind,
                address: issuer.as_str(),
                client_id: client_id.as_str(),
                detail: login_claim.as_str(),
                scopes: scopes.iter().map(ProviderWord::as_str).collect(),
                client_secret,
                directory_token,
            },
        })
    }

    pub(super) fn provider(self, seals: &Seals<'_>) -> Result<Provider, DecodeError> {
        let address = word(self.address, "a provider's address")?;
        let client_id = word(self.client_id, "a client's id")?;
        let client_secret = seals.open(seals.client_secret, self.client_secret)?;
        let detail = word(self.detail, "a provider's word")?;
        match BackendKind::from_code(self.kind)? {
            BackendKind::Local => Err(DecodeError::Damaged("a provider's sort")),
            BackendKind::GitHub => Ok(Provider::GitHub(GitHub {
                base_url: address,
                organization: detail,
                client_id,
                client_secret,
                directory_token: self
                    .directory_token
                    .map(|sealed| seals.open(seals.directory_token, sealed))
                    .transpose()?,
            })),
            BackendKind::Oidc => Ok(Provider::Oidc(Oidc {
                issuer: address,
                client_id,
                client_secret,
                scopes: self.scopes.into_iter().map(|scope| word(scope, "a scope")).collect::<Result<_, _>>()?,
                login_claim: detail,
            })),
        }
    }
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    let id = writer.recorded.id;
    let seals = Seals::of_event(writer.vault, id);
    match event {
        Event::Proposed { provider, operator, linked, login } => {
            let seal = |login: &str| writer.vault.seal(Owner::User(*operator), id, Field::Login, login.as_bytes());
            writer.put(&AuthBackendProposedV1 {
                provider: ProviderV1::of(provider, &seals)?,
                operator: operator.0.into_bytes(),
                linked: *linked,
                login: login.readable().map(seal).transpose()?.map(|sealed| sealed.0.to_vec()),
            })
        }
        Event::Withdrawn { operator } => {
            writer.put(&AuthBackendProposalWithdrawnV1 { operator: operator.0.into_bytes() })
        }
        Event::Activated { kind, operator } => {
            writer.put(&AuthBackendActivatedV1 { kind: kind.code(), operator: operator.0.into_bytes() })
        }
        Event::CredentialsUpdated { provider, client_secret, directory_token } => writer.put(&CredentialsUpdatedV1 {
            provider: ProviderV1::of(provider, &seals)?,
            client_secret: *client_secret,
            directory_token: *directory_token,
        }),
    }
}

impl Thaw for AuthBackendProposedV1<'_> {
    fn thaw(self, opener: &Opener<'_>) -> Result<Fact, DecodeError> {
        let operator = UserId(Uuid::from_bytes(self.operator));
        let login = user::login(opener, operator, self.login.as_deref())?;
        let provider = Box::new(self.provider.provider(&Seals::of_event(opener.vault, opener.id))?);
        Ok(Fact::Backend(Event::Proposed { provider, operator, linked: self.linked, login }))
    }
}

impl Thaw for AuthBackendProposalWithdrawnV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Backend(Event::Withdrawn { operator: UserId(Uuid::from_bytes(self.operator)) }))
    }
}

impl Thaw for AuthBackendActivatedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let operator = UserId(Uuid::from_bytes(self.operator));
        Ok(Fact::Backend(Event::Activated { kind: BackendKind::from_code(self.kind)?, operator }))
    }
}

impl Thaw for CredentialsUpdatedV1<'_> {
    fn thaw(self, opener: &Opener<'_>) -> Result<Fact, DecodeError> {
        let provider = Box::new(self.provider.provider(&Seals::of_event(opener.vault, opener.id))?);
        let (client_secret, directory_token) = (self.client_secret, self.directory_token);
        Ok(Fact::Backend(Event::CredentialsUpdated { provider, client_secret, directory_token }))
    }
}
