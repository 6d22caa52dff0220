//! A person with an account who speaks HTTP.

#![allow(dead_code, reason = "not every benchmark that has people needs everything they can")]

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{Method, Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

/// What is sent.
pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// A person with an account, or nobody.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

/// The password of everybody.
const PASSWORD: &str = "correct horse battery";

impl Person {
    /// Somebody without an account.
    pub(crate) fn nobody(address: SocketAddr) -> Self {
        Self { address, token: String::new() }
    }

    /// Makes an account.
    pub(crate) async fn register(address: SocketAddr, email: &str) -> anyhow::Result<Self> {
        let body = serde_json::json!({ "email": email, "password": PASSWORD, "name": "Bench" });
        let headers = [("content-type", "application/json".to_owned())];
        let body = full(body.to_string().into());
        let answer = Self::nobody(address).ask(Method::POST, "/api/v1/auth/register", &headers, body).await?;
        let said: serde_json::Value = serde_json::from_slice(&whole(answer, 201).await?)?;
        Ok(Self { address, token: said["access_token"].as_str().context("no token")?.to_owned() })
    }

    /// Tries a wrong password, as if from this address; the status.
    pub(crate) async fn guess(&self, email: &str, from: Ipv4Addr) -> anyhow::Result<u16> {
        let body = serde_json::json!({ "email": email, "password": "wrong horse battery" }).to_string();
        let headers =
            [("content-type", "application/json".to_owned()), ("x-forwarded-for", from.to_string())];
        let answer = self.ask(Method::POST, "/api/v1/auth/login", &headers, full(body.into())).await?;
        let status = answer.status().as_u16();
        answer.into_body().collect().await?;
        Ok(status)
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: Body,
    ) -> anyhow::Result<Response<Incoming>> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        #[expect(clippy::disallowed_methods, reason = "ends with the connection")]
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "bench");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        Ok(sender.send_request(request.body(body)?).await?)
    }
}

/// A body that is there.
pub(crate) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// The whole body of an answer that has this status.
pub(crate) async fn whole(answer: Response<Incoming>, status: u16) -> anyhow::Result<Bytes> {
    let got = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    anyhow::ensure!(got.as_u16() == status, "{got}: {}", String::from_utf8_lossy(&body));
    Ok(body)
}
