mod refused;
mod signed_in;

use super::Oidc;
use crate::{
    provider::{
        Answer, Outside, Person, Provider, ProviderError,
        testing::{At, NOW, Signer, StandIn, outside, query},
    },
    settings::Secret,
};
use reqwest::Url;
use serde_json::{Value, json};
use std::sync::Arc;

const DISCOVERY: &str = "GET /realms/acme/.well-known/openid-configuration";
const TOKEN: &str = "POST /token";
const KEYS: &str = "GET /keys";
const USERINFO: &str = "GET /userinfo";

/// A provider with one client, and that client.
struct Realm {
    stand_in: StandIn,
    client: Oidc,
    outside: Outside,
    clock: Arc<At>,
}

impl Realm {
    async fn new(signer: &Signer) -> Self {
        let stand_in = StandIn::new().await;
        let client = Oidc {
            issuer: stand_in.url.join("realms/acme").unwrap(),
            client_id: "dkube client".to_owned(),
            client_secret: Secret::new("hunter2:&".to_owned()),
            scopes: ["openid", "profile"].map(str::to_owned).to_vec(),
            login_claim: "preferred_username".to_owned(),
        };
        let (outside, clock) = outside();
        let realm = Self { stand_in, client, outside, clock };
        realm.discovers(&[]);
        realm.publishes(&[signer.public()]);
        realm
    }

    fn issuer(&self) -> String {
        self.client.issuer.to_string()
    }

    /// Says this of itself, with these members in the place of its own; null leaves one out.
    fn discovers(&self, other: &[(&str, Value)]) {
        let metadata = json!({
            "issuer": self.issuer(),
            "authorization_endpoint": self.stand_in.at("authorize?kept=yes"),
            "token_endpoint": self.stand_in.at("token"),
            "userinfo_endpoint": self.stand_in.at("userinfo"),
            "jwks_uri": self.stand_in.at("keys"),
            "id_token_signing_alg_values_supported": ["RS256", "none"],
            "something_new": { "is": [null] },
        });
        self.stand_in.says(DISCOVERY, 200, &with(metadata, other));
    }

    fn publishes(&self, keys: &[Value]) {
        // Others are there too: for encryption, of kinds that are not known, symmetric ones.
        let odd = json!([
            { "kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "enc", "n": "AQAB", "e": "AQAB" },
            { "kty": "ML-DSA", "kid": "new", "pub": "AQAB" },
            { "kty": "oct", "kid": "symmetric", "k": "aHVudGVyMg" },
            "nonsense",
        ]);
        let keys: Vec<Value> = odd.as_array().unwrap().iter().chain(keys).cloned().collect();
        self.stand_in.says(KEYS, 200, &json!({ "keys": keys }));
    }

    /// What an ID token of this sign-in claims, with these in the place of its own.
    fn claims(&self, nonce: &str, other: &[(&str, Value)]) -> Value {
        let claims = json!({
            "iss": self.issuer(), "sub": "f:7", "aud": "dkube client", "exp": NOW + 300, "iat": NOW, "nonce": nonce,
            "preferred_username": "ada", "email": "ada@acme.example",
        });
        with(claims, other)
    }

    /// Signs in with the token that this makes of the nonce.
    async fn sign_in(&self, token: impl FnOnce(&str) -> String) -> Result<Person, ProviderError> {
        self.answered(token, |_| {}).await
    }

    /// Signs in with claims that are signed.
    async fn claiming(&self, signer: &Signer, other: &[(&str, Value)]) -> Result<Person, ProviderError> {
        self.sign_in(|nonce| signer.sign(&self.claims(nonce, other))).await
    }

    /// The same, where something has happened to the answer.
    async fn answered(
        &self,
        token: impl FnOnce(&str) -> String,
        change: impl FnOnce(&mut Answer),
    ) -> Result<Person, ProviderError> {
        let (provider, callback) = (Provider::Oidc(self.client.clone()), callback());
        let (address, pending) = provider.begin(&self.outside, &callback).await?;
        let token = token(&query(&address)["nonce"]);
        self.stand_in.says(TOKEN, 200, &json!({ "id_token": token, "access_token": "at-1", "expires_in": 60 }));
        let state = Some(pending.state().to_owned());
        let mut answer = Answer { code: Some("code".to_owned()), state, ..Answer::default() };
        change(&mut answer);
        provider.finish(&self.outside, &callback, pending, answer).await
    }
}

fn callback() -> Url {
    "https://dkube.example/callback".parse().unwrap()
}

fn with(mut object: Value, other: &[(&str, Value)]) -> Value {
    for (name, value) in other {
        match value {
            Value::Null => drop(object.as_object_mut().unwrap().remove(*name)),
            value => object[name] = value.clone(),
        }
    }
    object
}

fn ada() -> Person {
    Person { subject: "f:7".to_owned(), login: "ada".to_owned() }
}
