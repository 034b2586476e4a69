use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};

/// A key of a provider, made for one test.
pub(in crate::provider) struct Signer {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    /// What most providers sign with.
    pub(in crate::provider) fn rsa(id: &'static str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let text = BASE64_STANDARD.encode(der.as_ref());
        let kind = "PRIVATE KEY";
        let pem = format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n");
        Self { id, algorithm: Algorithm::RS256, key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap() }
    }

    pub(in crate::provider) fn ed25519(id: &'static str) -> Self {
        // RFC 8410 §7: the head of such a key.
        let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        der.extend([7; 32]);
        Self { id, algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(&der) }
    }

    /// The public part.
    pub(in crate::provider) fn public(&self) -> Value {
        let mut jwk = json!(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap());
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        // As Entra ID has it: which algorithm it is for is left out.
        jwk.as_object_mut().unwrap().remove("alg");
        jwk
    }

    /// A token with these claims.
    pub(in crate::provider) fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key).unwrap()
    }

    /// A token that says that it must not be taken without knowing what `b64` is (RFC 7797).
    pub(in crate::provider) fn sign_critical(&self, claims: &Value) -> String {
        let header = Header { crit: Some(vec!["b64".to_owned()]), ..self.header() };
        encode(&header, claims, &self.key).unwrap()
    }

    fn header(&self) -> Header {
        Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) }
    }
}
