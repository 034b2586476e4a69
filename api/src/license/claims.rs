//! What a token says: RFC 7519's names where it has them, times in whole seconds since 1970.
use domain::{LicenseId, Licensee, Timestamp, license::License};
use serde::{Deserialize, Deserializer, Serialize};

/// Whom such tokens are for, so that another token of the same vendor is no license.
pub(super) const AUDIENCE: &str = "dkube-license";

/// A claim that this release does not know may be a limit: such a token is refused.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    aud: String,
    jti: LicenseId,
    sub: Licensee,
    iat: i64,
    nbf: i64,
    exp: i64,
    grace_days: u16,
    #[serde(deserialize_with = "said")]
    seats: Option<u32>,
    #[serde(deserialize_with = "said")]
    devices: Option<u32>,
}

/// Null says that there is no limit; to leave it out says nothing, and is refused.
fn said<'de, D: Deserializer<'de>>(claim: D) -> Result<Option<u32>, D::Error> {
    Option::deserialize(claim)
}

impl From<License> for Claims {
    fn from(license: License) -> Self {
        let seconds = |at: Timestamp| at.micros().div_euclid(1_000_000);
        Self {
            aud: AUDIENCE.to_owned(),
            jti: license.id,
            sub: license.licensee,
            iat: seconds(license.issued_at),
            nbf: seconds(license.starts_at),
            exp: seconds(license.ends_at),
            grace_days: license.grace_days,
            seats: license.seats,
            devices: license.devices,
        }
    }
}

impl From<Claims> for License {
    fn from(claims: Claims) -> Self {
        let at = |seconds: i64| Timestamp::from_micros(0).plus_seconds(seconds);
        Self {
            id: claims.jti,
            licensee: claims.sub,
            issued_at: at(claims.iat),
            starts_at: at(claims.nbf),
            ends_at: at(claims.exp),
            grace_days: claims.grace_days,
            seats: claims.seats,
            devices: claims.devices,
        }
    }
}
