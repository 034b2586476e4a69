//! Whom the sign-in backend knows.
use super::people::{Entry, People};
use crate::provider::Person;
use domain::{
    Login, ProviderWord, Timestamp,
    backend::{Identity, Provider, Realm},
    user::User,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The most people who are remembered because they were turned away: past them, the one longest ago is forgotten.
const TURNED_AWAY_MAX: usize = 10_000;

/// The most people of whom it is remembered since when they are listed no more.
const GONE_MAX: usize = 10_000;

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

    /// What the organization is called, where there is one.
    pub(super) fn organization(&self) -> Option<&str> {
        self.organization.as_ref().map(ProviderWord::as_str)
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
    /// All of them by login, until somebody else is known.
    people: Option<People>,
}

/// A list that a provider gave.
pub(super) struct Listing {
    /// Who has no login that can be one here is a member all the same.
    people: BTreeMap<Identity, Option<Login>>,
    /// Whether all are in it, not those alone whom everybody sees.
    whole: bool,
    /// When it was asked for.
    asked_at: Timestamp,
    /// When it was there.
    at: Timestamp,
    /// Who was in an earlier one, and since when they are in none.
    gone: BTreeMap<Identity, Timestamp>,
}

/// Why there is no newer list.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) code: &'static str,
    pub(super) detail: String,
    /// Before then it makes no sense to ask again.
    pub(super) not_before: Option<Timestamp>,
}

impl Listing {
    /// These people of that place.
    pub(super) fn of(place: &Place, people: Vec<Person>, whole: bool, asked_at: Timestamp, at: Timestamp) -> Self {
        let member = |person: Person| {
            let identity = Identity::new(place.realm.clone(), &person.subject).ok()?;
            Some((identity, person.login.parse().ok()))
        };
        let people = people.into_iter().filter_map(member).collect();
        Self { people, whole, asked_at, at, gone: BTreeMap::new() }
    }

    /// How many are in it, without those whose logins can be none here.
    fn len(&self) -> usize {
        self.people.values().flatten().count()
    }

    /// Remembers who was in the list before this one, and is not in this one.
    fn follow(&mut self, before: Self) {
        if !(self.whole && before.whole) {
            return;
        }
        let lately = before.people.into_keys().map(|identity| (identity, self.at));
        let gone = before.gone.into_iter().chain(lately).filter(|(identity, _)| !self.people.contains_key(identity));
        self.gone = gone.take(GONE_MAX).collect();
    }
}

impl Known {
    /// Everybody. What somebody is called is what was heard last.
    fn people(&mut self) -> People {
        self.people.get_or_insert_with(|| everybody(self.listed.as_ref(), &self.turned_away)).clone()
    }

    /// Whether a user of this provider is in its list no more, though they should be: nothing newer is known of them.
    fn lacks(&self, listing: &Listing, user: &User, identity: &Identity) -> bool {
        let turned_away_at = self.turned_away.get(identity).map(|(_, at)| *at);
        let seen_at = turned_away_at.max(user.signed_in_at).max(Some(user.onboarded_at));
        seen_at < Some(listing.asked_at) && !listing.people.contains_key(identity)
    }
}

fn everybody(listed: Option<&Listing>, turned_away: &BTreeMap<Identity, (Login, Timestamp)>) -> People {
    let listed_login = |identity: &Identity| listed.and_then(|listing| listing.people.get(identity)?.as_ref());
    let in_list = listed.into_iter().flat_map(|listing| {
        listing.people.iter().filter_map(|(identity, login)| {
            let heard = turned_away.get(identity);
            let newer = heard.filter(|(_, at)| listing.at < *at).map(|(login, _)| login);
            let login = login.as_ref().map(|login| newer.unwrap_or(login))?.clone();
            Some(Entry { login, identity: identity.clone(), turned_away_at: heard.map(|(_, at)| *at) })
        })
    });
    let others = turned_away.iter().filter(|(identity, _)| listed_login(identity).is_none());
    let others = others.map(|(identity, (login, at))| Entry {
        login: login.clone(),
        identity: identity.clone(),
        turned_away_at: Some(*at),
    });
    People::of(in_list.chain(others).collect())
}

