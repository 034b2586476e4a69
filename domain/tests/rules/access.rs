//! Who may do what.
use crate::{
    harness::{World, found},
    words::{
        H100, NO_JOB, NO_TOKEN, clear, cordon, cordon_node, create_group, create_pool, delete_users, erase, finish,
        force, hear, issue, lose, observe, observe_end, onboard, onboard_as, raise, report, revoke, seen, set_password,
        set_role, start, suspend, w,
    },
};
use domain::{
    Action, Actor, Allowed, Command, Denied, NodeName, Principal, Role, Via, authorize,
    device::Severity,
    token::{Scope, Token},
};

/// One row for each action: what a data scientist, an auditor and an operator may.
const TABLE: [(Action, [Allowed; 3]); 29] = {
    use Action as A;
    use Allowed::{All, No, Own};
    [
        (A::ManagePools, [No, No, All]),
        (A::ManageGroups, [No, No, All]),
        (A::ManageUsers, [No, No, All]),
        (A::Erase, [No, No, All]),
        (A::ManageNodes, [No, No, All]),
        (A::ManageDevices, [No, No, All]),
        (A::RunJobs, [Own, No, All]),
        (A::ForceJobs, [No, No, All]),
        (A::ManageTokens, [Own, Own, All]),
        (A::ChangePassword, [Own, Own, All]),
        (A::Report, [No, No, No]),
        (A::ReadOverview, [No, All, All]),
        (A::ReadPools, [Own, All, All]),
        (A::ReadGroups, [Own, All, All]),
        (A::ReadUsers, [Own, All, All]),
        (A::ReadNodes, [No, All, All]),
        (A::ReadDevices, [Own, All, All]),
        (A::ReadJobs, [Own, All, All]),
        (A::ReadTokens, [Own, All, All]),
        (A::ReadAudit, [No, All, All]),
        (A::Follow, [No, All, All]),
        (A::ReadMetrics, [No, All, All]),
        (A::ReadAlerts, [No, All, All]),
        (A::ReadPolicy, [No, All, All]),
        (A::ManagePolicy, [No, No, All]),
        (A::ManageLicense, [No, No, All]),
        (A::ManageBackend, [No, No, All]),
        (A::ReadBackend, [No, All, All]),
        (A::ReadAbout, [Own, All, All]),
    ]
};

/// Fails to compile when an action joins: it needs a row above.
const fn has_a_row(action: Action) {
    use Action as A;
    match action {
        A::ManagePools
        | A::ManageGroups
        | A::ManageUsers
        | A::Erase
        | A::ManageNodes
        | A::ManageDevices
        | A::RunJobs
        | A::ForceJobs
        | A::ManageTokens
        | A::ChangePassword
        | A::Report
        | A::ReadOverview
        | A::ReadPools
        | A::ReadGroups
        | A::ReadUsers
        | A::ReadNodes
        | A::ReadDevices
        | A::ReadJobs
        | A::ReadTokens
        | A::ReadAudit
        | A::Follow
        | A::ReadMetrics
        | A::ReadAlerts
        | A::ReadPolicy
        | A::ManagePolicy
        | A::ManageLicense
        | A::ManageBackend
        | A::ReadBackend
        | A::ReadAbout => {}
    }
}

#[test]
fn the_table_of_roles() {
    for (action, row) in TABLE {
        has_a_row(action);
        for (role, allowed) in Role::ALL.into_iter().zip(row) {
            assert_eq!(role.allows(action), allowed, "{role} {action:?}");
        }
    }
    let actions: std::collections::HashSet<_> = TABLE.iter().map(|(action, _)| action).collect();
    assert_eq!(actions.len(), TABLE.len(), "a row for each");
    assert_eq!(actions, Action::ALL.iter().collect(), "and each is among all");
}

#[test]
fn an_operator_may_all_that_others_may_and_of_these_neither_all_that_the_other_may() {
    use Role::{Auditor, DataScientist, Operator};
    let including = |role: Role| Role::ALL.into_iter().filter(|other| role.includes(*other)).collect::<Vec<_>>();
    assert_eq!(including(Operator), [DataScientist, Auditor, Operator]);
    assert_eq!(including(Auditor), [Auditor]);
    assert_eq!(including(DataScientist), [DataScientist]);
}

#[test]
fn what_reads_changes_nothing_and_an_auditor_reads_everything() {
    for (action, [_, auditor, _]) in TABLE {
        let own = matches!(action, Action::ManageTokens | Action::ChangePassword);
        assert_eq!(auditor == Allowed::All, action.reads(), "{action:?}");
        assert_eq!(auditor == Allowed::Own, own, "{action:?}");
    }
}

