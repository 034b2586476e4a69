use super::{Issuers, Oidc, keys::Unproven, metadata::Metadata};
use crate::{
    provider::{Answer, Outside, Pending, Person, ProviderError},
    settings::Secret,
};
use reqwest::Url;
use serde_json::{Map, Value};

impl Oidc {
    pub(in crate::provider) async fn begin(
        &self,
        outside: &Outside,
        callback: &Url,
        pending: &Pending,
    ) -> Result<Url, ProviderError> {
        let metadata = Issuers::metadata(outside, &self.issuer).await?;
        let mut address = metadata.authorization.clone();
        pending.write(&mut address, &self.client_id, callback, &self.scope());
        address.query_pairs_mut().append_pair("nonce", pending.nonce().reveal());
        Ok(address)
    }

    pub(in crate::provider) async fn finish(
        &self,
        outside: &Outside,
        callback: &Url,
        pending: &Pending,
        answer: &Answer,
    ) -> Result<Person, ProviderError> {
        let metadata = Issuers::metadata(outside, &self.issuer).await?;
        match &answer.iss {
            Some(issuer) if *issuer != metadata.issuer => {
                return Err(ProviderError::Answer("another issuer answers than was asked"));
            }
            None if metadata.names_itself => {
                return Err(ProviderError::Answer("the answer does not say which issuer it is of"));
            }
            Some(_) | None => {}
        }
        let tokens = self.exchange(outside, &metadata, callback, pending, answer.code()?).await?;
        let claims = self.proven(outside, &metadata, &tokens.id).await?;
        let subject = self.subject(&metadata, &claims, pending.nonce(), outside.now())?;
        let login = self.login(outside, &metadata, &claims, tokens.access.as_ref()).await?;
        Ok(Person { subject, login })
    }

    /// What the ID token claims. A key that is not remembered may be new: then they are asked for once more.
    async fn proven(
        &self,
        outside: &Outside,
        metadata: &Metadata,
        token: &Secret,
    ) -> Result<Map<String, Value>, ProviderError> {
        if let Some(keys) = outside.issuers().remembered(&self.issuer, outside.now()) {
            match keys.verify(token.reveal()) {
                Err(Unproven::Foreign) => {}
                settled => return Ok(settled?),
            }
        }
        let keys = Issuers::keys(outside, &self.issuer, metadata).await?;
        Ok(keys.verify(token.reveal())?)
    }

    /// Core §3.1.2.1: `openid` is what makes it `OpenID` Connect.
    fn scope(&self) -> String {
        let others = self.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
        std::iter::once("openid").chain(others).collect::<Vec<_>>().join(" ")
    }
}
