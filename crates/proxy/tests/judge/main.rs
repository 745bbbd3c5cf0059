//! Strangers and hostile traffic judge the proxy: the rows of HARDENING 1.3, each written as raw bytes to a socket.
//!
//! A file is a family of rows. Every case checks both what the client is told and what reached the origin.

mod harness;

mod backend_http2;
mod drain;
mod duty;
mod forwarded;
mod grpc;
mod http2;
mod limits;
mod mutation;
mod path;
mod response;
mod retry;
mod smuggling;
mod tls;
mod upgrade;
mod websocket;
