use super::HealthPolicy;
use crate::PoolName;

/// What an operator may wish for the health policy, and what time brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// This policy from now on.
    Set {
        /// All of it.
        policy: HealthPolicy,
    },
    /// Close the breaker of this pool, or of every pool whose breaker has tripped: what was held back is quarantined.
    ResetBreaker {
        /// The pool.
        pool: Option<PoolName>,
    },
    /// What is due by now: overrides that end, breakers whose window was quiet. Given by the server itself.
    Upkeep,
}
