use super::provider::{self, callback_address};
use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::{Asker, Password},
    input::{Body, DryRun, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{
    Command, Login, ProviderUrl, ProviderWord, Subject, WordError,
    backend::{self, BackendKind, GitHub, Oidc, Provider, Secret},
};
use serde::Deserialize;

/// Where people shall sign in. Which fields are needed depends on `kind`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetBackend {
    /// `local`, `github` or `oidc`.
    #[schema(value_type = String, example = "oidc")]
    kind: BackendKind,
    /// The login, there, of whoever becomes operator: they prove it by signing in.
    #[schema(value_type = Option<String>)]
    operator: Option<Login>,
    /// The login of the user here who that is, if they are one already. A switch links nobody else.
    #[schema(value_type = Option<String>)]
    link: Option<Login>,
    /// The client's id at the provider.
    #[schema(value_type = Option<String>)]
    client_id: Option<ProviderWord>,
    /// The client's secret at the provider.
    #[schema(value_type = Option<String>, format = Password)]
    client_secret: Option<Password>,
    /// `github`: the organization whose members may be on-boarded.
    #[schema(value_type = Option<String>)]
    organization: Option<ProviderWord>,
    /// `github`: a token that may list the organization's private members.
    #[schema(value_type = Option<String>, format = Password)]
    directory_token: Option<Password>,
    /// `github`: an Enterprise server's address; `https://github.com` where it is left out.
    #[schema(value_type = Option<String>)]
    base_url: Option<ProviderUrl>,
    /// `oidc`: the issuer, exactly as the provider writes it.
    #[schema(value_type = Option<String>, example = "https://id.example.org/realms/gpu")]
    issuer: Option<ProviderUrl>,
    /// `oidc`: what is asked for besides `openid`: `profile` and `email` where it is left out.
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Option<Vec<ProviderWord>>,
    /// `oidc`: the claim that is somebody's login; `preferred_username` where it is left out.
    #[schema(value_type = Option<String>)]
    login_claim: Option<ProviderWord>,
}

/// Proposes another sign-in backend: it takes effect once its operator has signed in through it (`POST /v1/auth/backend/prove`).
/// `local` takes effect at once, if the break-glass operator asks for it; and withdraws a proposal.
#[utoipa::path(put, path = "/v1/auth/backend", tag = "sign-in backend", operation_id = "set_backend", params(DryRun),
    request_body = SetBackend, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn propose(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<SetBackend>,
) -> Result<Accepted, Problem> {
    let command = body.value.command(&app)?;
    let named = match &command {
        backend::Command::Propose { link, .. } => link.clone(),
        _ => None,
    };
    let errand = Errand::new(Command::Backend(command)).on(Subject::Backend).naming(named).with(&body.raw);
    carry_out(&app, &asker, &wish, errand).await
}

impl SetBackend {
    fn command(self, app: &App) -> Result<backend::Command, Problem> {
        let kind = self.kind;
        self.fits()?;
        if kind == BackendKind::Local {
            return Ok(backend::Command::Return);
        }
        // What can't come back is not begun.
        callback_address(app, kind)?;
        let operator = needed("operator", self.operator)?;
        let client_id = needed("client_id", self.client_id)?;
        let client_secret = secret("client_secret", &needed("client_secret", self.client_secret)?)?;
        let provider = if kind == BackendKind::GitHub {
            Provider::GitHub(GitHub {
                base_url: site(self.base_url.as_ref().map_or("https://github.com", ProviderUrl::as_str))?,
                organization: needed("organization", self.organization)?,
                client_id,
                client_secret,
                directory_token: self.directory_token.map(|token| secret("directory_token", &token)).transpose()?,
            })
        } else {
            Provider::Oidc(Oidc {
                issuer: needed("issuer", self.issuer)?,
                client_id,
                client_secret,
                scopes: self.scopes.map_or_else(|| Ok(vec![word("profile")?, word("email")?]), Ok::<_, Problem>)?,
                login_claim: self.login_claim.map_or_else(|| word("preferred_username"), Ok)?,
            })
        };
        let address = match provider::of(&provider)? {
            crate::provider::Provider::GitHub(github) => github.base_url,
            crate::provider::Provider::Oidc(oidc) => oidc.issuer,
        };
        if address.query().is_some() || address.fragment().is_some() {
            return Err(Problem::new("request.body", "the address: it ends with its path"));
        }
        app.parts.outside.egress().check(&address).map_err(|error| Problem::new(error.code(), error.to_string()))?;
        Ok(backend::Command::Propose { provider, operator, link: self.link })
    }

    /// Whether no field is given that this kind does not have.
    fn fits(&self) -> Result<(), Problem> {
        let (github, oidc) = (self.kind == BackendKind::GitHub, self.kind == BackendKind::Oidc);
        let given = [
            ("operator", self.operator.is_some(), github || oidc),
            ("link", self.link.is_some(), github || oidc),
            ("client_id", self.client_id.is_some(), github || oidc),
            ("client_secret", self.client_secret.is_some(), github || oidc),
            ("organization", self.organization.is_some(), github),
            ("directory_token", self.directory_token.is_some(), github),
            ("base_url", self.base_url.is_some(), github),
            ("issuer", self.issuer.is_some(), oidc),
            ("scopes", self.scopes.is_some(), oidc),
            ("login_claim", self.login_claim.is_some(), oidc),
        ];
        match given.into_iter().find(|(_, given, has)| *given && !has) {
            Some((field, ..)) => Err(Problem::new("request.body", format!("{field}: {} has none", self.kind))),
            None => Ok(()),
        }
    }
}

/// The one way in which GitHub's address is kept, so that one place is never two.
fn site(text: &str) -> Result<ProviderUrl, Problem> {
    let wrong =
        || Problem::new("request.body", "base_url: it is the address of a GitHub, as https://github.example.org");
    let url: reqwest::Url = text.parse().map_err(|_| wrong())?;
    let more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
    let person = !url.username().is_empty() || url.password().is_some();
    if more || person || !url.has_host() {
        return Err(wrong());
    }
    word(&url.origin().ascii_serialization())
}

fn needed<T>(field: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::new("request.body", format!("{field}: it is needed")))
}

/// A secret of a provider.
///
/// # Errors
/// It is none.
pub(super) fn secret(field: &str, text: &Password) -> Result<Secret, Problem> {
    let wrong = || Problem::new("request.body", format!("{field}: 1 to 512 visible characters of ASCII"));
    Secret::new(text.reveal().to_owned().into()).ok_or_else(wrong)
}

fn word<T: std::str::FromStr<Err = WordError>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: WordError| Problem::new("request.body", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_github_is_kept_in_one_way() {
        for written in ["https://GitHub.example.org", "https://github.example.org/", "https://github.example.org:443"] {
            assert_eq!(site(written).unwrap().as_str(), "https://github.example.org", "{written}");
        }
        assert_eq!(site("http://127.0.0.1:4000/").unwrap().as_str(), "http://127.0.0.1:4000");
        for written in [
            "github.example.org",
            "https://x/api/v3",
            "https://x/?q",
            "https://x/#f",
            "https://me@x",
            "https://me:pw@x",
        ] {
            assert!(site(written).is_err(), "{written}");
        }
    }
}
