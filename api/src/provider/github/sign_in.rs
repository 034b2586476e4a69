use super::{GitHub, api};
use crate::{
    provider::{Answer, Outside, Pending, Person, ProviderError, ask},
    settings::Secret,
};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use std::time::Duration;

/// To see whether they are a member, their own membership must be readable.
const SCOPE: &str = "read:org";

/// How long somebody who signs in waits for their token to be taken back.
const REVOKING: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
struct Exchanged {
    access_token: Option<Secret>,
    error: Option<String>,
}

/// Somebody as the API describes them.
#[derive(Deserialize)]
pub(super) struct Account {
    /// Stays the same when the login changes, and is never given to another.
    id: u64,
    login: String,
}

impl From<Account> for Person {
    fn from(account: Account) -> Self {
        Self { subject: account.id.to_string(), login: account.login }
    }
}

#[derive(Deserialize)]
struct Membership {
    state: String,
}

impl GitHub {
    pub(in crate::provider) fn begin(
        &self,
        outside: &Outside,
        callback: &Url,
        pending: &Pending,
    ) -> Result<Url, ProviderError> {
        outside.egress().check(&self.base_url)?;
        let mut address = self.site(&["login", "oauth", "authorize"]);
        pending.write(&mut address, &self.client_id, callback, SCOPE);
        Ok(address)
    }

    pub(in crate::provider) async fn finish(
        &self,
        outside: &Outside,
        callback: &Url,
        pending: &Pending,
        answer: &Answer,
    ) -> Result<Person, ProviderError> {
        let token = self.exchange(outside, callback, pending, answer.code()?).await?;
        let person = self.member(outside, &token).await;
        self.revoke(outside, &token).await;
        person
    }

    async fn exchange(
        &self,
        outside: &Outside,
        callback: &Url,
        pending: &Pending,
        code: &str,
    ) -> Result<Secret, ProviderError> {
        let fields = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.reveal()),
            ("code", code),
            ("redirect_uri", callback.as_str()),
            ("code_verifier", pending.verifier().reveal()),
        ];
        let answer = outside.ask(ask::form(self.site(&["login", "oauth", "access_token"]), &fields)).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(ProviderError::Refused("it knows no OAuth app with this client id"));
        }
        let exchanged: Exchanged = ask::json(&answer, "GitHub's answer to the code is no JSON of its kind")?;
        match (exchanged.error.as_deref(), exchanged.access_token) {
            (None, Some(token)) => Ok(token),
            (None, None) => Err(ProviderError::Malformed("GitHub's answer to the code holds no token")),
            (Some("incorrect_client_credentials"), _) => {
                Err(ProviderError::Refused("the client id or the client secret is wrong"))
            }
            (Some("redirect_uri_mismatch"), _) => {
                Err(ProviderError::Refused("the OAuth app does not name the callback address of this server"))
            }
            (Some("bad_verification_code"), _) => Err(ProviderError::Answer("the code is wrong, spent or too old")),
            (Some(_), _) => Err(ProviderError::Refused("it gives no token for the code")),
        }
    }

    /// Whose token it is, if they are a member.
    async fn member(&self, outside: &Outside, token: &Secret) -> Result<Person, ProviderError> {
        let answer = self.read(outside, self.api(&["user"]), Some(token)).await?;
        if !answer.status.is_success() {
            return Err(ProviderError::Refused("it does not say whose token it gave"));
        }
        let account: Account = ask::json(&answer, "GitHub's answer to who somebody is has not its form")?;
        let url = self.api(&["user", "memberships", "orgs", &self.organization]);
        let answer = self.read(outside, url, Some(token)).await?;
        let stranger = || ProviderError::NotMember { organization: self.organization.clone() };
        match answer.status {
            StatusCode::NOT_FOUND => return Err(stranger()),
            StatusCode::FORBIDDEN => {
                return Err(ProviderError::Refused(
                    "the organization restricts OAuth apps or asks for single sign-on: an owner of it has to approve this app",
                ));
            }
            status if !status.is_success() => {
                return Err(ProviderError::Refused("it does not say whether they are a member"));
            }
            _ => {}
        }
        let membership: Membership = ask::json(&answer, "GitHub's answer to a membership has not its form")?;
        // Who was invited and did not accept is `pending`.
        if membership.state == "active" { Ok(account.into()) } else { Err(stranger()) }
    }

    /// Takes the token back: nobody needs it any more. It would end by itself if it is not used for a year, so this may fail.
    async fn revoke(&self, outside: &Outside, token: &Secret) {
        let url = self.api(&["applications", &self.client_id, "token"]);
        let mut request = ask::with_json(api::request(Method::DELETE, url), "access_token", token);
        let revoked = async {
            ask::basic(&mut request, &self.client_id, self.client_secret.reveal())?;
            outside.ask(request).await
        };
        match tokio::time::timeout(REVOKING, revoked).await {
            Ok(Ok(answer)) if answer.status.is_success() => {}
            _ => tracing::debug!("a token of a sign-in could not be taken back"),
        }
    }
}
