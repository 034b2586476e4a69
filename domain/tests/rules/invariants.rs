//! What holds in every state, checked from scratch on what everybody can see of it.
use domain::{
    Availability, Cluster, Event, GroupName, PoolName, Position, Role, Subject, Tally, backend,
    device::{self, ConditionKind, Device, Presence, Severity},
    group,
    job::{self, Source},
    node::{Contact, Node, Reported},
    pool,
    user::User,
};
use std::collections::{BTreeMap, BTreeSet};

/// Every invariant of a founded cluster.
#[track_caller]
pub(crate) fn check(cluster: &Cluster) {
    devices_are_in_one_pool(cluster);
    pools_have_one_model_and_the_right_counts(cluster);
    groups_pools_and_users_agree(cluster);
    an_operator_can_sign_in(cluster);
    jobs_and_devices_agree(cluster);
    slots_are_occupied(cluster);
    of_a_retired_node_nothing_is_known(cluster);
    nodes_know_what_is_wrong_with_them(cluster);
    users_and_tokens_agree(cluster);
}

fn devices_are_in_one_pool(cluster: &Cluster) {
    for device in cluster.devices().values() {
        assert_eq!(
            device.pool.is_none(),
            device.presence() == Presence::Retired,
            "in service or in no pool: {device:?}"
        );
        for pool in cluster.pools().values() {
            let held = device.pool.as_ref() == Some(&pool.name);
            assert_eq!(pool.devices.contains(&device.id), held, "{} in {}", device.id, pool.name);
        }
        if let Some(pool) = &device.pool {
            assert!(cluster.pool(pool).is_some(), "{} is in {pool}, which is not there", device.id);
        }
    }
    let held: usize = cluster.pools().values().map(|pool| pool.devices.len()).sum();
    let in_service = cluster.devices().values().filter(|device| device.pool.is_some()).count();
    assert_eq!(held, in_service, "pools hold devices that exist");
}

fn pools_have_one_model_and_the_right_counts(cluster: &Cluster) {
    assert!(cluster.pool(&PoolName::default_pool()).is_some(), "there is a default pool");
    for pool in cluster.pools().values() {
        let devices = || pool.devices.iter().filter_map(|id| cluster.device(*id));
        let models: BTreeSet<_> = devices().map(|device| &device.model).collect();
        assert!(pool.name.is_default() || models.len() <= 1, "{} mixes {models:?}", pool.name);
        assert!(pool.models().eq(models.iter().copied()), "{} knows its models", pool.name);
        assert_eq!(pool.tally(), recount(cluster, devices()), "the tally of {}", pool.name);
        for model in models {
            let of_model = devices().filter(|device| device.model == *model);
            assert_eq!(pool.tally_of(model), recount(cluster, of_model), "the tally of {model} in {}", pool.name);
        }
    }
    let all = cluster.devices().values().filter(|device| device.pool.is_some());
    assert_eq!(cluster.tally(), recount(cluster, all));
}

/// Counts anew, by reasons found anew.
fn recount<'a>(cluster: &Cluster, devices: impl Iterator<Item = &'a Device>) -> Tally {
    let mut tally = Tally::default();
    for device in devices {
        let availability = reason(cluster, device);
        assert_eq!(cluster.availability(device), availability, "{device:?}");
        match availability {
            Availability::Busy => tally.busy += 1,
            Availability::Missing => tally.missing += 1,
            Availability::Unknown => tally.unknown += 1,
            Availability::Quarantined => tally.quarantined += 1,
            Availability::Cordoned => tally.cordoned += 1,
            Availability::Free => tally.free += 1,
        }
    }
    tally
}

/// Why a device can't be given, as DOMAIN's words say it.
pub(crate) fn reason(cluster: &Cluster, device: &Device) -> Availability {
    let node = cluster.node(&device.node).expect("a device's node is known");
    let on_it = cluster.jobs().values().any(|job| job.devices.contains(&device.id));
    let bad = device.quarantined || keeps_work_away(cluster, device);
    if on_it {
        Availability::Busy
    } else if device.presence() != Presence::Present {
        Availability::Missing
    } else if node.contact == Contact::Lost || !device.readable {
        Availability::Unknown
    } else if bad {
        Availability::Quarantined
    } else if device.cordoned || node.cordoned {
        Availability::Cordoned
    } else {
        Availability::Free
    }
}

/// Whether a condition is critical or worse: by the policy, which may let it keep no work away, as an operator may.
fn keeps_work_away(cluster: &Cluster, device: &Device) -> bool {
    let overridden = |kind: &ConditionKind| device.overrides.iter().any(|wish| wish.condition == *kind);
    let policy = cluster.health_policy();
    device.conditions.iter().any(|condition| {
        let rule = policy.conditions.iter().find(|rule| rule.kind == condition.kind);
        let of_xid = policy.xids.iter().find(|rule| Some(rule.code) == condition.xid).and_then(|rule| rule.severity);
        let severity = of_xid.or(rule.and_then(|rule| rule.severity)).unwrap_or(condition.severity);
        severity >= Severity::Critical && !rule.is_some_and(|rule| rule.dry_run) && !overridden(&condition.kind)
    })
}

