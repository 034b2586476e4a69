//! The stored form of what happens to the cluster as a whole.
use super::{
    DecodeError, EncodeError,
    envelope::timestamp,
    frozen::{Opener, Thaw, Writer},
};
use crate::{ClusterEvent, ClusterId, Event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct ClusterFoundedV1 {
    cluster: [u8; 16],
    demonstration: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct KeysLostV1 {
    at: i64,
    users: u32,
}

pub(super) fn write(event: &ClusterEvent, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    match event {
        ClusterEvent::Founded { cluster, demonstration } => {
            writer.put(&ClusterFoundedV1 { cluster: cluster.0.into_bytes(), demonstration: *demonstration })
        }
        ClusterEvent::KeysLost { at, users } => writer.put(&KeysLostV1 { at: at.micros(), users: *users }),
    }
}

impl Thaw for ClusterFoundedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Event, DecodeError> {
        let cluster = ClusterId(Uuid::from_bytes(self.cluster));
        Ok(Event::Cluster(ClusterEvent::Founded { cluster, demonstration: self.demonstration }))
    }
}

impl Thaw for KeysLostV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Event, DecodeError> {
        let at = timestamp(self.at, "when keys were given up")?;
        Ok(Event::Cluster(ClusterEvent::KeysLost { at, users: self.users }))
    }
}
