use domain::{
    ClusterName, NodeName, Timestamp,
    mirror::{KubeNode, Link, Pod, PodKey, Stream, Update},
};
use parking_lot::RwLock;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

/// How much is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most clusters.
    pub clusters: usize,
    /// The most pods of one cluster.
    pub pods: usize,
    /// The most nodes of one cluster.
    pub nodes: usize,
    /// How long an agent may be silent before what it told counts as stale. It gives a sign of life every two seconds.
    pub silence: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        // 150,000 pods and 5,000 nodes are the most that Kubernetes is tested with.
        Self { clusters: 16, pods: 200_000, nodes: 20_000, silence: Duration::from_secs(10) }
    }
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// It is taken, or was before.
    Taken,
    /// Something before it is missing: a full state is wanted.
    Resync,
    /// There is more than is mirrored.
    Full,
}

/// A handle on what is mirrored. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mirrors(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bounds: Bounds,
    clusters: RwLock<BTreeMap<ClusterName, Mirror>>,
    changes: watch::Sender<u64>,
}

/// What is mirrored of one cluster.
#[derive(Debug)]
pub(crate) struct Mirror {
    epoch: Uuid,
    last: u64,
    pub(crate) link: Link,
    pub(crate) heard: Instant,
    pub(crate) heard_at: Timestamp,
    /// What is shown; none until the first full state is whole.
    pub(crate) shown: Option<Shown>,
    /// The full state that is being told.
    next: Option<Shown>,
}

/// What was told of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) nodes: BTreeMap<NodeName, KubeNode>,
    pub(crate) pods: BTreeMap<PodKey, Arc<Pod>>,
}

impl Default for Mirrors {
    fn default() -> Self {
        Self::new(Bounds::default())
    }
}

impl Mirrors {
    /// Nothing is mirrored yet.
    pub fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Shared { bounds, clusters: RwLock::default(), changes: watch::Sender::new(0) }))
    }

    /// Takes an update of that cluster's agent, which came at this time.
    pub fn take(&self, cluster: ClusterName, stream: Stream, link: Link, update: Update, at: Timestamp) -> Took {
        let mut clusters = self.0.clusters.write();
        let begins = matches!(update, Update::Begin);
        if !clusters.contains_key(&cluster) {
            if !begins {
                return Took::Resync;
            }
            if clusters.len() >= self.0.bounds.clusters {
                return Took::Full;
            }
        }
        let mirror = clusters.entry(cluster).or_insert_with(|| Mirror::new(stream, link.clone(), at));
        (mirror.heard, mirror.heard_at) = (Instant::now(), at);
        mirror.link = link;
        let took = mirror.take(stream, update, self.0.bounds);
        drop(clusters);
        self.0.changes.send_modify(|count| *count += 1);
        took
    }

    /// Counts up with whatever is taken.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// The clusters of which everything is known as it is now: whole, connected, and heard just now. Each with its pods.
    pub fn fresh(&self) -> Vec<(ClusterName, Vec<Arc<Pod>>)> {
        let clusters = self.0.clusters.read();
        let fresh = clusters.iter().filter(|(_, mirror)| mirror.is_fresh(self.0.bounds.silence));
        fresh
            .map(|(name, mirror)| {
                (name.clone(), mirror.shown.iter().flat_map(|shown| shown.pods.values().cloned()).collect())
            })
            .collect()
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&BTreeMap<ClusterName, Mirror>, Duration) -> T) -> T {
        read(&self.0.clusters.read(), self.0.bounds.silence)
    }
}

impl Mirror {
    fn new(stream: Stream, link: Link, at: Timestamp) -> Self {
        let heard = Instant::now();
        Self { epoch: stream.epoch, last: stream.sequence, link, heard, heard_at: at, shown: None, next: None }
    }

    /// Whether what is shown is how the cluster is.
    pub(crate) fn is_fresh(&self, silence: Duration) -> bool {
        self.link.connected && self.next.is_none() && self.shown.is_some() && !self.is_silent(silence)
    }

    /// Whether its agent was not heard for too long.
    pub(crate) fn is_silent(&self, silence: Duration) -> bool {
        self.heard.elapsed() > silence
    }

    fn take(&mut self, stream: Stream, update: Update, bounds: Bounds) -> Took {
        if matches!(update, Update::Begin) {
            (self.epoch, self.last, self.next) = (stream.epoch, stream.sequence, Some(Shown::default()));
            return Took::Taken;
        }
        if stream.epoch == self.epoch && stream.sequence == self.last {
            // Its answer was lost on the way.
            return Took::Taken;
        }
        if stream.epoch != self.epoch || stream.sequence != self.last + 1 {
            return Took::Resync;
        }
        let took = self.apply(update, bounds);
        if took == Took::Taken {
            self.last = stream.sequence;
        }
        took
    }

    fn apply(&mut self, update: Update, bounds: Bounds) -> Took {
        match (update, &mut self.next, &mut self.shown) {
            // A sign of life, also before there is a full state.
            (update, ..) if update.is_sign_of_life() => {}
            (Update::Begin, ..) => {}
            (Update::Part { nodes, pods }, Some(next), _) => {
                if !next.has_room(nodes.len(), pods.len(), bounds) {
                    return Took::Full;
                }
                next.put(nodes, pods);
            }
            (Update::End, next @ Some(_), _) => self.shown = next.take(),
            (Update::Change { nodes, pods, nodes_gone, pods_gone }, None, Some(shown)) => {
                for name in &nodes_gone {
                    shown.nodes.remove(name);
                }
                for key in &pods_gone {
                    shown.pods.remove(key);
                }
                let new_nodes = nodes.iter().filter(|node| !shown.nodes.contains_key(&node.name)).count();
                let new_pods = pods.iter().filter(|pod| !shown.pods.contains_key(&pod.key)).count();
                if !shown.has_room(new_nodes, new_pods, bounds) {
                    return Took::Full;
                }
                shown.put(nodes, pods);
            }
            (Update::Part { .. } | Update::End | Update::Change { .. }, ..) => return Took::Resync,
        }
        Took::Taken
    }
}

impl Shown {
    fn has_room(&self, nodes: usize, pods: usize, bounds: Bounds) -> bool {
        self.nodes.len() + nodes <= bounds.nodes && self.pods.len() + pods <= bounds.pods
    }

    fn put(&mut self, nodes: Vec<KubeNode>, pods: Vec<Pod>) {
        self.nodes.extend(nodes.into_iter().map(|node| (node.name.clone(), node)));
        self.pods.extend(pods.into_iter().map(|pod| (pod.key.clone(), Arc::new(pod))));
    }
}
