//! Deciding a command: what would happen, or why it may not.
use crate::{
    Cluster, ClusterEvent, ClusterId, Command, CommandId, Event, GroupName, Limits, Login, Model, PoolName, Principal,
    Rejection, Subject, Timestamp, UserId, access, backend, device, group, job, license, node, policy,
    pool::{self, Pool},
    token,
    user::{self, Newcomer, Standing, User},
};
use std::collections::BTreeSet;

/// What a decision may depend on besides the state and the command.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The server's clock.
    pub now: Timestamp,
    /// The command's id: what it makes is named after it.
    pub command: CommandId,
    /// Who asks.
    pub asker: &'a Principal,
    /// Whether they said why.
    pub has_reason: bool,
    /// Bounds and settings.
    pub limits: &'a Limits,
}

impl Context<'_> {
    /// Refuses a command whose list alone would make more than one command may record.
    pub(crate) fn bounded(&self, events: usize) -> Result<(), Rejection> {
        let limit = self.limits.events_per_command.min(usize::from(CommandId::SPAN));
        if events > limit { Err(Rejection::TooManyEvents { would: events, limit }) } else { Ok(()) }
    }
}

/// What a decision comes to.
pub(crate) type Facts = Result<Vec<Event>, Rejection>;

/// What happens if `command` is carried out on this state. Nothing, if the wish is already true.
///
/// Whether the asker may is [`permit`](crate::permit)'s to say, before.
///
/// # Errors
/// The rule that refuses it.
pub fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    if cluster.founded().is_none() && !matches!(command, Command::Found { .. }) {
        return Err(Rejection::NotFound(Subject::Cluster));
    }
    license::admits(cluster, command, context)?;
    let events = match command {
        Command::Found { cluster: id, demonstration, operator } => {
            found(cluster, *id, *demonstration, operator, context)
        }
        // Whatever its time: a clock may have gone back between two of them.
        Command::GiveUpKeys { at, .. } if cluster.keys_lost == Some(*at) => Ok(vec![]),
        Command::GiveUpKeys { at, users } => {
            Ok(vec![Event::Cluster(ClusterEvent::KeysLost { at: *at, users: *users })])
        }
        Command::Access(command) => access::decide(cluster, command, context),
        Command::Pool(command) => pool::decide(cluster, command),
        Command::Group(command) => group::decide(cluster, command),
        Command::User(command) => user::decide(cluster, command, context),
        Command::Node(command) => node::decide(cluster, command, context),
        Command::Device(command) => device::decide(cluster, command, context),
        Command::Job(command) => job::decide(cluster, command, context),
        Command::Token(command) => token::decide(cluster, command, context),
        Command::Policy(command) => policy::decide(cluster, command, context),
        Command::License(command) => license::decide(cluster, command, context),
        Command::Backend(command) => backend::decide(cluster, command, context),
    }?;
    context.bounded(events.len())?;
    Ok(events)
}

/// Genesis: the default pool, the default group bound to it, and an operator in it, so that one person can work at once.
fn found(cluster: &Cluster, id: ClusterId, demonstration: bool, operator: &Newcomer, context: &Context<'_>) -> Facts {
    if cluster.founded().is_some() {
        return Err(Rejection::AlreadyFounded);
    }
    may_be_chosen(&operator.login)?;
    let (pool, group) = (PoolName::default_pool(), GroupName::default_group());
    let user = UserId(context.command.made(0));
    let before = [
        Event::Cluster(ClusterEvent::Founded { cluster: id, demonstration }),
        Event::Pool(pool::Event::Created { name: pool.clone(), model: None }),
        Event::Group(group::Event::Created { name: group.clone() }),
        Event::Group(group::Event::PoolBound { group: group.clone(), pool }),
    ];
    let arrival = user::arrival(user, operator, Standing::Founder, context.now);
    let joined = Event::Group(group::Event::UserAdded { group, user });
    Ok(before.into_iter().chain(arrival).chain([joined]).collect())
}

/// Refuses a login that stands for one that can't be read: it is shown for that user, and would be read as somebody's own.
pub(crate) fn may_be_chosen(login: &Login) -> Result<(), Rejection> {
    if login.is_unreadable() {
        return Err(Rejection::Malformed(
            "a login `unreadable-<id>` stands for one that can't be read: choose another",
        ));
    }
    Ok(())
}

/// The items as a set.
///
/// # Errors
/// One that is named twice.
pub(crate) fn distinct<T: Ord + Clone>(items: &[T], subject: fn(&T) -> Subject) -> Result<BTreeSet<T>, Rejection> {
    let mut set = BTreeSet::new();
    for item in items {
        if !set.insert(item.clone()) {
            return Err(Rejection::NamedTwice(subject(item)));
        }
    }
    Ok(set)
}

/// The refusal of a claim on devices of a model that none of these pools has; none, where it is a mere shortage.
pub(crate) fn unknown_model<'a>(pools: impl IntoIterator<Item = &'a Pool>, model: &Model) -> Option<Rejection> {
    let known: BTreeSet<&Model> = pools.into_iter().flat_map(Pool::models).collect();
    let unknown = || Rejection::UnknownModel { model: model.clone(), known: known.iter().copied().cloned().collect() };
    (!known.contains(model)).then(unknown)
}

/// The users with these logins, which are the command's from number `offset` on.
///
/// # Errors
/// A login that nobody has, or a user who is named twice.
pub(crate) fn resolve<'a>(cluster: &'a Cluster, logins: &[Login], offset: usize) -> Result<Vec<&'a User>, Rejection> {
    let mut named = BTreeSet::new();
    let mut users = vec![];
    for (nth, login) in logins.iter().enumerate() {
        let nth = u32::try_from(offset + nth).unwrap_or(u32::MAX);
        let user = cluster.user_by_login(login).ok_or(Rejection::UnknownLogin(nth))?;
        if !named.insert(user.id) {
            return Err(Rejection::NamedTwice(Subject::User(user.id)));
        }
        users.push(user);
    }
    Ok(users)
}
