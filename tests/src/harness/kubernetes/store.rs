//! What the server has, and how it came about.
use super::{Gone, Object};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Objects of one kind, by namespace and name.
type Objects = BTreeMap<(String, String), Value>;

/// Everything that the server has.
#[derive(Debug)]
pub(crate) struct Store {
    version: u64,
    objects: HashMap<&'static str, Objects>,
    history: Vec<Change>,
    /// What came at or before this version is forgotten.
    forgotten: u64,
    gone: Gone,
    /// Rises whenever all watches are to end.
    disconnects: u64,
    refuse: Option<u16>,
    claims: bool,
    lists: HashMap<String, usize>,
}

/// Something that happened to an object.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) kind: String,
    /// As a watch tells it.
    pub(crate) event: Value,
}

/// A page of a list.
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    pub(crate) version: u64,
    pub(crate) next: Option<String>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            version: 1000,
            objects: HashMap::new(),
            history: vec![],
            forgotten: 1000,
            gone: Gone::Status,
            disconnects: 0,
            refuse: None,
            claims: false,
            lists: HashMap::new(),
        }
    }
}

impl Store {
    pub(super) fn put(&mut self, mut object: Object) {
        self.version += 1;
        let key = object.key();
        let objects = self.objects.entry(object.kind).or_default();
        let before = objects.get(&key);
        let uid = before.map_or_else(
            || Value::from(Uuid::from_u128(u128::from(self.version)).to_string()),
            |before| before["metadata"]["uid"].clone(),
        );
        let happened = if before.is_some() { "MODIFIED" } else { "ADDED" };
        object.value["metadata"]["uid"] = uid;
        object.value["metadata"]["resourceVersion"] = self.version.to_string().into();
        objects.insert(key, object.value.clone());
        self.tell(object.kind, json!({ "type": happened, "object": object.value }));
    }

    pub(super) fn delete(&mut self, kind: &str, namespace: &str, name: &str) {
        let objects = self.objects.iter_mut().find(|(known, _)| **known == kind);
        let found = objects.and_then(|(_, objects)| objects.remove(&(namespace.to_owned(), name.to_owned())));
        if let Some(mut object) = found {
            self.version += 1;
            object["metadata"]["resourceVersion"] = self.version.to_string().into();
            self.tell(kind, json!({ "type": "DELETED", "object": object }));
        }
    }

    pub(super) fn bookmark(&mut self, kind: &str) {
        self.version += 1;
        let (name, api) = names(kind);
        let metadata = json!({ "resourceVersion": self.version.to_string(), "creationTimestamp": null });
        let object = json!({ "kind": name, "apiVersion": api, "metadata": metadata });
        self.tell(kind, json!({ "type": "BOOKMARK", "object": object }));
    }

    pub(super) fn compact(&mut self, gone: Gone) {
        self.version += 1;
        (self.forgotten, self.gone) = (self.version, gone);
        self.history.clear();
        self.disconnect();
    }

    pub(super) const fn disconnect(&mut self) {
        self.disconnects += 1;
    }

    pub(super) const fn refuse(&mut self, status: Option<u16>) {
        self.refuse = status;
    }

    pub(super) const fn serve_claims(&mut self, served: bool) {
        self.claims = served;
    }

    pub(super) fn lists(&self, kind: &str) -> usize {
        self.lists.get(kind).copied().unwrap_or_default()
    }

    pub(crate) const fn refused(&self) -> Option<u16> {
        self.refuse
    }

    pub(crate) const fn has_claims(&self) -> bool {
        self.claims
    }

    pub(crate) const fn disconnects(&self) -> u64 {
        self.disconnects
    }

    /// How it is told that this version is too old; none if it is not.
    pub(crate) fn too_old(&self, version: u64) -> Option<Gone> {
        (version < self.forgotten).then_some(self.gone)
    }

    /// What came after a version.
    pub(crate) fn after(&self, kind: &str, version: u64) -> Vec<Change> {
        let after = self.history.iter().filter(|change| change.version > version && change.kind == kind);
        after.cloned().collect()
    }

    /// A page of all objects of a kind. A later page is as old as the first one says, and gone once that is forgotten.
    pub(crate) fn page(&mut self, kind: &str, limit: usize, token: Option<&str>) -> Option<Page> {
        let mut parts = token.unwrap_or_default().splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (version, after) = (part(), (part(), part()));
        let version = if token.is_some() { version.parse().ok()? } else { self.version };
        if token.is_none() {
            *self.lists.entry(kind.to_owned()).or_default() += 1;
        } else if self.too_old(version).is_some() {
            return None;
        }
        let objects = self.objects.iter().find(|(known, _)| **known == kind).map(|(_, objects)| objects);
        let mut rest = objects.into_iter().flatten().filter(|(key, _)| token.is_none() || **key > after);
        let page: Vec<_> = rest.by_ref().take(limit).collect();
        let more = rest.next().is_some();
        let next = page.last().filter(|_| more).map(|((namespace, name), _)| format!("{version}/{namespace}/{name}"));
        Some(Page { items: page.into_iter().map(|(_, object)| object.clone()).collect(), version, next })
    }

    fn tell(&mut self, kind: &str, event: Value) {
        self.history.push(Change { version: self.version, kind: kind.to_owned(), event });
    }
}

/// What a kind is called in its objects, and in which version of the API.
pub(crate) fn names(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "nodes" => ("Node", "v1"),
        "pods" => ("Pod", "v1"),
        "resourceslices" => ("ResourceSlice", "resource.k8s.io/v1"),
        _ => ("ResourceClaim", "resource.k8s.io/v1"),
    }
}
