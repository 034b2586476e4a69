//! How somebody who is known here comes to a password that nobody else has seen.
use crate::{
    harness::World,
    words::{accept, delete_users, invite, onboard, set_password, suspend, w},
};
use domain::{
    Actor, Command, Denied, Principal, Role, UserId, Via,
    token::TokenHash,
    user::{self, Entry, Newcomer, PasswordHash},
};
use uuid::Uuid;

const WEEK: i64 = 7 * 86_400;

fn world() -> World {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    world
}

#[test]
fn whoever_has_the_code_chooses_a_password_once() {
    let mut world = world();
    world.when(invite("ada", 1)).then(&["UserInvited"]);
    world.asker = Principal::SYSTEM;
    world.when(accept(2)).refused("invitation.not_found");
    world.when(accept(1)).then(&["PasswordSet"]);
    assert_eq!(world.user("ada").password, Some(PasswordHash::new("$argon2id$chosen")));
    world.when(accept(1)).refused("invitation.not_found");
}

#[test]
fn whoever_has_the_code_acts_as_themselves_and_may_do_nothing_else() {
    let mut world = world();
    world.given(onboard(&["bob"], None));
    world.given(invite("ada", 1));
    let guest = |login| Principal { actor: Actor::User(world.id(login)), via: Via::Invitation, address: None };
    let (ada, bob) = (guest("ada"), guest("bob"));
    assert_eq!(world.ask(&ada, &accept(1)), Ok(()));
    for command in [set_password("ada"), invite("ada", 2), delete_users(&["ada"])] {
        assert_eq!(world.ask(&ada, &command), Err(Denied::Role));
    }
    let signed_in = Principal { via: Via::Session { since: world.cluster.at().position }, ..ada.clone() };
    assert_eq!(world.ask(&signed_in, &accept(1)), Err(Denied::Role));
    let nobody = Principal { actor: Actor::User(UserId(Uuid::from_u128(7))), ..ada.clone() };
    assert_eq!(world.ask(&nobody, &accept(1)), Err(Denied::Unknown));
    world.asker = bob;
    world.when(accept(1)).refused("invitation.not_found");
    world.asker = ada.clone();
    world.when(accept(1)).then(&["PasswordSet"]);
    assert_eq!(world.log.last().map(|recorded| &recorded.actor), Some(&ada.actor));
}

#[test]
fn newcomers_are_invited_as_they_are_on_boarded() {
    let mut world = world();
    let entry = Some(Entry::Invitation(TokenHash([3; 32])));
    let newcomers = vec![Newcomer { entry, ..Newcomer::new(w("bob")) }];
    let onboarded = user::Command::Onboard { newcomers, group: None, role: Role::DataScientist };
    world.when(Command::User(onboarded)).then(&["UserOnboarded", "UserInvited"]);
    world.asker = Principal::SYSTEM;
    world.when(accept(3)).then(&["PasswordSet"]);
}

#[test]
fn an_invitation_ends() {
    let mut world = world();
    world.given(invite("ada", 1));
    let until = world.user("ada").invitation.as_ref().unwrap().until;
    assert_eq!(until, world.now.plus_seconds(WEEK));
    world.asker = Principal::SYSTEM;
    world.now = until.plus_seconds(-2);
    world.clone().when(accept(1)).then(&["PasswordSet"]);
    world.now = until.plus_seconds(-1);
    world.when(accept(1)).refused("invitation.not_found");
}

#[test]
fn a_later_one_a_password_a_suspension_and_a_deletion_end_it() {
    for ending in [invite("ada", 2), set_password("ada"), suspend("ada", true), delete_users(&["ada"])] {
        let mut world = world();
        world.given(invite("ada", 1));
        world.given(ending);
        world.asker = Principal::SYSTEM;
        world.when(accept(1)).refused("invitation.not_found");
    }
}

#[test]
fn whoever_is_shut_out_is_not_invited() {
    let mut world = world();
    world.given(suspend("ada", true));
    world.when(invite("ada", 1)).refused("user.is_suspended");
}

#[test]
fn whoever_remains_needs_none() {
    world().when(invite("operator", 1)).refused("user.break_glass");
}
