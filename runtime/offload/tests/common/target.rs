//! The target of the tests: a real server in this process that speaks the contract.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use drafthorse_protocol::inference::grpc_inference_service_server::{
    GrpcInferenceService, GrpcInferenceServiceServer,
};
use drafthorse_protocol::inference::{
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse,
    ModelReadyRequest, ModelReadyResponse, ServerLiveRequest, ServerLiveResponse,
    ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
};
use drafthorse_protocol::{VERIFY_MODEL, VerifyRequest};
use tokio::sync::oneshot;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status};

use super::certificates::{Authority, Named};

/// What the target does with the next calls.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mood {
    #[default]
    Well,
    Slow(Duration),
    Says(Code),
    Busy(u64),
    Nonsense,
    /// Does not have the model.
    Empty,
    /// Not there, says who stands before it.
    Away,
}

#[derive(Default)]
struct Shared {
    mood: Mood,
    asked: HashMap<String, usize>,
}

#[derive(Clone)]
struct Service(Arc<Mutex<Shared>>);

impl Service {
    fn server(self) -> GrpcInferenceServiceServer<Self> {
        GrpcInferenceServiceServer::new(self)
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Service {
    async fn server_live(
        &self,
        _: Request<ServerLiveRequest>,
    ) -> Result<Response<ServerLiveResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn server_ready(
        &self,
        _: Request<ServerReadyRequest>,
    ) -> Result<Response<ServerReadyResponse>, Status> {
        Ok(Response::new(ServerReadyResponse { ready: true }))
    }

    async fn model_ready(
        &self,
        request: Request<ModelReadyRequest>,
    ) -> Result<Response<ModelReadyResponse>, Status> {
        match self.0.lock().unwrap().mood {
            Mood::Empty => return Err(Status::not_found("no such model")),
            Mood::Away => return Err(Status::unavailable("no healthy upstream")),
            _ => {}
        }
        let ready = request.into_inner().name == VERIFY_MODEL;
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn model_metadata(
        &self,
        _: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn model_infer(
        &self,
        request: Request<ModelInferRequest>,
    ) -> Result<Response<ModelInferResponse>, Status> {
        let limit = request.metadata().contains_key("grpc-timeout");
        let request = VerifyRequest::from_message(request.get_ref(), &super::shape())
            .map_err(|e| Status::invalid_argument(e.to_string()))?;
        let block = &request.scene.block;
        let mood = {
            let mut shared = self.0.lock().unwrap();
            *shared.asked.entry(block.to_string()).or_default() += 1;
            shared.mood.clone()
        };
        if !limit {
            return Err(Status::invalid_argument("a call without a time limit"));
        }
        let verdict = super::verdict(&request);
        let mut answer = verdict.to_verified(block);
        match mood {
            Mood::Well => {}
            Mood::Slow(time) => tokio::time::sleep(time).await,
            Mood::Says(code) => return Err(Status::new(code, "as the test wants")),
            Mood::Busy(ms) => {
                let mut status = Status::resource_exhausted("too much");
                let hint = ms.to_string().parse().unwrap();
                status.metadata_mut().insert("grpc-retry-pushback-ms", hint);
                return Err(status);
            }
            Mood::Nonsense => {
                answer.raw_output_contents.pop();
            }
            Mood::Empty => return Err(Status::not_found("no such model")),
            Mood::Away => return Err(Status::unavailable("no healthy upstream")),
        }
        Ok(Response::new(answer))
    }
}

pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Target {
    /// One that takes no compressed messages.
    pub(crate) fn start(tls: Option<(&Named, &Authority)>) -> Self {
        Self::serve(tls, Service::server)
    }

    /// One that takes compressed messages, and answers so.
    pub(crate) fn start_compressing() -> Self {
        let both = |service| Service::server(service).accept_compressed(Gzip);
        Self::serve(None, move |service| both(service).send_compressed(Gzip))
    }

    fn serve(
        tls: Option<(&Named, &Authority)>,
        service: impl FnOnce(Service) -> GrpcInferenceServiceServer<Service>,
    ) -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let mut server = Server::builder();
        if let Some((own, ca)) = tls {
            let tls = ServerTlsConfig::new()
                .identity(Identity::from_pem(&own.certificate, &own.key))
                .client_ca_root(Certificate::from_pem(&ca.pem));
            server = server.tls_config(tls).unwrap();
        }
        let service = service(Service(Arc::clone(&shared)));
        let (end, ended) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        let incoming = {
            let _within = runtime.enter();
            TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap()
        };
        let address = incoming.local_addr().unwrap();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    served = server.add_service(service).serve_with_incoming(incoming) => served.unwrap(),
                    _ = ended => {}
                }
            });
            // With the runtime every connection ends, whatever is on its way.
        });
        Self {
            address,
            shared,
            end: Some(end),
            thread: Some(thread),
        }
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.shared.lock().unwrap().mood = mood;
    }

    pub(crate) fn asked(&self, block: &str) -> usize {
        self.shared
            .lock()
            .unwrap()
            .asked
            .get(block)
            .copied()
            .unwrap_or(0)
    }
}

/// Killed: no connection is ended in an orderly way.
impl Drop for Target {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
