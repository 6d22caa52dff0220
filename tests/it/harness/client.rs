//! A client of the real server: one connection per request, a deadline on each, so that a hang fails the test.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, header},
};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sportello::accounts::users::User;
use tokio::net::TcpStream;

use super::{app::TestApp, people::PASSWORD};

/// Nothing takes as long; a request without an answer by then hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody with a browser, logged in or not.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    token: Option<String>,
}

/// Waits until an answer is whole.
async fn whole(
    path: &str,
    sending: impl Future<Output = Option<hyper::Response<hyper::body::Incoming>>>,
) -> Option<Answer> {
    let asking = async {
        let (parts, body) = sending.await?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{path} hangs"))
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}", self.body);
        self
    }
}

impl TestApp {
    /// Somebody unknown.
    pub(crate) fn anonymous(&self) -> Client {
        Client::of(self.app.address)
    }

    /// Logs a person in, as everybody does.
    pub(crate) async fn log_in(&self, user: &User) -> Client {
        let body = json!({"email": user.email, "password": PASSWORD});
        let answer = self.anonymous().post("/api/v1/auth/login", body).await.expect(200);
        self.anonymous().with(answer.json()["access_token"].as_str().unwrap())
    }
}

impl Client {
    /// Somebody unknown to the server at `address`.
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self { address, token: None }
    }

    /// With an access token.
    pub(crate) fn with(&self, token: &str) -> Self {
        Self { address: self.address, token: Some(token.to_owned()) }
    }

    /// What this person's requests are signed with.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("somebody who is logged in")
    }

    /// The same server's stranger.
    pub(crate) fn logged_out(&self) -> Self {
        Self::of(self.address)
    }

    /// The same person, at another node.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self { address, token: self.token.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[], None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path, &[], Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str) -> Answer {
        self.request(Method::PUT, path, &[], None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path, &[], None).await
    }

    /// Changes the version that `etag` names.
    pub(crate) async fn patch(&self, path: &str, etag: &str, body: Value) -> Answer {
        self.request(Method::PATCH, path, &[("if-match", etag)], Some(body)).await
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        self.attempt(method, path, headers, body).await.expect("the server answers")
    }

    /// `None` when the connection broke before the answer was whole.
    pub(crate) async fn attempt(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Option<Answer> {
        whole(path, self.send(method, path, headers, body)).await
    }

    /// The same with a body that is no JSON; its type is among the headers.
    pub(crate) async fn attempt_bytes(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Option<Answer> {
        whole(path, self.send_body(method, path, headers, Body::from(body))).await
    }

    /// The answer's head, its body still coming.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Option<hyper::Response<hyper::body::Incoming>> {
        let Some(body) = body else { return self.send_body(method, path, headers, Body::empty()).await };
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
        self.send_body(method, path, &headers, Body::from(body.to_string())).await
    }

    /// The same with any body.
    pub(crate) async fn send_body(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Option<hyper::Response<hyper::body::Incoming>> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        #[expect(clippy::disallowed_methods, reason = "ends with the connection")]
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "test");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        sender.send_request(request.body(body).unwrap()).await.ok()
    }
}