impl Directory {
    /// What is known of that place, to be added to: what is known of another one is forgotten.
    fn at<T>(&self, place: &Place, look: impl FnOnce(&mut Known) -> T) -> T {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = held.take().filter(|known| known.place == *place);
        let empty =
            || Known { place: place.clone(), listed: None, turned_away: BTreeMap::new(), trouble: None, people: None };
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
            known.people = None;
        });
    }

    /// They are on-boarded: that they were turned away is over.
    pub(crate) fn came_in(&self, place: &Place, identity: &Identity) {
        self.of(place, |known| {
            if known.turned_away.remove(identity).is_some() {
                known.people = None;
            }
        });
    }

    /// The provider's list takes the place of the last one. How many are in it whose logins can be one here.
    pub(super) fn listed(&self, place: &Place, mut listing: Listing) -> usize {
        self.at(place, |known| {
            if let Some(before) = known.listed.take() {
                listing.follow(before);
            }
            if listing.whole {
                // Whoever came before it was asked for, and is not in it, is no member any more.
                known.turned_away.retain(|who, (_, at)| *at >= listing.asked_at || listing.people.contains_key(who));
            }
            (known.trouble, known.people) = (None, None);
            known.listed.insert(listing).len()
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

    /// Everybody whom this provider knows now.
    pub(crate) fn people(&self, place: &Place) -> People {
        self.of(place, Known::people).unwrap_or_default()
    }

    /// Which of these users the provider does not list any more, each with since when, if that is known. None are where it did not
    /// list everybody. The operator who remains belongs to nobody's list.
    pub(super) fn left<'a>(
        &self,
        place: &Place,
        users: impl Iterator<Item = &'a User>,
    ) -> Vec<(&'a User, &'a Identity, Option<Timestamp>)> {
        let left = self.of(place, |known| {
            let Some(listing) = known.listed.as_ref().filter(|listing| listing.whole) else { return vec![] };
            let theirs =
                users.filter(|user| !user.break_glass).filter_map(|user| Some((user, user.identity.as_ref()?)));
            let left = theirs
                .filter(|(user, identity)| place.knows(identity) && known.lacks(listing, user, identity))
                .map(|(user, identity)| (user, identity, listing.gone.get(identity).copied()));
            left.collect()
        });
        left.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::directory::NotFound;
    use domain::{Position, Role, UserId, backend::BackendKind};
    use std::{collections::BTreeSet, time::Instant};

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

    /// A list that took no time.
    fn list(people: Vec<Person>, at: Timestamp) -> Listing {
        Listing::of(&place("research"), people, true, at, at)
    }

    fn login(text: &str) -> Login {
        text.parse().unwrap()
    }

    #[test]
    fn of_two_who_are_called_alike_neither_is_guessed() {
        let (directory, research) = (Directory::default(), place("research"));
        assert_eq!(directory.listed(&research, list(vec![person("1", "Ada"), person("2", "not a login")], at(1))), 1);
        assert_eq!(directory.people(&research).look_up(&login("ada"), None), Ok(identity("1")));
        assert_eq!(directory.people(&research).look_up(&login("bob"), None), Err(NotFound::Nobody));
        directory.turned_away(&research, &identity("9"), &login("ada"), at(2));
        assert_eq!(directory.people(&research).look_up(&login("ada"), None), Err(NotFound::Many(2)));
        assert_eq!(directory.people(&research).look_up(&login("ada"), Some("9")), Ok(identity("9")));
        directory.came_in(&research, &identity("9"));
        assert_eq!(directory.people(&research).look_up(&login("ada"), None), Ok(identity("1")));
    }

    #[test]
    fn somebody_is_called_what_was_heard_last() {
        let (directory, research) = (Directory::default(), place("research"));
        directory.turned_away(&research, &identity("1"), &login("old"), at(1));
        directory.listed(&research, list(vec![person("1", "new")], at(2)));
        assert_eq!(directory.people(&research).look_up(&login("old"), None), Err(NotFound::Nobody));
        directory.turned_away(&research, &identity("1"), &login("newest"), at(3));
        assert_eq!(directory.people(&research).look_up(&login("newest"), None), Ok(identity("1")));
        assert_eq!(directory.people(&research).entries().len(), 1);
    }

    #[test]
    fn another_organization_has_others() {
        let directory = Directory::default();
        directory.listed(&place("research"), list(vec![person("1", "ada")], at(1)));
        let trouble = Trouble { code: "provider.unreachable", detail: "it is away".to_owned(), not_before: None };
        directory.failed(&place("research"), trouble);
        assert!(directory.people(&place("teaching")).entries().is_empty());
        assert!(directory.age(&place("teaching")).0.is_none() && directory.age(&place("teaching")).1.is_none());
        // That somebody looks is no reason to forget.
        assert_eq!(directory.people(&place("research")).entries().len(), 1);
        directory.turned_away(&place("teaching"), &identity("1"), &login("ada"), at(2));
        assert!(directory.people(&place("research")).entries().is_empty());
    }

    #[test]
    fn who_was_turned_away_stays_in_bounds() {
        let (directory, research) = (Directory::default(), place("research"));
        for n in 0..=i64::try_from(TURNED_AWAY_MAX).unwrap() {
            directory.turned_away(&research, &identity(&n.to_string()), &login(&format!("u{n}")), at(n));
        }
        assert_eq!(directory.people(&research).entries().len(), TURNED_AWAY_MAX);
        assert_eq!(directory.people(&research).look_up(&login("u0"), None), Err(NotFound::Nobody));
    }

    #[test]
    fn who_left_is_known_by_whole_lists_alone_and_by_nothing_older_than_what_was_heard_of_them() {
        let (directory, research) = (Directory::default(), place("research"));
        let user = |subject: &str, since: i64| onboarded(subject, at(since));
        let (ada, bob) = (user("1", 1), user("2", 1));
        let left = |users: &[&User]| -> Vec<(UserId, Option<Timestamp>)> {
            let left = directory.left(&research, users.iter().copied());
            left.into_iter().map(|(user, _, since)| (user.id, since)).collect()
        };
        assert_eq!(left(&[&ada, &bob]), []);
        directory.listed(&research, Listing::of(&research, vec![person("1", "ada")], false, at(5), at(5)));
        assert_eq!(left(&[&ada, &bob]), [], "private members are in no public list");
        // A member whose login can be none here is one all the same.
        directory.listed(&research, list(vec![person("1", "ada"), person("2", "not a login")], at(10)));
        assert_eq!(left(&[&ada, &bob]), []);
        directory.listed(&research, list(vec![person("1", "ada")], at(20)));
        directory.listed(&research, list(vec![person("1", "ada")], at(30)));
        assert_eq!(left(&[&ada, &bob]), [(bob.id, Some(at(20)))]);
        assert_eq!(left(&[&user("3", 1)]), [(user("3", 1).id, None)], "since when is not known");
        assert_eq!(left(&[&user("3", 31)]), [], "they were on-boarded after it was asked for");
        assert_eq!(left(&[&User { signed_in_at: Some(at(31)), ..bob.clone() }]), [], "they have come in since");
        assert_eq!(left(&[&User { break_glass: true, ..bob.clone() }, &User { identity: None, ..bob.clone() }]), []);
        directory.turned_away(&research, &identity("2"), &login("bob"), at(31));
        assert_eq!(left(&[&bob]), [], "they were there since");
        directory.listed(&research, list(vec![], at(40)));
        assert_eq!(left(&[&ada, &bob]), [(ada.id, Some(at(40))), (bob.id, Some(at(20)))]);
        assert!(directory.people(&research).entries().is_empty(), "who was turned away before is no member any more");
        directory.listed(&research, list(vec![person("2", "bob")], at(50)));
        assert_eq!(left(&[&bob]), []);
    }

    fn onboarded(subject: &str, at: Timestamp) -> User {
        let id = UserId(uuid::Uuid::from_u128(subject.parse().unwrap()));
        User {
            id,
            login: login(&format!("u{subject}")),
            role: Role::DataScientist,
            group: None,
            suspended: false,
            break_glass: false,
            identity: Some(identity(subject)),
            password: None,
            invitation: None,
            jobs: BTreeSet::new(),
            tokens: BTreeSet::new(),
            signed_in_at: None,
            onboarded_at: at,
            revision: Position(1),
            sessions_from: Position(1),
        }
    }

    #[test]
    #[ignore = "measures"]
    fn speed_of_looking_up_half_of_an_organization() {
        let (directory, research) = (Directory::default(), place("research"));
        let people = (0..10_000).map(|n| person(&n.to_string(), &format!("member-{n}"))).collect();
        directory.listed(&research, list(people, at(1)));
        let start = Instant::now();
        let people = directory.people(&research);
        let indexed = start.elapsed();
        let start = Instant::now();
        for n in 0..5000 {
            people.look_up(&login(&format!("member-{n}")), None).unwrap();
        }
        println!("10,000 members: an index in {indexed:?}, and 5,000 looked up in {:?}", start.elapsed());
    }
}
