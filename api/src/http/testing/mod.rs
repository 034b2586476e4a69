//! Test doubles: an engine and a log in memory that run `domain` itself, real read models fed from them, and a client.
mod client;
mod engine;
mod fixture;
mod vault;

pub(crate) use client::{Answered, Call};
pub(crate) use engine::{Act, FakeEngine};
pub(crate) use fixture::Fixture;

use super::app::PasswordCost;

/// As cheap as argon2 goes.
pub(crate) const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1, lanes: 1 };

/// The password of every user in tests.
pub(crate) const PASSWORD: &str = "correct horse battery";
