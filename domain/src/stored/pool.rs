//! The stored form of what happens to pools.
use super::{
    DecodeError, EncodeError,
    envelope::word,
    frozen::{Opener, Thaw, Writer},
};
use crate::{Event as Fact, Model, pool::Event};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct PoolCreatedV1<'a> {
    name: &'a str,
    #[serde(borrow)]
    model: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PoolDeletedV1<'a> {
    name: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PoolBreakerTrippedV1<'a> {
    pool: &'a str,
    quarantined: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PoolBreakerResetV1<'a> {
    pool: &'a str,
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    match event {
        Event::Created { name, model } => {
            writer.put(&PoolCreatedV1 { name: name.as_str(), model: model.as_ref().map(Model::as_str) })
        }
        Event::BreakerTripped { pool, quarantined } => {
            writer.put(&PoolBreakerTrippedV1 { pool: pool.as_str(), quarantined: *quarantined })
        }
        Event::BreakerReset { pool } => writer.put(&PoolBreakerResetV1 { pool: pool.as_str() }),
        Event::Deleted { name } => writer.put(&PoolDeletedV1 { name: name.as_str() }),
    }
}

impl Thaw for PoolCreatedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let model = self.model.map(|model| word(model, "the model")).transpose()?;
        Ok(Fact::Pool(Event::Created { name: word(self.name, "the pool")?, model }))
    }
}

impl Thaw for PoolDeletedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Pool(Event::Deleted { name: word(self.name, "the pool")? }))
    }
}

impl Thaw for PoolBreakerTrippedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        let pool = word(self.pool, "the pool")?;
        Ok(Fact::Pool(Event::BreakerTripped { pool, quarantined: self.quarantined }))
    }
}

impl Thaw for PoolBreakerResetV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Pool(Event::BreakerReset { pool: word(self.pool, "the pool")? }))
    }
}
