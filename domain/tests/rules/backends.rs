//! Where people sign in: proposed, proven, and the way back.
use crate::{
    harness::World,
    words::{
        GO_BACK, activate, delete_users, erase, github, identity, issue, link, new_credentials, oidc_provider, onboard,
        onboard_there, propose, rename, set_password, set_role, suspend, w,
    },
};
use domain::{
    Command, Denied, Event, Principal, Role, Subject, Via, Warning, access,
    backend::{self, BackendKind, Credentials, Identity},
    token::Scope,
    user,
};

/// Who has this number at GitHub.
fn at_github(n: u8) -> Identity {
    identity(&github().realm(), n)
}

/// With Ada, who signs in here.
fn local() -> World {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    world
}

/// GitHub is active, and `boss` (number 1 there) its operator.
fn switched() -> World {
    let mut world = local();
    world.given(propose(github(), "boss", None));
    let proposal = world.position();
    world.given(activate(proposal, at_github(1), "boss"));
    world
}

fn sign_in() -> Command {
    Command::Access(access::Command::SignIn)
}

#[test]
fn a_proposal_changes_nothing_for_who_signs_in() {
    let mut world = local();
    let ada = world.session("ada");
    world.when(propose(github(), "boss", None)).then(&["AuthBackendProposed"]);
    assert_eq!(world.cluster.sign_in().kind(), BackendKind::Local);
    assert_eq!(world.ask(&ada, &sign_in()), Ok(()));
    world.when(propose(github(), "boss", None)).nothing();
    world.when(propose(oidc_provider(), "boss", None)).then(&["AuthBackendProposed"]);
    world.when(GO_BACK).then(&["AuthBackendProposalWithdrawn"]);
    world.when(GO_BACK).nothing();
}

#[test]
fn its_operator_proves_it_and_is_one_from_then_on() {
    let mut world = local();
    world.given(propose(github(), "boss", None));
    let proposal = world.position();
    world.when(activate(proposal, at_github(1), "mallory")).refused("auth.not_the_operator");
    world.when(activate(proposal, identity(&oidc_provider().realm(), 1), "boss")).refused("auth.not_the_operator");
    let facts = ["AuthBackendActivated", "UserOnboarded", "UserLinked", "UserAddedToGroup"];
    world.when(activate(proposal, at_github(1), "boss")).then(&facts);
    let boss = world.user("boss");
    assert_eq!((boss.role, boss.break_glass, boss.identity.as_ref()), (Role::Operator, false, Some(&at_github(1))));
    assert_eq!(world.cluster.sign_in().provider, Some(github()));
    world.when(activate(proposal, at_github(1), "boss")).refused("auth.proposal_gone");
}

#[test]
fn what_was_proven_is_what_stands() {
    let mut world = local();
    world.given(propose(github(), "boss", None));
    let proposal = world.position();
    world.given(propose(oidc_provider(), "boss", None));
    world.when(activate(proposal, at_github(1), "boss")).refused("auth.proposal_gone");
}

#[test]
fn a_switch_ends_what_everybody_came_in_with_but_the_one_who_remains() {
    let mut world = local();
    let (ada, operator) = (world.session("ada"), world.session("operator"));
    world.asker = ada.clone();
    world.given(issue("ci", Scope::Read, 1));
    world.asker = operator.clone();
    world.given(issue("ops", Scope::Read, 1));
    world.given(propose(github(), "boss", None));
    let proposal = world.position();
    world.given(activate(proposal, at_github(1), "boss"));
    assert_eq!(world.ask(&ada, &sign_in()), Err(Denied::Unknown));
    assert_eq!(world.ask(&operator, &sign_in()), Ok(()));
    assert_eq!(world.user("ada").tokens.len(), 0);
    assert_eq!(world.user("operator").tokens.len(), 1);
    // Ada is on record, and no password of hers opens anything.
    assert_eq!(world.ask(&world.session("ada"), &sign_in()), Err(Denied::OtherBackend));
    assert_eq!(world.ask(&world.session("boss"), &sign_in()), Ok(()));
}

#[test]
fn a_switch_links_nobody_silently() {
    let mut world = local();
    world.when(propose(github(), "ada", None)).refused("user.login_taken");
    world.when(propose(github(), "boss", Some("operator"))).refused("user.break_glass");
    let ada = world.id("ada");
    world.given(suspend("ada", true));
    world.when(propose(github(), "octo-ada", Some("ada"))).refused("user.is_suspended");
    world.given(suspend("ada", false));
    world.given(propose(github(), "octo-ada", Some("ada")));
    let proposal = world.position();
    let facts = ["AuthBackendActivated", "UserLinked", "LoginChanged", "RoleChanged"];
    world.when(activate(proposal, at_github(1), "octo-ada")).then(&facts);
    assert_eq!(world.id("octo-ada"), ada, "whose history goes on");
}

