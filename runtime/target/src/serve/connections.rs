//! Connections, so many at once: who comes later waits in the system's backlog.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::codegen::tokio_stream::Stream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// A connection that counts.
pub(crate) struct Connection {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

/// What a listener accepts while there is a place.
pub(crate) fn accept(
    listener: TcpListener,
    most: usize,
) -> impl Stream<Item = io::Result<Connection>> {
    let places = Arc::new(Semaphore::new(most));
    Accepted {
        next: Box::pin(next(listener, Arc::clone(&places))),
        places,
    }
}

type Next = Pin<Box<dyn Future<Output = (Connection, TcpListener)> + Send>>;

struct Accepted {
    places: Arc<Semaphore>,
    next: Next,
}

async fn next(listener: TcpListener, places: Arc<Semaphore>) -> (Connection, TcpListener) {
    loop {
        let accepted = match Arc::clone(&places).acquire_owned().await {
            Ok(place) => listener.accept().await.map(|(stream, _)| (stream, place)),
            Err(closed) => Err(io::Error::other(closed)),
        };
        match accepted {
            Ok((stream, place)) => {
                // Answers are small: they do not wait for more. Where that cannot be set they do.
                let _ = stream.set_nodelay(true);
                let connection = Connection {
                    stream,
                    _place: place,
                };
                return (connection, listener);
            }
            Err(error) => {
                // Out of file descriptors, most likely: a connection has to end first.
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Stream for Accepted {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (connection, listener) = std::task::ready!(self.next.as_mut().poll(context));
        self.next = Box::pin(next(listener, Arc::clone(&self.places)));
        Poll::Ready(Some(Ok(connection)))
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, to)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
