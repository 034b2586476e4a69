//! The relay and a real NATS server: every event once and in order, whatever happens between them.
use anyhow::{Context, bail};
use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, DeliverPolicy, pull},
    stream::{self, Stream},
};
use bus::{
    bus::{InProcess, NatsSettings},
    cloudevent,
    relay::{
        CommittedLog, Fault, RebuildError, Relay, STREAM, State, Status, StreamSettings, relay_to_jetstream,
        relay_to_subscribers,
    },
};
use domain::{Position, Recorded};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};
use tests::harness::{LIMIT, MemoryLog, NatsServer, Proxy, Script, eventually};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

/// A relay that runs until it is killed or dropped.
struct Running {
    relay: Relay,
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(url: &str, log: &Arc<MemoryLog>) -> Self {
        let log: Arc<dyn CommittedLog> = Arc::<MemoryLog>::clone(log);
        let settings = NatsSettings::new(url, "test");
        let (relay, run) = relay_to_jetstream(settings, StreamSettings::default(), log);
        Self { status: relay.status(), relay, task: tokio::spawn(run) }
    }

    async fn reaches(&mut self, position: Position) {
        eventually(&mut self.status, |status| status.cursor == Some(position) && status.state == State::Relaying).await;
    }

    async fn faults(&mut self) -> Fault {
        let status = eventually(&mut self.status, |status| matches!(status.state, State::Faulted(_))).await;
        let State::Faulted(fault) = status.state else { unreachable!("it was waited for") };
        fault
    }

    /// Ends it in the middle of whatever it does.
    async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
    }
}

async fn connect(url: &str) -> anyhow::Result<jetstream::Context> {
    Ok(jetstream::new(async_nats::connect(url).await.context("connect")?))
}

async fn length(stream: &Stream) -> anyhow::Result<u64> {
    Ok(stream.get_info().await?.state.last_sequence)
}

/// What a consumer of the stream gets is the log: the same events, each once, in order.
async fn same_as(context: &jetstream::Context, log: &MemoryLog) -> anyhow::Result<()> {
    let stream = context.get_stream(STREAM).await?;
    let everything =
        pull::Config { ack_policy: AckPolicy::None, deliver_policy: DeliverPolicy::All, ..pull::Config::default() };
    let mut messages = stream.create_consumer(everything).await?.messages().await?;
    let expected = log.events();
    for recorded in &expected {
        let message =
            timeout(LIMIT, messages.next()).await.context("no message came")?.context("the consumer ended")??;
        let sequence = message.info().map_err(|error| anyhow::anyhow!(error))?.stream_sequence;
        is_event(&message, sequence, recorded)?;
    }
    anyhow::ensure!(length(&stream).await? == u64::try_from(expected.len())?, "the stream holds more than the log");
    Ok(())
}

fn is_event(message: &async_nats::Message, sequence: u64, recorded: &Recorded) -> anyhow::Result<()> {
    let headers = message.headers.as_ref().context("there are no headers")?;
    let id = headers.get("ce-id").map(|id| id.as_str().to_owned());
    let here = (sequence, id, message.subject.as_str());
    let expected = (recorded.position.0, Some(recorded.id.to_string()), &*cloudevent::subject(recorded));
    if here != expected {
        bail!("{here:?} came for {expected:?}");
    }
    Ok(())
}

#[tokio::test]
async fn every_event_once_and_in_order() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let log = MemoryLog::new(1, 1);
    log.append(1500);
    let mut relay = Running::start(&server.url(), &log);
    for _ in 0..20 {
        log.append(25);
        tokio::task::yield_now().await;
    }
    relay.reaches(Position(2000)).await;
    assert_eq!(relay.status.borrow().lag(Position(2001)), 1);
    same_as(&connect(&server.url()).await?, &log).await
}

#[tokio::test]
async fn the_stream_is_set_up_to_be_kept() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(3);
    Running::start(&server.url(), &log).reaches(last).await;
    let context = connect(&server.url()).await?;
    let stream = context.get_stream(STREAM).await?;
    let config = &stream.cached_info().config;
    assert_eq!(config.subjects, ["dkube.events.>"]);
    assert!(config.deny_delete && config.deny_purge && config.allow_direct);
    assert_eq!((config.max_messages, config.max_bytes, config.max_age), (-1, -1, Duration::ZERO));
    assert!(stream.purge().await.is_err() && stream.delete_message(2).await.is_err());
    same_as(&context, &log).await
}

#[tokio::test]
async fn nats_may_be_away() -> anyhow::Result<()> {
    let mut server = NatsServer::start()?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(300);
    let mut relay = Running::start(&server.url(), &log);
    relay.reaches(last).await;
    for stop in [NatsServer::stop, |server: &mut NatsServer| {
        server.kill();
        Ok(())
    }] {
        log.append(300);
        stop(&mut server)?;
        let away = eventually(&mut relay.status, |status| status.state == State::Connecting).await;
        assert!(away.last_error.is_some());
        let last = log.append(300);
        assert!(relay.status.borrow().lag(last) >= 300);
        server.start_again()?;
        relay.reaches(last).await;
    }
    same_as(&connect(&server.url()).await?, &log).await
}

