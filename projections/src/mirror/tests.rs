use super::*;
use crate::view::{Page, PageError};
use domain::{
    ClusterName, Timestamp,
    mirror::{Link, Phase, Pod, PodKey, Stream, Update, Workload},
};
use proptest::prelude::*;
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

fn cluster() -> ClusterName {
    "east".parse().unwrap()
}

fn key(name: &str) -> PodKey {
    PodKey { namespace: "ns".into(), name: name.into() }
}

fn pod(name: &str) -> Pod {
    Pod {
        key: key(name),
        uid: Uuid::from_u128(1),
        node: Some("n1".parse().unwrap()),
        phase: Phase::Running,
        ready: true,
        terminating: false,
        reason: None,
        restarts: 1,
        created_at: None,
        started_at: None,
        owner: Some(Workload { kind: "Job".into(), name: "train".into() }),
        component: Some("worker".into()),
        user: Some("ada".into()),
        gpus: 0,
        devices: vec![],
    }
}

fn link(connected: bool) -> Link {
    let error = (!connected).then(|| "refused".into());
    Link { connected, since: Timestamp::from_micros(0), error, claims: false }
}

/// An agent that numbers what it tells.
struct Teller {
    mirrors: Mirrors,
    epoch: u128,
    sequence: u64,
}

impl Teller {
    fn new(bounds: Bounds) -> Self {
        Self { mirrors: Mirrors::new(bounds), epoch: 1, sequence: 0 }
    }

    fn tell_as(&self, sequence: u64, update: Update) -> Took {
        let stream = Stream { epoch: Uuid::from_u128(self.epoch), sequence };
        self.mirrors.take(cluster(), stream, link(true), update, Timestamp::from_micros(1))
    }

    fn tell(&mut self, update: Update) -> Took {
        self.sequence += 1;
        self.tell_as(self.sequence, update)
    }

    fn full(&mut self, names: &[&str]) {
        let pods = names.iter().map(|name| pod(name)).collect();
        for update in [Update::Begin, Update::Part { nodes: vec![], pods }, Update::End] {
            assert_eq!(self.tell(update), Took::Taken);
        }
    }

    fn change(&mut self, put: &[&str], gone: &[&str]) -> Took {
        let (pods, pods_gone) =
            (put.iter().map(|name| pod(name)).collect(), gone.iter().map(|name| key(name)).collect());
        self.tell(Update::Change { nodes: vec![], pods, nodes_gone: vec![], pods_gone })
    }

    fn names(&self) -> Vec<String> {
        let list = self.mirrors.pods(&PodFilter::default(), &Page::default()).unwrap();
        list.items.iter().map(|pod| pod.name.to_string()).collect()
    }
}

#[test]
fn what_is_told_is_shown_and_what_changes_changes() {
    let mut told = Teller::new(Bounds::default());
    assert_eq!(told.change(&["a"], &[]), Took::Resync, "nothing is known of what came before");
    told.full(&["a", "b"]);
    assert_eq!(told.names(), ["a", "b"]);
    assert_eq!(told.change(&["c"], &["a"]), Took::Taken);
    assert_eq!(told.names(), ["b", "c"]);
}

#[test]
fn a_repeat_is_harmless_and_a_gap_wants_everything() {
    let mut told = Teller::new(Bounds::default());
    told.full(&["a"]);
    let heartbeat = || Update::Change { nodes: vec![], pods: vec![], nodes_gone: vec![], pods_gone: vec![] };
    assert_eq!(told.tell_as(told.sequence, Update::End), Took::Taken, "its answer was lost");
    assert_eq!(told.tell_as(told.sequence + 2, heartbeat()), Took::Resync);
    told.epoch = 2;
    assert_eq!(told.tell(heartbeat()), Took::Resync, "another life of the agent");
    assert_eq!(told.names(), ["a"], "it stays shown meanwhile");
}

#[test]
fn a_full_state_replaces_the_last_when_it_is_whole() {
    let mut told = Teller::new(Bounds::default());
    told.full(&["a", "b"]);
    told.tell(Update::Begin);
    told.tell(Update::Part { nodes: vec![], pods: vec![pod("b")] });
    assert_eq!(told.names(), ["a", "b"]);
    assert!(told.mirrors.fresh().is_empty(), "who ends what is gone must wait for the whole");
    told.tell(Update::End);
    assert_eq!(told.names(), ["b"]);
    assert_eq!(told.mirrors.fresh().len(), 1);
}

