//! Whom a reason is about: it is sealed for each of them, and so goes with any of them who is erased.
use super::Owner;
use crate::{Cluster, Event, Login, Reason, Subject, UserId, backend, user};
use std::collections::{BTreeSet, HashMap};

/// The most users that a reason may name.
pub const NAMED_MAX: usize = 16;

/// The users whom a reason names by a login, whichever way it is cased: one that they have, or that these events give them. Who
/// is called by a name that is no login, or by a login of before, is not known.
pub fn named(reason: &Reason, cluster: &Cluster, events: &[Event]) -> BTreeSet<UserId> {
    let fresh: HashMap<&str, UserId> = events.iter().filter_map(given).collect();
    let text = reason.as_str().to_ascii_lowercase();
    let of = |word: &str| fresh.get(word).or_else(|| cluster.logins.get(word)).copied();
    words(&text).filter_map(of).collect()
}

/// Whom the reason of an event is sealed for besides its [owner](super::Particulars::owner): those whom it names, and the users
/// whom the event is about.
pub fn sharers(event: &Event, owner: Owner, named: &BTreeSet<UserId>, cluster: &Cluster) -> BTreeSet<UserId> {
    let about = event.subjects().into_iter().filter_map(|subject| match subject {
        // Why somebody was erased stays: it would be gone as soon as it is given.
        Subject::User(user) => Some(user).filter(|_| !matches!(event, Event::User(user::Event::Erased { .. }))),
        _ => None,
    });
    let others = about.chain(named.iter().copied()).filter(|user| owner != Owner::User(*user));
    // Nothing can be sealed for who is erased.
    others.filter(|user| !cluster.is_erased(*user)).collect()
}

/// The login that an event gives somebody.
fn given(event: &Event) -> Option<(&str, UserId)> {
    let (login, user): (&Login, &UserId) = match event {
        Event::User(user::Event::Onboarded { login, user, .. } | user::Event::LoginChanged { login, user }) => {
            (login, user)
        }
        Event::Backend(backend::Event::Proposed { login, operator, .. }) => (login, operator),
        _ => return None,
    };
    Some((login.as_str(), *user))
}

/// Whatever may be a login in a text: each word of a login's characters, without the punctuation around it, and its parts.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let of_login = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    let words = text.split(move |c| !of_login(c)).flat_map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        [word, bare].into_iter().chain(bare.split(|c: char| !c.is_ascii_alphanumeric()))
    });
    words.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_found_in_whatever_surrounds_it() {
        for text in ["ada", "for ada.", "ada's group", "user/ada", "(@ada)", "ada-notebook", "so,ada;left", "ada\nleft"]
        {
            assert!(words(text).any(|word| word == "ada"), "{text}");
        }
        for text in ["ask ada@example.org", "mailto:ada@example.org.", "<ada@example.org>"] {
            assert!(words(text).any(|word| word == "ada@example.org"), "{text}");
        }
        assert!(!words("adam, canada").any(|word| word == "ada"));
    }
}
