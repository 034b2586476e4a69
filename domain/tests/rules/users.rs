use crate::{
    harness::{World, found},
    words::NO_USER,
    words::{
        create_group, delete_users, erase, finish, issue, observe, observe_end, onboard, onboard_as, set_password,
        set_role, start, suspend, w,
    },
};
use domain::{
    Command, Denied, Event, GroupName, Login, Rejection, Role, Subject, Warning,
    token::Scope,
    user::{self, Newcomer, PasswordHash},
};

#[test]
fn many_are_on_boarded_at_once_into_one_group() {
    let mut world = World::founded();
    world.when(onboard(&["ada", "bob"], Some("default"))).then(&[
        "UserOnboarded",
        "UserAddedToGroup",
        "UserOnboarded",
        "UserAddedToGroup",
    ]);
    assert_eq!(world.user("ada").group, Some(GroupName::default_group()));
    assert_ne!(world.id("ada"), world.id("bob"));
    world.when(onboard(&["cyd"], None)).then(&["UserOnboarded"]);
    assert_eq!(world.user("cyd").group, None);
    world.when(onboard(&["dan"], Some("nowhere"))).refused_for(&Rejection::NotFound(Subject::Group(w("nowhere"))));
}

#[test]
fn all_but_the_first_are_what_the_command_says_and_not_break_glass() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    world.given(onboard_as(&["aud"], None, Role::Auditor));
    assert_eq!((world.user("ada").role, world.user("ada").break_glass), (Role::DataScientist, false));
    assert_eq!(world.user("aud").role, Role::Auditor);
}

#[test]
fn a_first_password_comes_with_the_newcomer() {
    let mut world = World::founded();
    let hash = PasswordHash::new("$argon2id$first");
    let newcomers = vec![Newcomer::with_password(w("ada"), hash.clone())];
    let command = user::Command::Onboard { newcomers, group: None, role: Role::DataScientist };
    world.when(Command::User(command)).then(&["UserOnboarded", "PasswordSet"]);
    assert_eq!(world.user("ada").password, Some(hash));
    world.when(set_password("ada")).then(&["PasswordSet"]);
    world.when(set_password("eve")).refused_for(&Rejection::UnknownLogin(0));
}

#[test]
fn all_are_on_boarded_or_none() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    let known = world.id("ada");
    world.when(onboard(&["bob", "ada"], None)).refused_for(&Rejection::UserExists { users: vec![known] });
    assert_eq!(world.cluster.user_by_login(&w("bob")), None);
    world.when(onboard(&["bob", "bob"], None)).refused("request.malformed");
    // Logins do not tell case apart.
    world.when(onboard(&["bob", "BOB"], None)).refused("request.malformed");
    world.when(onboard(&[], None)).refused("request.malformed");
}

#[test]
fn on_boarding_keeps_to_the_events_that_a_command_may_record() {
    let mut world = World::founded();
    world.limits.events_per_command = 4;
    world.given(onboard(&["ada", "bob"], Some("default")));
    world
        .when(onboard(&["cyd", "dan", "eli"], Some("default")))
        .refused_for(&Rejection::TooManyEvents { would: 6, limit: 4 });
    world
        .when(onboard(&["a1", "a2", "a3", "a4", "a5"], None))
        .refused_for(&Rejection::TooManyEvents { would: 5, limit: 4 });
}

#[test]
fn roles_change_and_a_repeat_is_harmless() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    let user = world.id("ada");
    world.when(set_role("ada", Role::Operator)).exactly(&[Event::User(user::Event::RoleChanged {
        user,
        from: Role::DataScientist,
        role: Role::Operator,
    })]);
    world.when(set_role("ada", Role::Operator)).nothing();
    world.when(set_role("ada", Role::DataScientist)).then(&["RoleChanged"]);
    world.when(set_role("eve", Role::Operator)).refused_for(&Rejection::UnknownLogin(0));
}

#[test]
fn there_is_always_an_operator_who_can_sign_in() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    let last = Rejection::LastOperator { user: world.id("operator") };
    world.when(set_role("operator", Role::Auditor)).refused_for(&last);
    world.when(suspend("operator", true)).refused_for(&last);
    world.when(delete_users(&["operator"])).refused_for(&last);
    world.when(delete_users(&["ada", "operator"])).refused_for(&last);
    // One who is shut out does not count.
    world.given(onboard_as(&["ops"], None, Role::Operator));
    world.given(suspend("ops", true));
    world.when(delete_users(&["operator"])).refused_for(&last);
    world.given(suspend("ops", false));
    world.when(delete_users(&["operator", "ops"])).refused_for(&last);
}

