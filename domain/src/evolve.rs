//! Folding a fact into the state.
use crate::{
    Cluster, ClusterEvent, Event, Founded, Position, Timestamp, access, backend, device, group, job, license, node,
    policy, pool, token, user,
};

/// Where and when an event stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Its position.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// Folds one event into the state. Total: what the state has no place for changes nothing, since only what was decided
/// on this state is ever recorded.
pub fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Cluster(ClusterEvent::Founded { cluster: id, demonstration }) => {
            cluster.founded = Some(Founded { id: *id, demonstration: *demonstration });
        }
        // What can't be read any more is not there when the events that held it are folded.
        Event::Cluster(ClusterEvent::KeysLost { at, .. }) => cluster.keys_lost = Some(*at),
        Event::Access(event) => access::evolve(cluster, at, event),
        Event::Pool(event) => pool::evolve(cluster, at, event),
        Event::Group(event) => group::evolve(cluster, at, event),
        Event::User(event) => user::evolve(cluster, at, event),
        Event::Node(event) => node::evolve(cluster, at, event),
        Event::Device(event) => device::evolve(cluster, at, event),
        Event::Job(event) => job::evolve(cluster, at, event),
        Event::Policy(event) => policy::evolve(cluster, at, event),
        Event::License(event) => license::evolve(cluster, at, event),
        Event::Backend(event) => backend::evolve(cluster, at, event),
        Event::Token(event) => token::evolve(cluster, at, event),
    }
    cluster.at = at;
}
