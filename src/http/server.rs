//! The accept loop: connections, their number and their deadlines.
//!
//! - At most `server.max_connections`; beyond it accepting pauses and the kernel's queue waits.
//! - A client that connects and says nothing, or sends its header slowly, is cut off after `server.header_deadline`
//!   (hyper-util alone would wait for ever for the first byte).
//! - HTTP/1.1, and HTTP/2 by prior knowledge.
//! - On a stop, idle connections close, answers under way are finished, the rest is cut at the deadline.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::{config::sections, metrics::Metrics};

/// Waiting to be accepted; beyond it the kernel refuses.
const BACKLOG: i32 = 4096;
/// After an error of accept (out of file descriptors): a moment, not a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Headers of one request.
const HEADERS_MAX: usize = 100;
/// Requests that one HTTP/2 connection may have open.
const H2_STREAMS_MAX: u32 = 128;

/// Opens a listening socket.
pub fn listen(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// How connections are served.
#[derive(Clone)]
pub struct Server {
    router: Router,
    builder: auto::Builder<TokioExecutor>,
    header_deadline: Duration,
    places: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    /// Connections under way; outlives the acceptor, so that its restart cuts nobody off.
    connections: TaskTracker,
    stopping: CancellationToken,
}

impl Server {
    /// Serves `router` as `[server]` says.
    pub fn new(router: Router, config: &sections::Server, metrics: Arc<Metrics>) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout((*config.keep_alive).min(*config.header_deadline))
            .max_buf_size(*config.max_header_bytes)
            .max_headers(HEADERS_MAX)
            .pipeline_flush(true);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(H2_STREAMS_MAX)
            .max_header_list_size(*config.max_header_bytes as u32)
            .keep_alive_interval(Some(*config.keep_alive))
            .keep_alive_timeout(*config.header_deadline);
        Self {
            router,
            builder,
            header_deadline: *config.header_deadline,
            places: Arc::new(Semaphore::new(config.max_connections)),
            metrics,
            connections: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }
    }

    /// Accepts until the future is dropped or the server is stopped.
    pub async fn accept(&self, listener: &TcpListener) {
        loop {
            let Ok(place) = self.places.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = self.stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    self.metrics.http.accepted.inc();
                    let server = self.clone();
                    self.connections.spawn(async move {
                        let _open = server.metrics.http.connect();
                        server.serve(stream, peer).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let _ = stream.set_nodelay(true); // only a little slower without
        let mut first = [0];
        let spoke = tokio::time::timeout(self.header_deadline, stream.peek(&mut first));
        let spoke = tokio::select! { () = self.stopping.cancelled() => return, spoke = spoke => spoke };
        match spoke {
            Ok(Ok(1)) => {}
            Ok(_) => return, // closed, or broken
            Err(_) => return self.metrics.http.timeouts.inc(),
        }
        let router =
            self.router.clone().map_request(move |mut request: http::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                request.map(axum::body::Body::new)
            });
        let connection =
            self.builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// Stops accepting, lets answers under way finish, returns when all connections are closed or `within` is over.
    pub async fn stop(&self, within: Duration) {
        self.stopping.cancel();
        self.connections.close();
        if tokio::time::timeout(within, self.connections.wait()).await.is_err() {
            tracing::warn!(
                connections = self.connections.len(),
                "connections are cut off: the stop takes too long"
            );
        }
    }
}
