//! The stored form of what happens to the cluster as a whole.
use super::{
    DecodeError, EncodeError,
    frozen::{Opener, Thaw, Writer},
};
use crate::{ClusterId, Event, Founding};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct ClusterFoundedV1 {
    cluster: [u8; 16],
    demonstration: bool,
}

pub(super) fn write(founding: &Founding, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    writer.put(&ClusterFoundedV1 { cluster: founding.cluster.0.into_bytes(), demonstration: founding.demonstration })
}

impl Thaw for ClusterFoundedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Event, DecodeError> {
        let cluster = ClusterId(Uuid::from_bytes(self.cluster));
        Ok(Event::Founded(Founding { cluster, demonstration: self.demonstration }))
    }
}
