//! The rules: which words exist, what may be wished for, what happens then, and how a fact is written down.
//!
//! One [`Cluster`] is the whole state. [`decide`] turns a [`Command`] into [`Event`]s or a [`Rejection`]; [`evolve`]
//! folds an event into the state. Both are pure and total: time, ids and the asker arrive as arguments. Nothing here
//! knows a disk, a clock or a network.

mod actor;
mod cluster;
mod command;
mod decide;
mod event;
mod evolve;
mod fold;
mod id;
mod name;
mod recorded;
mod refusal;
mod rejection;
mod stock;
mod subject;
mod time;
mod warning;

pub mod access;
pub mod backend;
pub mod device;
pub mod group;
pub mod job;
pub mod license;
pub mod mirror;
pub mod node;
pub mod policy;
pub mod pool;
pub mod published;
pub mod stored;
pub mod telemetry;
pub mod token;
pub mod user;

pub use access::{Action, Allowed, Denied, Principal, Role, Via, authorize, permit};
pub use actor::Actor;
pub use cluster::{Cluster, Founded};
pub use command::{Command, Expected, Limits};
pub use decide::{Context, decide};
pub use event::{ClusterEvent, Event, NOUNS};
pub use evolve::{Stamp, evolve};
pub use fold::FOLD;
pub use id::{AgentRun, ClusterId, CommandId, EventId, IdError, Incarnation, JobId, LicenseId, TokenId, UserId};
pub use name::{
    ClusterName, GroupName, JobName, Licensee, Login, Model, NodeName, PoolName, ProviderUrl, ProviderWord, Reason,
    TokenName, WordError,
};
pub use recorded::{Origin, Position, Recorded};
pub use refusal::Refusal;
pub use rejection::{Kind, Rejection, Shortage};
pub use stock::{Availability, Tally};
pub use subject::{Subject, SubjectError};
pub use time::{Timestamp, TimestampError};
pub use warning::{Warning, warnings};
