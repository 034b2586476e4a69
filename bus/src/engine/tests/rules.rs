//! Rule by rule: what the engine holds besides the domain's rules.
use super::{Bare, Failure, Machine, Request, Verdict, login, session, world};
use crate::engine::{Answer, Idempotency, Outcome};
use domain::{
    Actor, Command, Denied, Expected, PoolName, Position, Principal, Reason, Recorded, Role, Subject, UserId, Via,
    access, device,
    pool::{self, Wanted},
    stored::{Opened, Owner, Particulars, Told},
    token::TokenHash,
    user::{self, Entry, Newcomer, PasswordHash},
};

pub(super) fn started() -> (Machine, Bare, UserId) {
    let machine = Machine::new(1);
    let mut bare = machine.start().unwrap();
    let operator = bare.found();
    (machine, bare, operator)
}

pub(super) fn create(operator: UserId, name: &str) -> Request {
    let command = pool::Command::Create { name: name.parse().unwrap(), devices: Wanted::Listed(vec![]) };
    Request::new(session(operator), Command::Pool(command))
}

pub(super) fn keyed(request: Request, key: &str, body: &str) -> Request {
    let idempotency = Idempotency { key: key.to_owned(), request: body.as_bytes().to_vec().into() };
    Request { idempotency: Some(idempotency), ..request }
}

pub(super) fn recorded(verdict: Result<Verdict, Failure>) -> Answer {
    match verdict {
        Ok(Verdict::Answer(answer)) => answer,
        other => panic!("{other:?}"),
    }
}

pub(super) fn onboard_operator(bare: &mut Bare, name: &str) -> UserId {
    let newcomer = Newcomer::new(login(name));
    let onboard = user::Command::Onboard { newcomers: vec![newcomer], group: None, role: Role::Operator };
    recorded(bare.ask(&Request::new(Principal::SYSTEM, Command::User(onboard))));
    bare.decider.cluster.user_by_login(&login(name)).unwrap().id
}

#[test]
fn a_restart_finds_everything() {
    let (machine, mut bare, operator) = started();
    recorded(bare.ask(&create(operator, "vision")));
    let before = bare.decider.cluster.clone();
    drop(bare);
    assert_eq!(machine.start().unwrap().decider.cluster, before);
}

#[test]
fn the_same_key_and_body_gets_the_same_answer_after_a_restart_too() {
    let (machine, mut bare, operator) = started();
    let request = keyed(create(operator, "vision"), "k", "body");
    let first = recorded(bare.ask(&request));
    let Outcome::Recorded(events) = first.outcome else { panic!() };
    for _ in 0..2 {
        assert!(matches!(
            bare.ask(&request),
            Ok(Verdict::Repeat { first, count: 1, .. }) if first == events[0].position
        ));
        drop(bare);
        bare = machine.start().unwrap();
    }
    assert_eq!(bare.ask(&keyed(create(operator, "other"), "k", "another body")).unwrap_err(), Failure::KeyReused);
}

#[test]
fn a_staged_outcome_is_known_before_it_is_durable() {
    let (_, mut bare, operator) = started();
    let request = keyed(create(operator, "vision"), "k", "body");
    let (mut first, mut again) = (bare.take(&request), bare.take(&request));
    assert!(first.try_recv().is_err(), "nothing is answered before the commit");
    bare.commit().unwrap();
    recorded(first.try_recv().unwrap());
    assert!(matches!(again.try_recv().unwrap(), Ok(Verdict::Repeat { count: 1, .. })));
}

