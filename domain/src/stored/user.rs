//! The stored form of what happens to users. Logins and password hashes are sealed under the user's own key, with the
//! event's id: an erased user's can't be opened any more.
use super::{
    DecodeError, EncodeError, Field, Opened, Owner, Sealed,
    codes::Coded,
    envelope::{timestamp, word},
    frozen::{Opener, Thaw, Writer},
};
use crate::{
    Event as Fact, Login, Role, UserId,
    backend::{BackendKind, Identity},
    token::TokenHash,
    user::{Event, PasswordHash},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct UserOnboardedV1<'a> {
    user: [u8; 16],
    /// Sealed; none if it was erased before it was written.
    #[serde(borrow)]
    login: Option<&'a [u8]>,
    role: u8,
    break_glass: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PasswordSetV1<'a> {
    user: [u8; 16],
    /// Sealed; none if it was erased before it was written.
    #[serde(borrow)]
    hash: Option<&'a [u8]>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RoleChangedV1 {
    user: [u8; 16],
    from: u8,
    role: u8,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UserSuspendedV1 {
    user: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct UserReinstatedV1 {
    user: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct UserDeletedV1 {
    user: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct UserErasedV1 {
    user: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct UserInvitedV1 {
    user: [u8; 16],
    until: i64,
    hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
pub(super) struct UserLinkedV1<'a> {
    user: [u8; 16],
    backend: u8,
    /// Sealed; none where they are known here, or if it was erased before it was written.
    #[serde(borrow)]
    identity: Option<&'a [u8]>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LoginChangedV1<'a> {
    user: [u8; 16],
    /// Sealed; none if it was erased before it was written.
    #[serde(borrow)]
    login: Option<&'a [u8]>,
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    let seal = |user: &UserId, field, clear: Option<&str>| -> Result<Option<Sealed>, EncodeError> {
        let seal = |clear: &str| writer.vault.seal(Owner::User(*user), writer.recorded.id, field, clear.as_bytes());
        Ok(clear.map(seal).transpose()?)
    };
    match event {
        Event::Onboarded { user, login, role, break_glass } => {
            let login = seal(user, Field::Login, login.readable())?;
            writer.put(&UserOnboardedV1 {
                user: user.0.into_bytes(),
                login: login.as_ref().map(|sealed| &*sealed.0),
                role: role.code(),
                break_glass: *break_glass,
            })
        }
        Event::PasswordSet { user, hash } => {
            let hash = seal(user, Field::Password, hash.as_ref().map(PasswordHash::reveal))?;
            writer.put(&PasswordSetV1 { user: user.0.into_bytes(), hash: hash.as_ref().map(|sealed| &*sealed.0) })
        }
        Event::Invited { user, until, hash } => {
            writer.put(&UserInvitedV1 { user: user.0.into_bytes(), until: until.micros(), hash: hash.0 })
        }
        Event::Linked { user, backend, identity } => {
            let text = identity.as_ref().map(Identity::to_text);
            let identity = seal(user, Field::Identity, text.as_deref())?;
            writer.put(&UserLinkedV1 {
                user: user.0.into_bytes(),
                backend: backend.code(),
                identity: identity.as_ref().map(|sealed| &*sealed.0),
            })
        }
        Event::LoginChanged { user, login } => {
            let login = seal(user, Field::Login, login.readable())?;
            writer.put(&LoginChangedV1 { user: user.0.into_bytes(), login: login.as_ref().map(|sealed| &*sealed.0) })
        }
        Event::RoleChanged { user, from, role } => {
            writer.put(&RoleChangedV1 { user: user.0.into_bytes(), from: from.code(), role: role.code() })
        }
        Event::Suspended { user } => writer.put(&UserSuspendedV1 { user: user.0.into_bytes() }),
        Event::Reinstated { user } => writer.put(&UserReinstatedV1 { user: user.0.into_bytes() }),
        Event::Deleted { user } => writer.put(&UserDeletedV1 { user: user.0.into_bytes() }),
        Event::Erased { user } => writer.put(&UserErasedV1 { user: user.0.into_bytes() }),
    }
}

/// The text of a sealed field of that user. What was not written was erased before.
fn open(opener: &Opener<'_>, user: UserId, field: Field, sealed: Option<&[u8]>) -> Result<Opened<String>, DecodeError> {
    let Some(sealed) = sealed else { return Ok(Opened::Erased) };
    text(opener.vault.open(Owner::User(user), opener.id, field, &Sealed(sealed.into()))?)
}

/// The text that was sealed.
pub(super) fn text(opened: Opened) -> Result<Opened<String>, DecodeError> {
    opened.try_map(|clear| String::from_utf8(clear).map_err(|_| DecodeError::Damaged("a sealed text")))
}

/// The login of that user, or what stands for it.
pub(super) fn called(user: UserId, opened: Opened<String>) -> Result<Login, DecodeError> {
    match opened {
        Opened::Clear(login) => word(&login, "the login"),
        Opened::Erased => Ok(Login::erased(user)),
        Opened::Unreadable => Ok(Login::unreadable(user)),
    }
}

/// A sealed login of that user.
pub(super) fn login(opener: &Opener<'_>, user: UserId, sealed: Option<&[u8]>) -> Result<Login, DecodeError> {
    called(user, open(opener, user, Field::Login, sealed)?)
}

impl Thaw for UserInvitedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let (user, until) = (UserId(Uuid::from_bytes(self.user)), timestamp(self.until, "the invitation's end")?);
        Ok(Fact::User(Event::Invited { user, until, hash: TokenHash(self.hash) }))
    }
}

impl Thaw for UserLinkedV1<'_> {
    fn thaw(self, opener: &Opener<'_>) -> Result<Fact, DecodeError> {
        let user = UserId(Uuid::from_bytes(self.user));
        let identity = open(opener, user, Field::Identity, self.identity)?.clear();
        let identity = identity.map(|text| word(&text, "an identity")).transpose()?;
        Ok(Fact::User(Event::Linked { user, backend: BackendKind::from_code(self.backend)?, identity }))
    }
}

impl Thaw for LoginChangedV1<'_> {
    fn thaw(self, opener: &Opener<'_>) -> Result<Fact, DecodeError> {
        let user = UserId(Uuid::from_bytes(self.user));
        Ok(Fact::User(Event::LoginChanged { user, login: login(opener, user, self.login)? }))
    }
}

impl Thaw for UserOnboardedV1<'_> {
    fn thaw(self, opener: &Opener<'_>) -> Result<Fact, DecodeError> {
        let user = UserId(Uuid::from_bytes(self.user));
        let login = login(opener, user, self.login)?;
        let role = Role::from_code(self.role)?;
        Ok(Fact::User(Event::Onboarded { user, login, role, break_glass: self.break_glass }))
    }
}

impl Thaw for PasswordSetV1<'_> {
    fn thaw(self, opener: &Opener<'_>) -> Result<Fact, DecodeError> {
        let user = UserId(Uuid::from_bytes(self.user));
        let hash = open(opener, user, Field::Password, self.hash)?.clear().map(PasswordHash::from);
        Ok(Fact::User(Event::PasswordSet { user, hash }))
    }
}

impl Thaw for RoleChangedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let user = UserId(Uuid::from_bytes(self.user));
        let (from, role) = (Role::from_code(self.from)?, Role::from_code(self.role)?);
        Ok(Fact::User(Event::RoleChanged { user, from, role }))
    }
}

impl Thaw for UserSuspendedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::User(Event::Suspended { user: UserId(Uuid::from_bytes(self.user)) }))
    }
}

impl Thaw for UserReinstatedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::User(Event::Reinstated { user: UserId(Uuid::from_bytes(self.user)) }))
    }
}

impl Thaw for UserDeletedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::User(Event::Deleted { user: UserId(Uuid::from_bytes(self.user)) }))
    }
}

impl Thaw for UserErasedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::User(Event::Erased { user: UserId(Uuid::from_bytes(self.user)) }))
    }
}
