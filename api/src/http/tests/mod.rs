//! Tests of the HTTP server as a whole: requests in, answers out, over a fake engine that runs `domain` itself.
mod access;
mod attempts;
mod audit;
mod commands;
mod document;
mod failures;
mod health;
mod license;
mod past;
mod pods;
mod queries;
mod replaced;
mod server;
mod sessions;
mod streams;
mod telemetry;
mod tokens;
