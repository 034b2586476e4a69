//! Who asks, and whether they may: checked for every route before its handler runs, by one table.
mod address;
mod asker;
mod attempts;
mod codes;
mod cookie;
mod gate;
mod last_used;
pub(crate) mod page;
mod password;
mod rules;
mod secret;
mod sessions;
mod shelf;
mod slowdown;

pub(crate) use address::Address;
pub(crate) use asker::{Asker, Credential, still_valid};
pub(crate) use attempts::{AuditReaders, refused, sign_in_failed, signed_in};
pub(crate) use codes::{Challenge, Codes, Proven};
pub(crate) use cookie::{clear_cookie, clear_presented, flow_cookie, presented_flow, presented_secret, session_cookie};
pub(crate) use gate::{admitted, gate};
pub(crate) use last_used::{LastUseView, LastUsed};
pub(crate) use password::{NewPassword, Password, Passwords};
pub use password::{hash_password, password_fits};
pub(crate) use rules::{Rule, by_token, rule_of};
pub(crate) use secret::{InvitationSecret, SessionSecret, TokenSecret, random_id};
pub(crate) use sessions::{SessionKey, Sessions};
pub(crate) use shelf::Shelf;
pub(crate) use slowdown::{Attempt, Slowdown, slow_down};

#[cfg(test)]
pub(crate) use rules::RULES;