#[test]
fn a_refusal_is_kept_and_a_failed_condition_is_not() {
    let (_, mut bare, operator) = started();
    recorded(bare.ask(&create(operator, "vision")));
    let taken = keyed(create(operator, "vision"), "taken", "body");
    let refusal = bare.ask(&taken).unwrap_err();
    let mut delete =
        Request::new(session(operator), Command::Pool(pool::Command::Delete { name: "vision".parse().unwrap() }));
    delete.expected = vec![Expected::Revision(Subject::Pool("vision".parse().unwrap()), Position(1))];
    let delete = keyed(delete, "delete", "body");
    assert!(matches!(bare.ask(&delete), Err(Failure::ConditionFailed { .. })));
    recorded(bare.ask(&Request { expected: vec![], ..delete }));
    assert_eq!(bare.ask(&taken).unwrap_err(), refusal, "the pool is gone, and the answer is the same");
}

#[test]
fn a_condition_on_a_login_holds_for_whom_it_was_read_of_alone() {
    let (_, mut bare, operator) = started();
    let ada = onboard_operator(&mut bare, "ada");
    let revision = bare.decider.cluster.user(ada).unwrap().revision;
    let change = user::Command::Change { login: login("ada"), role: Some(Role::Auditor), group: None, suspended: None };
    let expected = vec![Expected::Login(login("ada"), revision)];
    let demote = Request { expected, ..Request::new(session(operator), Command::User(change)) };
    let with_key = keyed(demote.clone(), "demote", "body");
    recorded(bare.ask(&with_key));
    let delete = user::Command::Delete { logins: vec![login("ada")] };
    recorded(bare.ask(&Request::new(session(operator), Command::User(delete))));
    assert!(matches!(bare.ask(&with_key), Ok(Verdict::Repeat { .. })), "a repeat gets its answer");
    let nobody = Failure::ConditionFailed { subject: None, actual: None };
    assert_eq!(bare.ask(&demote).unwrap_err(), nobody);
    let subject = Subject::User(onboard_operator(&mut bare, "ada"));
    let actual = bare.decider.cluster.revision(&subject);
    assert_eq!(bare.ask(&demote).unwrap_err(), Failure::ConditionFailed { subject: Some(subject), actual });
}

#[test]
fn what_a_clock_that_was_ahead_has_dated_holds_nothing_up() {
    let (machine, mut bare, operator) = started();
    let year = 365 * 24 * 3600 * 1_000_000;
    machine.clock.advance(year);
    recorded(bare.ask(&keyed(create(operator, "ahead"), "ahead", "body")));
    machine.clock.advance(-year);
    let request = keyed(create(operator, "vision"), "k", "body");
    recorded(bare.ask(&request));
    machine.clock.advance(24 * 3600 * 1_000_000 + 1);
    assert!(matches!(bare.ask(&request), Err(Failure::Refused(refusal)) if refusal.code == "name.taken"));
}

#[test]
fn an_outcome_expires_after_a_day() {
    let (machine, mut bare, operator) = started();
    let request = keyed(create(operator, "vision"), "k", "body");
    recorded(bare.ask(&request));
    machine.clock.advance(24 * 3600 * 1_000_000 + 1);
    assert!(matches!(bare.ask(&request), Err(Failure::Refused(refusal)) if refusal.code == "name.taken"));
}

#[test]
fn another_actor_has_other_keys() {
    let (_, mut bare, operator) = started();
    let eve = onboard_operator(&mut bare, "eve");
    recorded(bare.ask(&keyed(create(operator, "vision"), "k", "body")));
    recorded(bare.ask(&keyed(create(eve, "speech"), "k", "another body")));
}

#[test]
fn a_dry_run_records_nothing_and_keeps_no_outcome() {
    let (_, mut bare, operator) = started();
    let before = bare.decider.cluster.clone();
    let dry = Request { dry_run: true, ..create(operator, "vision") };
    let answer = recorded(bare.ask(&dry));
    assert!(matches!(answer.outcome, Outcome::DryRun(events) if events.len() == 1));
    assert_eq!(bare.decider.cluster, before);
}

