//! Lists and counts of pods.
use super::{Mirror, MirrorView, Mirrors, PodCount, PodFilter, PodList, PodSummary, PodTotals, PodView};
use crate::view::{Page, PageError};
use domain::{
    ClusterName,
    mirror::{Phase, Pod, PodKey},
};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Bound,
    sync::Arc,
    time::Duration,
};

/// The most rows of a summary.
const ROWS_MAX: usize = 1000;

/// A cluster, a namespace and a component.
type Part = (ClusterName, Arc<str>, Option<Arc<str>>);

type Clusters = BTreeMap<ClusterName, Mirror>;

impl Mirrors {
    /// Pods, by cluster, namespace and name.
    ///
    /// # Errors
    /// The cursor is none.
    pub fn pods(&self, filter: &PodFilter, page: &Page) -> Result<PodList, PageError> {
        let after = page.after().map(cursor).transpose()?;
        self.read(|clusters, silence| {
            let mut items = vec![];
            let mut next = None;
            'all: for (cluster, mirror) in clusters {
                let Some(shown) = &mirror.shown else { continue };
                let begin = match &after {
                    Some((at, _)) if cluster < at => continue,
                    Some((at, key)) if cluster == at => Bound::Excluded(key),
                    Some(_) | None => Bound::Unbounded,
                };
                let stale = !mirror.is_fresh(silence);
                let pods = shown.pods.range((begin, Bound::Unbounded)).map(|(_, pod)| pod);
                for pod in pods.filter(|pod| filter.admits(cluster, pod)) {
                    if items.len() == page.limit() {
                        next = items.last().map(name_of);
                        break 'all;
                    }
                    items.push(PodView::of(cluster, pod, stale));
                }
            }
            Ok(PodList { items, next, mirrors: mirrors(clusters, silence) })
        })
    }

    /// Pods counted by component.
    pub fn summary(&self, filter: &PodFilter) -> PodSummary {
        self.read(|clusters, silence| {
            let mut rows: BTreeMap<Part, PodCount> = BTreeMap::new();
            let mut total = 0;
            for (cluster, mirror) in clusters {
                let pods = mirror.shown.iter().flat_map(|shown| shown.pods.values());
                for pod in pods.filter(|pod| filter.admits(cluster, pod)) {
                    total += 1;
                    let (namespace, component) = (Arc::clone(&pod.key.namespace), pod.component.clone());
                    match rows.entry((cluster.clone(), namespace, component)) {
                        Entry::Occupied(mut row) => count(row.get_mut(), pod),
                        Entry::Vacant(row) => {
                            let (cluster, namespace, component) = row.key().clone();
                            count(row.insert(PodCount::none(cluster, namespace, component)), pod);
                        }
                    }
                }
            }
            let left_out = u32::try_from(rows.len().saturating_sub(ROWS_MAX)).unwrap_or(u32::MAX);
            let items = rows.into_values().take(ROWS_MAX).collect();
            PodSummary { total, items, left_out, mirrors: mirrors(clusters, silence) }
        })
    }

    /// All pods, counted.
    pub fn totals(&self) -> PodTotals {
        self.read(|clusters, silence| {
            let mut totals = PodTotals::default();
            for mirror in clusters.values() {
                totals.clusters += 1;
                totals.clusters_away += u32::from(!mirror.is_fresh(silence));
                for pod in mirror.shown.iter().flat_map(|shown| shown.pods.values()) {
                    totals.total += 1;
                    *match pod.phase {
                        Phase::Pending => &mut totals.pending,
                        Phase::Running => &mut totals.running,
                        Phase::Succeeded => &mut totals.succeeded,
                        Phase::Failed => &mut totals.failed,
                        Phase::Unknown => &mut totals.unknown,
                    } += 1;
                }
            }
            totals
        })
    }

    /// How well each cluster is known.
    pub fn known(&self) -> Vec<MirrorView> {
        self.read(mirrors)
    }
}

impl PodCount {
    fn none(cluster: ClusterName, namespace: Arc<str>, component: Option<Arc<str>>) -> Self {
        let (total, ready, pending, running, succeeded, failed, unknown) = (0, 0, 0, 0, 0, 0, 0);
        Self { cluster, namespace, component, total, ready, pending, running, succeeded, failed, unknown, restarts: 0 }
    }
}

fn mirrors(clusters: &Clusters, silence: Duration) -> Vec<MirrorView> {
    clusters.iter().map(|(name, mirror)| MirrorView::of(name, mirror, silence)).collect()
}

fn count(row: &mut PodCount, pod: &Pod) {
    row.total += 1;
    row.ready += u32::from(pod.ready);
    row.restarts += u64::from(pod.restarts);
    *match pod.phase {
        Phase::Pending => &mut row.pending,
        Phase::Running => &mut row.running,
        Phase::Succeeded => &mut row.succeeded,
        Phase::Failed => &mut row.failed,
        Phase::Unknown => &mut row.unknown,
    } += 1;
}

fn name_of(pod: &PodView) -> String {
    format!("{}/{}/{}", pod.cluster, pod.namespace, pod.name)
}

fn cursor(text: &str) -> Result<(ClusterName, PodKey), PageError> {
    let mut parts = text.splitn(3, '/');
    let mut part = || parts.next().filter(|part| !part.is_empty()).ok_or(PageError::Cursor);
    let cluster = part()?.parse().map_err(|_| PageError::Cursor)?;
    Ok((cluster, PodKey { namespace: part()?.into(), name: part()?.into() }))
}
