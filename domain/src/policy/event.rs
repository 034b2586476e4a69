use super::HealthPolicy;
use crate::published::events;
use serde::Serialize;

events! {
    /// What happened to the health policy.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// Another policy holds. What follows for each device is told by the devices' events behind this.
        Changed = "HealthPolicyChanged" {
            /// All of it.
            policy: HealthPolicy,
        },
    }
}
