//! OAuth apps, and what people have let them do.
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bus::clock::{Entropy, SystemEntropy};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

/// How many tokens of one user, app and set of scopes there are at most: an older one ends with the next.
const TOKENS_MAX: usize = 10;

#[derive(Debug, Default)]
pub(super) struct Apps {
    registered: HashMap<String, App>,
    codes: HashMap<String, Code>,
    /// The oldest first.
    tokens: Vec<(String, Token)>,
    /// What people have let which app do.
    grants: HashMap<(String, u64), Scopes>,
    /// Whose browser has which cookie.
    sessions: HashMap<String, u64>,
}

#[derive(Debug, Clone)]
pub(super) struct App {
    pub(super) secret: String,
    pub(super) callback: String,
}

/// What a code stands for, once.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) client: String,
    pub(super) user: u64,
    pub(super) scopes: Scopes,
    pub(super) redirect: String,
    pub(super) challenge: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// The app's client id; none of a token that its user has made.
    pub(super) client: Option<String>,
    pub(super) user: u64,
    pub(super) scopes: Scopes,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scopes(BTreeSet<String>);

impl Apps {
    pub(super) fn register(&mut self, client: &str, secret: &str, callback: &str) {
        self.registered.insert(client.to_owned(), App { secret: secret.to_owned(), callback: callback.to_owned() });
    }

    pub(super) fn app(&self, client: &str) -> Option<&App> {
        self.registered.get(client)
    }

    pub(super) fn is(&self, client: &str, secret: &str) -> bool {
        self.app(client).is_some_and(|app| app.secret == secret)
    }

    pub(super) fn code(&mut self, code: Code) -> String {
        self.grants.insert((code.client.clone(), code.user), code.scopes.clone());
        let name = random(15);
        self.codes.insert(name.clone(), code);
        name
    }

    pub(super) fn redeem(&mut self, code: &str) -> Option<Code> {
        self.codes.remove(code)
    }

    pub(super) fn granted(&self, client: &str, user: u64, scopes: &Scopes) -> bool {
        self.grants.get(&(client.to_owned(), user)).is_some_and(|granted| scopes.0.is_subset(&granted.0))
    }

    pub(super) fn issue(&mut self, token: Token) -> String {
        let alike = |(_, known): &(String, Token)| *known == token;
        if self.tokens.iter().filter(|known| alike(known)).count() >= TOKENS_MAX
            && let Some(oldest) = self.tokens.iter().position(alike)
        {
            self.tokens.remove(oldest);
        }
        let name = format!("{}_{}", if token.client.is_some() { "gho" } else { "ghp" }, random(27));
        self.tokens.push((name.clone(), token));
        name
    }

    pub(super) fn token(&self, name: &str) -> Option<&Token> {
        self.tokens.iter().find(|(known, _)| known == name).map(|(_, token)| token)
    }

    pub(super) fn tokens(&self, user: u64) -> usize {
        self.tokens.iter().filter(|(_, token)| token.user == user).count()
    }

    pub(super) fn end(&mut self, name: &str) {
        self.tokens.retain(|(known, _)| known != name);
    }

    /// Takes back what a user has let this app do, or all apps.
    pub(super) fn revoke(&mut self, user: u64, client: Option<&str>) {
        let of = |app: Option<&str>| app.is_some() && (client.is_none() || app == client);
        self.tokens.retain(|(_, token)| token.user != user || !of(token.client.as_deref()));
        self.codes.retain(|_, code| code.user != user || !of(Some(&code.client)));
        self.grants.retain(|(app, owner), _| *owner != user || !of(Some(app)));
    }

    /// Forgets a user who is gone.
    pub(super) fn forget(&mut self, user: u64) {
        self.revoke(user, None);
        self.tokens.retain(|(_, token)| token.user != user);
        self.sessions.retain(|_, owner| *owner != user);
    }

    pub(super) fn sign_in(&mut self, user: u64) -> String {
        let cookie = random(30);
        self.sessions.insert(cookie.clone(), user);
        cookie
    }

    pub(super) fn session(&self, cookie: &str) -> Option<u64> {
        self.sessions.get(cookie).copied()
    }
}

impl Scopes {
    /// As apps ask for them, with blanks, or as GitHub tells them, with commas.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect())
    }

    pub(super) fn joined(&self, by: &str) -> String {
        self.0.iter().map(String::as_str).collect::<Vec<_>>().join(by)
    }

    /// Whether organizations may be read with them.
    pub(super) fn read_organizations(&self) -> bool {
        ["read:org", "write:org", "admin:org"].iter().any(|scope| self.0.contains(*scope))
    }
}

/// The challenge of a verifier, `S256` (RFC 7636, 4.2).
pub fn s256(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn random(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    SystemEntropy.fill(&mut random);
    BASE64_URL_SAFE_NO_PAD.encode(random)
}
