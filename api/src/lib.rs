//! The server and the command line: binary `dkube`, which composes everything.

pub mod cli;
pub mod egress;
pub mod http;
pub mod license;
pub mod log;
#[cfg(test)]
mod memory;
pub mod provider;
pub mod secret_bytes;
pub mod serve;
pub mod settings;
