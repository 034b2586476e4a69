//! What is told of those who try: who may not is told of as well, and nothing but the last sign-in changes by it.
use crate::{
    harness::World,
    words::{create_pool, delete_users, erase, onboard, set_password, suspend, w},
};
use domain::{
    Actor, Command, Denied, Event, Principal, Refusal, Rejection, Subject, UserId, Via,
    access::{self, Event as Attempt},
};
use uuid::Uuid;

const fn told(attempt: access::Command) -> Command {
    Command::Access(attempt)
}

fn deny() -> Command {
    told(access::Command::Deny { operation: "POST /v1/pools".into(), code: "auth.forbidden".into() })
}

fn fail(user: Option<UserId>) -> Command {
    told(access::Command::FailSignIn { user, code: "auth.failed".into() })
}

#[test]
fn a_sign_in_is_remembered_of_the_user_and_configures_nothing() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    let revision = world.user("ada").revision;
    assert_eq!(world.user("ada").signed_in_at, None);
    world.asker = world.session("ada");
    world.when(told(access::Command::SignIn)).then(&["SignedIn"]);
    assert_eq!(world.user("ada").signed_in_at, Some(world.now));
    assert_eq!(world.user("ada").revision, revision);
    world.asker = world.session("operator");
    let outcome = world.when(told(access::Command::SignIn));
    let user = world.id("operator");
    assert_eq!(outcome.result, Ok(vec![Event::Access(Attempt::SignedIn { user, break_glass: true })]));
}

#[test]
fn who_is_suspended_meanwhile_did_not_sign_in() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    world.given(suspend("ada", true));
    let ada = world.session("ada");
    assert_eq!(world.ask(&ada, &told(access::Command::SignIn)), Err(Denied::Suspended));
}

#[test]
fn who_has_another_password_by_now_did_not_sign_in_with_the_old_one() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    let before = world.session("ada");
    assert_eq!(world.ask(&before, &told(access::Command::SignIn)), Ok(()));
    world.given(set_password("ada"));
    assert_eq!(world.ask(&before, &told(access::Command::SignIn)), Err(Denied::Unknown));
    assert_eq!(world.ask(&before, &deny()), Ok(()));
}

#[test]
fn a_failed_sign_in_is_of_the_user_whose_login_was_given_or_of_nobody() {
    let mut world = World::founded();
    let operator = world.id("operator");
    world.asker = Principal::SYSTEM;
    let failed = |user| Ok(vec![Event::Access(Attempt::SignInFailed { user, code: "auth.failed".into() })]);
    assert_eq!(world.when(fail(Some(operator))).result, failed(Some(operator)));
    assert_eq!(world.when(fail(Some(UserId(Uuid::from_u128(7))))).result, failed(None));
    assert_eq!(world.when(fail(None)).result, failed(None));
    world.asker = world.session("operator");
    world.given(onboard(&["ada"], None));
    let ada = world.id("ada");
    world.given(delete_users(&["ada"]));
    assert_eq!(world.when(fail(Some(ada))).result, failed(Some(ada)), "it goes with them");
    world.given(erase(ada));
    assert_eq!(world.when(fail(Some(ada))).result, failed(None), "they are gone");
    world.log.truncate(world.log.len() - 5);
    let subjects: Vec<_> = world.log.iter().rev().take(3).map(|recorded| recorded.subjects.clone()).collect();
    assert_eq!(subjects, [vec![Subject::Cluster], vec![Subject::Cluster], vec![Subject::User(operator)]]);
}

#[test]
fn what_was_refused_is_told_of_who_may_not_and_never_of_an_agent_or_of_nobody() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    world.given(suspend("ada", true));
    let ada = world.session("ada");
    assert_eq!(world.ask(&ada, &deny()), Ok(()));
    let agent = Principal { actor: Actor::Agent(w("node-a")), via: Via::Internal, address: None };
    assert_eq!(world.ask(&agent, &deny()), Err(Denied::Role));
    let nobody = Principal { actor: Actor::User(UserId(Uuid::nil())), ..ada.clone() };
    assert_eq!(world.ask(&nobody, &deny()), Err(Denied::Unknown));
    world.asker = Principal::SYSTEM;
    assert!(matches!(world.when(deny()).result, Err(Rejection::Malformed(_))));
    world.asker = ada;
    world.when(deny()).then(&["AccessDenied"]);
    let long = told(access::Command::Deny { operation: "x".repeat(129).into(), code: "c".into() });
    assert!(matches!(world.when(long).result, Err(Rejection::Malformed(_))));
}

#[test]
fn what_a_refused_command_was_about_and_why_is_bounded() {
    let world = World::founded();
    let user = world.id("operator");
    let refusal = Refusal { detail: "é".repeat(1000), ..Refusal::from(&Rejection::PoolIsDefault) };
    let about: Vec<Subject> = (0..99).map(|n| Subject::Pool(w(&format!("pool-{n}")))).collect();
    let name = create_pool("vision", &[]).name();
    let Attempt::Rejected { about, detail, command, code, .. } = Attempt::rejected(user, name, &refusal, about) else {
        panic!()
    };
    assert_eq!((about.len(), detail.len(), &*command, &*code), (8, 512, "pool.create", "pool.default"));
}
