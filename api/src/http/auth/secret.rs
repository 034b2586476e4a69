//! Secrets that the server gives out: random, shown once, kept as a hash.
use super::SessionKey;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::token::TokenHash;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Random bytes of a secret: nobody can guess 256 bits.
const BYTES: usize = 32;

fn random() -> Zeroizing<[u8; BYTES]> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    getrandom::fill(&mut *bytes).expect("Linux gives random bytes once it has booted");
    bytes
}

/// A fresh random id.
pub(crate) fn random_id() -> uuid::Uuid {
    let random = random();
    let bytes = random.first_chunk::<16>().expect("a secret is longer than an id");
    uuid::Builder::from_random_bytes(*bytes).into_uuid()
}

/// A token's secret: `dkube_`, then 48 characters of base64url: 32 random bytes and their CRC-32C, so that a scanner
/// can tell a leaked one from chance without asking anybody.
pub(crate) struct TokenSecret(Zeroizing<String>);

impl TokenSecret {
    const PREFIX: &'static str = "dkube_";
    const CHECK: usize = 4;

    /// A new one.
    pub(crate) fn generate() -> Self {
        let random = random();
        let mut bytes = Zeroizing::new([0; BYTES + Self::CHECK]);
        bytes[..BYTES].copy_from_slice(&*random);
        bytes[BYTES..].copy_from_slice(&crc32c::crc32c(&*random).to_be_bytes());
        Self(Zeroizing::new(format!("{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(*bytes))))
    }

    /// The secret in a header, if it has the form of one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; BYTES + Self::CHECK]);
        let length = URL_SAFE_NO_PAD.decode_slice(text.strip_prefix(Self::PREFIX)?, &mut *bytes).ok()?;
        let check = crc32c::crc32c(&bytes[..BYTES]).to_be_bytes();
        (length == BYTES + Self::CHECK && bytes[BYTES..] == check).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// By what it is recognised.
    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The secret itself, for its owner's eyes.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// An invitation's code: who has it may choose a password, once. 256 random bits, as a token's.
pub(crate) struct InvitationSecret(Zeroizing<String>);

impl InvitationSecret {
    const PREFIX: &'static str = "invite_";

    /// A new one.
    pub(crate) fn generate() -> Self {
        Self(Zeroizing::new(format!("{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(*random()))))
    }

    /// The code in a path.
    pub(crate) fn presented(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// By what it is recognised.
    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The code itself, for whoever hands it on.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// A session's secret: what its cookie holds.
pub(crate) struct SessionSecret(Zeroizing<String>);

impl SessionSecret {
    /// A new one.
    pub(crate) fn generate() -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(*random())))
    }

    /// The secret in a cookie.
    pub(crate) fn presented(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// By what the session is found.
    pub(crate) fn key(&self) -> SessionKey {
        SessionKey(Sha256::digest(self.0.as_bytes()).into())
    }

    /// What writes must carry beside the cookie: derived from the secret, so that nothing else need be kept.
    pub(crate) fn csrf(&self) -> Zeroizing<String> {
        let digest = Sha256::new().chain_update(b"dkube csrf\0").chain_update(self.0.as_bytes()).finalize();
        Zeroizing::new(URL_SAFE_NO_PAD.encode(digest))
    }

    /// Whether this is the session's CSRF token.
    pub(crate) fn has_csrf(&self, presented: &str) -> bool {
        let hash = |text: &str| Sha256::digest(text.as_bytes());
        hash(&self.csrf()).ct_eq(&hash(presented)).into()
    }

    /// The secret itself, for the cookie.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_a_changed_one_is_not() {
        let secret = TokenSecret::generate();
        assert_eq!(secret.reveal().len(), 6 + 48);
        let read = TokenSecret::parse(secret.reveal()).unwrap();
        assert_eq!(read.hash(), secret.hash());
        let mut changed = secret.reveal().to_owned();
        let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
        changed.push(last);
        for bad in ["", "dkube_", "dkube_AAAA", &changed, &secret.reveal()[6..], &format!("{}A", secret.reveal())] {
            assert!(TokenSecret::parse(bad).is_none());
        }
    }

    #[test]
    fn a_csrf_token_belongs_to_one_session() {
        let (one, other) = (SessionSecret::generate(), SessionSecret::generate());
        assert!(one.has_csrf(&one.csrf()));
        assert!(!one.has_csrf(&other.csrf()) && !one.has_csrf(one.reveal()) && !one.has_csrf(""));
        assert_eq!(SessionSecret::presented(one.reveal()).key(), one.key());
    }

    #[test]
    fn ids_differ() {
        assert_ne!(random_id(), random_id());
    }
}