fn groups_pools_and_users_agree(cluster: &Cluster) {
    for user in cluster.users().values() {
        for group in cluster.groups().values() {
            let member = user.group.as_ref() == Some(&group.name);
            assert_eq!(group.users.contains(&user.id), member, "{} in {}", user.id, group.name);
        }
        assert!(user.group.as_ref().is_none_or(|group| cluster.group(group).is_some()), "a user's group exists");
    }
    let members: usize = cluster.groups().values().map(|group| group.users.len()).sum();
    assert_eq!(members, cluster.users().values().filter(|user| user.group.is_some()).count(), "members exist");
    for pool in cluster.pools().values() {
        let bound: Vec<_> = cluster.groups().values().filter(|group| group.pool.as_ref() == Some(&pool.name)).collect();
        assert!(bound.len() <= 1, "{} is bound to many", pool.name);
        assert_eq!(pool.group.as_ref(), bound.first().map(|group| &group.name), "both sides of {}", pool.name);
    }
    for group in cluster.groups().values() {
        assert!(group.pool.as_ref().is_none_or(|pool| cluster.pool(pool).is_some()), "a group's pool exists");
    }
    let default = cluster.group(&GroupName::default_group()).expect("there is a default group");
    assert_eq!(default.pool, Some(PoolName::default_pool()), "the default group keeps the default pool");
}

fn an_operator_can_sign_in(cluster: &Cluster) {
    assert!(cluster.users().values().any(|user| user.role == Role::Operator && !user.suspended));
    assert_eq!(cluster.users().values().filter(|user| user.break_glass && user.is_able_operator()).count(), 1);
}

fn jobs_and_devices_agree(cluster: &Cluster) {
    for device in cluster.devices().values() {
        for job in cluster.jobs().values() {
            let listed = job.devices.contains(&device.id);
            let alone = matches!(job.source, Source::Started { .. });
            assert_eq!(device.job == Some(job.id), listed && alone, "{} on {}", job.id, device.id);
            assert_eq!(device.observed.contains(&job.id), listed && !alone, "{} on {}", job.id, device.id);
        }
        assert!(device.jobs().all(|job| cluster.job(job).is_some()), "jobs on {} exist", device.id);
    }
    for job in cluster.jobs().values() {
        let distinct: BTreeSet<_> = job.devices.iter().collect();
        assert_eq!(distinct.len(), job.devices.len(), "a device stands once in {}", job.id);
        if let Some(user) = job.user {
            assert!(cluster.user(user).is_some_and(|user| user.jobs.contains(&job.id)), "the user of {}", job.id);
        }
    }
    for user in cluster.users().values() {
        let owns = |id: &domain::JobId| cluster.job(*id).is_some_and(|job| job.user == Some(user.id));
        assert!(user.jobs.iter().all(owns), "the jobs of {}", user.id);
    }
}

fn slots_are_occupied(cluster: &Cluster) {
    for node in cluster.nodes().values() {
        for (slot, id) in &node.devices {
            let device = cluster.device(*id).expect("the device in a slot is known");
            assert_eq!((&device.node, device.slot), (&node.name, *slot), "{id} is where its node says");
        }
    }
    for device in cluster.devices().values().filter(|device| device.presence() == Presence::Present) {
        let node = cluster.node(&device.node).expect("a device's node is known");
        assert_eq!(node.devices.get(&device.slot), Some(&device.id), "what is reported has its slot");
    }
}

fn of_a_retired_node_nothing_is_known(cluster: &Cluster) {
    for device in cluster.devices().values().filter(|device| device.reported) {
        let node = cluster.node(&device.node).expect("a device's node is known");
        assert!(!node.retired, "{} is reported by {}", device.id, node.name);
    }
}

fn nodes_know_what_is_wrong_with_them(cluster: &Cluster) {
    for node in cluster.nodes().values() {
        let reported = Reported::of(cluster, node);
        assert_eq!(node.short_since.is_some(), reported.short(node) > 0, "{node:?}: {reported:?}");
        assert_eq!(node.surplus_since.is_some(), reported.surplus(node) > 0, "{node:?}: {reported:?}");
        assert_eq!(node.blind_since.is_some(), node.facts.is_blind(), "{node:?}");
    }
}

/// Once all that agents had to say is heard. What a breaker holds back is not quarantined, and given no job all the same.
#[track_caller]
pub(crate) fn check_settled(cluster: &Cluster) {
    for device in cluster.devices().values().filter(|device| device.quarantined) {
        assert!(keeps_work_away(cluster, device), "quarantined for no reason: {device:?}");
    }
}

