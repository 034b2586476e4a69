//! From what was seen to what is wrong.
mod diagnose;
mod rules;
mod xid;

pub use diagnose::{Health, Present, diagnose};
pub use rules::{Rule, Verdict, rules};
