//! gRPC services as tonic's router takes them. Each of ours has one method; knows nothing of what it does.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tonic::{
    Status,
    body::Body,
    codegen::{Service, http},
    server::NamedService,
};

/// The only method of a service.
pub(crate) trait Method: Clone + Send + Sync + 'static {
    /// The service, with its package.
    const SERVICE: &'static str;
    /// `/SERVICE/METHOD`.
    const PATH: &'static str;

    /// Answers one request, which may be a stream.
    fn answer(self, request: http::Request<Body>) -> impl Future<Output = http::Response<Body>> + Send;
}

/// A service that is served to whoever asks for its method.
#[derive(Clone)]
pub(crate) struct Only<M>(pub(crate) M);

impl<M: Method> NamedService for Only<M> {
    const NAME: &'static str = M::SERVICE;
}

impl<M: Method> Service<http::Request<Body>> for Only<M> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = self.0.clone();
        Box::pin(async move {
            if request.uri().path() != M::PATH {
                return Ok(Status::unimplemented(format!("only {} is served", M::PATH)).into_http());
            }
            Ok(method.answer(request).await)
        })
    }
}