#[test]
fn health_does_not_break_a_plan_and_configuration_does() {
    let (_, mut bare, operator) = started();
    recorded(bare.ask(&world::inventory(0, 1, 4)));
    let id = world::device(0, 0);
    let planned = bare.decider.cluster.at().position;
    let cordon = |cordoned| {
        let command = Command::Device(device::Command::Cordon { device: id, cordoned });
        Request { expected: vec![Expected::PlannedAt(planned)], ..Request::new(session(operator), command) }
    };
    recorded(bare.ask(&world::inventory(0, 2, 0)));
    recorded(bare.ask(&cordon(true)));
    assert!(matches!(bare.ask(&cordon(false)), Err(Failure::ConditionFailed { .. })));
}

#[test]
fn reports_are_taken_once_and_in_order() {
    let (machine, mut bare, _) = started();
    recorded(bare.ask(&world::inventory(0, 1, 4)));
    let gap = bare.ask(&world::inventory(0, 3, 4)).unwrap_err();
    assert_eq!(gap, Failure::OutOfTurn { last: 1 });
    // The second changes nothing, and is remembered all the same.
    recorded(bare.ask(&world::inventory(0, 2, 4)));
    drop(bare);
    let mut bare = machine.start().unwrap();
    let before = bare.decider.cluster.at().position;
    recorded(bare.ask(&world::inventory(0, 2, 0)));
    assert_eq!(bare.decider.cluster.at().position, before, "a repeat records nothing, whatever it says");
    recorded(bare.ask(&world::inventory(0, 3, 0)));
    assert!(bare.decider.cluster.at().position > before);
}

#[test]
fn who_is_nobody_any_more_is_told_so_before_anything_else() {
    let (_, mut bare, _) = started();
    let stranger = UserId(uuid::Uuid::from_u128(99));
    assert_eq!(bare.ask(&create(stranger, "vision")).unwrap_err(), Failure::Denied(Denied::Unknown));
}

#[test]
fn address_and_reason_are_sealed_and_can_be_opened() {
    let (_, mut bare, operator) = started();
    let request = Request { reason: Some("more GPUs for vision".parse().unwrap()), ..create(operator, "vision") };
    let Outcome::Recorded(events) = recorded(bare.ask(&request)).outcome else { panic!() };
    let sealed = events[0].particulars.as_ref().unwrap();
    assert!(!sealed.0.windows(6).any(|window| window == b"vision"));
    let opened = Particulars::open(&*bare.keyring, Owner::from(&events[0].actor), events[0].id, sealed)
        .unwrap()
        .clear()
        .unwrap();
    assert_eq!(opened, Told { address: Some([10, 1, 2, 3].into()), reason: Opened::Clear(request.reason) });
}

#[test]
fn nothing_is_recorded_at_or_before_a_barrier() {
    let (machine, mut bare, operator) = started();
    let barrier = bare.barrier();
    machine.clock.advance(-1_000_000);
    let Outcome::Recorded(events) = recorded(bare.ask(&create(operator, "vision"))).outcome else { panic!() };
    assert!(events[0].recorded_at > barrier.at);
    assert!(events[0].position > barrier.position);
}

#[test]
fn after_a_failed_sync_nothing_is_taken_and_nobody_is_misled() {
    let (machine, mut bare, operator) = started();
    machine.disk.fail_sync();
    let mut pending = bare.take(&create(operator, "vision"));
    assert!(bare.commit().is_err());
    assert_eq!(pending.try_recv().unwrap().unwrap_err(), Failure::OutcomeUnknown);
    let mut later = bare.take(&create(operator, "speech"));
    assert!(bare.commit().is_err());
    assert_eq!(later.try_recv().unwrap().unwrap_err(), Failure::OutcomeUnknown);
}

