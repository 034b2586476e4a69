use super::License;
use crate::published::events;
use serde::Serialize;

events! {
    /// What happened to the license.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// Another license holds. The signed token is not kept: that its vendor signed it was found out before.
        Installed = "LicenseInstalled" {
            /// What it grants.
            license: License,
        },
    }
}
