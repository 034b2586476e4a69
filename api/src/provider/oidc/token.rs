//! What an ID token has to claim (`OpenID` Connect Core 1.0 §3.1.3.7).
use super::{Oidc, metadata::Metadata};
use crate::{
    provider::{ProviderError, pending::same},
    settings::Secret,
};
use domain::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// By how much the provider's clock and ours may differ, in seconds.
const LEEWAY: f64 = 60.0;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    // RFC 7519 §2: numbers, which may have a fraction.
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn is_for(&self, client: &str) -> bool {
        match self {
            Self::One(one) => one == client,
            Self::Many(many) => many.iter().any(|one| one == client),
        }
    }

    fn is_for_others_too(&self, client: &str) -> bool {
        matches!(self, Self::Many(many) if many.iter().any(|one| one != client))
    }
}

impl Oidc {
    /// The `sub` of claims that a key of the issuer's signed, if they are for this client, this sign-in and this time.
    pub(super) fn subject(
        &self,
        metadata: &Metadata,
        claims: &Map<String, Value>,
        nonce: &Secret,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        let claims = Claims::deserialize(claims);
        let claims = claims.map_err(|_| ProviderError::Answer("the ID token does not claim what it has to"))?;
        let refuse = |why| Err(ProviderError::Answer(why));
        if claims.iss != metadata.issuer {
            return refuse("the ID token is of another issuer");
        }
        if !claims.aud.is_for(&self.client_id) {
            return refuse("the ID token is for another client");
        }
        match &claims.azp {
            Some(party) if *party != self.client_id => return refuse("the ID token was given to another client"),
            None if claims.aud.is_for_others_too(&self.client_id) => {
                return refuse("the ID token is for others too, and does not say whom it was given to");
            }
            Some(_) | None => {}
        }
        if !claims.nonce.is_some_and(|given| same(&given, nonce)) {
            return refuse("the ID token is that of another sign-in");
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds fit in 52 bits until the year 2112, seconds after it"
        )]
        let now = now.micros() as f64 / 1e6;
        if claims.exp <= now - LEEWAY {
            return refuse("the ID token has ended: compare the clocks of the provider and of this machine");
        }
        if claims.iat > now + LEEWAY || claims.nbf.is_some_and(|begin| begin > now + LEEWAY) {
            return refuse("the ID token is of the future: compare the clocks of the provider and of this machine");
        }
        // Core §2: at most 255 characters, of ASCII.
        if claims.sub.is_empty() || claims.sub.len() > 255 || claims.sub.contains(char::is_control) {
            return refuse("the ID token does not say who it is for in a form that can be kept");
        }
        Ok(claims.sub)
    }
}