#[test]
fn an_erased_user_is_unreadable_and_the_log_still_replays() {
    let (machine, mut bare, operator) = started();
    let newcomer = Newcomer::new(login("eve"));
    let onboard = user::Command::Onboard { newcomers: vec![newcomer], group: None, role: Role::DataScientist };
    let ask = |bare: &mut Bare, command| recorded(bare.ask(&Request::new(session(operator), Command::User(command))));
    ask(&mut bare, onboard);
    let eve = bare.decider.cluster.user_by_login(&login("eve")).unwrap().id;
    ask(&mut bare, user::Command::Delete { logins: vec![login("eve")] });
    ask(&mut bare, user::Command::Erase { user: eve });
    drop(bare);
    let bare = machine.start().unwrap();
    assert!(bare.decider.cluster.is_erased(eve));
    let disk: Vec<u8> = machine.disk.file("keyring").unwrap();
    assert!(!disk.windows(3).any(|window| window == b"eve"));
}

/// The address of whoever accepts an invitation, and what others say of somebody.
#[test]
fn what_is_somebodys_goes_with_them_whoever_records_it() {
    let (_, mut bare, operator) = started();
    let reason = |text: &str| Some(text.parse::<Reason>().unwrap());
    let done = |bare: &mut Bare, request| {
        let Outcome::Recorded(events) = recorded(bare.ask(&request)).outcome else { panic!() };
        events.into_iter().next().unwrap()
    };
    let of_operator = |command| Request::new(session(operator), Command::User(command));
    let code = TokenHash([7; 32]);
    let newcomers = vec![Newcomer { entry: Some(Entry::Invitation(code)), ..Newcomer::new(login("eve")) }];
    let onboard = user::Command::Onboard { newcomers, group: None, role: Role::DataScientist };
    let onboarded = done(&mut bare, Request { reason: reason("Eve joins"), ..of_operator(onboard) });
    let eve = bare.decider.cluster.user_by_login(&login("eve")).unwrap().id;
    let address = Some([203, 0, 113, 7].into());
    let guest = Principal { actor: Actor::User(eve), via: Via::Invitation, address };
    let accept = user::Command::AcceptInvitation { code, hash: PasswordHash::new("$argon2id$chosen") };
    let accepted = done(&mut bare, Request::new(guest, Command::User(accept)));
    let named = done(&mut bare, Request { reason: reason("asked by eve."), ..create(operator, "vision") });
    let other = done(&mut bare, Request { reason: reason("for all evenings"), ..create(operator, "speech") });
    let delete = user::Command::Delete { logins: vec![login("eve")] };
    let deleted = done(&mut bare, Request { reason: reason("she has left"), ..of_operator(delete) });
    let opened = |bare: &Bare, recorded: &Recorded| {
        let owner = Particulars::owner(&recorded.actor, &recorded.event);
        let sealed = recorded.particulars.as_ref().unwrap();
        Particulars::open(&*bare.keyring, owner, recorded.id, sealed).unwrap()
    };
    let theirs = [&onboarded, &named, &deleted];
    let told = |address, reason| Opened::Clear(Told { address, reason });
    let operators = Some([10, 1, 2, 3].into());
    for (event, text) in theirs.into_iter().zip(["Eve joins", "asked by eve.", "she has left"]) {
        assert_eq!(opened(&bare, event), told(operators, Opened::Clear(reason(text))));
    }
    assert_eq!(opened(&bare, &accepted), told(address, Opened::Clear(None)));

    done(&mut bare, Request { reason: reason("as eve asks"), ..of_operator(user::Command::Erase { user: eve }) });
    for event in theirs {
        assert_eq!(opened(&bare, event), told(operators, Opened::Erased), "the operator's stays");
    }
    assert_eq!(opened(&bare, &accepted), Opened::Erased);
    assert_eq!(opened(&bare, &other), told(operators, Opened::Clear(reason("for all evenings"))));
}