#[test]
fn whoever_the_provider_knows_already_is_the_same_user() {
    let mut world = switched();
    let boss = world.id("boss");
    world.asker = world.session("operator");
    world.given(GO_BACK);
    world.given(propose(github(), "chief", None));
    let proposal = world.position();
    world.when(activate(proposal, at_github(1), "chief")).then(&["AuthBackendActivated", "LoginChanged"]);
    assert_eq!(world.id("chief"), boss);
}

#[test]
fn whoever_remains_goes_back_with_a_password_alone() {
    let mut world = switched();
    world.asker = world.session("boss");
    world.when(GO_BACK).refused("auth.unproven");
    let operator = world.session("operator");
    world.asker = operator.clone();
    world.given(issue("ops", Scope::Full, 1));
    let token = *world.user("operator").tokens.first().unwrap();
    let by_token = Principal { via: Via::Token(token), ..operator };
    assert_eq!(world.ask(&by_token, &GO_BACK), Err(Denied::SessionNeeded));
    world.when(GO_BACK).then(&["AuthBackendActivated"]);
    assert_eq!(world.ask(&world.session("ada"), &sign_in()), Ok(()));
    assert_eq!(world.ask(&world.session("boss"), &sign_in()), Err(Denied::OtherBackend));
}

#[test]
fn users_are_on_boarded_as_the_active_backend_knows_them() {
    let mut world = switched();
    world.when(onboard(&["bob"], None)).refused("user.other_backend");
    world.when(onboard_there(&oidc_provider(), 2, "bob")).refused("user.other_backend");
    world.when(onboard_there(&github(), 1, "bob")).refused("user.exists");
    world.when(onboard_there(&github(), 2, "bob")).then(&["UserOnboarded", "UserLinked"]);
    let there = |n, login: &str| user::Newcomer::of(w(login), at_github(n));
    let newcomers = vec![there(3, "cyd"), there(3, "dan")];
    let twice = user::Command::Onboard { newcomers, group: None, role: Role::DataScientist };
    world.when(Command::User(twice)).refused("request.malformed");
    world.when(set_password("bob")).refused("auth.no_password");
    world.given(set_password("operator"));
}

#[test]
fn a_user_of_an_earlier_backend_is_linked_by_an_operator() {
    let mut world = switched();
    world.when(link("ada", identity(&oidc_provider().realm(), 2), "ada")).refused("user.other_backend");
    world.when(link("ada", at_github(1), "octo-ada")).refused("user.login_taken");
    world.when(link("ada", at_github(2), "boss")).refused("user.login_taken");
    world.when(link("operator", at_github(2), "root")).refused("user.break_glass");
    world.when(link("ada", at_github(2), "octo-ada")).then(&["UserLinked", "LoginChanged"]);
    world.when(link("octo-ada", at_github(2), "octo-ada")).nothing();
    assert_eq!(world.ask(&world.session("octo-ada"), &sign_in()), Ok(()));
}

#[test]
fn a_login_follows_its_user_and_takes_no_other_ones() {
    let mut world = switched();
    world.given(onboard_there(&github(), 2, "bob"));
    let bob = world.id("bob");
    world.when(rename(bob, "boss")).refused("user.login_taken");
    world.when(rename(bob, "bob")).nothing();
    world.when(rename(bob, "robert")).then(&["LoginChanged"]);
    assert_eq!(world.id("robert"), bob);
    // The login is free for somebody else, who is another user.
    world.given(onboard_there(&github(), 3, "bob"));
    assert_ne!(world.id("bob"), bob);
    let ada = world.id("ada");
    world.when(rename(ada, "ada2")).refused("user.other_backend");
}

#[test]
fn credentials_are_replaced_and_what_they_are_for_stays() {
    let mut world = local();
    world.when(new_credentials(1)).refused("auth.no_credentials");
    let mut world = switched();
    let ada = world.session("boss");
    world.when(new_credentials(1)).then(&["CredentialsUpdated"]);
    world.when(new_credentials(1)).nothing();
    assert_eq!(world.ask(&ada, &sign_in()), Ok(()), "nobody has to sign in anew");
    let told = world.log.last().unwrap();
    assert!(!serde_json::to_string(&told.event).unwrap().contains("secret-1"));
    let Event::Backend(backend::Event::CredentialsUpdated { client_secret, directory_token, .. }) = &told.event else {
        panic!("{told:?}")
    };
    assert!(*client_secret && !directory_token);
}

