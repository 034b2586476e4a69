use super::{GitHub, sign_in::Account};
use crate::provider::{Outside, Person, ProviderError, ask};
use reqwest::{
    StatusCode, Url,
    header::{HeaderMap, LINK},
};
use std::collections::BTreeMap;

/// The most pages of a list, of a hundred members each.
const PAGES_MAX: usize = 1000;

/// The most people of an organization that are listed.
const PEOPLE_MAX: usize = 100_000;

const PUBLIC: &str = "public_members";

impl GitHub {
    /// The members of the organization, each once. Without a directory token these are the public ones alone; with one, all of
    /// them: a token that sees less is an error.
    ///
    /// # Errors
    /// The organization or the token is unknown, or GitHub fails. A part of a list is never given for the whole.
    pub async fn members(&self, outside: &Outside) -> Result<Vec<Person>, ProviderError> {
        let list = if self.directory_token.is_some() { "members" } else { PUBLIC };
        let mut url = self.api(&["orgs", &self.organization, list]);
        url.query_pairs_mut().append_pair("per_page", "100");
        let mut members = BTreeMap::new();
        for _ in 0..PAGES_MAX {
            let (page, next) = self.page(outside, &url).await?;
            members.extend(page.into_iter().map(|person| (person.subject.clone(), person)));
            if members.len() > PEOPLE_MAX {
                return Err(ProviderError::Malformed("GitHub's list of members is longer than 100,000"));
            }
            match next {
                None => return Ok(members.into_values().collect()),
                Some(next) => url = next,
            }
        }
        Err(ProviderError::Malformed("GitHub's list of members does not end"))
    }

    async fn page(&self, outside: &Outside, url: &Url) -> Result<(Vec<Person>, Option<Url>), ProviderError> {
        let answer = self.read(outside, url.clone(), self.directory_token.as_ref()).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(ProviderError::Refused("it does not know the directory token")),
            StatusCode::NOT_FOUND => return Err(ProviderError::Refused("it knows no such organization")),
            _ => return Err(ProviderError::Refused("the directory token may not list the organization's members")),
        }
        // GitHub leads whoever is not a member to the public list.
        if self.directory_token.is_some() && answer.url.path().ends_with(PUBLIC) {
            return Err(ProviderError::Refused(
                "the directory token belongs to nobody of the organization, and sees its public members alone",
            ));
        }
        let accounts: Vec<Account> = ask::json(&answer, "GitHub's list of members has not its form")?;
        let next = next(&answer.headers).map(|next| url.join(next));
        let next = next.transpose().map_err(|_| ProviderError::Malformed("GitHub's next page has no address"))?;
        // It is asked with the same token.
        if next.as_ref().is_some_and(|next| next.origin() != url.origin()) {
            return Err(ProviderError::Malformed("GitHub's next page is on another server"));
        }
        Ok((accounts.into_iter().map(Person::from).collect(), next))
    }
}

/// The address of the next page (RFC 8288).
fn next(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let mut links = values.flat_map(|line| line.split('<').skip(1)).filter_map(|link| link.split_once('>'));
    let is_next = |word: &str| matches!(word.trim_matches([' ', ',']), "rel=\"next\"" | "rel=next");
    links.find(|(_, words)| words.split(';').any(is_next)).map(|(target, _)| target)
}
