//! The subjects that agents and the server talk on.
use domain::{ClusterName, NodeName, WordError};

/// Every agent's inventory: what the server listens to.
pub const AGENTS_INVENTORY: &str = "dkube.agent.*.inventory";

/// Every agent's health findings: what the server listens to.
pub const AGENTS_HEALTH: &str = "dkube.agent.*.health";

/// Every agent's telemetry: what the server listens to.
pub const AGENTS_TELEMETRY: &str = "dkube.telemetry.*";

/// What every cluster agent mirrors: what the server listens to.
pub const MIRRORS: &str = "dkube.cluster.*.mirror";

/// Where agents of nodes are answered: each on its own part of these.
pub const AGENTS_INBOXES: &str = "_INBOX_AGENT.>";

/// Where agents of Kubernetes clusters are answered.
pub const CLUSTERS_INBOXES: &str = "_INBOX_CLUSTER.>";

/// Where the agent of a Kubernetes cluster sends what it mirrors; with `*` for the name, where all do.
pub fn mirror_subject(cluster: &str) -> String {
    format!("dkube.cluster.{cluster}.mirror")
}

/// Whose mirror this subject is of; none if it is no mirror's subject.
pub fn mirror_of(subject: &str) -> Option<ClusterName> {
    subject.strip_prefix("dkube.cluster.")?.strip_suffix(".mirror")?.parse().ok()
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The host and all devices on it.
    Inventory,
    /// Changes in the devices' health.
    Health,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Inventory, Self::Health];

    const fn token(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Health => "health",
        }
    }
}

/// Where the agent of a node sends reports of a kind.
pub fn agent(node: &NodeName, kind: Kind) -> String {
    agent_subject(&node_token(node), kind)
}

/// Where the agent sends reports of a kind whose node is this token; with `*` for it, where all agents do.
pub fn agent_subject(token: &str, kind: Kind) -> String {
    format!("dkube.agent.{token}.{}", kind.token())
}

/// Whose agent sends to this subject, and what kind of report; none if it is no agent's subject.
pub fn agent_of(subject: &str) -> Option<(NodeName, Kind)> {
    let (token, kind) = subject.strip_prefix("dkube.agent.")?.split_once('.')?;
    let kind = Kind::ALL.into_iter().find(|known| known.token() == kind)?;
    Some((node_of_token(token).ok()?, kind))
}

/// What the subjects begin with on which an agent of this node is answered: its own, and none that others may listen to.
pub fn inbox_prefix(node: &NodeName) -> String {
    format!("_INBOX_AGENT.{}", node_token(node))
}

/// What the subjects begin with on which the agent of this Kubernetes cluster is answered.
pub fn cluster_inbox_prefix(cluster: &ClusterName) -> String {
    format!("_INBOX_CLUSTER.{cluster}")
}

/// Where the agent of a node sends what it measures: lossy, and not answered, but for a question.
pub fn telemetry(node: &NodeName) -> String {
    telemetry_subject(&node_token(node))
}

/// Where the agent whose node is this token sends what it measures.
pub fn telemetry_subject(token: &str) -> String {
    format!("dkube.telemetry.{token}")
}

/// Whose agent sends to this subject what it measures; none if it is no such subject.
pub fn telemetry_of(subject: &str) -> Option<NodeName> {
    node_of_token(subject.strip_prefix("dkube.telemetry.")?).ok()
}

/// A node's name as one token of a subject: a dot becomes `_`, which is in no node's name.
pub fn node_token(node: &NodeName) -> String {
    node.as_str().replace('.', "_")
}

/// The node's name that this token stands for.
///
/// # Errors
/// It stands for none.
pub fn node_of_token(token: &str) -> Result<NodeName, WordError> {
    // A dot is of no token. Left as it is, two texts would stand for one node.
    let dotted = if token.contains('.') { String::new() } else { token.replace('_', ".") };
    dotted.parse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Pattern;

    #[test]
    fn a_node_is_one_token_and_back() {
        for name in ["gpu-01", "gpu-01.rack3.example", "a"] {
            let node: NodeName = name.parse().unwrap();
            let token = node_token(&node);
            assert!(!token.contains('.'));
            assert_eq!(node_of_token(&token).unwrap(), node);
            for (kind, pattern) in [(Kind::Inventory, AGENTS_INVENTORY), (Kind::Health, AGENTS_HEALTH)] {
                let subject = agent(&node, kind);
                assert_eq!(agent_of(&subject), Some((node.clone(), kind)));
                assert!(pattern.parse::<Pattern>().unwrap().matches(&subject));
                assert_eq!(agent_subject("*", kind), pattern);
            }
            assert!(AGENTS_INBOXES.parse::<Pattern>().unwrap().matches(&format!("{}.x", inbox_prefix(&node))));
        }
    }

    #[test]
    fn a_mirrors_subject_names_its_cluster() {
        assert_eq!(mirror_subject("*"), MIRRORS);
        let inbox = format!("{}.x", cluster_inbox_prefix(&"east-1".parse().unwrap()));
        assert!(CLUSTERS_INBOXES.parse::<Pattern>().unwrap().matches(&inbox));
        assert_eq!(mirror_of(&mirror_subject("east-1")), Some("east-1".parse().unwrap()));
        for subject in ["dkube.cluster.mirror", "dkube.cluster.a.b.mirror", "dkube.cluster.A.mirror", "dkube.cluster.a"]
        {
            assert_eq!(mirror_of(subject), None, "{subject}");
        }
    }

    #[test]
    fn what_is_no_agents_subject_is_refused() {
        for subject in [
            "dkube.agent.gpu-01",
            "dkube.agent.gpu-01.other",
            "dkube.agent.gpu-01.rack.health",
            "dkube.agent._.health",
            "dkube.agent.GPU.health",
            "dkube.telemetry.gpu-01",
            "dkube.agent..health",
        ] {
            assert_eq!(agent_of(subject), None, "{subject}");
        }
        assert!(node_of_token("a.b").is_err());
    }
}
