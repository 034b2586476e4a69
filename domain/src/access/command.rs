use crate::UserId;
use std::sync::Arc;

/// What the server tells of those who try something. Who it is, and from where, is the asker; none of these is a person's to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The asker signed in.
    SignIn,
    /// Somebody, who is not known, did not come in.
    FailSignIn {
        /// The user whose login was given, if there is one.
        user: Option<UserId>,
        /// Why: a stable code.
        code: Arc<str>,
    },
    /// The asker was refused what they may not.
    Deny {
        /// What they asked for: a method and the pattern of a path.
        operation: Arc<str>,
        /// Why: a stable code.
        code: Arc<str>,
    },
    /// The asker reads the audit trail.
    ReadAudit,
}
