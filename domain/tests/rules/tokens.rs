use crate::{
    harness::World,
    words::{NO_TOKEN, delete_users, issue, onboard, revoke, revoke_all, set_role, w},
};
use domain::{
    Event, Principal, Rejection, Role, Subject,
    token::{self, Scope, TokenHash},
};

/// Ada asks.
fn world() -> World {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    world.asker = world.session("ada");
    world
}

#[test]
fn a_user_makes_a_token_with_a_scope_and_an_end() {
    let mut world = world();
    let user = world.id("ada");
    let outcome = world.when(issue("ci", Scope::Read, 30));
    let (token, now) = (*world.cluster.tokens().keys().next().expect("a token"), world.now);
    let mut hash = TokenHash::default();
    hash.0[..2].copy_from_slice(b"ci");
    outcome.exactly(&[Event::Token(token::Event::Issued {
        token,
        user,
        name: w("ci"),
        scope: Scope::Read,
        role: Role::DataScientist,
        expires_at: now.plus_seconds(30 * 86_400),
        hash,
    })]);
    assert_eq!(world.cluster.token_by_hash(&hash).map(|found| found.id), Some(token));
}

#[test]
fn a_token_lasts_a_day_to_a_year() {
    let mut world = world();
    world.when(issue("ci", Scope::Read, 0)).refused("request.malformed");
    world.when(issue("ci", Scope::Read, 367)).refused("request.malformed");
    world.given(issue("ci", Scope::Read, 366));
}

#[test]
fn names_are_unique_among_ones_own_that_last() {
    let mut world = world();
    world.given(issue("ci", Scope::Read, 1));
    let first = *world.cluster.tokens().keys().next().expect("a token");
    world.when(issue("ci", Scope::Full, 1)).refused_for(&Rejection::TokenNameTaken(first));
    world.asker = world.session("operator");
    world.given(issue("other", Scope::Read, 1));
    world.asker = world.session("ada");
    world.now = world.now.plus_seconds(86_400);
    world.given(issue("ci", Scope::Full, 1));
    assert_eq!(world.cluster.token(first), None, "an ended one goes when another is made");
    assert_eq!(world.cluster.tokens().len(), 2, "the other user's ended one stays until they make one");
}

#[test]
fn a_user_has_so_many_tokens() {
    let mut world = world();
    world.limits.tokens_per_user = 2;
    world.given(issue("a", Scope::Read, 1));
    world.given(issue("b", Scope::Read, 1));
    world.when(issue("c", Scope::Read, 1)).refused_for(&Rejection::TooManyTokens(2));
    world.given(revoke(*world.cluster.tokens().keys().next().expect("a token")));
    world.given(issue("c", Scope::Read, 1));
}

#[test]
fn a_token_is_revoked_once() {
    let mut world = world();
    world.given(issue("ci", Scope::Read, 1));
    let (token, user) = (*world.cluster.tokens().keys().next().expect("a token"), world.id("ada"));
    world.when(revoke(token)).exactly(&[Event::Token(token::Event::Revoked { token, user })]);
    world.when(revoke(token)).refused_for(&Rejection::NotFound(Subject::Token(token)));
    world.when(revoke(NO_TOKEN)).refused("token.not_found");
    assert!(world.user("ada").tokens.is_empty());
}

#[test]
fn all_of_a_users_tokens_are_revoked_at_once_and_nobody_elses() {
    let mut world = world();
    world.given(issue("ci", Scope::Read, 1));
    world.given(issue("laptop", Scope::Full, 9));
    let (mine, user) = (world.user("ada").tokens.clone(), world.id("ada"));
    world.asker = world.session("operator");
    world.given(issue("mine", Scope::Read, 1));
    // One that has expired goes with the others.
    world.now = world.now.plus_seconds(2 * 86_400);
    let revoked: Vec<_> = mine.into_iter().map(|token| Event::Token(token::Event::Revoked { token, user })).collect();
    assert_eq!(revoked.len(), 2);
    world.when(revoke_all("ada")).exactly(&revoked);
    assert_eq!(world.cluster.tokens().len(), 1);
    world.when(revoke_all("ada")).nothing();
    world.when(revoke_all("nobody")).refused_for(&Rejection::UnknownLogin(0));
}

#[test]
fn a_token_belongs_to_a_person() {
    let mut world = world();
    world.asker = Principal::SYSTEM;
    world.when(issue("ci", Scope::Read, 1)).refused("request.malformed");
}

#[test]
fn the_tokens_of_a_deleted_user_are_gone() {
    let mut world = world();
    world.given(issue("ci", Scope::Read, 1));
    world.asker = world.session("operator");
    world.given(issue("mine", Scope::Read, 1));
    world.given(delete_users(&["ada"]));
    assert_eq!(world.cluster.tokens().len(), 1);
}

#[test]
fn a_token_remembers_what_its_owner_might_do_when_it_was_made() {
    let mut world = world();
    world.given(issue("ci", Scope::Full, 1));
    world.asker = world.session("operator");
    world.given(set_role("ada", Role::Operator));
    let token = world.cluster.tokens().values().next().expect("a token");
    assert_eq!(token.role, Role::DataScientist);
}

#[test]
fn a_hash_is_neither_printed_nor_published() {
    let mut world = world();
    world.given(issue("hunter2", Scope::Full, 1));
    let event = &world.log.last().expect("an event").event;
    let published = serde_json::to_string(event).expect("JSON");
    assert!(!published.contains("hash"), "{published}");
    assert!(format!("{event:?}").contains("TokenHash(…)"));
}
