//! Agents against a server: what is seen becomes what is believed.
#[cfg(test)]
mod convergence;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod server;
