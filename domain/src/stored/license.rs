//! The stored form of what happens to the license.
use super::{
    DecodeError, EncodeError,
    envelope::{timestamp, word},
    frozen::{Opener, Thaw, Writer},
};
use crate::{
    Event as Fact, LicenseId,
    license::{Event, License},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct LicenseInstalledV1<'a> {
    #[serde(borrow)]
    license: LicenseV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LicenseV1<'a> {
    id: [u8; 16],
    licensee: &'a str,
    issued_at: i64,
    starts_at: i64,
    ends_at: i64,
    grace_days: u16,
    seats: Option<u32>,
    devices: Option<u32>,
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    match event {
        Event::Installed { license } => writer.put(&LicenseInstalledV1 { license: LicenseV1::of(license) }),
    }
}

impl Thaw for LicenseInstalledV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::License(Event::Installed { license: self.license.license()? }))
    }
}

impl<'a> LicenseV1<'a> {
    pub(super) fn of(license: &'a License) -> Self {
        Self {
            id: license.id.0.into_bytes(),
            licensee: license.licensee.as_str(),
            issued_at: license.issued_at.micros(),
            starts_at: license.starts_at.micros(),
            ends_at: license.ends_at.micros(),
            grace_days: license.grace_days,
            seats: license.seats,
            devices: license.devices,
        }
    }

    pub(super) fn license(self) -> Result<License, DecodeError> {
        let time = |micros| timestamp(micros, "a time of the license");
        Ok(License {
            id: LicenseId(Uuid::from_bytes(self.id)),
            licensee: word(self.licensee, "the licensee")?,
            issued_at: time(self.issued_at)?,
            starts_at: time(self.starts_at)?,
            ends_at: time(self.ends_at)?,
            grace_days: self.grace_days,
            seats: self.seats,
            devices: self.devices,
        })
    }
}