/// Ada and Bob are data scientists with a job each, Aud is an auditor.
fn world() -> World {
    let mut world = World::with_fleet();
    world.given(onboard(&["ada", "bob"], Some("default")));
    world.given(onboard_as(&["aud"], None, Role::Auditor));
    world.given(start("bob", 1));
    world.given(start("ada", 1));
    world
}

fn with_token(world: &mut World, login: &str, name: &str, scope: Scope) -> Principal {
    world.asker = world.session(login);
    world.given(issue(name, scope, 1));
    let newest = world.cluster.tokens().values().max_by_key(|token: &&Token| token.id).expect("a token").id;
    let principal = Principal { via: Via::Token(newest), ..world.session(login) };
    world.asker = world.session("operator");
    principal
}

#[test]
fn a_data_scientist_does_what_is_their_own() {
    let mut world = world();
    let (ada, bob) = (world.session("ada"), world.session("bob"));
    let (job, other) = (world.last_job(), *world.cluster.jobs().keys().next().expect("Bob's job"));
    let token = with_token(&mut world, "bob", "bobs", Scope::Full).token().expect("Bob's token");
    for command in [start("ada", 1), finish(job), set_password("ada"), issue("x", Scope::Read, 1)] {
        assert_eq!(world.ask(&ada, &command), Ok(()), "{command:?}");
    }
    let foreign = [start("bob", 1), finish(other), set_password("bob"), revoke(token)];
    // What is somebody else's looks like what does not exist.
    let nothing = [start("eve", 1), finish(NO_JOB), set_password("eve"), revoke(NO_TOKEN)];
    for command in foreign.iter().chain(&nothing) {
        assert_eq!(world.ask(&ada, command), Err(Denied::Role), "{command:?}");
    }
    assert_eq!(world.ask(&bob, &revoke(token)), Ok(()));
    assert_eq!(world.ask(&ada, &force(job)), Err(Denied::Role));
}

/// A command of every action that no role but an operator's allows.
fn management(world: &World) -> Vec<Command> {
    vec![
        create_pool("vision", &[]),
        create_group("research", &[], None),
        onboard(&["eve"], None),
        set_role("ada", Role::Operator),
        suspend("ada", true),
        delete_users(&["ada"]),
        erase(world.id("ada")),
        cordon_node("node-a", true),
        cordon(1, true),
        force(world.last_job()),
    ]
}

#[test]
fn an_operator_manages_and_nobody_else_does() {
    let world = world();
    for command in management(&world) {
        assert_eq!(world.ask(&world.session("operator"), &command), Ok(()), "{command:?}");
        for login in ["ada", "aud"] {
            assert_eq!(world.ask(&world.session(login), &command), Err(Denied::Role), "{login} {command:?}");
        }
    }
    assert_eq!(
        world.ask(&world.session("operator"), &finish(world.last_job())),
        Ok(()),
        "what the rules say of it is another matter"
    );
}

#[test]
fn an_auditor_changes_nothing_but_their_own_sign_in() {
    let world = world();
    let aud = world.session("aud");
    assert_eq!(world.ask(&aud, &start("aud", 1)), Err(Denied::Role));
    assert_eq!(world.ask(&aud, &set_password("ada")), Err(Denied::Role));
    assert_eq!(world.ask(&aud, &set_password("aud")), Ok(()));
    assert_eq!(world.ask(&aud, &issue("x", Scope::Read, 1)), Ok(()));
}

/// What only agents and the server itself tell.
fn reports() -> Vec<Command> {
    vec![
        found(),
        report("node-a", vec![seen(1, 1, H100)]),
        raise("node-a", 1, "gpu.lost", Severity::Fatal),
        clear("node-a", 1, "gpu.lost"),
        lose("node-a"),
        hear("node-a"),
        observe("process/node-a/1", None, &[]),
        observe_end("process/node-a/1"),
    ]
}

#[test]
fn no_person_reports_what_an_agent_sees() {
    let world = world();
    for command in reports() {
        for login in ["operator", "ada", "aud"] {
            assert_eq!(world.ask(&world.session(login), &command), Err(Denied::Role), "{login} {command:?}");
        }
        assert_eq!(world.ask(&Principal::SYSTEM, &command), Ok(()), "{command:?}");
    }
}

