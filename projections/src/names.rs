//! Who was called what, and when: the log names users by id, people by login.
use domain::{Event, EventId, Login, Position, Recorded, UserId, backend, user};
use std::collections::{BTreeMap, HashMap};

/// Every user there ever was, with their logins over time. An erased one is called `erased-<id>` at every position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    users: BTreeMap<UserId, History>,
    by_login: HashMap<Login, Vec<UserId>>,
}

/// One user's logins, in the order of their positions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct History {
    pub(crate) erased: bool,
    pub(crate) logins: Vec<Named>,
}

/// From an event on, a user has this login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) from: Position,
    pub(crate) event: EventId,
    pub(crate) login: Login,
}

impl Names {
    /// The user's login as it was at a position; none before they were on-boarded, or if there never was such a user.
    pub fn login(&self, user: UserId, at: Position) -> Option<&Login> {
        let logins = &self.users.get(&user)?.logins;
        let known = logins.partition_point(|named| named.from <= at);
        logins[..known].last().map(|named| &named.login)
    }

    /// The user's last login, also of one who is deleted.
    pub fn last_login(&self, user: UserId) -> Option<&Login> {
        self.users.get(&user)?.logins.last().map(|named| &named.login)
    }

    /// Every user who ever had this login, the first one first. An erased user is found by `erased-<id>` alone.
    pub fn users_called(&self, login: &Login) -> &[UserId] {
        self.by_login.get(login).map_or(&[], Vec::as_slice)
    }

    /// Whether there is or was such a user.
    pub fn knows(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    pub(crate) fn apply(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::User(user::Event::Onboarded { user, login, .. } | user::Event::LoginChanged { user, login }) => {
                self.name(*user, login, recorded);
            }
            // Who shall be an operator has a name before they are a user.
            Event::Backend(backend::Event::Proposed { operator, login, .. }) if !self.knows(*operator) => {
                self.name(*operator, login, recorded);
            }
            Event::User(user::Event::Erased { user }) => self.erase(*user),
            _ => {}
        }
    }

    fn name(&mut self, user: UserId, login: &Login, recorded: &Recorded) {
        let named = Named { from: recorded.position, event: recorded.id, login: login.clone() };
        self.enter(user, false, vec![named]);
    }

    /// Adds what is known of a user.
    pub(crate) fn enter(&mut self, user: UserId, erased: bool, logins: Vec<Named>) {
        for named in &logins {
            let called = self.by_login.entry(named.login.clone()).or_default();
            if !called.contains(&user) {
                called.push(user);
            }
        }
        let history = self.users.entry(user).or_default();
        history.erased |= erased;
        history.logins.extend(logins);
    }

    fn erase(&mut self, user: UserId) {
        let Some(history) = self.users.remove(&user) else { return };
        for named in &history.logins {
            if let Some(called) = self.by_login.get_mut(&named.login) {
                called.retain(|other| *other != user);
                if called.is_empty() {
                    self.by_login.remove(&named.login);
                }
            }
        }
        let login = Login::erased(user);
        let logins = history.logins.into_iter().map(|named| Named { login: login.clone(), ..named }).collect();
        self.enter(user, true, logins);
    }

    pub(crate) const fn histories(&self) -> &BTreeMap<UserId, History> {
        &self.users
    }
}