#[test]
fn more_than_the_bounds_is_refused() {
    let mut told = Teller::new(Bounds { pods: 2, clusters: 1, ..Bounds::default() });
    told.full(&["a", "b"]);
    assert_eq!(told.change(&["c"], &[]), Took::Full);
    told.sequence -= 1;
    assert_eq!(told.change(&["b"], &[]), Took::Taken, "a change of what is there needs no room");
    assert_eq!(told.change(&["c"], &["a"]), Took::Taken);
    let other: ClusterName = "west".parse().unwrap();
    let stream = Stream { epoch: Uuid::nil(), sequence: 1 };
    let took = told.mirrors.take(other, stream, link(true), Update::Begin, Timestamp::from_micros(0));
    assert_eq!(took, Took::Full);
}

#[test]
fn a_lost_connection_is_told_and_nothing_is_forgotten() {
    let mut told = Teller::new(Bounds::default());
    told.full(&["a"]);
    told.sequence += 1;
    let stream = Stream { epoch: Uuid::from_u128(1), sequence: told.sequence };
    let beat = Update::Change { nodes: vec![], pods: vec![], nodes_gone: vec![], pods_gone: vec![] };
    told.mirrors.take(cluster(), stream, link(false), beat, Timestamp::from_micros(1));
    let list = told.mirrors.pods(&PodFilter::default(), &Page::default()).unwrap();
    assert!(list.items[0].stale && !list.mirrors[0].connected);
    assert_eq!(list.mirrors[0].error.clone().flatten().as_deref(), Some("refused"));
    assert!(told.mirrors.fresh().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_no_connection() {
    let mut told = Teller::new(Bounds::default());
    told.full(&["a"]);
    tokio::time::advance(Bounds::default().silence + Duration::from_secs(1)).await;
    let known = &told.mirrors.known()[0];
    assert!(!known.connected && known.error.clone().flatten().is_some() && known.age_seconds == 11, "{known:?}");
    assert!(told.mirrors.fresh().is_empty());
}

#[test]
fn filters_and_counts() {
    let mut told = Teller::new(Bounds::default());
    told.full(&["a", "b"]);
    let mut failed = pod("b");
    (failed.phase, failed.ready, failed.user) = (Phase::Failed, false, None);
    told.tell(Update::Change { nodes: vec![], pods: vec![failed], nodes_gone: vec![], pods_gone: vec![] });
    let find = |filter: PodFilter| {
        let list = told.mirrors.pods(&filter, &Page::default()).unwrap();
        list.items.iter().map(|pod| pod.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(find(PodFilter { phase: Some(PodPhase::Failed), ..PodFilter::default() }), ["b"]);
    assert_eq!(find(PodFilter { user: Some("ada".into()), ..PodFilter::default() }), ["a"]);
    assert_eq!(find(PodFilter { owner: Some("train".into()), ..PodFilter::default() }), ["a", "b"]);
    assert!(find(PodFilter { namespace: Some("other".into()), ..PodFilter::default() }).is_empty());
    let summary = told.mirrors.summary(&PodFilter::default());
    let totals = told.mirrors.totals();
    assert_eq!((totals.total, totals.running, totals.failed, totals.clusters, totals.clusters_away), (2, 1, 1, 1, 0));
    let row = &summary.items[0];
    assert_eq!((summary.total, row.total, row.running, row.failed, row.ready, row.restarts), (2, 2, 1, 1, 1, 2));
}

proptest! {
    #[test]
    fn a_walk_meets_every_pod_once(names in proptest::collection::btree_set("[a-d]{1,3}", 0..40), limit in 1_usize..9) {
        let mut told = Teller::new(Bounds::default());
        told.full(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let (mut seen, mut after) = (vec![], None);
        loop {
            let page = Page::try_new(after, limit).unwrap();
            let list = told.mirrors.pods(&PodFilter::default(), &page).unwrap();
            seen.extend(list.items.iter().map(|pod| pod.name.to_string()));
            after = list.next;
            if after.is_none() { break }
        }
        prop_assert_eq!(seen.len(), names.len());
        prop_assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), names);
    }
}

#[test]
fn a_cursor_that_names_no_pod_is_refused() {
    let mirrors = Mirrors::default();
    for text in ["", "a", "a/b", "a//c", "A/b/c"] {
        let page = Page::try_new(Some(text.to_owned()), 10).unwrap();
        assert_eq!(mirrors.pods(&PodFilter::default(), &page), Err(PageError::Cursor), "{text}");
    }
}
