//! What is seen of a cluster now, and what of it was not told yet.
use bus::wire::mirror::{key_weight, node_weight, pod_weight};
use domain::{
    NodeName, Timestamp,
    mirror::{KubeNode, Link, Pod, PodKey, Update},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// A handle on what is seen. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Picture(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Notify,
}

#[derive(Debug)]
struct Seen {
    nodes: BTreeMap<NodeName, KubeNode>,
    pods: BTreeMap<PodKey, Pod>,
    /// What is other than it was told.
    nodes_due: BTreeSet<NodeName>,
    pods_due: BTreeSet<PodKey>,
    link: Link,
    link_due: bool,
    complete: bool,
}

/// Where the telling of everything has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cursor {
    Nodes(Option<NodeName>),
    Pods(Option<PodKey>),
    End,
}

impl Picture {
    /// Nothing is seen yet, and nothing reached, at this time.
    pub fn new(now: Timestamp) -> Self {
        let link = Link { connected: false, since: now, error: None, claims: false };
        let seen = Seen {
            nodes: BTreeMap::new(),
            pods: BTreeMap::new(),
            nodes_due: BTreeSet::new(),
            pods_due: BTreeSet::new(),
            link,
            link_due: true,
            complete: false,
        };
        Self(Arc::new(Shared { seen: Mutex::new(seen), changed: Notify::new() }))
    }

    /// A node is there, and so.
    pub fn put_node(&self, node: KubeNode) {
        self.change(|seen| {
            if seen.nodes.get(&node.name) == Some(&node) {
                return false;
            }
            seen.nodes_due.insert(node.name.clone());
            seen.nodes.insert(node.name.clone(), node);
            true
        });
    }

    /// A node is gone.
    pub fn drop_node(&self, name: &NodeName) {
        self.change(|seen| seen.nodes.remove(name).is_some() && seen.nodes_due.insert(name.clone()));
    }

    /// A pod is there, and so.
    pub fn put_pod(&self, pod: Pod) {
        self.change(|seen| {
            if seen.pods.get(&pod.key) == Some(&pod) {
                return false;
            }
            seen.pods_due.insert(pod.key.clone());
            seen.pods.insert(pod.key.clone(), pod);
            true
        });
    }

    /// A pod is gone.
    pub fn drop_pod(&self, key: &PodKey) {
        self.change(|seen| seen.pods.remove(key).is_some() && seen.pods_due.insert(key.clone()));
    }

    /// These are all the nodes that there are: the others are gone.
    pub fn only_nodes(&self, there: &BTreeSet<NodeName>) {
        self.change(|seen| {
            let gone: Vec<_> = seen.nodes.keys().filter(|name| !there.contains(*name)).cloned().collect();
            seen.nodes.retain(|name, _| there.contains(name));
            seen.nodes_due.extend(gone.iter().cloned());
            !gone.is_empty()
        });
    }

    /// These are all the pods that there are: the others are gone.
    pub fn only_pods(&self, there: &BTreeSet<PodKey>) {
        self.change(|seen| {
            let gone: Vec<_> = seen.pods.keys().filter(|key| !there.contains(*key)).cloned().collect();
            seen.pods.retain(|key, _| there.contains(key));
            seen.pods_due.extend(gone.iter().cloned());
            !gone.is_empty()
        });
    }

    /// Changes a pod that is there.
    pub fn with_pod(&self, key: &PodKey, change: impl FnOnce(&mut Pod)) {
        self.change(|seen| {
            let Some(pod) = seen.pods.get_mut(key) else { return false };
            let before = pod.clone();
            change(pod);
            *pod != before && seen.pods_due.insert(key.clone())
        });
    }

    /// Everything was seen once.
    pub fn complete(&self) {
        self.change(|seen| !std::mem::replace(&mut seen.complete, true));
    }

    /// How the cluster is reached. The time is that of the change, and kept while nothing changes.
    pub fn set_link(&self, now: Timestamp, connected: bool, error: Option<Arc<str>>, claims: bool) {
        self.change(|seen| {
            let since = if seen.link.connected == connected { seen.link.since } else { now };
            let link = Link { connected, since, error, claims };
            let changed = link != seen.link;
            seen.link = link;
            seen.link_due |= changed;
            changed
        });
    }

    /// Waits until something is to be told.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    pub(super) fn link(&self) -> Link {
        self.seen().link.clone()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.seen().complete
    }

    /// The next part of everything, of at most so many bytes, and where the one after it begins.
    pub(super) fn part(&self, from: &Cursor, bytes: usize) -> (Update, Cursor) {
        let seen = self.seen();
        match from {
            Cursor::Nodes(after) => {
                let (nodes, last) = filled(&seen.nodes, after.as_ref(), bytes, node_weight);
                let next = last.map_or(Cursor::Pods(None), |name| Cursor::Nodes(Some(name)));
                (Update::Part { nodes, pods: vec![] }, next)
            }
            Cursor::Pods(after) => {
                let (pods, last) = filled(&seen.pods, after.as_ref(), bytes, pod_weight);
                (Update::Part { nodes: vec![], pods }, last.map_or(Cursor::End, |key| Cursor::Pods(Some(key))))
            }
            Cursor::End => (Update::End, Cursor::End),
        }
    }

    /// Everything will be told: what changed before that need not be.
    pub(super) fn forget_due(&self) {
        let mut seen = self.seen();
        seen.nodes_due.clear();
        seen.pods_due.clear();
    }

    /// What changed since it was last taken, of at most so many bytes; none if nothing did.
    pub(super) fn take_due(&self, bytes: usize) -> Option<Update> {
        let mut seen = self.seen();
        let link_due = std::mem::take(&mut seen.link_due);
        let (mut nodes, mut pods, mut nodes_gone, mut pods_gone) = (vec![], vec![], vec![], vec![]);
        let mut room = bytes;
        while room > 0
            && let Some(name) = seen.nodes_due.pop_first()
        {
            let node = seen.nodes.get(&name);
            room = room.saturating_sub(node.map_or(name.as_str().len() + 8, node_weight));
            match node {
                Some(node) => nodes.push(node.clone()),
                None => nodes_gone.push(name),
            }
        }
        while room > 0
            && let Some(key) = seen.pods_due.pop_first()
        {
            let pod = seen.pods.get(&key);
            room = room.saturating_sub(pod.map_or_else(|| key_weight(&key), pod_weight));
            match pod {
                Some(pod) => pods.push(pod.clone()),
                None => pods_gone.push(key),
            }
        }
        let update = Update::Change { nodes, pods, nodes_gone, pods_gone };
        (link_due || !update.is_sign_of_life()).then_some(update)
    }

    fn change(&self, change: impl FnOnce(&mut Seen) -> bool) {
        let mut seen = self.seen();
        let changed = change(&mut seen);
        drop(seen);
        if changed {
            self.0.changed.notify_one();
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes behind a key, as much as fits, and the last key if there is more. One item always fits: it is far smaller
/// than a message.
fn filled<K: Ord + Clone, V: Clone>(
    all: &BTreeMap<K, V>,
    after: Option<&K>,
    bytes: usize,
    weight: impl Fn(&V) -> usize,
) -> (Vec<V>, Option<K>) {
    let mut room = bytes;
    let mut taken = vec![];
    let mut last = None;
    for (key, item) in all.range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)) {
        if room == 0 {
            return (taken, last);
        }
        room = room.saturating_sub(weight(item));
        taken.push(item.clone());
        last = Some(key.clone());
    }
    (taken, None)
}
