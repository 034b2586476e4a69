use crate::{
    harness::World,
    words::{
        A100, H100, NO_JOB, NO_USER, bind, condition, cordon, create_group, create_pool, d, ds, edit_group, finding,
        finish, force, lose, observe, observe_end, onboard, raise, report, report_health, seen, set_role, start,
        start_of, w,
    },
};
use domain::{
    Denied, Event, JobId, PoolName, Rejection, Role, Shortage, Subject, Tally,
    device::{DeviceId, Finding, Severity},
    job::{self, Breach, Source},
};

/// Ada is in a group with a pool of devices 1, 2, 5.
fn world() -> World {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2, 5]));
    world.given(create_group("research", &[], Some("vision")));
    world.given(onboard(&["ada"], Some("research")));
    world
}

fn devices(world: &World, job: JobId) -> Vec<DeviceId> {
    world.cluster.job(job).expect("the job is active").devices.clone()
}

#[test]
fn a_job_claims_devices_of_the_pool_of_its_users_group() {
    let mut world = world();
    let user = world.id("ada");
    let outcome = world.when(start("ada", 2));
    let job = world.last_job();
    outcome.exactly(&[Event::Job(job::Event::Started {
        job,
        name: w("training"),
        user,
        pool: w("vision"),
        devices: ds(&[1, 2]),
    })]);
    assert_eq!(world.cluster.device(d(1)).and_then(|device| device.job), Some(job));
    assert!(world.user("ada").jobs.contains(&job));
    world.given(start("ada", 1));
    assert_eq!(devices(&world, world.last_job()), ds(&[5]));
}

#[test]
fn a_job_ends_and_its_devices_are_free() {
    let mut world = world();
    world.given(start("ada", 3));
    let (job, user) = (world.last_job(), Some(world.id("ada")));
    let (pool, devices) = (Some(w("vision")), ds(&[1, 2, 5]));
    world.asker = world.session("ada");
    world.when(finish(job)).exactly(&[Event::Job(job::Event::Finished { job, user, pool, devices, forced: false })]);
    assert_eq!(world.cluster.job(job), None);
    assert_eq!(world.cluster.pool(&w("vision")).map(|pool| pool.tally().free), Some(3));
    assert!(world.user("ada").jobs.is_empty());
    world.when(finish(job)).refused_for(&Rejection::NotFound(Subject::Job(job)));
    world.when(finish(NO_JOB)).refused("job.not_found");
}

#[test]
fn a_job_needs_a_group_and_a_pool_and_a_user() {
    let mut world = world();
    world.when(start("eve", 1)).refused_for(&Rejection::UnknownLogin(0));
    world.when(start("ada", 0)).refused("request.malformed");
    world.given(bind("research", None));
    world.when(start("ada", 1)).refused_for(&Rejection::NoPool { group: w("research") });
    world.given(edit_group("research", &[], &["ada"]));
    let user = world.id("ada");
    world.when(start("ada", 1)).refused_for(&Rejection::NoGroup { user });
}

#[test]
fn too_few_are_refused_with_how_many_were_asked_and_had() {
    let mut world = world();
    world.given(start("ada", 1));
    world.given(cordon(2, true));
    let had = Tally { busy: 1, cordoned: 1, free: 1, ..Tally::default() };
    world.when(start("ada", 2)).refused_for(&Rejection::JobShortage(Shortage { asked: 2, had }));
    world.when(start("ada", u32::MAX)).refused("job.shortage");
}

#[test]
fn only_healthy_idle_devices_are_claimed() {
    let mut world = World::with_fleet();
    world.given(raise("node-a", 1, "gpu.lost", Severity::Critical));
    world.given(cordon(2, true));
    world.given(report_health("node-a", vec![Finding { readable: false, ..finding(3, vec![], &[]) }]));
    world.given(observe("process/node-a/1", None, &[4]));
    world.given(report("node-b", [5, 6, 7].map(|n| seen(n, n, H100)).to_vec()));
    world.given(lose("node-c"));
    world.when(start("operator", 4)).refused("job.shortage");
    world.given(start("operator", 3));
    assert_eq!(devices(&world, world.last_job()), ds(&[5, 6, 7]));
}

#[test]
fn a_device_with_a_mere_warning_goes_on_being_chosen() {
    let mut world = world();
    world.given(report_health("node-a", vec![finding(1, vec![condition("thermal.slowdown", Severity::Warning)], &[])]));
    world.given(start("ada", 3));
}