fn users_and_tokens_agree(cluster: &Cluster) {
    assert_eq!(cluster.logins().len(), cluster.users().len());
    for (login, id) in cluster.logins() {
        assert_eq!(cluster.user(*id).map(|user| &user.login), Some(login));
    }
    for user in cluster.users().values() {
        assert!(!user.break_glass || user.identity.is_none(), "who remains is known here");
        assert!(user.identity.is_none() || user.password.is_none(), "nobody is known twice");
        if let Some(identity) = &user.identity {
            assert_eq!(cluster.user_by_identity(identity).map(|found| found.id), Some(user.id));
        }
        if let Some(invitation) = user.invitation.as_ref().filter(|_| !user.suspended) {
            let earlier = domain::Timestamp::from_micros(0);
            assert_eq!(cluster.invited(&invitation.hash, earlier).map(|found| found.id), Some(user.id));
        }
    }
    for token in cluster.tokens().values() {
        let owner = cluster.user(token.user).expect("a token's owner exists");
        assert!(owner.tokens.contains(&token.id), "both sides of {}", token.id);
        assert!(!owner.suspended, "who is shut out has no token");
        assert!(owner.role.includes(token.role), "{} may do more than its owner", token.id);
        assert_eq!(cluster.token_by_hash(&token.hash).map(|found| found.id), Some(token.id));
    }
    let owned: usize = cluster.users().values().map(|user| user.tokens.len()).sum();
    assert_eq!(owned, cluster.tokens().len());
    assert!(cluster.users().keys().all(|id| !cluster.is_former(*id)));
}

/// An event names all that it changes: what happens to a thing is found in that thing's history.
#[track_caller]
pub(crate) fn check_subjects(before: &Cluster, after: &Cluster, event: &Event) {
    let mut changed = BTreeSet::new();
    // What a pool has to give is its devices' state, and told by them.
    let pool = |pool: &pool::Pool| (pool.devices.clone(), pool.group.clone(), pool.revision);
    // That the number of a node's devices is wrong is so too.
    let node = |node: &Node| Node { short_since: None, surplus_since: None, ..node.clone() };
    changed.extend(differing(before.pools(), after.pools(), pool).into_iter().map(Subject::Pool));
    changed.extend(differing(before.groups(), after.groups(), Clone::clone).into_iter().map(Subject::Group));
    // Another backend ends what everybody came in with: of whom, nobody asks.
    let ends_sign_ins = matches!(event, Event::Backend(backend::Event::Activated { .. }));
    let user = |user: &User| {
        let (user, tokens) = (user.clone(), BTreeSet::new());
        if ends_sign_ins { User { sessions_from: Position(0), tokens, invitation: None, ..user } } else { user }
    };
    changed.extend(differing(before.users(), after.users(), user).into_iter().map(Subject::User));
    changed.extend(differing(before.nodes(), after.nodes(), node).into_iter().map(Subject::Node));
    changed.extend(differing(before.devices(), after.devices(), Clone::clone).into_iter().map(Subject::Device));
    changed.extend(differing(before.jobs(), after.jobs(), Clone::clone).into_iter().map(Subject::Job));
    let named: BTreeSet<_> = event.subjects().into_iter().collect();
    let unnamed: Vec<_> = changed.difference(&named).collect();
    assert!(unnamed.is_empty(), "{} changes {unnamed:?} and does not name them", event.name());
}

fn differing<K: Ord + Clone, V, T: PartialEq>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    what: impl Fn(&V) -> T,
) -> BTreeSet<K> {
    let names = before.keys().chain(after.keys());
    names.filter(|name| before.get(name).map(&what) != after.get(name).map(&what)).cloned().collect()
}

/// What no step does, seen from the state before it.
#[track_caller]
pub(crate) fn check_step(before: &Cluster, events: &[Event]) {
    for event in events {
        match event {
            Event::Device(device::Event::Assigned { device, from, .. }) => {
                let device = before.device(*device).expect("an assigned device is known");
                assert_eq!(device.jobs().count(), 0, "a device under a job changed pool");
                assert_eq!(device.pool.as_ref(), Some(from));
            }
            Event::Pool(pool::Event::Deleted { name }) => {
                let pool = before.pool(name).expect("a deleted pool was there");
                let busy = pool.devices.iter().filter_map(|id| before.device(*id)).any(|d| d.jobs().next().is_some());
                assert!(!busy && !name.is_default(), "a pool was deleted under a job");
            }
            Event::Device(device::Event::Retired { device, .. }) => {
                let device = before.device(*device).expect("a retired device is known");
                let ended = |id: &domain::JobId| {
                    let ends =
                        |event: &Event| matches!(event, Event::Job(job::Event::Finished { job, .. }) if job == id);
                    events.iter().any(ends)
                };
                assert!(device.jobs().all(|id| ended(&id)), "a device was retired under a job");
            }
            Event::Group(group::Event::UserAdded { user, .. }) => {
                let left = |event: &Event| matches!(event, Event::Group(group::Event::UserRemoved { user: of, .. }) if of == user);
                let grouped = before.user(*user).is_some_and(|user| user.group.is_some());
                assert!(!grouped || events.iter().any(left), "a user joined a second group");
            }
            _ => {}
        }
    }
}
