//! License tokens: JSON Web Tokens (RFC 7519) that a vendor signs with Ed25519 (`alg` `EdDSA`, RFC 8037), and no other
//! algorithm. Whether one may be installed now is the domain's to say.
mod claims;
mod issue;
mod key;
mod verify;

pub(crate) use issue::{IssueError, SigningKey, new_keys};
pub use key::{KeyError, VendorKey};
pub(crate) use verify::{Unfit, verify};

#[cfg(test)]
mod tests;
