//! Groups, users, those who were users, and tokens in a snapshot.
use super::{seal_id, sign_in};
use crate::{
    Cluster, PoolName, Position, Role, Stamp, Timestamp, TokenId, UserId,
    cluster::Former,
    group,
    stored::{
        DecodeError, EncodeError, Field, Opened, Owner, Sealed, Vault,
        codes::Coded,
        envelope::{timestamp, word},
        user::{called, text},
    },
    token::{self, Scope, TokenHash},
    user::{self, PasswordHash},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct People<'a> {
    #[serde(borrow)]
    groups: Vec<Group<'a>>,
    #[serde(borrow)]
    users: Vec<User<'a>>,
    /// Each with whether they were erased.
    former: Vec<([u8; 16], bool)>,
    #[serde(borrow)]
    tokens: Vec<Token<'a>>,
    #[serde(borrow)]
    sign_in: sign_in::Standing<'a>,
}

#[derive(Serialize, Deserialize)]
struct Group<'a> {
    name: &'a str,
    #[serde(borrow)]
    pool: Option<&'a str>,
    revision: u64,
}

#[derive(Serialize, Deserialize)]
struct User<'a> {
    id: [u8; 16],
    /// Sealed; none if it was erased, or can't be read.
    login: Option<Vec<u8>>,
    unreadable: bool,
    role: u8,
    #[serde(borrow)]
    group: Option<&'a str>,
    suspended: bool,
    break_glass: bool,
    /// Sealed.
    identity: Option<Vec<u8>>,
    /// Sealed.
    password: Option<Vec<u8>>,
    /// The code's hash, and until when it holds.
    invitation: Option<([u8; 32], i64)>,
    signed_in_at: Option<i64>,
    onboarded_at: i64,
    revision: u64,
    sessions_from: u64,
}

#[derive(Serialize, Deserialize)]
struct Token<'a> {
    id: [u8; 16],
    user: [u8; 16],
    name: &'a str,
    scope: u8,
    role: u8,
    issued_at: i64,
    expires_at: i64,
    hash: [u8; 32],
    revision: u64,
}

impl<'a> People<'a> {
    pub(super) fn of(cluster: &'a Cluster, vault: &dyn Vault) -> Result<Self, EncodeError> {
        let former = cluster.former.iter().map(|(id, former)| (id.0.into_bytes(), *former == Former::Erased));
        Ok(Self {
            groups: cluster.groups.values().map(Group::of).collect(),
            users: cluster.users.values().map(|user| User::of(user, cluster.at, vault)).collect::<Result<_, _>>()?,
            former: former.collect(),
            tokens: cluster.tokens.values().map(Token::of).collect(),
            sign_in: sign_in::Standing::of(cluster, vault)?,
        })
    }

    pub(super) fn settle(self, cluster: &mut Cluster, vault: &dyn Vault) -> Result<(), DecodeError> {
        for group in self.groups {
            let group = group.group()?;
            if let Some(pool) = &group.pool {
                let pool = cluster.pools.get_mut(pool).ok_or(DecodeError::Damaged("a group's pool"))?;
                pool.group = Some(group.name.clone());
            }
            cluster.groups.insert(group.name.clone(), group);
        }
        for user in self.users {
            let user = user.user(cluster.at, vault)?;
            if let Some(group) = &user.group {
                let group = cluster.groups.get_mut(group).ok_or(DecodeError::Damaged("a user's group"))?;
                group.users.insert(user.id);
            }
            cluster.logins.insert(user.login.clone(), user.id);
            if let Some(identity) = &user.identity {
                cluster.identities.insert(identity.clone(), user.id);
            }
            if let Some(invitation) = &user.invitation {
                cluster.invitations.insert(invitation.hash, user.id);
            }
            cluster.users.insert(user.id, user);
        }
        for (id, erased) in self.former {
            let former = if erased { Former::Erased } else { Former::Deleted };
            cluster.former.insert(UserId(Uuid::from_bytes(id)), former);
        }
        for token in self.tokens {
            let token = token.token()?;
            let owner = cluster.users.get_mut(&token.user).ok_or(DecodeError::Damaged("a token's owner"))?;
            owner.tokens.insert(token.id);
            cluster.token_hashes.insert(token.hash, token.id);
            cluster.tokens.insert(token.id, token);
        }
        cluster.sign_in = self.sign_in.sign_in(cluster.at, vault)?;
        Ok(())
    }
}

impl<'a> Group<'a> {
    fn of(group: &'a group::Group) -> Self {
        let pool = group.pool.as_ref().map(PoolName::as_str);
        Self { name: group.name.as_str(), pool, revision: group.revision.0 }
    }

