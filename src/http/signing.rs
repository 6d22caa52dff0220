//! What anybody needs to verify what was signed here, and how refusals to sign become problems.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    problem::{Answer, Problem},
    state::AppState,
};
use crate::signing::{Port, SigningError, pades::PdfError, pem};

/// When it is worth asking again.
const SOON: Duration = Duration::from_secs(5);
/// RFC 8555, 9.1.
const CERTIFICATES: HeaderValue = HeaderValue::from_static("application/pem-certificate-chain");
const PEM: HeaderValue = HeaderValue::from_static("application/x-pem-file");

/// The routes, under `/api/v1`.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(authorities)).routes(routes!(revocations))
}

impl From<SigningError> for Problem {
    fn from(error: SigningError) -> Self {
        let away = |code| {
            let detail = "the provider has no answer: nothing has changed, try again later";
            Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(SOON)
        };
        match error {
            SigningError::Pdf(error) => error.into(),
            SigningError::Away(port, _) => away(port_away(port)).because(error),
            SigningError::Busy => Self::unavailable(SOON),
            SigningError::Refused(port, _) => {
                tracing::error!(%error, "a provider refuses");
                away(port_away(port)).because(error)
            }
            SigningError::Cms(_) | SigningError::TimeStamp(_) | SigningError::CutOff => Self::internal(error),
        }
    }
}

const fn port_away(port: Port) -> &'static str {
    match port {
        Port::Signature => "signature_provider_away",
        Port::TimeStamp => "time_stamp_provider_away",
    }
}

impl From<PdfError> for Problem {
    fn from(error: PdfError) -> Self {
        let code = match error {
            PdfError::NotPdf => "not_pdf",
            PdfError::Encrypted => "pdf_encrypted",
            PdfError::Broken(_) => "pdf_damaged",
            PdfError::TooLarge => "pdf_too_large",
            PdfError::Certified => "pdf_certified",
            PdfError::NoRoom => return Self::internal(error),
        };
        Self::rule(code, error.to_string())
    }
}

fn shown(kind: HeaderValue, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// The roots under which signatures and time stamps of this service are verified, newest first:
/// `openssl cms -verify -CAfile …`, `openssl ts -verify -CAfile …`.
#[utoipa::path(get, path = "/signature/authorities", tag = "signatures",
    responses((status = 200, description = "Certificates (PEM)", body = String,
            content_type = "application/pem-certificate-chain"),
        (status = 503, description = "`signature_provider_away`, `time_stamp_provider_away`")))]
async fn authorities(State(state): State<AppState>) -> Answer {
    let roots = state.signing.roots(state.clock.now()).await?;
    Ok(shown(CERTIFICATES, pem::encode("CERTIFICATE", &roots)))
}

/// Lists of certificates that were revoked, one of each issuer: accounts that were closed. Good for a day.
#[utoipa::path(get, path = "/signature/revocations", tag = "signatures",
    responses((status = 200, description = "Lists of revoked certificates (PEM)", body = String,
            content_type = "application/x-pem-file"),
        (status = 503, description = "`signature_provider_away`")))]
async fn revocations(State(state): State<AppState>) -> Answer {
    let lists = state.signing.revocations(state.clock.now()).await?;
    Ok(shown(PEM, pem::encode("X509 CRL", &lists)))
}
