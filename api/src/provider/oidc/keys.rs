//! A provider's public keys (RFC 7517), and what they signed. Symmetric keys and `none` are not among them: whoever knows the
//! client's secret, or nothing at all, could make such tokens (RFC 8725 §2.1).
use crate::provider::{Outside, ProviderError, ask};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation, decode, decode_header, jwk::Jwk};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The most keys that are looked at.
const KEYS_MAX: usize = 64;

/// The keys of a provider that can sign for people.
pub(super) struct Keys(Vec<Key>);

struct Key {
    id: Option<String>,
    /// Where the provider says what it is for. Many do not.
    algorithm: Option<Algorithm>,
    public: DecodingKey,
}

/// What a key must look like before its parts are read.
#[derive(Deserialize)]
struct About {
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unproven {
    /// It is no token that anybody could prove.
    Form,
    /// None of these keys signed it.
    Foreign,
}

impl From<Unproven> for ProviderError {
    fn from(unproven: Unproven) -> Self {
        Self::Answer(match unproven {
            Unproven::Form => "the ID token is not signed with a public key of a kind that is known here",
            Unproven::Foreign => "the ID token is signed with no key of the provider",
        })
    }
}

impl Keys {
    /// Asks the provider for them.
    pub(super) async fn fetch(outside: &Outside, url: &Url) -> Result<Self, ProviderError> {
        let answer = outside.ask(ask::request(Method::GET, url.clone())).await?;
        if !answer.status.is_success() {
            return Err(ProviderError::Malformed("the issuer has no keys where its metadata says"));
        }
        let document: Document = ask::json(&answer, "the issuer's keys have not their form")?;
        // One that is of no use here says nothing against the others.
        Ok(Self(document.keys.into_iter().take(KEYS_MAX).filter_map(key).collect()))
    }

    /// What the token claims, if one of these keys signed it. Nothing else of it is judged.
    pub(super) fn verify(&self, token: &str) -> Result<Map<String, Value>, Unproven> {
        let header = decode_header(token).map_err(|_| Unproven::Form)?;
        // RFC 7515 §4.1.11: what is critical has to be understood.
        if header.alg.family() == AlgorithmFamily::Hmac || header.crit.is_some() {
            return Err(Unproven::Form);
        }
        let fits = |key: &&Key| {
            key.public.family() == header.alg.family()
                && key.algorithm.is_none_or(|algorithm| algorithm == header.alg)
                && (key.id.is_none() || header.kid.is_none() || key.id == header.kid)
        };
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let proven = |key: &Key| decode(token, &key.public, &validation).ok();
        self.0.iter().filter(fits).find_map(proven).map(|proven| proven.claims).ok_or(Unproven::Foreign)
    }
}

fn key(value: Value) -> Option<Key> {
    let about = About::deserialize(&value).ok()?;
    if about.purpose.is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let algorithm = about.alg.map(|name| name.parse::<Algorithm>()).transpose().ok()?;
    let public = DecodingKey::from_jwk(&serde_json::from_value::<Jwk>(value).ok()?).ok()?;
    (public.family() != AlgorithmFamily::Hmac).then_some(Key { id: about.kid, algorithm, public })
}
