//! Whether each kind is being watched: what the server is told of the connection.
use crate::mirror::Picture;
use bus::clock::Clock;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// A kind that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Nodes,
    Pods,
    Slices,
    Claims,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::Slices => "resource slices",
            Self::Claims => "resource claims",
        }
    }

    /// Whether the cluster is not known without it.
    const fn is_needed(self) -> bool {
        matches!(self, Self::Nodes | Self::Pods)
    }
}

/// How all kinds are.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

struct Shared {
    picture: Picture,
    clock: Arc<dyn Clock>,
    states: Mutex<BTreeMap<Kind, State>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    watched: bool,
    listed: bool,
    error: Option<Arc<str>>,
}

/// How one kind is.
#[derive(Clone)]
pub(super) struct Line(Lines, Kind);

/// The longest error that is told, in bytes.
const ERROR_MAX: usize = 512;

impl Lines {
    pub(super) fn new(picture: Picture, clock: Arc<dyn Clock>) -> Self {
        let states = [(Kind::Nodes, State::default()), (Kind::Pods, State::default())].into();
        Self(Arc::new(Shared { picture, clock, states: Mutex::new(states) }))
    }

    pub(super) fn of(&self, kind: Kind) -> Line {
        Line(self.clone(), kind)
    }

    /// The cluster does not serve these: they are not missed.
    pub(super) fn without_claims(&self) {
        self.change(|states| states.retain(|kind, _| kind.is_needed()));
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<Kind, State>)) {
        let mut states = self.0.states.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut states);
        let needed = || states.iter().filter(|(kind, _)| kind.is_needed());
        let connected = needed().all(|(_, state)| state.watched);
        let listed = needed().all(|(_, state)| state.listed);
        let claims =
            [Kind::Slices, Kind::Claims].iter().all(|kind| states.get(kind).is_some_and(|state| state.watched));
        // What is needed first.
        let error = states.values().find_map(|state| state.error.clone());
        self.0.picture.set_link(self.0.clock.now(), connected, error, claims);
        if listed {
            self.0.picture.complete();
        }
    }
}

impl Line {
    /// It is being watched, and all that there is was seen.
    pub(super) fn watched(&self) {
        self.set(|state| *state = State { watched: true, listed: true, error: None });
    }

    /// It is not, and why.
    pub(super) fn away(&self, error: &dyn std::error::Error) {
        let mut text = format!("{}: {error}", self.1.name());
        text.truncate(text.floor_char_boundary(ERROR_MAX));
        if !self.is_away() {
            tracing::warn!(kind = self.1.name(), error = text, "the Kubernetes API server is away; seeking it again");
        }
        self.set(|state| (state.watched, state.error) = (false, Some(text.into())));
    }

    fn is_away(&self) -> bool {
        let states = self.0.0.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.get(&self.1).is_some_and(|state| state.error.is_some())
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        self.0.change(|states| change(states.entry(self.1).or_default()));
    }
}
