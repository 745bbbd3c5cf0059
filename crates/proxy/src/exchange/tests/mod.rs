//! Whole exchanges over pipes: the test speaks for the client and for the backends.

mod beside_redirect;
mod body;
mod budget;
mod connection;
mod cors;
mod date;
mod mirror;
mod redirect;
mod refused;
mod retry;
mod strictness;
mod timeout;
mod upgrade;