#[test]
fn a_reason_that_names_too_many_is_refused() {
    let (_, mut bare, operator) = started();
    let logins: Vec<String> = (0..17).map(|n| format!("u{n}")).collect();
    let newcomers = logins.iter().map(|name| Newcomer::new(login(name))).collect();
    let onboard = user::Command::Onboard { newcomers, group: None, role: Role::DataScientist };
    let onboard = Request::new(session(operator), Command::User(onboard));
    let reason = Some(logins.join(" ").parse().unwrap());
    let refused = bare.ask(&Request { reason: reason.clone(), ..onboard.clone() }).unwrap_err();
    assert!(matches!(refused, Failure::Refused(refusal) if refusal.code == "request.malformed"));
    recorded(bare.ask(&onboard));
    let refused = bare.ask(&Request { reason, ..create(operator, "vision") }).unwrap_err();
    assert!(matches!(refused, Failure::Refused(refusal) if refusal.code == "request.malformed"));
}

#[test]
fn a_lost_key_ring_is_refused_and_explained() {
    let (machine, bare, _) = started();
    drop(bare);
    machine.disk.replace_file("keyring", None);
    let error = machine.start().err().unwrap();
    assert!(error.contains("key ring is missing"), "{error}");
}

#[test]
fn the_server_itself_may_not_found_twice() {
    let (_, mut bare, _) = started();
    let error = bare.ask(&super::founding()).unwrap_err();
    assert!(matches!(error, Failure::Refused(refusal) if refusal.code == "cluster.founded"));
    assert_eq!(Principal::SYSTEM.address, None);
}

fn told(bare: &Bare) -> Vec<domain::Event> {
    let recorded = bare.recorded();
    recorded
        .into_iter()
        .map(|recorded| recorded.event)
        .filter(|event| matches!(event, domain::Event::Access(_)))
        .collect()
}

#[test]
fn a_refused_command_is_recorded_with_what_it_was_about_and_its_repeat_is_not() {
    let (machine, mut bare, operator) = started();
    recorded(bare.ask(&create(operator, "vision")));
    let again = keyed(create(operator, "vision"), "again", "body");
    let dry = Request { dry_run: true, ..create(operator, "vision") };
    for request in [&again, &again, &dry] {
        assert!(matches!(bare.ask(request), Err(Failure::Refused(_))));
    }
    let about = vec![Subject::Pool("vision".parse().unwrap())];
    let refusal = domain::Refusal::from(&domain::Rejection::NameTaken(about[0].clone()));
    let expected = domain::Event::Access(access::Event::rejected(operator, "pool.create", &refusal, about));
    assert_eq!(told(&bare), [expected]);
    drop(bare);
    let mut bare = machine.start().unwrap();
    assert!(matches!(bare.ask(&again), Err(Failure::Refused(_))));
    assert_eq!(told(&bare).len(), 1, "the answer is kept, and what was told of it");
}

#[test]
fn what_an_agent_or_the_server_itself_is_refused_is_told_elsewhere() {
    let (_, mut bare, _) = started();
    let taken = pool::Command::Create { name: PoolName::default_pool(), devices: Wanted::Listed(vec![]) };
    assert!(bare.ask(&Request::new(Principal::SYSTEM, Command::Pool(taken))).is_err());
    assert!(bare.ask(&world::inventory(0, 2, 1)).is_err());
    assert_eq!(told(&bare), []);
}

#[test]
fn who_tries_too_often_fills_no_log_and_is_counted_when_the_time_is_over() {
    let (machine, mut bare, operator) = started();
    recorded(bare.ask(&create(operator, "vision")));
    for _ in 0..50 {
        assert!(matches!(bare.ask(&create(operator, "vision")), Err(Failure::Refused(_))));
    }
    assert_eq!(told(&bare).len(), 20);
    let deny = access::Command::Deny { operation: "GET /v1/audit".into(), code: "auth.forbidden".into() };
    let answer = recorded(bare.ask(&Request::new(session(operator), Command::Access(deny))));
    assert_eq!(answer.outcome, Outcome::Recorded(vec![]));
    machine.clock.advance(600 * 1_000_000);
    recorded(bare.ask(&create(operator, "speech")));
    let told = told(&bare);
    let [.., domain::Event::Access(access::Event::Omitted { refusals: 31, users, .. })] = &*told else {
        panic!("{told:?}")
    };
    assert_eq!(users, &[operator]);
}
