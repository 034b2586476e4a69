//! The sign-in backend: where the people who may sign in are known. One is active: this server itself (`local`), a GitHub
//! organization, or an OpenID provider.
//!
//! Another one is proposed first, with the login of its operator. It takes effect once that person has signed in through it, so
//! that a mistake shuts nobody out. The break-glass operator remains under every backend, by a local password.
mod command;
mod decide;
mod event;
mod evolve;
mod identity;
mod provider;
mod secret;
mod state;

pub use command::{Command, Credentials};
pub use event::Event;
pub use identity::{BackendKind, Identity, IdentityError, Realm};
pub use provider::{GitHub, Oidc, Provider, Shown};
pub use secret::Secret;
pub use state::{Proposal, SignIn};

pub(crate) use decide::{decide, may_be_linked};
pub(crate) use evolve::evolve;
