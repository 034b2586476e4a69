use super::License;

/// What may be wished for the license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// This one from now on. Whether its vendor signed it was found out before.
    Install {
        /// What it grants.
        license: License,
    },
}
