//! What an event or a command is about.
use crate::{GroupName, JobId, NodeName, PoolName, TokenId, UserId, device::DeviceId};
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

/// A thing with a history of its own: `pool/vision`, `device/GPU-…`. Users are named by id, never by login.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The cluster as a whole.
    Cluster,
    /// A pool. One that is made anew under an old name shares its history.
    Pool(PoolName),
    /// A group, likewise.
    Group(GroupName),
    /// A user.
    User(UserId),
    /// A node.
    Node(NodeName),
    /// A device.
    Device(DeviceId),
    /// A job.
    Job(JobId),
    /// A token.
    Token(TokenId),
    /// The health policy: the one policy that there is.
    HealthPolicy,
    /// The sign-in backend: whichever is active.
    Backend,
    /// The license: whichever holds.
    License,
}

/// The text names no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a subject is cluster or license, or a kind and a name, like pool/vision, user/<id>, device/GPU-<uuid>")]
pub struct SubjectError;

impl Subject {
    /// The word before the slash: the entity of an event's NATS subject.
    pub const fn entity(&self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Pool(_) => "pool",
            Self::Group(_) => "group",
            Self::User(_) => "user",
            Self::Node(_) => "node",
            Self::Device(_) => "device",
            Self::Job(_) => "job",
            Self::Token(_) => "token",
            Self::HealthPolicy => "policy",
            Self::Backend => "auth",
            Self::License => "license",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entity = self.entity();
        match self {
            Self::Cluster | Self::License => f.write_str(entity),
            Self::Pool(name) => write!(f, "{entity}/{name}"),
            Self::Group(name) => write!(f, "{entity}/{name}"),
            Self::User(id) => write!(f, "{entity}/{id}"),
            Self::Node(name) => write!(f, "{entity}/{name}"),
            Self::Device(id) => write!(f, "{entity}/{id}"),
            Self::Job(id) => write!(f, "{entity}/{id}"),
            Self::Token(id) => write!(f, "{entity}/{id}"),
            Self::HealthPolicy => write!(f, "{entity}/health"),
            Self::Backend => write!(f, "{entity}/backend"),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Subject {
    type Err = SubjectError;
    fn from_str(text: &str) -> Result<Self, SubjectError> {
        fn parsed<T: FromStr>(text: &str) -> Result<T, SubjectError> {
            text.parse().map_err(|_| SubjectError)
        }
        match text {
            "cluster" => return Ok(Self::Cluster),
            "license" => return Ok(Self::License),
            _ => {}
        }
        let (entity, name) = text.split_once('/').ok_or(SubjectError)?;
        match entity {
            "pool" => parsed(name).map(Self::Pool),
            "group" => parsed(name).map(Self::Group),
            "user" => parsed(name).map(Self::User),
            "node" => parsed(name).map(Self::Node),
            "device" => parsed(name).map(Self::Device),
            "job" => parsed(name).map(Self::Job),
            "token" => parsed(name).map(Self::Token),
            "policy" if name == "health" => Ok(Self::HealthPolicy),
            "auth" if name == "backend" => Ok(Self::Backend),
            _ => Err(SubjectError),
        }
    }
}
