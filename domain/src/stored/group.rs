//! The stored form of what happens to groups.
use super::{
    DecodeError, EncodeError,
    envelope::word,
    frozen::{Opener, Thaw, Writer},
};
use crate::{Event as Fact, UserId, group::Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct GroupCreatedV1<'a> {
    name: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct GroupDeletedV1<'a> {
    name: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UserAddedToGroupV1<'a> {
    group: &'a str,
    user: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct UserRemovedFromGroupV1<'a> {
    group: &'a str,
    user: [u8; 16],
}

#[derive(Serialize, Deserialize)]
pub(super) struct PoolBoundV1<'a> {
    group: &'a str,
    pool: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PoolUnboundV1<'a> {
    group: &'a str,
    pool: &'a str,
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    match event {
        Event::Created { name } => writer.put(&GroupCreatedV1 { name: name.as_str() }),
        Event::Deleted { name } => writer.put(&GroupDeletedV1 { name: name.as_str() }),
        Event::UserAdded { group, user } => {
            writer.put(&UserAddedToGroupV1 { group: group.as_str(), user: user.0.into_bytes() })
        }
        Event::UserRemoved { group, user } => {
            writer.put(&UserRemovedFromGroupV1 { group: group.as_str(), user: user.0.into_bytes() })
        }
        Event::PoolBound { group, pool } => writer.put(&PoolBoundV1 { group: group.as_str(), pool: pool.as_str() }),
        Event::PoolUnbound { group, pool } => writer.put(&PoolUnboundV1 { group: group.as_str(), pool: pool.as_str() }),
    }
}

impl Thaw for GroupCreatedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Group(Event::Created { name: word(self.name, "the group")? }))
    }
}

impl Thaw for GroupDeletedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Group(Event::Deleted { name: word(self.name, "the group")? }))
    }
}

impl Thaw for UserAddedToGroupV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let user = UserId(Uuid::from_bytes(self.user));
        Ok(Fact::Group(Event::UserAdded { group: word(self.group, "the group")?, user }))
    }
}

impl Thaw for UserRemovedFromGroupV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let user = UserId(Uuid::from_bytes(self.user));
        Ok(Fact::Group(Event::UserRemoved { group: word(self.group, "the group")?, user }))
    }
}

impl Thaw for PoolBoundV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let (group, pool) = (word(self.group, "the group")?, word(self.pool, "the pool")?);
        Ok(Fact::Group(Event::PoolBound { group, pool }))
    }
}

impl Thaw for PoolUnboundV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let (group, pool) = (word(self.group, "the group")?, word(self.pool, "the pool")?);
        Ok(Fact::Group(Event::PoolUnbound { group, pool }))
    }
}
