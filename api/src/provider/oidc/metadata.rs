//! What a provider says of itself (`OpenID` Connect Discovery 1.0, RFC 8414).
use crate::provider::{Outside, ProviderError, ask};
use reqwest::{Method, Url};
use serde::Deserialize;

/// Where the client's secret goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretIn {
    /// `client_secret_basic`.
    Header,
    /// `client_secret_post`.
    Body,
}

/// What this client needs of a provider's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Who it is, letter by letter.
    pub(super) issuer: String,
    pub(super) authorization: Url,
    pub(super) token: Url,
    pub(super) userinfo: Option<Url>,
    pub(super) keys: Url,
    pub(super) secret_in: SecretIn,
    /// Whether it names itself in every answer (RFC 9207).
    pub(super) names_itself: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl Metadata {
    /// Asks the issuer for it.
    pub(super) async fn fetch(outside: &Outside, issuer: &Url) -> Result<Self, ProviderError> {
        let answer = outside.ask(ask::request(Method::GET, place(issuer))).await?;
        if !answer.status.is_success() {
            return Err(ProviderError::Malformed("the issuer has no metadata at .well-known/openid-configuration"));
        }
        let document: Document = ask::json(&answer, "the issuer's metadata has not its form")?;
        if !names(&document.issuer, issuer) {
            return Err(ProviderError::Malformed(
                "the issuer calls itself otherwise than it is set here, by a slash at the end perhaps",
            ));
        }
        let address = |text: &str| -> Result<Url, ProviderError> {
            let url = text.parse().map_err(|_| ProviderError::Malformed("the issuer's metadata holds no addresses"))?;
            outside.egress().check(&url)?;
            Ok(url)
        };
        Ok(Self {
            authorization: address(&document.authorization_endpoint)?,
            token: address(&document.token_endpoint)?,
            userinfo: document.userinfo_endpoint.as_deref().map(address).transpose()?,
            keys: address(&document.jwks_uri)?,
            secret_in: secret_in(document.token_endpoint_auth_methods_supported.as_deref())?,
            names_itself: document.authorization_response_iss_parameter_supported.unwrap_or_default(),
            issuer: document.issuer,
        })
    }
}

/// Discovery §4: a slash at the end of the issuer is left out before the path.
fn place(issuer: &Url) -> Url {
    let mut place = issuer.clone();
    if let Ok(mut path) = place.path_segments_mut() {
        path.pop_if_empty().extend([".well-known", "openid-configuration"]);
    }
    place
}

/// Discovery §4.3: they must be identical. An address of a bare host is kept with a slash, whether it was written with one or not.
fn names(text: &str, issuer: &Url) -> bool {
    text == issuer.as_str() || (issuer.path() == "/" && issuer.as_str().strip_suffix('/') == Some(text))
}

/// Discovery §3: it is in the header where nothing is said. Where both will do, too: it is what every provider must know.
fn secret_in(methods: Option<&[String]>) -> Result<SecretIn, ProviderError> {
    let offers = |method: &str| methods.is_some_and(|methods| methods.iter().any(|offered| offered == method));
    if methods.is_none_or(<[String]>::is_empty) || offers("client_secret_basic") {
        Ok(SecretIn::Header)
    } else if offers("client_secret_post") {
        Ok(SecretIn::Body)
    } else {
        Err(ProviderError::Refused("it takes no client secrets, and this server has nothing else to show"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_below_the_issuer() {
        for (issuer, expected) in [
            ("https://accounts.google.com", "https://accounts.google.com/.well-known/openid-configuration"),
            ("https://a.example/realms/x", "https://a.example/realms/x/.well-known/openid-configuration"),
            ("https://a.example/realms/x/", "https://a.example/realms/x/.well-known/openid-configuration"),
        ] {
            assert_eq!(place(&issuer.parse().unwrap()).as_str(), expected);
        }
    }

    #[test]
    fn an_issuer_is_named_letter_by_letter() {
        let names = |text, issuer: &str| names(text, &issuer.parse().unwrap());
        assert!(names("https://a.example", "https://a.example") && names("https://a.example/", "https://a.example"));
        assert!(
            names("https://a.example/x", "https://a.example/x")
                && names("https://a.example/x/", "https://a.example/x/")
        );
        assert!(
            !names("https://a.example/x", "https://a.example/x/")
                && !names("https://a.example/x/", "https://a.example/x")
        );
        assert!(!names("https://b.example", "https://a.example") && !names("http://a.example", "https://a.example"));
    }

    #[test]
    fn the_secret_goes_where_it_is_taken() {
        let of = |methods: &[&str]| secret_in(Some(&methods.iter().map(ToString::to_string).collect::<Vec<_>>()));
        assert_eq!(secret_in(None), Ok(SecretIn::Header));
        assert_eq!(of(&["client_secret_post", "client_secret_basic"]), Ok(SecretIn::Header));
        assert_eq!(of(&["private_key_jwt", "client_secret_post"]), Ok(SecretIn::Body));
        assert_eq!(of(&["private_key_jwt"]).unwrap_err().code(), "provider.refused");
    }
}
