//! Whom the sign-in backend knows.
use crate::provider::Person;
use domain::{
    Login, Timestamp,
    backend::{Identity, Realm},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most people who are remembered because they were turned away: past them, the one longest ago is forgotten.
const TURNED_AWAY_MAX: usize = 10_000;

/// The most people that a provider may list.
const LISTED_MAX: usize = 100_000;

/// Everybody whom the sign-in backend is known to know.
#[derive(Default)]
pub(crate) struct Directory(Mutex<Known>);

#[derive(Default)]
struct Known {
    listed: Option<Listing>,
    turned_away: BTreeMap<Identity, (Login, Timestamp)>,
    trouble: Option<Trouble>,
}

struct Listing {
    realm: Realm,
    people: BTreeMap<Login, Identity>,
    at: Timestamp,
}

/// Why there is no newer list.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) code: &'static str,
    pub(super) detail: String,
    /// Before then it makes no sense to ask again.
    pub(super) not_before: Option<Timestamp>,
}

/// Somebody whom the backend knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) login: Login,
    pub(super) identity: Identity,
    /// When they were last turned away; none if they were not.
    pub(super) turned_away_at: Option<Timestamp>,
}

impl Directory {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers somebody who came from the provider and is not on-boarded.
    pub(crate) fn turned_away(&self, identity: &Identity, login: &Login, now: Timestamp) {
        let mut known = self.known();
        known.turned_away.insert(identity.clone(), (login.clone(), now));
        if known.turned_away.len() > TURNED_AWAY_MAX
            && let Some(oldest) =
                known.turned_away.iter().min_by_key(|(_, (_, at))| *at).map(|(identity, _)| identity.clone())
        {
            known.turned_away.remove(&oldest);
        }
    }

    /// The provider's list takes the place of the last one. Logins that can be none here are left out. How many are in it.
    pub(super) fn listed(&self, realm: &Realm, people: Vec<Person>, at: Timestamp) -> usize {
        let known_here = |person: Person| {
            let login: Login = person.login.parse().ok()?;
            Some((login, Identity::new(realm.clone(), &person.subject).ok()?))
        };
        let people: BTreeMap<_, _> = people.into_iter().take(LISTED_MAX).filter_map(known_here).collect();
        let (count, mut known) = (people.len(), self.known());
        known.listed = Some(Listing { realm: realm.clone(), people, at });
        known.trouble = None;
        count
    }

    /// There is no newer list.
    pub(super) fn failed(&self, trouble: Trouble) {
        self.known().trouble = Some(trouble);
    }

    /// When the provider's list was fetched, and why it could not be later.
    pub(super) fn age(&self, realm: &Realm) -> (Option<Timestamp>, Option<Trouble>) {
        let known = self.known();
        let listed = known.listed.as_ref().filter(|listing| listing.realm == *realm);
        (listed.map(|listing| listing.at), known.trouble.clone())
    }

    /// Who has this login at the provider. Whoever was turned away last is who has it now.
    pub(crate) fn look_up(&self, realm: &Realm, login: &Login) -> Option<Identity> {
        let known = self.known();
        let turned_away =
            known.turned_away.iter().filter(|(identity, (called, _))| identity.realm == *realm && called == login);
        let turned_away = turned_away.max_by_key(|(_, (_, at))| *at).map(|(identity, (_, at))| (identity.clone(), *at));
        let listed = known.listed.as_ref().filter(|listing| listing.realm == *realm);
        let listed = listed.and_then(|listing| Some((listing.people.get(login)?.clone(), listing.at)));
        turned_away.into_iter().chain(listed).max_by_key(|(_, at)| *at).map(|(identity, _)| identity)
    }

    /// Everybody whom this provider knows, by login.
    pub(super) fn entries(&self, realm: &Realm) -> Vec<Entry> {
        let known = self.known();
        let listed = known.listed.iter().filter(|listing| listing.realm == *realm).flat_map(|listing| &listing.people);
        let mut entries: BTreeMap<Identity, Entry> = listed
            .map(|(login, identity)| {
                let entry = Entry { login: login.clone(), identity: identity.clone(), turned_away_at: None };
                (identity.clone(), entry)
            })
            .collect();
        for (identity, (login, at)) in known.turned_away.iter().filter(|(identity, _)| identity.realm == *realm) {
            let entry = Entry { login: login.clone(), identity: identity.clone(), turned_away_at: Some(*at) };
            entries.entry(identity.clone()).and_modify(|known| known.turned_away_at = Some(*at)).or_insert(entry);
        }
        let mut entries: Vec<Entry> = entries.into_values().collect();
        entries.sort_by(|one, other| (&one.login, &one.identity).cmp(&(&other.login, &other.identity)));
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::backend::BackendKind;

    fn realm(address: &str) -> Realm {
        Realm { kind: BackendKind::GitHub, address: address.parse().unwrap() }
    }

    fn person(subject: &str, login: &str) -> Person {
        Person { subject: subject.to_owned(), login: login.to_owned() }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn login(text: &str) -> Login {
        text.parse().unwrap()
    }

    #[test]
    fn a_login_is_whose_it_was_seen_to_be_last() {
        let (directory, realm) = (Directory::default(), realm("https://github.com"));
        assert_eq!(directory.listed(&realm, vec![person("1", "Ada"), person("2", "not a login")], at(1)), 1);
        let identity = |subject| Identity::new(realm.clone(), subject).unwrap();
        assert_eq!(directory.look_up(&realm, &login("ada")), Some(identity("1")));
        directory.turned_away(&identity("9"), &login("ada"), at(2));
        assert_eq!(directory.look_up(&realm, &login("ada")), Some(identity("9")));
        directory.listed(&realm, vec![person("1", "ada")], at(3));
        assert_eq!(directory.look_up(&realm, &login("ada")), Some(identity("1")));
        assert_eq!(directory.entries(&realm).len(), 2);
    }

    #[test]
    fn another_provider_knows_others() {
        let directory = Directory::default();
        directory.listed(&realm("https://github.com"), vec![person("1", "ada")], at(1));
        let elsewhere = realm("https://github.example.org");
        assert_eq!(directory.look_up(&elsewhere, &login("ada")), None);
        assert!(directory.entries(&elsewhere).is_empty() && directory.age(&elsewhere).0.is_none());
    }

    #[test]
    fn who_was_turned_away_stays_in_bounds() {
        let (directory, realm) = (Directory::default(), realm("https://github.com"));
        for n in 0..=i64::try_from(TURNED_AWAY_MAX).unwrap() {
            let identity = Identity::new(realm.clone(), &n.to_string()).unwrap();
            directory.turned_away(&identity, &login(&format!("u{n}")), at(n));
        }
        assert_eq!(directory.entries(&realm).len(), TURNED_AWAY_MAX);
        assert_eq!(directory.look_up(&realm, &login("u0")), None);
    }
}
