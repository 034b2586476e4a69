//! Between ids, which the log holds, and names, which people read and write.
use crate::names::Names;
use domain::{Actor, Login, NodeName, Position, Subject, SubjectError, UserId};

/// Shows who and what an event is about as it was called at one position: `user/ada` for a user's id.
#[derive(Debug, Clone, Copy)]
pub struct Presenter<'a> {
    names: &'a Names,
    at: Position,
}

impl<'a> Presenter<'a> {
    /// For what happened at a position.
    pub const fn new(names: &'a Names, at: Position) -> Self {
        Self { names, at }
    }

    /// The user's login then; their first one, if they are only on-boarded later; none if there never was such a user.
    pub fn login(&self, user: UserId) -> Option<&'a Login> {
        self.names.login(user, self.at).or_else(|| self.names.last_login(user))
    }

    /// The subject, a user by login: by id only if there never was such a user.
    pub fn subject(&self, subject: &Subject) -> String {
        match subject {
            Subject::User(id) => self.user(*id),
            Subject::Cluster
            | Subject::Pool(_)
            | Subject::Group(_)
            | Subject::Node(_)
            | Subject::Device(_)
            | Subject::Job(_)
            | Subject::Token(_)
            | Subject::HealthPolicy
            | Subject::Backend
            | Subject::License => subject.to_string(),
        }
    }

    /// The actor, a user by login.
    pub fn actor(&self, actor: &Actor) -> String {
        match actor {
            Actor::User(id) => self.user(*id),
            Actor::System | Actor::Agent(_) => actor.to_string(),
        }
    }

    fn user(&self, id: UserId) -> String {
        self.login(id).map_or_else(|| format!("user/{id}"), |login| format!("user/{login}"))
    }
}

/// What a person means by a subject, as in `pool/vision`, `user/ada`, `user/<id>`: more than one where several users had
/// the login one after the other, none where nobody ever had it.
///
/// # Errors
/// The text names no subject.
pub fn subjects(names: &Names, text: &str) -> Result<Vec<Subject>, SubjectError> {
    match text.strip_prefix("user/") {
        Some(user) => Ok(users(names, user)?.into_iter().map(Subject::User).collect()),
        None => Ok(vec![text.parse()?]),
    }
}

/// What a person means by an actor: `system`, `agent/<node>`, `user/ada`, `user/<id>`. As with [`subjects`], there may
/// be several, or none.
///
/// # Errors
/// The text names no actor.
pub fn actors(names: &Names, text: &str) -> Result<Vec<Actor>, SubjectError> {
    if text == "system" {
        return Ok(vec![Actor::System]);
    }
    match text.split_once('/') {
        Some(("user", user)) => Ok(users(names, user)?.into_iter().map(Actor::User).collect()),
        Some(("agent", node)) => Ok(vec![Actor::Agent(node.parse::<NodeName>().map_err(|_| SubjectError)?)]),
        _ => Err(SubjectError),
    }
}

/// Whoever has this id, and all who ever had this login: a login may look like an id.
fn users(names: &Names, text: &str) -> Result<Vec<UserId>, SubjectError> {
    let id = text.parse::<UserId>().ok();
    let erased = text.strip_prefix("erased-").and_then(|id| id.parse::<UserId>().ok());
    let login = erased.map(Login::erased).or_else(|| text.parse::<Login>().ok());
    if id.is_none() && login.is_none() {
        return Err(SubjectError);
    }
    let called = login.iter().flat_map(|login| names.users_called(login)).copied();
    let mut found: Vec<UserId> = id.into_iter().chain(called).collect();
    found.dedup();
    Ok(found)
}
