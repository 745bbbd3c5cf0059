mod chunk;
mod request;
mod response;
mod transport;
