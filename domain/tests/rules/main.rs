//! The rules of the domain, one file per noun: given a history, when a command is given, then these events or that
//! refusal. After every command the invariants are checked too, and that its events survive being written down.
mod access;
mod attempts;
mod backends;
mod codes;
mod devices;
mod genesis;
mod groups;
mod harness;
mod invariants;
mod invitations;
mod jobs;
mod license;
mod lost_keys;
mod nodes;
mod placement;
mod pools;
mod quarantine;
mod random;
mod retirement;
mod snapshots;
mod tokens;
mod users;
mod words;