#[tokio::test]
async fn the_relay_starts_before_nats() -> anyhow::Result<()> {
    let mut server = NatsServer::start()?;
    server.stop()?;
    let log = MemoryLog::new(1, 1);
    let mut relay = Running::start(&server.url(), &log);
    eventually(&mut relay.status, |status| status.last_error.is_some()).await;
    assert_eq!(relay.status.borrow().cursor, None);
    let last = log.append(10);
    server.start_again()?;
    relay.reaches(last).await;
    same_as(&connect(&server.url()).await?, &log).await
}

#[tokio::test]
async fn killed_between_publish_and_acknowledgement_it_goes_on_behind_what_was_stored() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let proxy = Proxy::before(server.port()).await?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(100);
    let mut relay = Running::start(&proxy.url(), &log);
    relay.reaches(last).await;
    proxy.swallow();
    let last = log.append(100);
    eventually(&mut proxy.swallowed(), |bytes| *bytes > 0).await;
    assert_eq!(relay.status.borrow().cursor, Some(Position(100)));
    relay.kill().await;
    proxy.pass();
    let mut relay = Running::start(&proxy.url(), &log);
    relay.reaches(last).await;
    same_as(&connect(&server.url()).await?, &log).await
}

#[tokio::test]
async fn lost_acknowledgements_are_settled_on_the_next_connection() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let proxy = Proxy::before(server.port()).await?;
    let log = MemoryLog::new(1, 1);
    log.append(1);
    let mut relay = Running::start(&proxy.url(), &log);
    for _ in 0..5 {
        let last = log.append(200);
        relay.reaches(last).await;
        proxy.swallow();
        log.append(200);
        eventually(&mut proxy.swallowed(), |bytes| *bytes > 0).await;
        proxy.cut();
        eventually(&mut relay.status, |status| status.state == State::Connecting).await;
        proxy.pass();
    }
    relay.reaches(Position(2001)).await;
    same_as(&connect(&server.url()).await?, &log).await
}

#[tokio::test]
async fn a_server_that_stops_answering_is_left() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let proxy = Proxy::before(server.port()).await?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(5);
    let mut relay = Running::start(&proxy.url(), &log);
    relay.reaches(last).await;
    proxy.swallow();
    let last = log.append(5);
    let status = eventually(&mut relay.status, |status| status.state == State::Connecting).await;
    assert!(status.last_error.is_some_and(|error| error.contains("timed out")));
    proxy.pass();
    relay.reaches(last).await;
    same_as(&connect(&server.url()).await?, &log).await
}

#[tokio::test]
async fn another_clusters_stream_is_left_alone() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let theirs = MemoryLog::new(1, 1);
    let last = theirs.append(20);
    let mut relay = Running::start(&server.url(), &theirs);
    relay.reaches(last).await;
    let ours = MemoryLog::new(2, 2);
    ours.append(30);
    let mut refused = Running::start(&server.url(), &ours);
    let foreign = Fault::Foreign(cloudevent::source(theirs.cluster()));
    assert_eq!(refused.faults().await, foreign);
    assert_eq!(refused.relay.rebuild().await, Err(RebuildError::Fault(foreign)));
    // The log takes more, the stream's owner goes on, and nothing of ours is in the stream.
    ours.append(30);
    let last = theirs.append(1);
    relay.reaches(last).await;
    same_as(&connect(&server.url()).await?, &theirs).await
}

#[tokio::test]
async fn a_log_from_an_old_backup_does_not_overwrite_the_stream() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(20);
    Running::start(&server.url(), &log).reaches(last).await;
    let restored = log.cut(Position(15));
    let ahead = Running::start(&server.url(), &restored).faults().await;
    assert_eq!(ahead, Fault::Ahead { stream: Position(20), log: Position(15) });
    restored.append(5);
    assert_eq!(Running::start(&server.url(), &restored).faults().await, Fault::Differs(Position(20)));
    same_as(&connect(&server.url()).await?, &log).await
}

#[tokio::test]
async fn of_two_writers_one_goes_on_and_the_stream_is_not_mixed() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(10);
    Running::start(&server.url(), &log).reaches(last).await;
    let copy = log.cut(last);
    let (mut one, mut two) = (Running::start(&server.url(), &log), Running::start(&server.url(), &copy));
    one.reaches(last).await;
    two.reaches(last).await;
    for _ in 0..50 {
        log.append(20);
        copy.append(20);
        tokio::task::yield_now().await;
    }
    let context = connect(&server.url()).await?;
    let (mut left, winner) = tokio::select! {
        _ = one.faults() => (two, &copy),
        _ = two.faults() => (one, &log),
    };
    left.reaches(Position(1010)).await;
    same_as(&context, winner).await
}

