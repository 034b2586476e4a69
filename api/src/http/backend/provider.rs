//! Between a backend as the log has it, and the provider that is spoken to.
use crate::{
    http::{
        app::App,
        auth::{Address, Attempt, slow_down},
        layer::Share,
        problem::Problem,
    },
    provider::{GitHub, Oidc, Provider, ProviderError},
    settings::Secret,
};
use domain::backend::{self, BackendKind};
use reqwest::Url;
use std::net::IpAddr;
use tokio::sync::SemaphorePermit;

/// The provider of a backend.
///
/// # Errors
/// Its address is none, or the key that its client's secret is sealed under was lost.
pub(super) fn of(provider: &backend::Provider) -> Result<Provider, Problem> {
    let secret = |secret: &backend::Secret| secret.reveal().map(|text| Secret::new(text.to_owned()));
    let client_secret = secret(provider.client_secret()).ok_or_else(|| lost("the client's secret"))?;
    Ok(match provider {
        backend::Provider::GitHub(github) => Provider::GitHub(GitHub {
            organization: github.organization.as_str().to_owned(),
            client_id: github.client_id.as_str().to_owned(),
            client_secret,
            // Whoever asks with it looks first whether it can be read.
            directory_token: github.directory_token.as_ref().and_then(secret),
            base_url: address("base_url", &github.base_url)?,
        }),
        backend::Provider::Oidc(oidc) => Provider::Oidc(Oidc {
            issuer: address("issuer", &oidc.issuer)?,
            client_id: oidc.client_id.as_str().to_owned(),
            client_secret,
            scopes: oidc.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            login_claim: oidc.login_claim.as_str().to_owned(),
        }),
    })
}

/// The answer where a secret of the provider is sealed under a key that was lost.
pub(in crate::http) fn lost(what: &str) -> Problem {
    Problem::new(
        "auth.credentials_lost",
        format!("the key that {what} is sealed under was lost: it has to be given again"),
    )
}

fn address(field: &str, text: &domain::ProviderUrl) -> Result<Url, Problem> {
    text.as_str().parse().map_err(|_| Problem::new("request.body", format!("{field}: it is no address")))
}

/// The active provider, as the present has it; none where people are known here.
///
/// # Errors
/// Its address is none.
pub(in crate::http) fn active(app: &App) -> Result<Option<(backend::Provider, Provider)>, Problem> {
    let provider = app.present(|state| state.cluster().sign_in().provider.clone());
    provider.map(|stored| of(&stored).map(|provider| (stored, provider))).transpose()
}

/// The answer to an operator where a provider did not do what it should.
pub(super) fn unavailable(app: &App, error: &ProviderError) -> Problem {
    tracing::warn!(code = error.code(), "a sign-in provider: {error}");
    worded(app, error)
}

/// That a provider did not do what it should, and when it can be asked again if it says so.
pub(in crate::http) fn worded(app: &App, error: &ProviderError) -> Problem {
    let problem = Problem::new(error.code(), error.to_string());
    match error.retry_after(app.now()) {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    }
}

/// That answer to somebody who is not known yet: which addresses this server asks, and what it finds there, is not for them.
pub(super) fn unavailable_to_visitor(app: &App, error: &ProviderError) -> Problem {
    // Strangers could fill the log with it.
    if app.provider_told.is_due(app.now()) {
        tracing::warn!(code = error.code(), "a sign-in through the provider failed: {error}");
    } else {
        tracing::debug!(code = error.code(), "a sign-in through the provider failed: {error}");
    }
    match error {
        ProviderError::Egress(_) => Problem::new(
            "provider.unreachable",
            "this server does not reach the sign-in provider: its log says why, to whoever runs it",
        ),
        _ => worded(app, error),
    }
}

/// Lets somebody try who comes back from the provider: a code that was made up costs the provider a question too.
///
/// # Errors
/// They have to wait.
pub(super) fn paced(app: &App, address: Option<IpAddr>) -> Result<Attempt, Problem> {
    app.slowdown.begin_return(address, app.now()).map_err(|seconds| slow_down(&app.metrics, seconds))
}

/// A place among those for whom a provider is asked at a time.
///
/// # Errors
/// All are taken, or that network has as many as one may: a provider that hangs must not hold every request of this server.
pub(super) fn asking(app: &App, address: Option<IpAddr>) -> Result<Asking<'_>, Problem> {
    let full = || Problem::new("server.overloaded", "too many sign-ins wait for the provider").retry_after(5);
    let share = app.asking_shares.take(Address(address).network()).ok_or_else(full)?;
    let permit = app.asking.try_acquire().map_err(|_| full())?;
    Ok(Asking { _share: share, _permit: permit })
}

/// Such a place, until it is dropped.
pub(super) struct Asking<'a> {
    _share: Share<Option<IpAddr>>,
    _permit: SemaphorePermit<'a>,
}

/// Where the browser comes back to: it must be the address that the provider knows.
///
/// # Errors
/// Nobody said how browsers reach this server.
pub(super) fn callback_address(app: &App, kind: BackendKind) -> Result<Url, Problem> {
    let missing = "the provider has to know where browsers come back to: set public_url, the address that they reach this server at";
    reached_at(app, &format!("/auth/{kind}/callback")).ok_or_else(|| Problem::new("auth.no_public_url", missing))
}

/// The whole address that browsers reach a path of this server at; none where nobody said how they reach it.
pub(super) fn reached_at(app: &App, path: &str) -> Option<Url> {
    let base: Url = app.settings().public_url.as_ref()?.parse().ok()?;
    base.join(&within(app, path)).ok()
}

/// A path of this server as browsers see it: below the path of its public address.
pub(super) fn within(app: &App, path: &str) -> String {
    let base = app.settings().public_url.as_ref().and_then(|url| url.parse::<Url>().ok());
    format!("{}{path}", base.as_ref().map_or("", |base| base.path().trim_end_matches('/')))
}
