//! A stand-in for GitHub: OAuth apps, users, and organizations with their members, over real HTTP.
//!
//! It follows the documentation of OAuth apps and of the REST API, version 2022-11-28: what is told, in which pages, how
//! failures look, and that a request without `User-Agent` is refused. OAuth is under `/login/oauth`. The API is under
//! `/api/v3`, as GitHub Enterprise Server has it, and under `/`, as api.github.com has it.
mod access_token;
mod api;
mod applications;
mod apps;
mod authorize;
mod guard;
mod limits;
mod paging;
mod people;
mod problem;

pub use apps::s256;
pub use limits::Trouble;
pub use people::{Restriction, Standing};

use super::served::Served;
use apps::{Apps, Scopes, Token};
use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{delete, get, post},
};
use limits::Limits;
use people::People;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A GitHub with nobody in it. Its port stays the same from start to start; it ends when this is dropped.
///
/// Who is named by a method has to be there: else it panics.
#[derive(Debug)]
pub struct GitHubServer {
    shared: Shared,
    served: Served,
}

/// What the server and its tests share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Site>>);

#[derive(Debug, Default)]
pub(crate) struct Site {
    /// Where the API is, as it tells it.
    api: String,
    people: People,
    apps: Apps,
    limits: Limits,
    /// By path, without `/api/v3`.
    requests: HashMap<String, usize>,
}

impl Shared {
    fn site(&self) -> MutexGuard<'_, Site> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GitHubServer {
    /// Starts one.
    ///
    /// # Errors
    /// There is no port for it.
    pub fn start() -> anyhow::Result<Self> {
        let shared = Shared::default();
        let server = Self { served: Served::start(router(&shared))?, shared };
        server.shared.site().api = server.api_url();
        Ok(server)
    }

    /// Ends it as a crash would: every connection breaks.
    ///
    /// # Panics
    /// Something in it panicked.
    pub fn stop(&mut self) {
        self.served.stop();
    }

    /// Starts it on the same port, with what it had.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.served.start_again()
    }

    /// Where people sign in: `http://127.0.0.1:4711`.
    pub fn url(&self) -> String {
        self.served.url()
    }

    /// Where the API is, as of GitHub Enterprise Server. [`url`](Self::url) is another address of it.
    pub fn api_url(&self) -> String {
        format!("{}/api/v3", self.url())
    }

    /// Registers an OAuth app, or changes the secret and the callback of one.
    pub fn app(&self, client_id: &str, client_secret: &str, callback: &str) {
        self.shared.site().apps.register(client_id, client_secret, callback);
    }

    /// A new user, who is told by this number whatever the name is.
    pub fn user(&self, login: &str) -> u64 {
        self.shared.site().people.add(login)
    }

    /// Gives a user another name; the former one is free for somebody else.
    pub fn rename(&self, login: &str, to: &str) {
        self.with(login, |site, user| site.people.rename(user, to));
    }

    /// Deletes a user, with tokens and memberships. Whoever is [`user`](Self::user) of that name later is somebody else.
    pub fn delete(&self, login: &str) {
        self.with(login, |site, user| {
            site.people.remove(user);
            site.apps.forget(user);
        });
    }

    /// A new organization, and its number.
    pub fn organization(&self, login: &str) -> u64 {
        self.shared.site().people.found(login)
    }

    /// Lets a user belong to an organization, or belong to it otherwise.
    pub fn join(&self, organization: &str, login: &str, standing: Standing) {
        self.with(login, |site, user| site.people.known(organization).set(user, Some(standing)));
    }

    /// Lets a user belong to an organization no more.
    pub fn leave(&self, organization: &str, login: &str) {
        self.with(login, |site, user| site.people.known(organization).set(user, None));
    }

    /// Has an organization restrict what apps learn of it; or not.
    pub fn restrict(&self, organization: &str, restriction: Option<Restriction>) {
        self.shared.site().people.known(organization).restriction = restriction;
    }

    /// A personal access token of a user, with these scopes: `read:org`.
    pub fn token(&self, login: &str, scopes: &str) -> String {
        let scopes = Scopes::parse(scopes);
        self.with(login, |site, user| site.apps.issue(Token { client: None, user, scopes }))
    }

    /// How many tokens of a user are valid.
    pub fn tokens(&self, login: &str) -> usize {
        self.with(login, |site, user| site.apps.tokens(user))
    }

    /// Has a user take back what all apps were let do: their tokens end, and they have to ask again.
    pub fn revoke(&self, login: &str) {
        self.with(login, |site, user| site.apps.revoke(user, None));
    }

    /// Lets something go wrong from now on; or nothing.
    pub fn trouble(&self, trouble: Option<Trouble>) {
        self.shared.site().limits.trouble = trouble;
    }

    /// Answers this many requests of each user to the API within an hour, which begins now. It is 5000 otherwise.
    pub fn allow(&self, requests: u64) {
        self.shared.site().limits.allow(requests);
    }

    /// How often this path was asked for, without `/api/v3`: `/user`, `/login/oauth/access_token`.
    pub fn requests(&self, path: &str) -> usize {
        self.shared.site().requests.get(path).copied().unwrap_or_default()
    }

    fn with<R>(&self, login: &str, act: impl FnOnce(&mut Site, u64) -> R) -> R {
        let mut site = self.shared.site();
        let user = site.people.find(login).unwrap_or_else(|| panic!("there is no {login}"));
        act(&mut site, user)
    }
}

fn router(shared: &Shared) -> Router {
    let api = Router::new()
        .route("/user", get(api::me))
        .route("/user/{id}", get(api::by_id))
        .route("/users/{login}", get(api::by_name))
        .route("/user/memberships/orgs/{organization}", get(api::my_membership))
        .route("/orgs/{organization}", get(api::organization))
        .route("/orgs/{organization}/memberships/{login}", get(api::their_membership))
        .route("/orgs/{organization}/members", get(api::members))
        .route("/orgs/{organization}/public_members", get(api::public_members))
        .route("/organizations/{id}/members", get(api::members_by_id))
        .route("/organizations/{id}/public_members", get(api::public_members_by_id))
        .route("/applications/{client}/token", delete(applications::end_token))
        .route("/applications/{client}/grant", delete(applications::end_grant))
        .fallback(|| async { problem::Problem::not_found() })
        .layer(from_fn_with_state(shared.clone(), guard::api));
    Router::new()
        .route("/login/oauth/authorize", get(authorize::ask).post(authorize::decide))
        .route("/login/oauth/access_token", post(access_token::exchange))
        .nest("/api/v3", api.clone())
        .merge(api)
        .layer(from_fn_with_state(shared.clone(), guard::site))
        .with_state(shared.clone())
}