#[test]
fn a_claim_in_a_mixed_pool_is_of_one_model() {
    let mut world = World::with_fleet();
    world.given(start_of("operator", 2, Some(A100)));
    assert_eq!(devices(&world, world.last_job()), ds(&[9, 10]));
    let outcome = world.when(start_of("operator", 1, Some(A100)));
    let had = Tally { busy: 2, ..Tally::default() };
    outcome.refused_for(&Rejection::JobShortage(Shortage { asked: 1, had }));
    world.ended(world.last_job());
    // Ten are free, and no ten of one model: the model that comes nearest is told.
    let had = Tally { free: 8, ..Tally::default() };
    world.when(start("operator", 10)).refused_for(&Rejection::JobShortage(Shortage { asked: 10, had }));
    world.given(start("operator", 8));
    assert_eq!(devices(&world, world.last_job()).len(), 8);
    let unknown = Rejection::UnknownModel { model: w("NVIDIA B200"), known: vec![w(A100), w(H100)] };
    assert!(unknown.to_string().ends_with(&format!("there are {A100}, {H100}")), "{unknown}");
    world.when(start_of("operator", 1, Some("NVIDIA B200"))).refused_for(&unknown);
}

#[test]
fn a_large_job_is_told_in_parts() {
    let mut world = World::founded();
    for node in 0..5 {
        let numbers = (node * 60)..(node * 60 + 60);
        let seen = numbers.zip(0..).map(|(n, slot_number)| crate::words::seen(slot_number, 0, H100).device_numbered(n));
        world.given(report(&format!("node-{node}"), seen.collect()));
    }
    world.when(start("operator", 300)).then(&["JobStarted", "JobDevicesAdded"]);
    assert_eq!(devices(&world, world.last_job()).len(), 300);
    world.when(finish(world.last_job())).then(&["JobDevicesReleased", "JobFinished"]);
    assert_eq!(world.cluster.tally().free, 300);
}

trait Numbered {
    fn device_numbered(self, n: u16) -> Self;
}

impl Numbered for domain::node::Seen {
    /// More devices than a byte numbers.
    fn device_numbered(self, n: u16) -> Self {
        Self { device: DeviceId::from_uuid(uuid::Uuid::from_u128(0xbeef_0000 + u128::from(n))), ..self }
    }
}

#[test]
fn operators_end_a_job_by_force_with_a_reason() {
    let mut world = world();
    world.given(start("ada", 1));
    let (job, user) = (world.last_job(), Some(world.id("ada")));
    world.given(lose("node-b"));
    world.when(finish(job)).refused_for(&Rejection::ForceNeeded(job));
    world.when(force(job)).refused_for(&Rejection::ReasonNeeded);
    world.has_reason = true;
    let (pool, devices) = (Some(w("vision")), devices(&world, job));
    world.when(force(job)).exactly(&[Event::Job(job::Event::Finished { job, user, pool, devices, forced: true })]);
}

#[test]
fn an_operator_ends_their_own_job_without_force() {
    let mut world = World::with_fleet();
    world.given(start("operator", 1));
    world.given(finish(world.last_job()));
}

#[test]
fn an_auditor_is_given_no_job() {
    let mut world = world();
    world.given(start("ada", 1));
    let job = world.last_job();
    world.given(set_role("ada", Role::Auditor));
    let user = world.id("ada");
    world.when(start("ada", 1)).refused_for(&Rejection::RoleWithoutJobs { user, role: Role::Auditor });
    // The one that runs already is an operator's to end.
    assert_eq!(world.ask(&world.session("ada"), &finish(job)), Err(Denied::Role));
    world.has_reason = true;
    world.given(force(job));
}

#[test]
fn an_observed_job_is_recorded_with_where_it_was_seen() {
    let mut world = world();
    let user = Some(world.id("ada"));
    let outcome = world.when(observe("kubernetes/research/notebook-0", user, &[1, 2]));
    let job = world.last_job();
    outcome.exactly(&[Event::Job(job::Event::Observed {
        job,
        name: w("notebook"),
        source: "kubernetes/research/notebook-0".into(),
        user,
        devices: ds(&[1, 2]),
        breaches: vec![],
    })]);
    assert!(world.user("ada").jobs.contains(&job));
    world.when(observe("kubernetes/research/notebook-0", user, &[1, 2])).nothing();
    world.when(observe_end("kubernetes/research/notebook-0")).then(&["JobFinished"]);
    world.when(observe_end("kubernetes/research/notebook-0")).nothing();
    assert_eq!(world.cluster.job(job), None);
}

