use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use drafthorse_protocol::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use drafthorse_protocol::inference::{ModelInferRequest, ModelInferResponse, ModelReadyRequest};
use drafthorse_protocol::{
    GenerateRequest, TargetShape, VERIFY_MODEL, Verdict, VerifyRequest, limits,
};
use prost::Message as _;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use super::connect::{ClientSettings, ConnectError};
use super::error::CallError;
use super::meter::Meter;

/// The target. Clones share the connection.
#[derive(Clone)]
pub struct Client {
    settings: Arc<ClientSettings>,
    channel: Channel,
    /// Whether the server takes no gzip.
    plain: Arc<AtomicBool>,
    meter: Arc<Meter>,
}

/// A verdict, and bytes of request and answer.
type Answered = (Verdict, usize);

impl Client {
    /// A client that connects at its first call. Certificates are read now. Call it within a tokio runtime.
    ///
    /// # Errors
    /// Where the settings allow no connection.
    pub fn new(settings: ClientSettings) -> Result<Self, ConnectError> {
        let meter = Arc::default();
        Ok(Self {
            channel: settings.channel(&meter)?,
            plain: Arc::default(),
            settings: Arc::new(settings),
            meter,
        })
    }

    /// The next call goes over a new connection, with certificates as the files have them then; calls on their way end
    /// on the old one.
    ///
    /// # Errors
    /// Where the files allow none any more: the old connection stays.
    pub fn reconnect(&mut self) -> Result<(), ConnectError> {
        self.channel = self.settings.channel(&self.meter)?;
        self.plain = Arc::default();
        Ok(())
    }

    /// Bytes of all connections of this client.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    fn service(&self) -> GrpcInferenceServiceClient<Channel> {
        GrpcInferenceServiceClient::new(self.channel.clone())
            .accept_compressed(Gzip)
            .max_decoding_message_size(limits::MAX_MESSAGE_BYTES)
            .max_encoding_message_size(limits::MAX_MESSAGE_BYTES)
    }

    /// Whether the server has the model that verifies, ready. Connecting alone says little: a server that wants
    /// a certificate of us tells so at the first call only. One that is too busy to say, or not there behind a proxy, is
    /// not ready.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn probe(&self, limit: Duration) -> Result<(), CallError> {
        let mut service = self.service();
        let probed = within(limit, async {
            let mut ready = Request::new(ModelReadyRequest {
                name: VERIFY_MODEL.to_owned(),
                version: String::new(),
            });
            ready.set_timeout(limit);
            let ready = service.model_ready(ready).await?.into_inner().ready;
            let not_ready = CallError::NotReady(VERIFY_MODEL);
            Ok(if ready { Ok(()) } else { Err(not_ready) })
        });
        match probed.await {
            Err(CallError::Busy { .. }) => Err(CallError::NotReady(VERIFY_MODEL)),
            probed => probed?,
        }
    }

    /// Asks for a verdict on drafts.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn verify(
        &self,
        request: &VerifyRequest,
        target: &TargetShape,
        limit: Duration,
    ) -> Result<Answered, CallError> {
        let (answer, bytes) = self.infer(request.to_message(), limit).await?;
        Ok((Verdict::from_verified(&answer, request, target)?, bytes))
    }

    /// Asks for what the target writes alone: `scene_generate`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn generate(
        &self,
        request: &GenerateRequest,
        target: &TargetShape,
        limit: Duration,
    ) -> Result<Answered, CallError> {
        let (answer, bytes) = self.infer(request.to_message(), limit).await?;
        let scene = &request.scene;
        let verdict = Verdict::from_generated(&answer, &scene.block, scene.frames.len(), target)?;
        Ok((verdict, bytes))
    }

    /// Sends it compressed; to a server that does not know that, as it is, now and from then on. The bytes are those
    /// before compression.
    async fn infer(
        &self,
        message: ModelInferRequest,
        limit: Duration,
    ) -> Result<(ModelInferResponse, usize), CallError> {
        let sent = message.encoded_len();
        let answer = within(limit, async {
            if !self.plain.load(Ordering::Relaxed) {
                let mut service = self.service().send_compressed(Gzip);
                let answer = service.model_infer(timed(message.clone(), limit)).await;
                match answer {
                    Err(status) if status.code() == Code::Unimplemented => {
                        self.plain.store(true, Ordering::Relaxed);
                    }
                    answer => return answer,
                }
            }
            self.service().model_infer(timed(message, limit)).await
        });
        let answer = Response::into_inner(answer.await?);
        let bytes = sent + answer.encoded_len();
        Ok((answer, bytes))
    }
}

fn timed(message: ModelInferRequest, limit: Duration) -> Request<ModelInferRequest> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

/// The limit on this side too: a server that says nothing at all must not hold a call.
async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(CallError::from),
        Err(_) => Err(CallError::Late),
    }
}
