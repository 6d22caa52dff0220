//! GET requests to a running Sportello: for probes and for warming its cache. Plain HTTP, as spoken on the machine
//! itself or inside its network.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use crate::config::sections::Server;

/// A server that does not answer within this is not well.
const PATIENCE: Duration = Duration::from_secs(5);
/// Answers of ours are smaller.
const BODY_MAX: usize = 4 << 20;

/// One connection.
pub(super) struct Client {
    host: String,
    sender: SendRequest<Empty<Bytes>>,
    /// Drives the connection; ends with it.
    _driver: JoinSet<()>,
}

/// Nothing answers at that address.
#[derive(Debug, thiserror::Error)]
#[error("nothing answers at {0}")]
pub(super) struct NotThere(String);

/// What is served by this configuration, seen from this machine.
pub(super) fn own_url(server: &Server) -> String {
    let listen = server.listen;
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(_) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

impl Client {
    /// Connects to `url`, for example `http://127.0.0.1:8080`.
    pub(super) async fn connect(url: &str) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url:?} is not an address"))?;
        ensure!(uri.scheme_str() == Some("http"), "{url:?}: write http://host:port");
        let authority = uri.authority().context("the address has no host")?.clone();
        let host = authority.host().trim_matches(['[', ']']);
        let port = authority.port_u16().unwrap_or(80);
        let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect((host, port)));
        let Ok(Ok(stream)) = connecting.await else { bail!(NotThere(url.to_owned())) };
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            let _ = connection.await; // its error reaches the request
        });
        Ok(Self { host: authority.to_string(), sender, _driver: driver })
    }

    /// The status and body of one path.
    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<(u16, Bytes)> {
        let request = Request::get(path)
            .header(header::HOST, &self.host)
            .header(header::USER_AGENT, concat!("sportello/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())?;
        let asking = async {
            self.sender.ready().await?;
            let response = self.sender.send_request(request).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), BODY_MAX).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
            Ok((status, body))
        };
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(answer) => answer,
            Err(_) => bail!(NotThere(format!("{}{path}", self.host))),
        }
    }
}
