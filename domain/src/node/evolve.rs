use super::{
    Contact, Event, Node,
    reported::{recount, since},
};
use crate::{Cluster, NodeName, Stamp};
use std::collections::BTreeMap;

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Registered { node, facts } => {
            let registered = Node {
                name: node.clone(),
                facts: facts.clone(),
                blind_since: since(None, facts.is_blind(), at),
                devices: BTreeMap::new(),
                expected: None,
                short_since: None,
                surplus_since: None,
                contact: Contact::Reporting,
                contact_since: at.recorded_at,
                cordoned: false,
                retired: false,
                registered_at: at.recorded_at,
                revision: at.position,
            };
            cluster.nodes.insert(node.clone(), registered);
        }
        // What the agent says and whether it speaks is observed, not configured: the revision stays.
        Event::FactsChanged { node, facts } => cluster.change_node(node, |node| {
            node.blind_since = since(node.blind_since, facts.is_blind(), at);
            node.facts = facts.clone();
        }),
        Event::Lost { node } => contact(cluster, at, node, Contact::Lost),
        Event::Returned { node } => contact(cluster, at, node, Contact::Reporting),
        // It changes nothing: it is told so that it is known.
        Event::ReportRefused { .. } => {}
        Event::Cordoned { node } => configure(cluster, at, node, |node| node.cordoned = true),
        Event::Uncordoned { node } => configure(cluster, at, node, |node| node.cordoned = false),
        Event::ExpectationSet { node, devices } => configure(cluster, at, node, |node| node.expected = *devices),
        Event::Retired { node } => configure(cluster, at, node, |node| node.retired = true),
        Event::Reinstated { node } => configure(cluster, at, node, |node| node.retired = false),
    }
}

fn contact(cluster: &mut Cluster, at: Stamp, name: &NodeName, contact: Contact) {
    cluster.change_node(name, |node| {
        node.contact = contact;
        node.contact_since = at.recorded_at;
    });
}

/// How many devices it shall have, and whether that matters, is configured: so they are counted against that anew.
fn configure(cluster: &mut Cluster, at: Stamp, name: &NodeName, change: impl FnOnce(&mut Node)) {
    cluster.change_node(name, |node| {
        node.revision = at.position;
        change(node);
    });
    recount(cluster, at, name);
}