#[test]
fn whoever_was_only_proposed_can_be_erased_and_who_is_deleted_is_proposed_no_more() {
    let mut world = local();
    world.given(propose(github(), "boss", None));
    let proposed = world.cluster.sign_in().proposal.as_ref().unwrap().operator;
    world.when(erase(proposed)).refused("user.not_found");
    world.given(propose(github(), "octo-ada", Some("ada")));
    world.when(erase(proposed)).then(&["UserErased"]);
    world.when(delete_users(&["ada"])).then(&["AuthBackendProposalWithdrawn", "UserDeleted"]);
}

#[test]
fn its_history_is_the_backends_and_its_operators() {
    let world = switched();
    let boss = Subject::User(world.id("boss"));
    let of = |name: &str| world.log.iter().find(|told| told.event.name() == name).unwrap().subjects.clone();
    assert_eq!(of("AuthBackendProposed"), [Subject::Backend, boss.clone()]);
    assert_eq!(of("AuthBackendActivated"), [Subject::Backend, boss]);
    assert!(world.cluster.revision(&Subject::Backend) > local().cluster.revision(&Subject::Backend));
}

#[test]
fn a_login_that_changed_hands_proves_nothing() {
    let mut world = switched();
    world.given(onboard_there(&github(), 2, "bob"));
    world.asker = world.session("operator");
    // The same place with another client: whoever is called so there is somebody else by now.
    world.given(GO_BACK);
    world.given(propose(github(), "boss", None));
    let proposal = world.position();
    world.when(activate(proposal, at_github(9), "boss")).refused("user.identity_changed");
    world.when(activate(proposal, at_github(2), "boss")).refused("user.identity_changed");
    world.when(activate(proposal, at_github(1), "boss")).then(&["AuthBackendActivated"]);
}

#[test]
fn whoever_a_proposal_says_it_is_it_is_and_nobody_else() {
    let mut world = switched();
    world.asker = world.session("operator");
    world.given(GO_BACK);
    world.given(propose(github(), "chief", Some("ada")));
    let proposal = world.position();
    world.when(activate(proposal, at_github(1), "chief")).refused("user.login_taken");
    // Taken back, it links nobody.
    world.when(propose(github(), "chief", None)).then(&["AuthBackendProposed"]);
    let proposal = world.position();
    world.given(activate(proposal, at_github(2), "chief"));
    assert_ne!(world.id("chief"), world.id("ada"));
}

#[test]
fn whoever_may_do_less_is_proposed_no_more() {
    for lessened in [suspend("ada", true), set_role("ada", Role::DataScientist)] {
        let mut world = local();
        world.given(set_role("ada", Role::Auditor));
        world.given(propose(github(), "octo-ada", Some("ada")));
        let proposal = world.position();
        world.given(lessened);
        world.when(activate(proposal, at_github(1), "octo-ada")).refused("auth.proposal_gone");
    }
}

#[test]
fn whoever_is_linked_anew_keeps_no_token() {
    let mut world = switched();
    world.given(onboard_there(&github(), 2, "bob"));
    world.asker = world.session("bob");
    world.given(issue("ci", Scope::Full, 9));
    world.asker = world.session("operator");
    world.given(link("bob", at_github(3), "bob"));
    assert_eq!(world.user("bob").tokens.len(), 0);
}

#[test]
fn the_password_of_whoever_remains_is_theirs_alone() {
    let mut world = switched();
    world.asker = world.session("boss");
    world.when(set_password("operator")).refused("user.break_glass");
    world.asker = Principal::SYSTEM;
    world.given(set_password("operator"));
    world.asker = world.session("operator");
    world.given(set_password("operator"));
}

#[test]
fn another_client_of_an_openid_provider_is_proven_anew() {
    let mut world = local();
    world.given(propose(oidc_provider(), "boss", None));
    let proposal = world.position();
    world.given(activate(proposal, identity(&oidc_provider().realm(), 1), "boss"));
    let credentials = Credentials { client_id: Some(w("other")), ..Credentials::default() };
    world.when(Command::Backend(backend::Command::UpdateCredentials(credentials))).refused("request.malformed");
}

#[test]
fn who_proposes_and_who_proves_is_told_how_many_have_to_be_linked() {
    let mut world = local();
    world.given(onboard(&["bob", "carl"], None));
    // Ada is said to be its operator; the break-glass operator is known under every backend.
    let left = [Warning::UsersNotLinked { users: 2 }];
    assert_eq!(world.when(propose(github(), "ada", Some("ada"))).warnings, left);
    let proposal = world.position();
    assert_eq!(world.when(activate(proposal, at_github(1), "ada")).warnings, left);
    world.asker = world.session("operator");
    assert_eq!(
        world.when(GO_BACK).warnings,
        [Warning::UsersNotLinked { users: 1 }],
        "whoever was never linked is known"
    );
}