#[test]
fn an_observed_job_is_not_ended_by_hand() {
    let mut world = world();
    world.given(observe("process/node-a/1", None, &[1]));
    let job = world.last_job();
    world.when(finish(job)).refused_for(&Rejection::JobObserved(job));
    world.has_reason = true;
    world.when(force(job)).refused("job.observed");
}

/// The rules that the last observed job breaks.
fn breaches(world: &World) -> Vec<Breach> {
    match &world.cluster.job(world.last_job()).expect("a job").source {
        Source::Observed { breaches, .. } => breaches.clone(),
        Source::Started { .. } => panic!("it was seen"),
    }
}

#[test]
fn what_is_already_true_is_flagged_with_the_rules_that_it_breaks() {
    let mut world = world();
    world.given(onboard(&["bob"], None));
    let (ada, bob) = (Some(world.id("ada")), Some(world.id("bob")));
    world.given(start("ada", 1));
    world.given(raise("node-b", 6, "gpu.lost", Severity::Fatal));
    world.given(cordon(2, true));
    let cases: [(_, &[u8], &[Breach]); 9] = [
        (ada, &[2], &[]),
        (ada, &[], &[]),
        (None, &[2], &[Breach::UnknownUser]),
        (Some(NO_USER), &[], &[Breach::UnknownUser]),
        (bob, &[], &[Breach::NoPool]),
        (ada, &[3], &[Breach::ForeignPool]),
        (ada, &[6], &[Breach::ForeignPool, Breach::UnhealthyDevice]),
        (ada, &[5], &[Breach::SharedDevice]),
        (ada, &[99], &[Breach::UnhealthyDevice]),
    ];
    for (nth, (user, devices, broken)) in cases.into_iter().enumerate() {
        let source = format!("process/node-a/{nth}");
        world.given(observe(&source, user, devices));
        assert_eq!(breaches(&world), broken, "case {nth}");
        world.given(observe_end(&source));
    }
}

#[test]
fn observed_jobs_share_devices_also_with_a_started_one() {
    let mut world = world();
    world.given(start("ada", 1));
    let started = world.last_job();
    world.given(observe("process/node-b/1", None, &[5]));
    world.given(observe("process/node-b/2", None, &[5]));
    assert_eq!(breaches(&world), [Breach::UnknownUser, Breach::SharedDevice]);
    let device = world.cluster.device(d(5)).expect("device 5");
    assert_eq!((device.job, device.observed.len(), device.jobs().count()), (Some(started), 2, 3));
    world.ended(started);
    world.given(observe_end("process/node-b/1"));
    assert_eq!(world.cluster.pool(&w("vision")).map(|pool| pool.tally().busy), Some(1));
}

#[test]
fn what_is_observed_names_itself_and_each_device_once() {
    let mut world = world();
    world.when(observe("", None, &[])).refused("request.malformed");
    world.when(observe(&"x".repeat(513), None, &[])).refused("request.malformed");
    world.when(observe("process/node-a/1", None, &[1, 1])).refused_for(&Rejection::NamedTwice(Subject::Device(d(1))));
    let user = Some(NO_USER);
    world.given(observe("process/node-a/1", user, &[1]));
    assert_eq!(world.cluster.job(world.last_job()).and_then(|job| job.user), None, "a stranger is nobody");
}

#[test]
fn the_largest_events_of_a_job_can_be_written_down() {
    let mut world = World::founded();
    let numbers: Vec<u8> = (0..=255).collect();
    for (node, numbers) in numbers.chunks(128).enumerate() {
        world.given(report(&format!("node-{node}"), numbers.iter().map(|n| seen(*n, *n, H100)).collect()));
    }
    world.given(start("operator", 256));
    world.given(observe(&"x".repeat(512), Some(world.id("operator")), &numbers));
    assert!(world.log.iter().any(|recorded| recorded.subjects.len() == 259));
    let started = *world.cluster.jobs().keys().next().expect("a job");
    world.given(finish(started));
    assert_eq!(world.log.last().expect("its end").subjects.len(), 259, "its end names what its start did");
}

#[test]
fn a_started_job_names_the_pool_that_it_was_started_in() {
    let mut world = world();
    world.given(start("ada", 1));
    let job = world.last_job();
    world.given(bind("research", None));
    let source = world.cluster.job(job).map(|job| job.source.clone());
    assert_eq!(source, Some(Source::Started { pool: w::<PoolName>("vision") }));
    world.ended(job);
}
