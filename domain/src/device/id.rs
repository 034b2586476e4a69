//! The name that a GPU's driver gives it.
use crate::WordError;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A GPU's UUID as `nvmlDeviceGetUUID` reports it: `GPU-` and a hyphenated UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceId(Uuid);

impl DeviceId {
    const PREFIX: &'static str = "GPU-";

    pub(crate) const RULE: &str = "is GPU- and a UUID, like GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c";

    /// The device with this UUID.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID behind the prefix.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.0)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for DeviceId {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Self, WordError> {
        text.strip_prefix(Self::PREFIX)
            .filter(|rest| rest.len() == 36)
            .and_then(|rest| Uuid::try_parse(rest).ok())
            .map(Self)
            .ok_or(WordError { what: "a device", rule: Self::RULE })
    }
}

impl TryFrom<String> for DeviceId {
    type Error = WordError;
    fn try_from(text: String) -> Result<Self, WordError> {
        text.parse()
    }
}

impl From<DeviceId> for String {
    fn from(id: DeviceId) -> Self {
        id.to_string()
    }
}
