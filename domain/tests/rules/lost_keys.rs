//! Keys that were lost and given up: what was sealed under them is not there any more, and everything goes on without it.
use crate::{
    harness::World,
    snapshots::assert_survives,
    words::{
        GO_BACK, activate, github, identity, link, new_credentials, onboard, onboard_there, propose, rename, set_login,
        set_password, w,
    },
};
use domain::{
    Cluster, Command, Login, Principal, Timestamp,
    backend::Secret,
    stored::{Owner, testing::TestVault},
};

const GIVEN_UP: Timestamp = Timestamp::from_micros(1_772_366_500_000_000);

/// The world as a server finds it that starts with new keys.
fn without_keys(mut world: World) -> World {
    let vault = TestVault::new();
    let bytes = world.cluster.to_snapshot(&vault).expect("a cluster can be written");
    vault.give_up(Owner::Cluster);
    world.cluster.users().keys().for_each(|user| vault.give_up(Owner::User(*user)));
    world.cluster = Cluster::from_snapshot(&bytes, &vault).expect("what is sealed under lost keys is passed over");
    world
}

fn called(world: &World, login: &str) -> String {
    Login::unreadable(world.id(login)).as_str().to_owned()
}

#[test]
fn it_is_told_once() {
    let mut world = World::founded();
    let tell = |at| Command::GiveUpKeys { at, users: 3 };
    assert_eq!(world.cluster.keys_lost(), None);
    world.when(tell(GIVEN_UP)).then(&["KeysLost"]);
    world.when(tell(GIVEN_UP)).nothing();
    assert_eq!(world.cluster.keys_lost(), Some(GIVEN_UP));
    // Another time is another loss, also one before: a clock may have gone back.
    for seconds in [-1, 1] {
        world.clone().when(tell(GIVEN_UP.plus_seconds(seconds))).then(&["KeysLost"]);
    }
    let ask = |who: &Principal| world.ask(who, &tell(GIVEN_UP));
    assert!(ask(&Principal::SYSTEM).is_ok() && ask(&world.session("operator")).is_err());
}

#[test]
fn who_is_unreadable_is_somebody_still_and_gets_another_login() {
    let mut world = World::founded();
    world.given(onboard(&["ada", "bob"], None));
    world.given(set_password("ada"));
    let (ada, gone) = (world.id("ada"), called(&world, "ada"));
    let mut world = without_keys(world);
    assert_eq!((world.id(&gone), &world.user(&gone).password), (ada, &None));
    assert_survives(&world.cluster);
    world.when(set_login(&gone, &Login::unreadable(world.id(&gone)).to_string())).nothing();
    world
        .when(set_login(&gone, &format!("unreadable-{}", domain::UserId(uuid::Uuid::nil()))))
        .refused("request.malformed");
    world.when(onboard(&[&format!("unreadable-{}", uuid::Uuid::nil())], None)).refused("request.malformed");
    world.given(onboard(&["cyd"], None));
    world.when(set_login(&gone, "cyd")).refused("user.login_taken");
    world.when(set_login(&gone, "ada")).then(&["LoginChanged"]);
    assert_eq!(world.id("ada"), ada);
    world.when(set_login("ada", "lovelace")).refused("user.login_readable");
    world.when(set_login("ada", "ada")).nothing();
    world.when(set_password("ada")).then(&["PasswordSet"]);
}

#[test]
fn the_provider_is_known_its_secret_is_not_and_its_people_are_linked_anew() {
    let mut world = World::founded();
    world.given(propose(github(), "boss", None));
    world.given(activate(world.position(), identity(&github().realm(), 1), "boss"));
    world.given(onboard_there(&github(), 2, "ada"));
    let gone = called(&world, "ada");
    let mut world = without_keys(world);
    let secret = |world: &World| world.cluster.sign_in().provider.as_ref().map(|it| it.client_secret().clone());
    assert_eq!(secret(&world), Some(Secret::UNREADABLE));
    assert_survives(&world.cluster);
    world.when(new_credentials(1)).then(&["CredentialsUpdated"]);
    assert!(secret(&world).is_some_and(|secret| secret.reveal().is_some()));
    let there = identity(&github().realm(), 2);
    world.when(link(&gone, there.clone(), &gone)).refused("request.malformed");
    world.when(link(&gone, there, "ada")).then(&["UserLinked", "LoginChanged"]);
    let id = world.id("ada");
    world.when(rename(id, &gone)).refused("request.malformed");
    assert!(world.user("ada").identity.is_some());
    world.asker = world.session_of(world.cluster.users().values().find(|user| user.break_glass).expect("one").id);
    world.when(GO_BACK).then(&["AuthBackendActivated"]);
}

#[test]
fn a_proposal_whose_operator_is_unreadable_is_proven_by_nobody_and_proposed_anew() {
    let mut world = World::founded();
    world.given(propose(github(), "boss", None));
    let revision = world.position();
    let vault = TestVault::new();
    let bytes = world.cluster.to_snapshot(&vault).expect("a cluster can be written");
    let operator = world.cluster.sign_in().proposal.as_ref().expect("it is proposed").operator;
    vault.give_up(Owner::User(operator));
    world.cluster = Cluster::from_snapshot(&bytes, &vault).expect("it can be read");
    let login = world.cluster.sign_in().proposal.as_ref().expect("it is proposed").login.clone();
    assert_eq!(login, Login::unreadable(operator));
    assert_survives(&world.cluster);
    let posing = activate(revision, identity(&github().realm(), 1), login.as_str());
    world.when(posing).refused("request.malformed");
    world.when(propose(github(), "boss", None)).then(&["AuthBackendProposed"]);
    assert_eq!(w::<Login>("boss"), world.cluster.sign_in().proposal.as_ref().expect("it is proposed").login);
}
