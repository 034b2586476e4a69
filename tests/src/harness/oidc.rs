//! A real OIDC provider, `oidc-provider` on Node.js, on a free port: see `tests/scripts/oidc`.
use super::{
    LIMIT,
    tools::{installed, tool},
};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::{path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Mutex,
    time::timeout,
};

/// A provider that knows nobody until it is told. It asks for PKCE, signs with RS256 unless a client asks for something
/// else, and has a person sign in with a form that takes `sub`, and then consent. It ends when this is dropped.
#[derive(Debug)]
pub struct OidcProvider {
    issuer: String,
    pipes: Mutex<Pipes>,
    _child: Child,
}

#[derive(Debug)]
struct Pipes {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl OidcProvider {
    /// Starts one, and waits until it is ready.
    ///
    /// # Errors
    /// It is not installed (then the error says how), or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/oidc/provider.mjs");
        let mut child = Command::new(tool("node")?)
            .arg(script)
            // What it is made of is found from here.
            .current_dir(installed("oidc")?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("start the OpenID provider")?;
        let input = child.stdin.take().context("the OpenID provider has no input")?;
        let output = BufReader::new(child.stdout.take().context("the OpenID provider has no output")?).lines();
        let mut pipes = Pipes { input, output };
        let ready = pipes.line().await?;
        let issuer = ready["issuer"].as_str().with_context(|| format!("there is no issuer in {ready}"))?.to_owned();
        Ok(Self { issuer, pipes: Mutex::new(pipes), _child: child })
    }

    /// Its issuer identifier: `http://127.0.0.1:4711`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Lets a client sign people in that has a secret, sends it with HTTP Basic, and is answered at this address.
    ///
    /// # Errors
    /// The provider has ended.
    pub async fn client(&self, id: &str, secret: &str, redirect_uri: &str) -> anyhow::Result<()> {
        self.client_of(json!({"client_id": id, "client_secret": secret, "redirect_uris": [redirect_uri]})).await
    }

    /// The same with any of the metadata that a client may register (OIDC Dynamic Client Registration 1.0, 2):
    /// `token_endpoint_auth_method`, `id_token_signed_response_alg` and more. Replaces the client of that `client_id`.
    /// What is wrong with it is said where the client is used.
    ///
    /// # Errors
    /// The provider has ended.
    pub async fn client_of(&self, metadata: Value) -> anyhow::Result<()> {
        self.command("client", metadata).await.map(drop)
    }

    /// An account with these claims, `sub` among them; replaces the account of that `sub`. The scope `profile` asks for
    /// `name` and `preferred_username`, `email` for `email` and `email_verified`, and `groups` for `groups`.
    ///
    /// # Errors
    /// The provider has ended.
    pub async fn account(&self, claims: Value) -> anyhow::Result<()> {
        self.command("account", claims).await.map(drop)
    }

    /// Takes the account of this `sub` away.
    ///
    /// # Errors
    /// The provider has ended.
    pub async fn forget(&self, sub: &str) -> anyhow::Result<()> {
        self.command("forget", json!(sub)).await.map(drop)
    }

    /// Signs with new keys from now on; the earlier ones are published on if they are to be kept.
    ///
    /// # Errors
    /// The provider has ended.
    pub async fn rotate(&self, keep: bool) -> anyhow::Result<()> {
        self.command("rotate", json!({"keep": keep})).await.map(drop)
    }

    /// Changes settings of `oidc-provider`, as its documentation has them: `{"conformIdTokenClaims": false}` puts all
    /// claims into the id token, `{"ttl": {"IdToken": 1}}` lets it expire after a second.
    ///
    /// # Errors
    /// The provider has ended, as it does where it does not know the setting.
    pub async fn configure(&self, settings: Value) -> anyhow::Result<()> {
        self.command("configure", settings).await.map(drop)
    }

    /// Answers every request with this status; or as it should.
    ///
    /// # Errors
    /// The provider has ended.
    pub async fn refuse(&self, status: Option<u16>) -> anyhow::Result<()> {
        self.command("refuse", json!(status)).await.map(drop)
    }

    /// How often this path was asked for: `/jwks`.
    ///
    /// # Errors
    /// The provider has ended.
    pub async fn requests(&self, path: &str) -> anyhow::Result<u64> {
        self.command("count", json!(path)).await?.as_u64().context("the count is no number")
    }

    async fn command(&self, name: &str, argument: Value) -> anyhow::Result<Value> {
        let mut pipes = self.pipes.lock().await;
        let line = format!("{}\n", json!({ name: argument }));
        pipes.input.write_all(line.as_bytes()).await.context("tell the OpenID provider")?;
        Ok(pipes.line().await?["done"].take())
    }
}

impl Pipes {
    async fn line(&mut self) -> anyhow::Result<Value> {
        let line = timeout(LIMIT, self.output.next_line()).await.context("the OpenID provider says nothing")??;
        let Some(line) = line else { bail!("the OpenID provider has ended") };
        serde_json::from_str(&line).with_context(|| format!("the OpenID provider says {line}"))
    }
}
