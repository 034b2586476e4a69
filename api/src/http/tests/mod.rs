//! Tests of the HTTP server as a whole.
