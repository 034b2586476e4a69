//! An operator of NATS servers, who signs accounts and their users' credentials files, as `nsc` does.
use super::Secrets;
use anyhow::Context;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bus::clock::{Clock, SystemClock};
use nkeys::KeyPair;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// An operator with two accounts, of which one has JetStream, and the system's.
#[derive(Debug)]
pub struct NatsOperator {
    operator: KeyPair,
    account: KeyPair,
    other: KeyPair,
    system: KeyPair,
}

impl NatsOperator {
    /// A new one.
    pub fn make() -> Self {
        let [account, other, system] = [(); 3].map(|()| KeyPair::new_account());
        Self { operator: KeyPair::new_operator(), account, other, system }
    }

    /// The lines of a server's configuration that make it this operator's.
    ///
    /// # Errors
    /// A key can't sign.
    pub fn configuration(&self) -> anyhow::Result<String> {
        let unlimited = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
                               "conn": -1, "leaf": -1});
        let mut stored = unlimited.clone();
        for (name, limit) in [("mem_storage", -1), ("disk_storage", -1), ("streams", -1), ("consumer", -1)] {
            stored[name] = limit.into();
        }
        let operator = json!({"type": "operator", "version": 2, "system_account": self.system.public_key()});
        let operator = token(&self.operator, &self.operator, "operator", &operator)?;
        let accounts = [(&self.account, &stored), (&self.other, &stored), (&self.system, &unlimited)];
        let mut preload = vec![];
        for (account, limits) in accounts {
            let said = json!({"type": "account", "version": 2, "limits": limits});
            let signed = token(&self.operator, account, "account", &said)?;
            preload.push(format!("{}: {signed}", account.public_key()));
        }
        let system = self.system.public_key();
        Ok(format!(
            "operator: {operator}\nsystem_account: {system}\nresolver: MEMORY\nresolver_preload: {{\n{}\n}}\n",
            preload.join("\n")
        ))
    }

    /// The credentials file of a new user of the account with JetStream.
    ///
    /// # Errors
    /// It can't be written.
    pub fn user(&self, secrets: &Secrets, name: &str) -> anyhow::Result<PathBuf> {
        credentials(&self.account, secrets, name)
    }

    /// The credentials file of a new user of the other account.
    ///
    /// # Errors
    /// It can't be written.
    pub fn stranger(&self, secrets: &Secrets, name: &str) -> anyhow::Result<PathBuf> {
        credentials(&self.other, secrets, name)
    }
}

fn credentials(account: &KeyPair, secrets: &Secrets, name: &str) -> anyhow::Result<PathBuf> {
    let user = KeyPair::new_user();
    let jwt =
        token(account, &user, name, &json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}))?;
    let seed = user.seed().map_err(|error| anyhow::anyhow!(error))?;
    let path = secrets.path(&format!("{name}.creds"));
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         ************************* IMPORTANT *************************\n\
         NKEY Seed printed below can be used to sign and prove identity.\n\
         NKEYs are sensitive and should be treated as secrets.\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n\n\
         *************************************************************\n"
    );
    fs::write(&path, text).context("write a credentials file")?;
    Ok(path)
}

/// What the issuer says of the subject, signed.
fn token(issuer: &KeyPair, subject: &KeyPair, name: &str, said: &Value) -> anyhow::Result<String> {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "jti": subject.public_key(),
        "iat": SystemClock.now().micros() / 1_000_000,
        "iss": issuer.public_key(),
        "sub": subject.public_key(),
        "name": name,
        "nats": said,
    });
    let signed = format!("{}.{}", encode(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), encode(&claims));
    let signature = issuer.sign(signed.as_bytes()).map_err(|error| anyhow::anyhow!(error))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