#[test]
fn the_break_glass_operator_stays_an_operator() {
    let mut world = World::founded();
    world.given(onboard_as(&["ops"], None, Role::Operator));
    let refusal = Rejection::BreakGlass { user: world.id("operator") };
    world.when(delete_users(&["operator"])).refused_for(&refusal);
    world.when(set_role("operator", Role::DataScientist)).refused_for(&refusal);
    world.when(suspend("operator", true)).refused_for(&refusal);
    // The others may go, down to that one.
    world.given(set_role("ops", Role::DataScientist));
    world.given(delete_users(&["ops"]));
}

#[test]
fn many_are_deleted_at_once_all_or_none() {
    let mut world = World::founded();
    world.given(onboard(&["ada", "bob"], Some("default")));
    world.when(delete_users(&["ada", "eve"])).refused_for(&Rejection::UnknownLogin(1));
    world.when(delete_users(&["ada", "ada"])).refused("request.named_twice");
    world.when(delete_users(&[])).refused("request.malformed");
    world.when(delete_users(&["ada", "bob"])).then(&[
        "UserRemovedFromGroup",
        "UserDeleted",
        "UserRemovedFromGroup",
        "UserDeleted",
    ]);
    world.when(delete_users(&["ada"])).refused_for(&Rejection::UnknownLogin(0));
}

#[test]
fn a_user_with_a_job_is_not_deleted() {
    let mut world = World::with_fleet();
    world.given(onboard(&["ada", "bob"], Some("default")));
    world.given(start("ada", 1));
    let (ada, job) = (world.id("ada"), world.last_job());
    let busy = Rejection::UserBusy { users: vec![ada], jobs: vec![job] };
    assert_eq!(busy.refs(), [Subject::User(ada), Subject::Job(job)]);
    world.when(delete_users(&["bob", "ada"])).refused_for(&busy);
    world.ended(job);
    world.given(delete_users(&["bob", "ada"]));
}

#[test]
fn a_user_whose_job_was_only_seen_is_not_deleted() {
    let mut world = World::with_fleet();
    world.given(onboard(&["ada"], None));
    let ada = world.id("ada");
    world.given(observe("process/node-a/1", Some(ada), &[1]));
    let job = world.last_job();
    world.when(delete_users(&["ada"])).refused_for(&Rejection::UserBusy { users: vec![ada], jobs: vec![job] });
    world.given(observe_end("process/node-a/1"));
    world.given(delete_users(&["ada"]));
}

#[test]
fn a_login_that_was_deleted_may_come_back_as_somebody_else() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    let before = world.id("ada");
    world.given(delete_users(&["ada"]));
    world.given(onboard(&["ada"], None));
    assert_ne!(world.id("ada"), before);
    assert!(world.cluster.is_former(before) && !world.cluster.is_former(world.id("ada")));
}

#[test]
fn somebody_with_a_running_job_can_be_shut_out() {
    let mut world = World::with_fleet();
    world.given(onboard(&["ada"], Some("default")));
    world.given(start("ada", 1));
    let (who, user, job) = (world.session("ada"), world.id("ada"), world.last_job());
    world.when(suspend("ada", true)).then(&["UserSuspended"]);
    world.when(suspend("ada", true)).nothing();
    assert_eq!(world.ask(&who, &finish(job)), Err(Denied::Suspended));
    assert!(world.cluster.job(job).is_some(), "the job stays");
    world.when(start("ada", 1)).refused_for(&Rejection::UserSuspended { user });
    world.ended(job);
    world.when(suspend("ada", false)).then(&["UserReinstated"]);
    assert_eq!(world.ask(&who, &start("ada", 1)), Err(Denied::Unknown), "that session is over");
    assert_eq!(world.ask(&world.session("ada"), &start("ada", 1)), Ok(()));
    world.given(start("ada", 1));
}

