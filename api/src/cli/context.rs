//! What every client command works with.
use super::{
    answer,
    args::{List, Read, Write},
    call::Call,
    client::{Client, Identity, Reply, fits_header},
    console::{Console, Format},
    credentials::{Credentials, Kept},
    details,
    error::CliError,
    page::{self, Listed},
    table::{self, Column},
    text,
};
use crate::settings::{Environment, Secret};

/// A server, who is signed in to it, and where to write.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    /// Speaks as them; where nobody is signed in, it says so once it shall speak: some commands sign in themselves.
    pub(super) client: Client,
    /// What is kept of their sign-in; none where the token comes from the environment.
    pub(super) kept: Option<Kept>,
    /// Where to write.
    pub(super) console: &'a mut Console,
}

impl<'a> Context<'a> {
    /// With the token of the environment, else with the one kept for that server.
    pub(super) fn new(
        anonymous: &Client,
        environment: &Environment,
        console: &'a mut Console,
    ) -> Result<Self, CliError> {
        let given = environment.get("DKUBE_TOKEN").map(|token| Secret::new(token.trim().to_owned()));
        let kept = match given {
            Some(_) => None,
            None => Credentials::of(environment)?.find(anonymous.server().as_str())?,
        };
        let identity = match given.or_else(|| kept.as_ref().map(Kept::token)) {
            None => Identity::Missing,
            Some(token) if fits_header(&token) => Identity::Token(token),
            Some(_) => return Err(CliError::NotSignedIn("the token is not one that a server gave out".to_owned())),
        };
        Ok(Self { client: anonymous.acting_as(identity), kept, console })
    }

    /// Lists what that call gives.
    pub(super) async fn list(&mut self, call: Call, list: &List, columns: &[Column]) -> Result<(), CliError> {
        self.list_of("items", list.apply(call), list.limit.map(|limit| limit as usize), columns).await
    }

    /// Lists what that call gives under that field.
    pub(super) async fn list_of(
        &mut self,
        field: &str,
        call: Call,
        limit: Option<usize>,
        columns: &[Column],
    ) -> Result<(), CliError> {
        let listed = page::gather(&self.client, call, field, limit).await?;
        self.tell(listed, field, columns)
    }

    /// Tells what a list came to.
    pub(super) fn tell(&mut self, listed: Listed, field: &str, columns: &[Column]) -> Result<(), CliError> {
        if self.console.format == Format::Json {
            return Ok(self.console.json(&listed.document(field))?);
        }
        table::table(self.console, columns, &listed.items)?;
        if listed.next.is_some() {
            self.console.note("there is more: raise --limit")?;
        }
        Ok(())
    }

    /// Shows the one thing that this call gives.
    pub(super) async fn show(&mut self, call: Call, read: &Read) -> Result<(), CliError> {
        let Reply { body, .. } = self.client.send(&read.apply(call)).await?;
        match self.console.format {
            Format::Json => self.console.json(&body)?,
            Format::Table => details::details(self.console, &body)?,
        }
        Ok(())
    }

    /// Says beside the answers that what they tell of nodes and devices is not known now, if the server said so.
    pub(super) fn tell_unheard(&mut self) -> Result<(), CliError> {
        if let Some(since) = self.client.unheard_since() {
            let since = text::time(since, &self.console.zone).unwrap_or_else(|| text::one_line(since));
            let note = format!(
                "note: the server hears no agent since {since}: what is shown of nodes and devices is as it was then"
            );
            self.console.note(&note)?;
        }
        Ok(())
    }

    /// Gives a command, and tells what came of it.
    pub(super) async fn command(&mut self, call: Call, write: &Write) -> Result<(), CliError> {
        let Reply { body, .. } = self.client.send(&write.apply(call)).await?;
        Ok(answer::tell(self.console, &body)?)
    }
}