    fn group(self) -> Result<group::Group, DecodeError> {
        Ok(group::Group {
            name: word(self.name, "a group")?,
            users: BTreeSet::new(),
            pool: self.pool.map(|pool| word(pool, "a pool")).transpose()?,
            revision: Position(self.revision),
        })
    }
}

impl<'a> User<'a> {
    fn of(user: &'a user::User, at: Stamp, vault: &dyn Vault) -> Result<Self, EncodeError> {
        let seal = |field, clear: &str| vault.seal(Owner::User(user.id), seal_id(at), field, clear.as_bytes());
        let login = user.login.readable().map(|login| seal(Field::SnapshotLogin, login)).transpose()?;
        let identity = user.identity.as_ref().map(|id| seal(Field::SnapshotIdentity, &id.to_text())).transpose()?;
        let password = user.password.as_ref().map(|hash| seal(Field::SnapshotPassword, hash.reveal())).transpose()?;
        Ok(Self {
            id: user.id.0.into_bytes(),
            login: login.map(|sealed| sealed.0.to_vec()),
            unreadable: user.login.is_unreadable(),
            role: user.role.code(),
            group: user.group.as_ref().map(crate::GroupName::as_str),
            suspended: user.suspended,
            break_glass: user.break_glass,
            identity: identity.map(|sealed| sealed.0.to_vec()),
            password: password.map(|sealed| sealed.0.to_vec()),
            invitation: user.invitation.as_ref().map(|invitation| (invitation.hash.0, invitation.until.micros())),
            signed_in_at: user.signed_in_at.map(Timestamp::micros),
            onboarded_at: user.onboarded_at.micros(),
            revision: user.revision.0,
            sessions_from: user.sessions_from.0,
        })
    }

    fn user(self, at: Stamp, vault: &dyn Vault) -> Result<user::User, DecodeError> {
        let id = UserId(Uuid::from_bytes(self.id));
        let open = |field, sealed: Option<Vec<u8>>| -> Result<Opened<String>, DecodeError> {
            let Some(sealed) = sealed else { return Ok(nothing(self.unreadable)) };
            text(vault.open(Owner::User(id), seal_id(at), field, &Sealed(sealed.into()))?)
        };
        let login = open(Field::SnapshotLogin, self.login)?;
        let identity = open(Field::SnapshotIdentity, self.identity)?.clear();
        let password = open(Field::SnapshotPassword, self.password)?.clear();
        Ok(user::User {
            id,
            login: called(id, login)?,
            role: Role::from_code(self.role)?,
            group: self.group.map(|group| word(group, "a group")).transpose()?,
            suspended: self.suspended,
            break_glass: self.break_glass,
            identity: identity.map(|text| word(&text, "an identity")).transpose()?,
            password: password.map(PasswordHash::from),
            invitation: self.invitation.map(invitation).transpose()?,
            jobs: BTreeSet::new(),
            tokens: BTreeSet::new(),
            signed_in_at: self.signed_in_at.map(|at| timestamp(at, "a time")).transpose()?,
            onboarded_at: timestamp(self.onboarded_at, "a time")?,
            revision: Position(self.revision),
            sessions_from: Position(self.sessions_from),
        })
    }
}

/// Why a login is not in the snapshot.
pub(super) const fn nothing(unreadable: bool) -> Opened<String> {
    if unreadable { Opened::Unreadable } else { Opened::Erased }
}

fn invitation((hash, until): ([u8; 32], i64)) -> Result<user::Invitation, DecodeError> {
    Ok(user::Invitation { hash: TokenHash(hash), until: timestamp(until, "a time")? })
}

impl<'a> Token<'a> {
    fn of(token: &'a token::Token) -> Self {
        Self {
            id: token.id.0.into_bytes(),
            user: token.user.0.into_bytes(),
            name: token.name.as_str(),
            scope: token.scope.code(),
            role: token.role.code(),
            issued_at: token.issued_at.micros(),
            expires_at: token.expires_at.micros(),
            hash: token.hash.0,
            revision: token.revision.0,
        }
    }

    fn token(self) -> Result<token::Token, DecodeError> {
        Ok(token::Token {
            id: TokenId(Uuid::from_bytes(self.id)),
            user: UserId(Uuid::from_bytes(self.user)),
            name: word(self.name, "a token's name")?,
            scope: Scope::from_code(self.scope)?,
            role: Role::from_code(self.role)?,
            issued_at: timestamp(self.issued_at, "a time")?,
            expires_at: timestamp(self.expires_at, "a time")?,
            hash: TokenHash(self.hash),
            revision: Position(self.revision),
        })
    }
}