#[test]
fn the_tokens_of_one_who_is_shut_out_are_gone_for_good() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    world.asker = world.session("ada");
    world.given(issue("ci", Scope::Full, 10));
    world.asker = world.session("operator");
    assert_eq!(world.cluster.tokens().len(), 1);
    world.given(suspend("ada", true));
    assert_eq!(world.cluster.tokens().len(), 0);
    world.given(suspend("ada", false));
    assert_eq!(world.cluster.tokens().len(), 0);
}

#[test]
fn several_changes_of_one_user_are_one_command() {
    let mut world = World::founded();
    world.given(create_group("research", &[], None));
    world.given(onboard(&["ada"], Some("default")));
    let command = user::Command::Change {
        login: w("ada"),
        role: Some(Role::Auditor),
        group: Some(Some(w("research"))),
        suspended: Some(true),
    };
    world.when(Command::User(command.clone())).then(&[
        "RoleChanged",
        "UserSuspended",
        "UserRemovedFromGroup",
        "UserAddedToGroup",
    ]);
    world.when(Command::User(command)).nothing();
}

#[test]
fn only_a_deleted_users_data_is_destroyed_and_once() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    let user = world.id("ada");
    world.when(erase(user)).refused_for(&Rejection::NotDeleted { user });
    world.given(delete_users(&["ada"]));
    assert!(!world.cluster.is_erased(user));
    world.when(erase(user)).exactly(&[Event::User(user::Event::Erased { user })]);
    assert!(world.cluster.is_erased(user));
    assert!(world.cluster.erased().eq([user]));
    world.when(erase(user)).nothing();
    world.when(erase(NO_USER)).refused_for(&Rejection::NotFound(Subject::User(NO_USER)));
}

#[test]
fn what_is_erased_says_only_that_it_is() {
    let user = World::founded().id("operator");
    let erased = Login::erased(user);
    assert_eq!(erased.as_str(), format!("erased-{user}"));
    assert!(erased.as_str().parse::<Login>().is_err(), "nobody is on-boarded under it");
}

#[test]
fn no_event_of_a_user_shows_a_login_or_a_hash_when_it_is_published() {
    let mut world = World::empty();
    let operator = Newcomer::with_password(w("grace"), PasswordHash::new("$argon2id$first"));
    let Command::Found { cluster, demonstration, .. } = found() else { unreachable!("it founds") };
    world.given(Command::Found { cluster, demonstration, operator });
    let published = serde_json::to_string(&world.log.iter().map(|r| &r.event).collect::<Vec<_>>()).expect("JSON");
    assert!(!published.contains("grace") && !published.contains("argon2id"), "{published}");
    let debug = format!("{:?}", world.user("grace").password);
    assert!(!debug.contains("argon2id"), "{debug}");
}

#[test]
fn a_promotion_warns_of_tokens_that_stay_behind() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    let ada = world.id("ada");
    assert_eq!(world.when(set_role("ada", Role::Auditor)).warnings, [], "there is no token");
    world.asker = world.session("ada");
    world.given(issue("laptop", Scope::Full, 30));
    world.asker = world.session("operator");
    assert_eq!(world.when(set_role("ada", Role::Operator)).warnings, [Warning::TokensKeepRole { user: ada }]);
    assert_eq!(world.when(set_role("ada", Role::Auditor)).warnings, [], "it is no more than the token has");
    assert_eq!(world.when(set_role("ada", Role::DataScientist)).warnings, [], "the token ends");
    world.asker = world.session("ada");
    world.given(issue("laptop", Scope::Full, 30));
    world.asker = world.session("operator");
    assert_eq!(world.when(set_role("ada", Role::Auditor)).warnings, [], "it ends here too, and keeps nothing");
}

#[test]
fn a_demotion_lowers_tokens_and_no_promotion_raises_them() {
    let mut world = World::founded();
    world.given(onboard_as(&["ada"], None, Role::Operator));
    world.asker = world.session("ada");
    world.given(issue("laptop", Scope::Full, 30));
    world.asker = world.session("operator");
    let roles = [
        (Role::Auditor, Some(Role::Auditor)),
        (Role::Operator, Some(Role::Auditor)),
        (Role::DataScientist, None),
        (Role::Auditor, None),
    ];
    for (role, left) in roles {
        world.given(set_role("ada", role));
        let has: Vec<_> = world.cluster.tokens().values().map(|token| token.role).collect();
        assert_eq!(has, Vec::from_iter(left), "after {role:?}");
    }
}
