//! The stored form of what happens to tokens.
use super::{
    DecodeError, EncodeError,
    codes::Coded,
    envelope::{timestamp, word},
    frozen::{Opener, Thaw, Writer},
};
use crate::{
    Event as Fact, Role, TokenId, UserId,
    token::{Event, Scope, TokenHash},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct TokenIssuedV1<'a> {
    token: [u8; 16],
    user: [u8; 16],
    name: &'a str,
    scope: u8,
    role: u8,
    expires_at: i64,
    hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
pub(super) struct TokenRevokedV1 {
    token: [u8; 16],
    user: [u8; 16],
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    match event {
        Event::Issued { token, user, name, scope, role, expires_at, hash } => writer.put(&TokenIssuedV1 {
            token: token.0.into_bytes(),
            user: user.0.into_bytes(),
            name: name.as_str(),
            scope: scope.code(),
            role: role.code(),
            expires_at: expires_at.micros(),
            hash: hash.0,
        }),
        Event::Revoked { token, user } => {
            writer.put(&TokenRevokedV1 { token: token.0.into_bytes(), user: user.0.into_bytes() })
        }
    }
}

impl Thaw for TokenIssuedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Token(Event::Issued {
            token: TokenId(Uuid::from_bytes(self.token)),
            user: UserId(Uuid::from_bytes(self.user)),
            name: word(self.name, "the token's name")?,
            scope: Scope::from_code(self.scope)?,
            role: Role::from_code(self.role)?,
            expires_at: timestamp(self.expires_at, "the token's end")?,
            hash: TokenHash(self.hash),
        }))
    }
}

impl Thaw for TokenRevokedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let (token, user) = (TokenId(Uuid::from_bytes(self.token)), UserId(Uuid::from_bytes(self.user)));
        Ok(Fact::Token(Event::Revoked { token, user }))
    }
}
