//! Whom the sign-in backend knows.
use crate::provider::Person;
use domain::{
    Login, ProviderWord, Timestamp,
    backend::{Identity, Provider, Realm},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The most people who are remembered because they were turned away: past them, the one longest ago is forgotten.
const TURNED_AWAY_MAX: usize = 10_000;

/// Whose people they are: another organization has others, though their numbers mean the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    realm: Realm,
    organization: Option<ProviderWord>,
}

impl Place {
    /// That of a backend.
    pub(crate) fn of(provider: &Provider) -> Self {
        Self { realm: provider.realm(), organization: provider.shown().organization }
    }

    /// Whether that is somebody's identity there.
    pub(crate) fn knows(&self, identity: &Identity) -> bool {
        identity.realm == self.realm
    }
}

/// Everybody whom the sign-in backend is known to know.
#[derive(Default)]
pub(crate) struct Directory(Mutex<Option<Known>>);

struct Known {
    place: Place,
    listed: Option<Listing>,
    turned_away: BTreeMap<Identity, (Login, Timestamp)>,
    trouble: Option<Trouble>,
}

struct Listing {
    people: BTreeMap<Identity, Login>,
    at: Timestamp,
}

/// Nobody, or more than one, is called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// Nobody is.
    Nobody,
    /// So many are.
    Many(usize),
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
    /// What is known of that place, to be added to: what is known of another one is forgotten.
    fn at<T>(&self, place: &Place, look: impl FnOnce(&mut Known) -> T) -> T {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held.take().filter(|known| known.place == *place);
        let empty = || Known { place: place.clone(), listed: None, turned_away: BTreeMap::new(), trouble: None };
        look(held.insert(known.unwrap_or_else(empty)))
    }

    /// What is known of that place, if anything is.
    fn of<T>(&self, place: &Place, look: impl FnOnce(&mut Known) -> T) -> Option<T> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_mut().filter(|known| known.place == *place).map(look)
    }

    /// Remembers somebody who came from the provider and is not on-boarded.
    pub(crate) fn turned_away(&self, place: &Place, identity: &Identity, login: &Login, now: Timestamp) {
        self.at(place, |known| {
            known.turned_away.insert(identity.clone(), (login.clone(), now));
            let oldest = known.turned_away.iter().min_by_key(|(_, (_, at))| *at).map(|(identity, _)| identity.clone());
            if let Some(oldest) = oldest.filter(|_| known.turned_away.len() > TURNED_AWAY_MAX) {
                known.turned_away.remove(&oldest);
            }
        });
    }

    /// They are on-boarded: that they were turned away is over.
    pub(crate) fn came_in(&self, place: &Place, identity: &Identity) {
        self.of(place, |known| known.turned_away.remove(identity));
    }

    /// The provider's list takes the place of the last one. Logins that can be none here are left out. How many are in it.
    pub(super) fn listed(&self, place: &Place, people: Vec<Person>, at: Timestamp) -> usize {
        let known_here = |person: Person| {
            let login: Login = person.login.parse().ok()?;
            Some((Identity::new(place.realm.clone(), &person.subject).ok()?, login))
        };
        let people: BTreeMap<_, _> = people.into_iter().filter_map(known_here).collect();
        self.at(place, |known| {
            known.trouble = None;
            known.listed.insert(Listing { people, at }).people.len()
        })
    }

    /// There is no newer list.
    pub(super) fn failed(&self, place: &Place, trouble: Trouble) {
        self.at(place, |known| known.trouble = Some(trouble));
    }

    /// When the provider's list was fetched, and why it could not be later.
    pub(super) fn age(&self, place: &Place) -> (Option<Timestamp>, Option<Trouble>) {
        let age = self.of(place, |known| (known.listed.as_ref().map(|listing| listing.at), known.trouble.clone()));
        age.unwrap_or_default()
    }

    /// Who has this login at the provider; where a subject is given, only if it is theirs.
    ///
    /// # Errors
    /// Nobody has it, or more than one, as can be where people choose their logins themselves (OpenID Connect Core 1.0 §5.7).
    pub(crate) fn look_up(&self, place: &Place, login: &Login, subject: Option<&str>) -> Result<Identity, NotFound> {
        let mut called: Vec<Identity> =
            self.entries(place).into_iter().filter(|entry| entry.login == *login).map(|entry| entry.identity).collect();
        called.retain(|identity| subject.is_none_or(|subject| subject == identity.subject()));
        match called.len() {
            0 => Err(NotFound::Nobody),
            1 => Ok(called.remove(0)),
            many => Err(NotFound::Many(many)),
        }
    }

    /// Everybody whom this provider knows, by login. What somebody is called is what was heard last.
    pub(super) fn entries(&self, place: &Place) -> Vec<Entry> {
        let entries = self.of(place, |known| {
            let listed_at = known.listed.as_ref().map(|listing| listing.at);
            let listed = known.listed.iter().flat_map(|listing| &listing.people);
            let mut entries: BTreeMap<Identity, Entry> = listed
                .map(|(identity, login)| {
                    let entry = Entry { login: login.clone(), identity: identity.clone(), turned_away_at: None };
                    (identity.clone(), entry)
                })
                .collect();
            for (identity, (login, at)) in &known.turned_away {
                let entry = Entry { login: login.clone(), identity: identity.clone(), turned_away_at: Some(*at) };
                let known = entries.entry(identity.clone()).or_insert_with(|| entry.clone());
                known.turned_away_at = Some(*at);
                if listed_at.is_none_or(|listed_at| listed_at < *at) {
                    known.login = entry.login;
                }
            }
            entries.into_values().collect()
        });
        let mut entries: Vec<Entry> = entries.unwrap_or_default();
        entries.sort_by(|one, other| (&one.login, &one.identity).cmp(&(&other.login, &other.identity)));
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::backend::BackendKind;

    fn place(organization: &str) -> Place {
        let realm = Realm { kind: BackendKind::GitHub, address: "https://github.com".parse().unwrap() };
        Place { realm, organization: Some(organization.parse().unwrap()) }
    }

    fn identity(subject: &str) -> Identity {
        Identity::new(place("research").realm, subject).unwrap()
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
    fn of_two_who_are_called_alike_neither_is_guessed() {
        let (directory, research) = (Directory::default(), place("research"));
        assert_eq!(directory.listed(&research, vec![person("1", "Ada"), person("2", "not a login")], at(1)), 1);
        assert_eq!(directory.look_up(&research, &login("ada"), None), Ok(identity("1")));
        assert_eq!(directory.look_up(&research, &login("bob"), None), Err(NotFound::Nobody));
        directory.turned_away(&research, &identity("9"), &login("ada"), at(2));
        assert_eq!(directory.look_up(&research, &login("ada"), None), Err(NotFound::Many(2)));
        assert_eq!(directory.look_up(&research, &login("ada"), Some("9")), Ok(identity("9")));
        directory.came_in(&research, &identity("9"));
        assert_eq!(directory.look_up(&research, &login("ada"), None), Ok(identity("1")));
    }

    #[test]
    fn somebody_is_called_what_was_heard_last() {
        let (directory, research) = (Directory::default(), place("research"));
        directory.turned_away(&research, &identity("1"), &login("old"), at(1));
        directory.listed(&research, vec![person("1", "new")], at(2));
        assert_eq!(directory.look_up(&research, &login("old"), None), Err(NotFound::Nobody));
        directory.turned_away(&research, &identity("1"), &login("newest"), at(3));
        assert_eq!(directory.look_up(&research, &login("newest"), None), Ok(identity("1")));
        assert_eq!(directory.entries(&research).len(), 1);
    }

    #[test]
    fn another_organization_has_others() {
        let directory = Directory::default();
        directory.listed(&place("research"), vec![person("1", "ada")], at(1));
        let trouble = Trouble { code: "provider.unreachable", detail: "it is away".to_owned(), not_before: None };
        directory.failed(&place("research"), trouble);
        assert!(directory.entries(&place("teaching")).is_empty());
        assert!(directory.age(&place("teaching")).0.is_none() && directory.age(&place("teaching")).1.is_none());
        // That somebody looks is no reason to forget.
        assert_eq!(directory.entries(&place("research")).len(), 1);
        directory.turned_away(&place("teaching"), &identity("1"), &login("ada"), at(2));
        assert!(directory.entries(&place("research")).is_empty());
    }

    #[test]
    fn who_was_turned_away_stays_in_bounds() {
        let (directory, research) = (Directory::default(), place("research"));
        for n in 0..=i64::try_from(TURNED_AWAY_MAX).unwrap() {
            directory.turned_away(&research, &identity(&n.to_string()), &login(&format!("u{n}")), at(n));
        }
        assert_eq!(directory.entries(&research).len(), TURNED_AWAY_MAX);
        assert_eq!(directory.look_up(&research, &login("u0"), None), Err(NotFound::Nobody));
    }
}