#[test]
fn an_agent_speaks_for_its_own_node_alone() {
    let world = world();
    let agent = |node: &str| Principal { actor: Actor::Agent(w::<NodeName>(node)), via: Via::Internal, address: None };
    for command in [report("node-a", vec![]), raise("node-a", 1, "gpu.lost", Severity::Fatal)] {
        assert_eq!(world.ask(&agent("node-a"), &command), Ok(()));
        assert_eq!(world.ask(&agent("node-b"), &command), Err(Denied::Role));
    }
    for command in [lose("node-a"), hear("node-a"), found(), observe_end("process/node-a/1")] {
        assert_eq!(world.ask(&agent("node-a"), &command), Err(Denied::Role), "{command:?}");
    }
    for command in management(&world) {
        assert_eq!(world.ask(&agent("node-a"), &command), Err(Denied::Role), "{command:?}");
    }
}

#[test]
fn a_deleted_user_and_a_suspended_one_may_nothing() {
    let mut world = World::founded();
    world.given(onboard_as(&["ada", "bob"], None, Role::Operator));
    let (ada, bob) = (world.session("ada"), world.session("bob"));
    world.given(suspend("ada", true));
    world.given(delete_users(&["bob"]));
    assert_eq!(world.ask(&ada, &cordon(1, true)), Err(Denied::Suspended));
    assert_eq!(world.ask(&bob, &cordon(1, true)), Err(Denied::Unknown));
}

#[test]
fn a_session_is_over_once_the_password_is_set_the_role_lessened_or_its_user_suspended() {
    let endings = [
        vec![set_password("ada")],
        vec![set_role("ada", Role::Auditor)],
        vec![set_role("ada", Role::Auditor), set_role("ada", Role::Operator)],
        vec![suspend("ada", true), suspend("ada", false)],
    ];
    for ending in endings {
        let mut world = World::founded();
        world.given(onboard_as(&["ada", "bob"], None, Role::Operator));
        let (ada, bob) = (world.session("ada"), world.session("bob"));
        let reads = |world: &World, who: &Principal| authorize(&world.cluster, who, Action::ReadPools, world.now);
        assert_eq!(reads(&world, &ada), Ok(Allowed::All));
        for command in &ending {
            world.given(command.clone());
        }
        assert_eq!(reads(&world, &ada), Err(Denied::Unknown), "{ending:?}");
        assert_eq!(world.ask(&ada, &cordon(1, true)), Err(Denied::Unknown), "{ending:?}");
        assert_eq!(reads(&world, &bob), Ok(Allowed::All), "another's goes on: {ending:?}");
        assert_eq!(reads(&world, &world.session("ada")), Ok(Allowed::All), "signed in anew: {ending:?}");
    }
}

#[test]
fn a_session_is_over_once_the_role_is_another_that_allows_less_of_anything() {
    let mut world = world();
    let reads = |world: &World, who: &Principal| authorize(&world.cluster, who, Action::ReadPools, world.now);
    let (ada, aud) = (world.session("ada"), world.session("aud"));
    world.given(set_role("ada", Role::Auditor));
    world.given(set_role("aud", Role::DataScientist));
    assert_eq!(reads(&world, &ada), Err(Denied::Unknown), "an auditor runs no jobs");
    assert_eq!(reads(&world, &aud), Err(Denied::Unknown), "a data scientist does not read everything");
}

#[test]
fn a_session_outlives_what_does_not_concern_the_sign_in() {
    let mut world = World::founded();
    world.given(onboard_as(&["ada"], None, Role::Auditor));
    let ada = world.session("ada");
    world.given(set_role("ada", Role::Operator));
    world.given(create_pool("a", &[]));
    assert_eq!(world.ask(&ada, &create_pool("b", &[])), Ok(()), "and may do more at once");
}

#[test]
fn a_token_does_no_more_than_its_scope() {
    let mut world = world();
    let [read, full, metrics] = [("r", Scope::Read), ("f", Scope::Full), ("m", Scope::Metrics)]
        .map(|(name, scope)| with_token(&mut world, "operator", name, scope));
    for (action, [.., operator]) in TABLE {
        let ask = |who| authorize(&world.cluster, who, action, world.now);
        let expected = |fits: bool| match (fits, operator) {
            (false, _) => Err(Denied::Scope),
            (true, Allowed::No) => Err(Denied::Role),
            (true, allowed) => Ok(allowed),
        };
        assert_eq!(ask(&read), expected(action.reads()), "{action:?}");
        assert_eq!(ask(&full), expected(true), "{action:?}");
        assert_eq!(ask(&metrics), expected(matches!(action, Action::ReadMetrics)), "{action:?}");
    }
}

#[test]
fn a_token_makes_no_tokens_and_no_passwords() {
    let mut world = world();
    let full = with_token(&mut world, "ada", "f", Scope::Full);
    for command in [issue("x", Scope::Read, 1), set_password("ada")] {
        assert_eq!(world.ask(&full, &command), Err(Denied::SessionNeeded));
    }
    let own = full.token().expect("a token");
    assert_eq!(world.ask(&full, &revoke(own)), Ok(()), "but it may end");
}

