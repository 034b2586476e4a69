use domain::{Login, Timestamp, backend::Identity};
use std::sync::Arc;

/// Everybody whom a provider was known to know at one moment, by login.
#[derive(Debug, Clone, Default)]
pub(crate) struct People(Arc<[Entry]>);

/// Somebody whom the backend knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// What they are called, as it was heard last.
    pub(super) login: Login,
    pub(super) identity: Identity,
    /// When they were last turned away; none if they were not.
    pub(super) turned_away_at: Option<Timestamp>,
}

/// Nobody, or more than one, is called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// Nobody is.
    Nobody,
    /// So many are.
    Many(usize),
}

impl People {
    /// These, in whatever order.
    pub(super) fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by(|one, other| (&one.login, &one.identity).cmp(&(&other.login, &other.identity)));
        Self(entries.into())
    }

    /// All of them.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Who has this login at the provider; where a subject is given, only if it is theirs.
    ///
    /// # Errors
    /// Nobody has it, or more than one, as can be where people choose their logins themselves (OpenID Connect Core 1.0 §5.7).
    pub(crate) fn look_up(&self, login: &Login, subject: Option<&str>) -> Result<Identity, NotFound> {
        let from = self.0.partition_point(|entry| entry.login < *login);
        let called = self.0[from..].iter().take_while(|entry| entry.login == *login).map(|entry| &entry.identity);
        let mut meant = called.filter(|identity| subject.is_none_or(|subject| subject == identity.subject()));
        let first = meant.next().ok_or(NotFound::Nobody)?;
        match meant.count() {
            0 => Ok(first.clone()),
            others => Err(NotFound::Many(others + 1)),
        }
    }
}
