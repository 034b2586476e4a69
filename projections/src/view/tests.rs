use super::*;
use crate::{
    present::{Presenter, actors, subjects},
    testing::{count, folded, history, steps, told},
};
use domain::{Actor, Login, Subject};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn look(state: &State) -> Look<'_> {
    state.look(Sight::All, state.stamp().recorded_at)
}

/// Walks a list to its end, page by page.
fn walk<T>(mut list: impl FnMut(&Page) -> Result<Listed<T>, PageError>, limit: usize) -> Vec<T> {
    let mut all = vec![];
    let mut after = None;
    loop {
        let listed = list(&Page::try_new(after, limit).unwrap()).unwrap();
        assert!(listed.items.len() <= limit);
        all.extend(listed.items);
        match listed.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Pages of any size, joined, are the whole list, in order and each item once.
    #[test]
    fn pages_are_the_list(steps in steps(120), limit in 1..7usize) {
        let state = folded(&told(&steps));
        let (look, cluster) = (look(&state), state.cluster());
        let pools = walk(|page| look.pools(&PoolFilter::default(), page), limit);
        prop_assert!(pools.iter().map(|pool| &pool.name).eq(cluster.pools().keys()));
        let groups = walk(|page| look.groups(&GroupFilter::default(), page), limit);
        prop_assert!(groups.iter().map(|group| &group.name).eq(cluster.groups().keys()));
        let users = walk(|page| look.users(&UserFilter::default(), page), limit);
        prop_assert!(users.iter().map(|user| &user.login).eq(cluster.logins().keys()));
        let nodes = walk(|page| look.nodes(&NodeFilter::default(), page), limit);
        prop_assert!(nodes.iter().map(|node| &node.name).eq(cluster.nodes().keys()));
        let devices = walk(|page| look.devices(&DeviceFilter::default(), page), limit);
        prop_assert!(devices.iter().map(|device| &device.id).eq(cluster.devices().keys()));
        let jobs = walk(|page| look.jobs(&JobFilter::default(), page), limit);
        prop_assert!(jobs.iter().map(|job| &job.id).eq(cluster.jobs().keys()));
        let tokens = walk(|page| look.tokens(&TokenFilter::default(), page), limit);
        prop_assert!(tokens.iter().map(|token| &token.id).eq(cluster.tokens().keys()));
    }

    /// A filtered list is the whole list, filtered; the counts of a pool are those of its devices.
    #[test]
    fn filters_and_counts_agree(steps in steps(120)) {
        let state = folded(&told(&steps));
        let look = look(&state);
        let all = walk(|page| look.devices(&DeviceFilter::default(), page), 1000);
        let some = |filter: DeviceFilter| walk(|page| look.devices(&filter, page), 3);
        for pool in walk(|page| look.pools(&PoolFilter::default(), page), 1000) {
            let inside: Vec<_> = all.iter().filter(|device| device.pool.as_ref() == Some(&pool.name)).cloned().collect();
            prop_assert_eq!(&some(DeviceFilter { pool: Some(pool.name.clone()), ..DeviceFilter::default() }), &inside);
            let of = |is: Availability| u32::try_from(inside.iter().filter(|device| device.availability == is).count()).unwrap();
            prop_assert_eq!((pool.idle, pool.busy), (of(Availability::Free), of(Availability::Busy)));
            prop_assert_eq!((pool.quarantined, pool.cordoned), (of(Availability::Quarantined), of(Availability::Cordoned)));
            prop_assert_eq!((pool.unknown, pool.missing), (of(Availability::Unknown), of(Availability::Missing)));
            prop_assert_eq!(pool.devices.len(), inside.len());
        }
        for health in Health::ALL {
            let filter = DeviceFilter { health: Some(*health), ..DeviceFilter::default() };
            prop_assert!(some(filter).iter().eq(all.iter().filter(|device| device.health == *health)));
        }
        for free in [false, true] {
            let filter = DeviceFilter { free: Some(free), ..DeviceFilter::default() };
            prop_assert!(some(filter).iter().eq(all.iter().filter(|device| (device.availability == Availability::Free) == free)));
        }
        for is in [false, true] {
            let filter = DeviceFilter { held_back: Some(is), ..DeviceFilter::default() };
            prop_assert!(some(filter).iter().eq(all.iter().filter(|device| device.held_back.is_some() == is)));
            let filter = DeviceFilter { overridden: Some(is), ..DeviceFilter::default() };
            prop_assert!(some(filter).iter().eq(all.iter().filter(|device| device.overrides.is_empty() != is)));
            let filter = DeviceFilter { cordoned: Some(is), ..DeviceFilter::default() };
            prop_assert!(some(filter).iter().eq(all.iter().filter(|device| device.cordoned == is)));
        }
        let overview = look.overview();
        let held_back: u32 = overview.shares.iter().map(|share| share.held_back).sum();
        prop_assert_eq!(held_back as usize, all.iter().filter(|device| device.held_back.is_some()).count());
        let in_service = u32::try_from(all.iter().filter(|device| device.presence != Presence::Retired).count()).unwrap();
        let HealthCounts { healthy, warning, critical, fatal, unknown } = overview.devices.health;
        prop_assert_eq!(overview.devices.total, in_service);
        prop_assert_eq!(healthy + warning + critical + fatal + unknown, in_service);
        let AvailabilityCounts { free, busy, missing, unknown, quarantined, cordoned } = overview.devices.availability;
        prop_assert_eq!(free + busy + missing + unknown + quarantined + cordoned, in_service);
        for node in walk(|page| look.nodes(&NodeFilter::default(), page), 1000) {
            let counts = node.devices;
            prop_assert!(counts.healthy + counts.unhealthy + counts.health.unknown == counts.seen + counts.missing);
            let differ = !node.retired && counts.seen != counts.expected;
            prop_assert_eq!(counts.short > 0 || counts.surplus > 0, differ);
            prop_assert_eq!(node.attention.is_some(), differ);
        }
        let nodes = walk(|page| look.nodes(&NodeFilter::default(), page), 1000);
        let with = |count: fn(&NodeDevices) -> u32| nodes.iter().filter(|node| count(&node.devices) > 0).count();
        prop_assert_eq!(overview.nodes.short as usize, with(|devices| devices.short));
        prop_assert_eq!(overview.nodes.surplus as usize, with(|devices| devices.surplus));
    }

    /// Whoever sees only their own sees nothing of anybody else's, and all of theirs.
    #[test]
    fn own_is_own(steps in steps(120), nth in any::<prop::sample::Index>()) {
        let state = folded(&told(&steps));
        let cluster = state.cluster();
        let ids: Vec<UserId> = cluster.users().keys().copied().collect();
        let me = cluster.user(ids[nth.index(ids.len())]).unwrap();
        let own = state.look(Sight::Own(me.id), state.stamp().recorded_at);
        let group = me.group.as_ref().and_then(|name| cluster.group(name));
        let pool = group.and_then(|group| group.pool.as_ref()).and_then(|name| cluster.pool(name));

        let users = walk(|page| own.users(&UserFilter::default(), page), 2);
        prop_assert!(users.iter().map(|user| user.id).eq([me.id]));
        let groups = walk(|page| own.groups(&GroupFilter::default(), page), 2);
        prop_assert!(groups.iter().map(|group| &group.name).eq(&me.group));
        let pools = walk(|page| own.pools(&PoolFilter::default(), page), 2);
        prop_assert!(pools.iter().map(|pool| &pool.name).eq(pool.map(|pool| &pool.name)));
        let devices = walk(|page| own.devices(&DeviceFilter::default(), page), 2);
        prop_assert!(devices.iter().map(|device| &device.id).eq(pool.iter().flat_map(|pool| &pool.devices)));
        let jobs = walk(|page| own.jobs(&JobFilter::default(), page), 2);
        prop_assert!(jobs.iter().map(|job| &job.id).eq(&me.jobs));
        let tokens = walk(|page| own.tokens(&TokenFilter::default(), page), 2);
        prop_assert!(tokens.iter().all(|token| token.user.id == me.id));
        prop_assert!(walk(|page| own.nodes(&NodeFilter::default(), page), 2).is_empty());

        for user in cluster.users().values() {
            prop_assert_eq!(own.user(&user.login).is_some(), user.id == me.id);
        }
        for name in cluster.groups().keys() {
            prop_assert_eq!(own.group(name).is_some(), me.group.as_ref() == Some(name));
        }
        for name in cluster.pools().keys() {
            prop_assert_eq!(own.pool(name).is_some(), pool.is_some_and(|pool| pool.name == *name));
        }
        for device in cluster.devices().values() {
            let mine = pool.is_some_and(|pool| pool.devices.contains(&device.id));
            prop_assert_eq!(own.device(device.id).is_some(), mine);
        }
        for job in cluster.jobs().values() {
            prop_assert_eq!(own.job(job.id).is_some(), job.user == Some(me.id));
        }
        prop_assert!(cluster.nodes().keys().all(|name| own.node(name).is_none()));
    }

    /// A job that ended is told by its events as it was told while it ran.
    #[test]
    fn a_finished_job_is_told_by_its_events(steps in steps(150)) {
        let events = told(&steps);
        let state = folded(&events);
        let ended = events.iter().filter_map(|recorded| match &recorded.event {
            domain::Event::Job(domain::job::Event::Finished { job, .. }) => Some((*job, recorded)),
            _ => None,
        });
        for (job, end) in ended {
            let before = folded(&events[..count(end.position) - 1]);
            let running = look(&before).job(job).unwrap();
            let about = events.iter().filter(|recorded| recorded.subjects.contains(&Subject::Job(job)));
            let past = look(&state).past_job(job, about.clone()).unwrap();
            prop_assert_eq!(past.finished_at, Some(end.recorded_at));
            prop_assert_eq!((&past.devices, &past.source, past.started_at), (&running.devices, &running.source, running.started_at));
            prop_assert_eq!((past.revision, &past.name), (running.revision, &running.name));
            // Looked at as of before its end, it still runs.
            let early = look(&before).past_job(job, about).unwrap();
            prop_assert_eq!(early, running);
            prop_assert!(look(&state).job(job).is_none());
        }
    }
}

/// Nobody is met twice or missed who was there all the time, whoever comes and goes while the list is walked.
#[test]
fn a_walk_meets_everybody_once_while_others_come_and_go() {
    let events = history(31, 900);
    let mut state = State::default();
    let mut rest = events.iter();
    rest.by_ref().take(events.len() / 3).for_each(|recorded| assert!(state.apply(recorded).is_ok()));
    let mut there: BTreeSet<UserId> = state.cluster().users().keys().copied().collect();
    let mut met = vec![];
    let mut after = None;
    loop {
        let listed = match look(&state).users(&UserFilter::default(), &Page::try_new(after, 1).unwrap()) {
            Ok(listed) => listed,
            Err(error) => panic!("{error} after {met:?}"),
        };
        met.extend(listed.items.iter().map(|user| user.id));
        let Some(next) = listed.next else { break };
        after = Some(next);
        for recorded in rest.by_ref().take(15) {
            state.apply(recorded).unwrap();
            there.retain(|id| state.cluster().user(*id).is_some());
        }
    }
    let once: BTreeSet<UserId> = met.iter().copied().collect();
    assert_eq!(once.len(), met.len());
    assert!(there.is_subset(&once), "{there:?} {once:?}");
    assert!(!there.is_empty());
}

#[test]
fn a_cursor_that_leads_nowhere_is_refused() {
    let state = folded(&history(1, 50));
    let page = Page::try_new(Some("nonsense".to_owned()), 10).unwrap();
    assert_eq!(look(&state).users(&UserFilter::default(), &page).err(), Some(PageError::Cursor));
    assert_eq!(look(&state).devices(&DeviceFilter::default(), &page).err(), Some(PageError::Cursor));
    assert_eq!(look(&state).jobs(&JobFilter::default(), &page).err(), Some(PageError::Cursor));
    assert_eq!(Page::try_new(None, 0), Err(PageError::Limit));
    assert_eq!(Page::try_new(None, 1001), Err(PageError::Limit));
}

#[test]
fn an_empty_state_has_an_empty_view() {
    let state = State::default();
    let overview = look(&state).overview();
    assert_eq!((overview.cluster, overview.pools, overview.position), (None, 0, Position(0)));
    assert_eq!(look(&state).pools(&PoolFilter::default(), &Page::default()).unwrap().items, []);
}

#[test]
fn another_number_of_devices_than_expected_is_said() {
    let events = history(7, 3000);
    let mut told = BTreeSet::new();
    for end in (1..=events.len()).step_by(10) {
        let state = folded(&events[..end]);
        for node in look(&state).nodes(&NodeFilter::default(), &Page::default()).unwrap().items {
            let NodeDevices { expected, seen, .. } = node.devices;
            match node.attention.as_deref().map(|text| text.split_once(':').unwrap()) {
                None => assert!(node.retired || seen == expected),
                Some((what, numbers)) => {
                    assert_eq!(what == "fewer devices than expected", seen < expected);
                    assert_eq!(numbers, format!(" {seen} instead of {expected}"));
                    told.insert(what.to_owned());
                }
            }
        }
    }
    assert_eq!(told.len(), 2, "fewer and more: {told:?}");
}

#[test]
fn devices_that_were_replaced_are_told_for_a_day_unless_they_are_put_back() {
    let events = history(7, 3000);
    let mut told = 0;
    for end in (1..=events.len()).step_by(10) {
        let state = folded(&events[..end]);
        let devices =
            look(&state).devices(&DeviceFilter::default(), &Page::try_new(None, 1000).unwrap()).unwrap().items;
        let retired = |device: &DeviceView| device.presence == Presence::Retired;
        let mut expected: BTreeMap<String, usize> = BTreeMap::new();
        for new in &devices {
            let Some(old) = devices.iter().find(|old| Some(old.id) == new.replaces) else { continue };
            let put_back = !retired(old) && (retired(new) || new.node != old.node);
            if !put_back && look(&state).node(&old.node).is_some_and(|node| !node.retired) {
                *expected.entry(format!("node/{}", old.node)).or_default() += 1;
            }
        }
        let alerts = |time| state.look(Sight::All, time).alerts().into_iter();
        let alerts = |time| alerts(time).filter(|alert| alert.code == "node.devices_replaced");
        let now = state.stamp().recorded_at;
        let first_words = |alert: &AlertView| alert.summary.split(' ').next().unwrap().parse::<usize>().unwrap();
        let found: BTreeMap<_, _> = alerts(now).map(|alert| (alert.subject.clone(), first_words(&alert))).collect();
        assert_eq!(found, expected);
        told += found.len();
        for alert in alerts(now) {
            let since = alert.since.unwrap();
            let same = |alert: &AlertView| alert.subject.clone();
            assert!(alerts(since.plus_seconds(86_399)).any(|later| same(&later) == alert.subject));
        }
        assert_eq!(alerts(now.plus_seconds(86_400)).count(), 0);
    }
    assert!(told > 0);
}

#[test]
fn tokens_expire_at_the_time_of_the_look_and_never_show_a_hash() {
    let events = history(7, 3000);
    let state = (1..=events.len()).map(|end| folded(&events[..end])).find(|state| !state.cluster().tokens().is_empty());
    let state = state.unwrap();
    let token = state.cluster().tokens().values().next().unwrap();
    let at = |time| state.look(Sight::All, time).token(token.id).unwrap();
    assert!(!at(Timestamp::from_micros(token.expires_at.micros() - 1)).expired);
    assert!(at(token.expires_at).expired);
    let json = serde_json::to_string(&at(token.expires_at)).unwrap();
    assert!(!json.contains("hash"), "{json}");
}

#[test]
fn a_view_is_json_as_promised() {
    let state = folded(&history(7, 3000));
    let json = serde_json::to_value(look(&state).pools(&PoolFilter::default(), &Page::default()).unwrap()).unwrap();
    let fields: Vec<&String> = json["items"][0].as_object().unwrap().keys().collect();
    let promised = [
        "breaker_tripped",
        "busy",
        "cordoned",
        "devices",
        "group",
        "idle",
        "missing",
        "model",
        "models",
        "name",
        "quarantined",
        "revision",
        "unknown",
    ];
    assert_eq!(fields, promised);
    assert_eq!((&json["position"], &json["next"]), (&state.position().0.into(), &serde_json::Value::Null));
}

#[test]
fn people_are_shown_by_the_name_they_had() {
    let events = history(21, 500);
    let erased = events.iter().find_map(|recorded| match recorded.event {
        domain::Event::User(domain::user::Event::Erased { user }) => Some((user, recorded.position)),
        _ => None,
    });
    let (user, at) = erased.unwrap();
    let before = folded(&events[..count(at) - 1]);
    let after = folded(&events);
    let login = before.names().last_login(user).unwrap().clone();
    let shown = |state: &State, at| Presenter::new(state.names(), at).subject(&Subject::User(user));
    assert_eq!(shown(&before, at), format!("user/{login}"));
    assert_eq!(shown(&after, at), format!("user/erased-{user}"));
    assert_eq!(Presenter::new(after.names(), at).actor(&Actor::User(user)), format!("user/erased-{user}"));
    assert_eq!(Presenter::new(after.names(), at).actor(&Actor::System), "system");

    // By login, all who ever had it, until they are erased; by id, always.
    let called = subjects(before.names(), &format!("user/{login}")).unwrap();
    assert!(called.contains(&Subject::User(user)));
    assert!(!subjects(after.names(), &format!("user/{login}")).unwrap().contains(&Subject::User(user)));
    for text in [format!("user/{user}"), format!("user/erased-{user}")] {
        assert_eq!(subjects(after.names(), &text), Ok(vec![Subject::User(user)]), "{text}");
        assert_eq!(actors(after.names(), &text), Ok(vec![Actor::User(user)]), "{text}");
    }
    assert_eq!(subjects(after.names(), "user/nobody"), Ok(vec![]));
    assert_eq!(subjects(after.names(), "pool/vision"), Ok(vec![Subject::Pool("vision".parse().unwrap())]));
    assert!(subjects(after.names(), "user/a b").is_err() && subjects(after.names(), "vision").is_err());
    assert_eq!(actors(after.names(), "agent/n1"), Ok(vec![Actor::Agent("n1".parse().unwrap())]));
    assert!(actors(after.names(), "pool/vision").is_err());
    let operator: Login = "operator".parse().unwrap();
    assert_eq!(after.names().users_called(&operator).len(), 1);
}
