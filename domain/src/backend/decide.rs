use super::{BackendKind, Command, Credentials, Event, Identity, Oidc, Proposal, Provider};
use crate::{
    Cluster, Context, Event as Fact, GroupName, Login, Position, Rejection, Role, UserId, Via,
    decide::{Facts, may_be_chosen},
    group,
    user::{self, Standing, User},
};

pub(crate) fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    match command {
        Command::Propose { provider, operator, link } => propose(cluster, provider, operator, link.as_ref(), context),
        Command::Activate { proposal, identity, login } => activate(cluster, *proposal, identity, login, context),
        Command::Return => go_back(cluster, context),
        Command::UpdateCredentials(credentials) => update(cluster, credentials),
    }
}

fn propose(
    cluster: &Cluster,
    provider: &Provider,
    operator: &Login,
    link: Option<&Login>,
    context: &Context<'_>,
) -> Facts {
    if let Provider::Oidc(Oidc { scopes, .. }) = provider
        && scopes.len() > Provider::SCOPES_MAX
    {
        return Err(Rejection::Malformed("at most 16 scopes are asked for"));
    }
    may_be_chosen(operator)?;
    let linked = link.map(|login| cluster.user_by_login(login).ok_or(Rejection::UnknownLogin(0))).transpose()?;
    let holder = cluster.user_by_login(operator);
    let known = match (linked, holder) {
        (Some(linked), Some(holder)) if linked.id != holder.id => return Err(taken(holder)),
        (Some(linked), _) => {
            may_be_linked(linked)?;
            Some(linked)
        }
        // They are known by the provider's own word for them already.
        (None, Some(holder)) if holder.identity.as_ref().is_some_and(|id| id.realm == provider.realm()) => Some(holder),
        (None, Some(holder)) => return Err(taken(holder)),
        (None, None) => None,
    };
    let operator_id = known.map_or(UserId(context.command.made(0)), |user| user.id);
    let same = |old: &Proposal| {
        let meant = known.map_or(!cluster.users.contains_key(&old.operator), |user| user.id == old.operator);
        meant && old.linked == link.is_some() && old.provider == *provider && old.login == *operator
    };
    if cluster.sign_in.proposal.as_ref().is_some_and(same) {
        return Ok(vec![]);
    }
    let (provider, linked) = (Box::new(provider.clone()), link.is_some());
    Ok(vec![Fact::Backend(Event::Proposed { provider, operator: operator_id, linked, login: operator.clone() })])
}

const fn taken(holder: &User) -> Rejection {
    Rejection::LoginTaken { user: holder.id }
}

/// The operator who remains under every backend stays known here, and whoever is shut out stays so.
pub(crate) const fn may_be_linked(user: &User) -> Result<(), Rejection> {
    match user {
        User { break_glass: true, id, .. } => Err(Rejection::BreakGlassIsLocal { user: *id }),
        User { suspended: true, id, .. } => Err(Rejection::ShutOut { user: *id }),
        _ => Ok(()),
    }
}

/// The user who has proven a proposal, if they are one: known by the provider's own word for them, or because the proposal says who
/// they are. That somebody has a login is no reason.
fn prover<'a>(cluster: &'a Cluster, proposal: &Proposal, identity: &Identity) -> Result<Option<&'a User>, Rejection> {
    let (known, named) = (cluster.user_by_identity(identity), cluster.user(proposal.operator));
    match (known, named) {
        (Some(known), _) if proposal.linked && known.id != proposal.operator => Err(taken(known)),
        (_, Some(named)) if proposal.linked => Ok(Some(named)),
        (_, None) if proposal.linked => Err(Rejection::ProposalGone),
        // What the operator who is named was called is somebody else's login by now.
        (known, Some(named)) if known.is_none_or(|known| known.id != named.id) => {
            Err(Rejection::IdentityChanged { user: named.id })
        }
        (known, _) => Ok(known),
    }
}

fn activate(cluster: &Cluster, revision: Position, identity: &Identity, login: &Login, context: &Context<'_>) -> Facts {
    let proposal = cluster.sign_in.proposal.as_ref().filter(|proposal| proposal.revision == revision);
    let proposal = proposal.ok_or(Rejection::ProposalGone)?;
    may_be_chosen(login)?;
    if *login != proposal.login || identity.realm != proposal.provider.realm() {
        return Err(Rejection::NotTheOperator);
    }
    let known = prover(cluster, proposal, identity)?;
    let id = known.map_or(proposal.operator, |user| user.id);
    if let Some(holder) = cluster.user_by_login(login).filter(|holder| holder.id != id) {
        return Err(taken(holder));
    }
    let activated = Fact::Backend(Event::Activated { kind: proposal.provider.kind(), operator: id });
    let mut facts = vec![activated];
    let Some(user) = known else {
        let newcomer = user::Newcomer::of(login.clone(), identity.clone());
        facts.extend(user::arrival(id, &newcomer, Standing::Other(Role::Operator), context.now));
        facts.push(Fact::Group(group::Event::UserAdded { group: GroupName::default_group(), user: id }));
        return Ok(facts);
    };
    may_be_linked(user)?;
    facts.extend(user::link(user, Some(identity), login));
    if user.role != Role::Operator {
        facts.push(Fact::User(user::Event::RoleChanged { user: id, from: user.role, role: Role::Operator }));
    }
    Ok(facts)
}

fn go_back(cluster: &Cluster, context: &Context<'_>) -> Facts {
    let (is_local, proposal) = (cluster.sign_in.provider.is_none(), &cluster.sign_in.proposal);
    if is_local {
        let withdrawn = |proposal: &Proposal| Fact::Backend(Event::Withdrawn { operator: proposal.operator });
        return Ok(proposal.iter().map(withdrawn).collect());
    }
    let asker = context.asker.user().and_then(|id| cluster.user(id));
    // A session of theirs began with a password that is kept here: that is the proof.
    let proven = asker.filter(|user| user.break_glass && matches!(context.asker.via, Via::Session { .. }));
    let operator = proven.ok_or(Rejection::Unproven)?.id;
    let withdrawn = proposal.as_ref().map(|proposal| Event::Withdrawn { operator: proposal.operator });
    let activated = Event::Activated { kind: BackendKind::Local, operator };
    Ok(withdrawn.into_iter().chain([activated]).map(Fact::Backend).collect())
}

fn update(cluster: &Cluster, credentials: &Credentials) -> Facts {
    let Some(old) = &cluster.sign_in.provider else { return Err(Rejection::NoCredentials) };
    if credentials.directory_token.is_some() && matches!(old, Provider::Oidc(_)) {
        return Err(Rejection::Malformed("only GitHub has a directory token"));
    }
    // A provider may have another word for each person for each client (OpenID Connect Core 1.0 §8, pairwise).
    if credentials.client_id.is_some() && matches!(old, Provider::Oidc(_)) {
        return Err(Rejection::Malformed("another client of an OpenID provider is proposed, and proven, anew"));
    }
    let new = old.with(credentials);
    if new == *old {
        return Ok(vec![]);
    }
    Ok(vec![Fact::Backend(Event::CredentialsUpdated {
        client_secret: new.client_secret() != old.client_secret(),
        directory_token: new.directory_token() != old.directory_token(),
        provider: Box::new(new),
    })])
}
