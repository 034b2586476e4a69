//! What somebody is called.
use super::{Oidc, metadata::Metadata};
use crate::{
    provider::{Outside, ProviderError, ask},
    settings::Secret,
};
use reqwest::Method;
use serde_json::{Map, Value};

impl Oidc {
    /// The login, from the ID token or else from the userinfo endpoint.
    pub(super) async fn login(
        &self,
        outside: &Outside,
        metadata: &Metadata,
        claims: &Map<String, Value>,
        access: Option<&Secret>,
    ) -> Result<String, ProviderError> {
        let lacking = || ProviderError::NoLogin { claim: self.login_claim.clone() };
        if let Some(login) = self.named(claims) {
            return Ok(login);
        }
        let (Some(url), Some(access)) = (&metadata.userinfo, access) else { return Err(lacking()) };
        let mut request = ask::request(Method::GET, url.clone());
        ask::bearer(&mut request, access)?;
        let answer = outside.ask(request).await?;
        if !answer.status.is_success() {
            return Err(ProviderError::Refused("it does not let its userinfo be read with the token that it gave"));
        }
        let said: Map<String, Value> = ask::json(&answer, "the provider's userinfo is no JSON object")?;
        // Core §5.3.2: without this, somebody's token could be exchanged for another's.
        if said.get("sub") != claims.get("sub") {
            return Err(ProviderError::Answer("the provider's userinfo is that of somebody else"));
        }
        self.named(&said).ok_or_else(lacking)
    }

    fn named(&self, claims: &Map<String, Value>) -> Option<String> {
        let login = claims.get(&self.login_claim)?.as_str().filter(|login| !login.is_empty())?;
        // What is not verified, anybody may have written there.
        let verified = || claims.get("email_verified").is_some_and(|verified| verified == true || verified == "true");
        (self.login_claim != "email" || verified()).then(|| login.to_owned())
    }
}