#[test]
fn a_token_ends() {
    let mut world = world();
    let token = with_token(&mut world, "ada", "f", Scope::Full);
    let id = token.token().expect("a token");
    let foreign = Principal { via: Via::Token(id), ..world.session("bob") };
    assert_eq!(world.ask(&foreign, &start("bob", 1)), Err(Denied::Unknown), "it is another's");
    let before = world.now;
    world.now = world.now.plus_seconds(86_400);
    assert_eq!(world.ask(&token, &start("ada", 1)), Err(Denied::Unknown), "it has expired");
    world.now = before;
    assert_eq!(world.ask(&token, &start("ada", 1)), Ok(()));
    world.given(revoke(id));
    assert_eq!(world.ask(&token, &start("ada", 1)), Err(Denied::Unknown), "it is revoked");
}

#[test]
fn a_promotion_raises_no_old_token_and_a_demotion_lowers_it() {
    let mut world = world();
    let token = with_token(&mut world, "ada", "f", Scope::Full);
    world.given(set_role("ada", Role::Operator));
    assert_eq!(world.ask(&token, &cordon(1, true)), Err(Denied::TokenRole(Role::DataScientist)));
    assert_eq!(world.ask(&token, &start("ada", 1)), Ok(()));
    assert_eq!(world.ask(&token, &start("bob", 1)), Err(Denied::TokenRole(Role::DataScientist)));
    let strong = with_token(&mut world, "ada", "g", Scope::Full);
    assert_eq!(world.ask(&strong, &cordon(1, true)), Ok(()));
    world.given(set_role("ada", Role::DataScientist));
    assert_eq!(world.ask(&strong, &cordon(1, true)), Err(Denied::Role));
    assert_eq!(world.ask(&strong, &start("ada", 1)), Ok(()), "an operator may that too");
}

#[test]
fn a_token_ends_with_a_role_that_is_neither_more_nor_less() {
    let (data_scientist, auditor, operator) = (Role::DataScientist, Role::Auditor, Role::Operator);
    // Under which role it was made, and what became of its user: it could do afterwards what it was not made for.
    let changes = [
        (auditor, vec![data_scientist]),
        (auditor, vec![operator, data_scientist]),
        (operator, vec![auditor, data_scientist]),
        (data_scientist, vec![auditor]),
        (data_scientist, vec![operator, auditor]),
        (data_scientist, vec![auditor, data_scientist]),
    ];
    for (made_as, roles) in changes {
        let mut world = world();
        if made_as != data_scientist {
            world.given(set_role("ada", made_as));
        }
        let token = with_token(&mut world, "ada", "f", Scope::Full);
        assert!(authorize(&world.cluster, &token, Action::ReadPools, world.now).is_ok());
        for role in &roles {
            world.given(set_role("ada", *role));
        }
        for action in [Action::ReadPools, Action::RunJobs, Action::ReadAudit] {
            let asked = authorize(&world.cluster, &token, action, world.now);
            assert_eq!(asked, Err(Denied::Unknown), "{action:?} by a token of {made_as}, then {roles:?}");
        }
        let anew = with_token(&mut world, "ada", "f", Scope::Full);
        assert!(authorize(&world.cluster, &anew, Action::ReadPools, world.now).is_ok(), "its name is free again");
    }
}

#[test]
fn a_refusal_has_a_stable_code() {
    let codes = [
        (Denied::Unknown, "auth.invalid"),
        (Denied::Suspended, "user.suspended"),
        (Denied::Role, "auth.forbidden"),
        (Denied::TokenRole(Role::Auditor), "token.role"),
        (Denied::Scope, "token.scope"),
        (Denied::SessionNeeded, "auth.session_needed"),
    ];
    for (denied, code) in codes {
        assert_eq!(denied.code(), code);
    }
}

#[test]
fn no_token_makes_an_operator() {
    let mut world = World::founded();
    world.given(onboard(&["ada"], None));
    let token = with_token(&mut world, "operator", "f", Scope::Full);
    for made in [set_role("ada", Role::Operator), onboard_as(&["eve"], None, Role::Operator)] {
        assert_eq!(world.ask(&token, &made), Err(Denied::SessionNeeded), "{made:?}");
        assert_eq!(world.ask(&world.session("operator"), &made), Ok(()), "{made:?}");
    }
    for made in [set_role("ada", Role::Auditor), onboard_as(&["eve"], None, Role::Auditor)] {
        assert_eq!(world.ask(&token, &made), Ok(()), "{made:?}");
    }
}
