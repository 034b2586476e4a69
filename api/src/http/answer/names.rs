use crate::http::{app::App, auth::Asker, problem::Named};
use domain::{Actor, Event, Login, Position, Recorded, Subject, UserId, backend, user};
use projections::Presenter;

/// What things were called at a position: the log names users by id, people by login.
pub(crate) struct Names<'a> {
    app: &'a App,
    at: Position,
    fresh: Vec<(UserId, Login)>,
    named: &'a [Login],
    reader: Option<UserId>,
}

impl<'a> Names<'a> {
    /// The names at this position.
    pub(crate) const fn at(app: &'a App, at: Position) -> Self {
        Self { app, at, fresh: vec![], named: &[], reader: None }
    }

    /// The names at an event's position, those that it gives among them.
    pub(crate) fn of(app: &'a App, recorded: &Recorded) -> Self {
        Self::at(app, recorded.position).with([&recorded.event])
    }

    /// For the eyes of this asker: who may not see people sees no login in an event but their own.
    pub(crate) fn seen_by(mut self, asker: &Asker) -> Self {
        self.reader = (!asker.sees_people()).then_some(asker.user);
        self
    }

    /// The logins of the command that is answered, in its order.
    pub(crate) const fn naming(mut self, logins: &'a [Login]) -> Self {
        self.named = logins;
        self
    }

    /// Names that these events gave: the read models may not know them yet.
    pub(crate) fn with<'e>(mut self, events: impl IntoIterator<Item = &'e Event>) -> Self {
        self.fresh.extend(events.into_iter().filter_map(|event| match event {
            Event::User(user::Event::Onboarded { user, login, .. } | user::Event::LoginChanged { user, login }) => {
                Some((*user, login.clone()))
            }
            Event::Backend(backend::Event::Proposed { operator, login, .. }) => Some((*operator, login.clone())),
            _ => None,
        }));
        self
    }

    /// The user's login: the id where there never was such a user.
    pub(crate) fn user(&self, id: UserId) -> String {
        self.login(id).map_or_else(|| id.to_string(), |login| login.to_string())
    }

    /// The login that stands beside this id in an event; none where there is none, or the reader may not see it.
    pub(super) fn told(&self, id: UserId) -> Option<String> {
        let seen = self.reader.is_none_or(|reader| reader == id);
        seen.then(|| self.login(id)).flatten().map(|login| login.to_string())
    }

    fn login(&self, id: UserId) -> Option<Login> {
        let fresh = self.fresh.iter().rfind(|(user, _)| *user == id).map(|(_, login)| login.clone());
        fresh.or_else(|| self.app.present(|state| Presenter::new(state.names(), self.at).login(id).cloned()))
    }

    /// Who, as it is shown.
    pub(crate) fn actor(&self, actor: &Actor) -> String {
        match actor {
            Actor::User(id) => format!("user/{}", self.user(*id)),
            Actor::System | Actor::Agent(_) => actor.to_string(),
        }
    }
}

impl Named for Names<'_> {
    fn subject(&self, subject: &Subject) -> String {
        match subject {
            Subject::User(id) => format!("user/{}", self.user(*id)),
            other => other.to_string(),
        }
    }

    fn login_named(&self, nth: u32) -> Option<String> {
        self.named.get(usize::try_from(nth).ok()?).map(ToString::to_string)
    }
}
