//! What is let in, before a message is read: who asks, how often, and how many at once.

use super::rate::{Rate, Rates};
use super::shed::shed;
use super::vehicle::Vehicle;
use super::work::{Work, locked};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Context, Poll, Service};
use tonic::server::NamedService;

/// Holds a block's place among those that are in work; shared by the call and the queue.
pub(crate) type Permit = Arc<OwnedSemaphorePermit>;

/// The only call that costs anything.
const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

/// The bounds.
#[derive(Clone)]
pub(crate) struct Admission {
    rates: Arc<Mutex<Rates>>,
    places: Arc<Semaphore>,
    most: usize,
    work: Work,
}

impl Admission {
    pub(crate) fn new(rate: Rate, most: usize, work: Work) -> Self {
        Self {
            rates: Arc::new(Mutex::new(Rates::new(rate))),
            places: Arc::new(Semaphore::new(most)),
            most,
            work,
        }
    }

    /// Vehicle and permit of a call, or why not.
    fn admit(&self, request: &Request<Body>) -> Result<(Vehicle, Permit), Status> {
        let vehicle = Vehicle::of(request.extensions()).ok_or_else(|| {
            Status::unauthenticated(
                "the client's certificate names nobody: it needs a common name or a DNS name of at most 64 letters",
            )
        })?;
        let rate = locked(&self.rates).take(&vehicle, Instant::now());
        rate.map_err(|after| {
            let why = format!("{} asks for more blocks than its share", vehicle.0);
            shed(&why, after)
        })?;
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let after = self.work.time_of(self.most).max(Duration::from_millis(50));
            shed(&format!("{} blocks are waiting already", self.most), after)
        })?;
        Ok((vehicle, Arc::new(permit)))
    }
}

/// A service behind the bounds.
#[derive(Clone)]
pub(crate) struct Admitted<S> {
    pub(crate) admission: Admission,
    pub(crate) service: S,
}

impl<S: NamedService> NamedService for Admitted<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Admitted<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if request.uri().path() == INFER {
            match self.admission.admit(&request) {
                Ok((vehicle, permit)) => {
                    request.extensions_mut().insert(vehicle);
                    request.extensions_mut().insert(permit);
                }
                Err(status) => {
                    tracing::warn!(code = ?status.code(), why = status.message(), "not admitted");
                    return Box::pin(std::future::ready(Ok(status.into_http())));
                }
            }
        }
        Box::pin(self.service.call(request))
    }
}
