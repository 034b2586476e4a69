use super::{picture::Cursor, simulated::Scene, *};
use crate::agent::Surroundings;
use bus::{
    bus::{Bus, Subscription},
    clock::{Clock, SystemClock, SystemEntropy},
    wire::{
        MIRRORS,
        mirror::{Answer, Message},
    },
};
use domain::{
    Timestamp,
    mirror::{Phase, Pod, PodKey, Update},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::watch;
use uuid::Uuid;

fn key(name: &str) -> PodKey {
    PodKey { namespace: "ns".into(), name: name.into() }
}

fn pod(name: &str) -> Pod {
    Pod::new(key(name), Uuid::from_u128(1))
}

fn names(update: &Update) -> (Vec<String>, Vec<String>) {
    let Update::Change { pods, pods_gone, .. } = update else { panic!("another update: {update:?}") };
    let put = pods.iter().map(|pod| pod.key.name.to_string()).collect();
    (put, pods_gone.iter().map(|key| key.name.to_string()).collect())
}

#[test]
fn only_what_changed_is_told_and_a_gap_shows_what_is_gone() {
    let picture = Picture::new(Timestamp::from_micros(0));
    assert!(picture.take_due(1000).is_some_and(|update| update.is_sign_of_life()), "the link was never told");
    picture.put_pod(pod("a"));
    picture.put_pod(pod("b"));
    assert_eq!(names(&picture.take_due(100_000).unwrap()), (vec!["a".into(), "b".into()], vec![]));
    picture.put_pod(pod("a"));
    assert_eq!(picture.take_due(100_000), None, "it is as it was told");
    picture.only_pods(&BTreeSet::from([key("b")]));
    assert_eq!(names(&picture.take_due(100_000).unwrap()), (vec![], vec!["a".into()]));
    picture.put_pod(pod("c"));
    picture.drop_pod(&key("c"));
    assert_eq!(names(&picture.take_due(100_000).unwrap()), (vec![], vec!["c".into()]));
}

#[test]
fn everything_is_told_in_parts_that_fit() {
    let picture = Picture::new(Timestamp::from_micros(0));
    let all: BTreeSet<String> = (0..100).map(|nth| format!("pod-{nth:03}")).collect();
    for name in &all {
        picture.put_pod(pod(name));
    }
    let (mut cursor, mut told, mut parts) = (Cursor::Nodes(None), BTreeSet::new(), 0);
    loop {
        let (update, next) = picture.part(&cursor, 2000);
        let Update::Part { pods, .. } = update else { break };
        parts += usize::from(!pods.is_empty());
        told.extend(pods.iter().map(|pod| pod.key.name.to_string()));
        cursor = next;
    }
    assert_eq!(told, all);
    assert!(parts > 5, "{parts}");
}

async fn next(messages: &mut Subscription, answer: Answer) -> Message {
    let message = tokio::time::timeout(Duration::from_secs(20), messages.next()).await.unwrap().unwrap();
    message.reply.unwrap().send(answer.encode().unwrap()).await.unwrap();
    Message::decode(&message.payload).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lost_everything_is_told_everything() {
    let bus = Bus::in_process();
    let mut messages = bus.subscribe(MIRRORS).await.unwrap();
    let around = Surroundings { bus, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let picture = Picture::new(SystemClock.now());
    let (_stop, stopped) = watch::channel(false);
    let teller = Teller::new("east".parse().unwrap(), picture.clone(), around, Pace::default());
    tokio::spawn(teller.run(stopped));

    assert_eq!(next(&mut messages, Answer::Taken).await.update, Update::Begin);
    assert!(next(&mut messages, Answer::Taken).await.update.is_sign_of_life(), "not all was seen yet");
    picture.put_pod(pod("a"));
    picture.set_link(SystemClock.now(), true, None, false);
    picture.complete();
    let mut seen = vec![];
    let mut last = 0;
    loop {
        let message = next(&mut messages, Answer::Taken).await;
        last = message.stream.sequence.max(last + 1);
        assert_eq!(message.stream.sequence, last, "without a gap");
        if let Update::Part { pods, .. } = &message.update {
            seen.extend(pods.iter().map(|pod| pod.key.name.to_string()));
        }
        if message.update == Update::End {
            break;
        }
    }
    assert_eq!(seen, ["a"]);
    picture.put_pod(pod("b"));
    let changed = next(&mut messages, Answer::Resync).await;
    assert_eq!(names(&changed.update).0, ["b"]);
    assert_eq!(next(&mut messages, Answer::Taken).await.update, Update::Begin);
}

#[test]
fn a_simulated_cluster_is_the_same_at_the_same_time_and_lives_on() {
    let began = Timestamp::from_micros(0);
    let scene = Scene { seed: 1, began, gpus: 8, nodes: vec!["sim-1".parse().unwrap(), "sim-2".parse().unwrap()] };
    let at = |seconds| {
        let picture = Picture::new(began);
        scene.furnish(&picture);
        scene.play(&picture, began.plus_seconds(seconds));
        let mut pods = vec![];
        let mut cursor = Cursor::Pods(None);
        while let (Update::Part { pods: some, .. }, next) = picture.part(&cursor, 100_000) {
            pods.extend(some);
            cursor = next;
        }
        pods
    };
    assert_eq!(at(100), at(100));
    assert_ne!(at(100), at(600));
    assert!(at(600).iter().all(|pod| pod.gpus == 0 || pod.phase == Phase::Pending), "no device is taken");
}