#[tokio::test]
async fn a_stream_that_was_emptied_is_made_anew_on_request_only() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let context = connect(&server.url()).await?;
    let by_hand = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["dkube.events.>".to_owned()],
        ..stream::Config::default()
    };
    context.create_stream(by_hand).await?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(20);
    let mut relay = Running::start(&server.url(), &log);
    relay.reaches(last).await;
    relay.kill().await;
    context.get_stream(STREAM).await?.purge().await?;

    let mut relay = Running::start(&server.url(), &log);
    assert_eq!(relay.faults().await, Fault::Emptied(last));
    relay.relay.recheck().await;
    assert_eq!(relay.faults().await, Fault::Emptied(last));
    relay.relay.rebuild().await?;
    let last = log.append(5);
    relay.reaches(last).await;
    same_as(&context, &log).await
}

#[tokio::test]
async fn a_stream_that_was_deleted_begins_anew() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let context = connect(&server.url()).await?;
    let by_hand = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["dkube.events.>".to_owned()],
        ..stream::Config::default()
    };
    context.create_stream(by_hand).await?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(20);
    let mut relay = Running::start(&server.url(), &log);
    relay.reaches(last).await;
    // Nothing is there that could be overwritten.
    context.delete_stream(STREAM).await?;
    let last = log.append(1);
    relay.reaches(last).await;
    same_as(&context, &log).await
}

#[tokio::test]
async fn a_stream_of_other_subjects_is_refused() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let context = connect(&server.url()).await?;
    let other =
        stream::Config { name: STREAM.to_owned(), subjects: vec!["dkube.>".to_owned()], ..stream::Config::default() };
    context.create_stream(other).await?;
    let log = MemoryLog::new(1, 1);
    log.append(1);
    let fault = Running::start(&server.url(), &log).faults().await;
    assert!(matches!(fault, Fault::Misconfigured(_)));
    assert_eq!(length(&context.get_stream(STREAM).await?).await?, 0);
    Ok(())
}

#[tokio::test]
async fn without_jetstream_the_relay_says_so_and_waits() -> anyhow::Result<()> {
    let server = NatsServer::start_with("authorization { user: a, password: b }")?;
    let log = MemoryLog::new(1, 1);
    log.append(1);
    let mut relay = Running::start(&server.url(), &log);
    let status = eventually(&mut relay.status, |status| status.last_error.is_some()).await;
    assert_eq!(status.state, State::Connecting);
    assert!(status.last_error.is_some_and(|error| error.contains("authorization")));
    Ok(())
}

#[tokio::test]
async fn a_client_of_another_language_gets_every_event_once_and_in_order() -> anyhow::Result<()> {
    let mut server = NatsServer::start()?;
    let proxy = Proxy::before(server.port()).await?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(100);
    let mut relay = Running::start(&proxy.url(), &log);
    relay.reaches(last).await;
    let source = cloudevent::source(log.cluster());
    let mut consumer = Script::start("consume_events.py", &[&server.url(), &source, "500"])?;
    assert_eq!(consumer.line().await?, "ready");
    for position in 1..=100 {
        let line = consumer.line().await?;
        assert_eq!(line.split(' ').next(), Some(&*position.to_string()));
    }
    // NATS stops in the middle, the relay is killed with acknowledgements outstanding.
    log.append(100);
    server.stop()?;
    log.append(100);
    server.start_again()?;
    relay.reaches(Position(300)).await;
    proxy.swallow();
    log.append(100);
    eventually(&mut proxy.swallowed(), |bytes| *bytes > 0).await;
    relay.kill().await;
    proxy.pass();
    let mut relay = Running::start(&proxy.url(), &log);
    let last = log.append(100);
    relay.reaches(last).await;
    consumer.end().await
}

#[tokio::test]
async fn subscribers_in_the_process_get_what_is_committed_from_now_on() -> anyhow::Result<()> {
    let log = MemoryLog::new(1, 1);
    let before = log.append(10);
    let bus = InProcess::default();
    let mut events = bus::bus::Bus::InProcess(bus.clone()).subscribe(cloudevent::SUBJECTS).await?;
    let port: Arc<dyn CommittedLog> = Arc::<MemoryLog>::clone(&log);
    let (mut status, run) = relay_to_subscribers(bus, port);
    let task = tokio::spawn(run);
    assert_eq!(status.borrow().cursor, Some(before));
    for _ in 0..10 {
        log.append(100);
    }
    for recorded in &log.events()[10..] {
        let message = timeout(LIMIT, events.next()).await?.context("the bus is closed")?;
        assert_eq!(message.subject, cloudevent::subject(recorded));
        assert_eq!(message.headers.get("ce-id"), Some(&*recorded.id.to_string()));
        assert_eq!(message.headers.get("ce-dkubeposition"), Some(&*recorded.position.to_string()));
    }
    eventually(&mut status, |status| status.cursor == Some(Position(1010))).await;
    task.abort();
    Ok(())
}

#[tokio::test]
async fn the_relay_ends_with_its_last_handle() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(10);
    let mut running = Running::start(&server.url(), &log);
    running.reaches(last).await;
    let Running { relay, mut status, task } = running;
    drop(relay);
    timeout(LIMIT, task).await??;
    assert_eq!(status.borrow_and_update().state, State::Stopped);
    Ok(())
}
