//! What is let in, before a message is read: who asks, how often, and how many at once.

use super::rate::{Rate, Rates};
use super::shed::shed;
use super::vehicle::Vehicle;
use super::work::{Work, locked};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Context, Poll, Service};
use tonic::server::NamedService;

/// A block's place among those that are in work, and among its vehicle's; shared by the call and the queue.
pub(crate) type Permit = Arc<Place>;

pub(crate) struct Place {
    _place: OwnedSemaphorePermit,
    vehicle: Vehicle,
    held: Arc<Mutex<HashMap<Vehicle, usize>>>,
    /// The whole message is here.
    is_here: AtomicBool,
}

impl Place {
    /// The message has come to its end.
    pub(crate) fn came(&self) {
        self.is_here.store(true, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = locked(&self.held);
        if let Some(count) = held.get_mut(&self.vehicle) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.vehicle);
            }
        }
    }
}

/// The only call that costs anything.
const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

/// How many blocks at once, and how long their messages may be on their way.
#[derive(Clone, Copy)]
pub(crate) struct Places {
    /// In work and waiting.
    pub(crate) all: usize,
    /// Of one vehicle.
    pub(crate) of_one: usize,
    /// From the call's beginning to the end of its message.
    pub(crate) message_time: Duration,
}

/// The bounds.
#[derive(Clone)]
pub(crate) struct Admission {
    rates: Arc<Mutex<Rates>>,
    free: Arc<Semaphore>,
    held: Arc<Mutex<HashMap<Vehicle, usize>>>,
    most: Places,
    work: Work,
}

impl Admission {
    pub(crate) fn new(rate: Rate, most: Places, work: Work) -> Self {
        Self {
            rates: Arc::new(Mutex::new(Rates::new(rate))),
            free: Arc::new(Semaphore::new(most.all)),
            held: Arc::default(),
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
        let place = self.place(&vehicle)?;
        Ok((vehicle, Arc::new(place)))
    }

    fn place(&self, vehicle: &Vehicle) -> Result<Place, Status> {
        let full = |blocks: usize, whose: &str| {
            let after = self.work.time_of(blocks).max(Duration::from_millis(50));
            shed(
                &format!("{blocks} blocks{whose} are waiting already"),
                after,
            )
        };
        let mut held = locked(&self.held);
        let mine = held.get(vehicle).copied().unwrap_or(0);
        if mine >= self.most.of_one {
            return Err(full(mine, &format!(" of {}", vehicle.0)));
        }
        let place = Arc::clone(&self.free).try_acquire_owned();
        let place = place.map_err(|_| full(self.most.all, ""))?;
        held.insert(vehicle.clone(), mine + 1);
        Ok(Place {
            _place: place,
            vehicle: vehicle.clone(),
            held: Arc::clone(&self.held),
            is_here: AtomicBool::new(false),
        })
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
        if request.uri().path() != INFER {
            return Box::pin(self.service.call(request));
        }
        let (vehicle, permit) = match self.admission.admit(&request) {
            Ok(admitted) => admitted,
            Err(status) => {
                tracing::warn!(code = ?status.code(), why = status.message(), "not admitted");
                return Box::pin(std::future::ready(Ok(status.into_http())));
            }
        };
        request.extensions_mut().insert(vehicle.clone());
        request.extensions_mut().insert(Arc::clone(&permit));
        let message_time = self.admission.most.message_time;
        let mut call = Box::pin(self.service.call(request));
        Box::pin(async move {
            if let Ok(answer) = tokio::time::timeout(message_time, &mut call).await {
                return answer;
            }
            let is_here = permit.is_here.load(Ordering::Relaxed);
            // From here on only the call itself and the queue hold the place.
            drop(permit);
            if is_here {
                return call.await;
            }
            let why = format!("the message was not here within {message_time:?}");
            tracing::warn!(vehicle = vehicle.0.as_str(), why, "not admitted");
            Ok(Status::deadline_exceeded(why).into_http())
        })
    }
}
