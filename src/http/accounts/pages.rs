//! The pages behind the links in mails: they take the token out of the address and send it to the API.
//!
//! They are for people without a front end of their own, know nothing, and are no part of the described API. They speak the
//! language that the browser asks for; their texts stand with those of the mails.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Response},
    routing::get,
};
use minijinja::{Environment, context};

use crate::{
    accounts::passwords::MAX_CHARS,
    http::{
        negotiate,
        problem::{Answer, Problem},
        state::AppState,
    },
    mail::{Language, PageText},
};

/// Their paths, for the table of routes.
pub(in crate::http) const PATHS: [(&str, Method); 4] = [
    ("/account/verify", Method::GET),
    ("/account/reset", Method::GET),
    ("/account/account.js", Method::GET),
    ("/account/account.css", Method::GET),
];

/// Scripts, styles and requests of their own, and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);
const TEMPLATE: &str = "page.html";

static PAGE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.add_template(TEMPLATE, include_str!("page/page.html")).expect("a test renders it");
    pages
});

fn file(kind: &'static str, text: impl IntoResponse) -> Response {
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, text).into_response()
}

/// A page in a language; `form` is what its script looks for.
fn rendered(
    page: PageText,
    form: &str,
    language: Language,
    min_password: usize,
) -> Result<String, minijinja::Error> {
    let (min, max) = (min_password.to_string(), MAX_CHARS.to_string());
    let said = |text: &str| text.replace("{min}", &min).replace("{max}", &max);
    let say: BTreeMap<_, _> = page.lines(language).map(|(key, text)| (key, said(text))).collect();
    PAGE.get_template(TEMPLATE)?.render(context! { language => language.code(), form => form, say => say })
}

fn show(state: &AppState, headers: &HeaderMap, page: PageText, form: &str) -> Answer {
    let language = negotiate::language(headers, Language::of(&state.config.mail.language));
    let html =
        rendered(page, form, language, state.config.accounts.min_password).map_err(Problem::internal)?;
    let about = [
        (header::CONTENT_LANGUAGE, HeaderValue::from_static(language.code())),
        (header::VARY, HeaderValue::from_static("accept-language")),
    ];
    Ok(file("text/html; charset=utf-8", (about, html)))
}

async fn verify(State(state): State<AppState>, headers: HeaderMap) -> Answer {
    show(&state, &headers, PageText::VerifyEmail, "verify")
}

async fn reset(State(state): State<AppState>, headers: HeaderMap) -> Answer {
    show(&state, &headers, PageText::ResetPassword, "reset")
}

/// The pages.
pub(in crate::http) fn routes() -> Router<AppState> {
    Router::new()
        .route("/account/verify", get(verify))
        .route("/account/reset", get(reset))
        .route(
            "/account/account.js",
            get(async || file("text/javascript; charset=utf-8", include_str!("page/account.js"))),
        )
        .route(
            "/account/account.css",
            get(async || file("text/css; charset=utf-8", include_str!("page/account.css"))),
        )
}

#[cfg(test)]
mod tests {
    use super::{Language, PageText, rendered};
    use crate::accounts::passwords::Weakness;

    #[test]
    fn a_page_has_words_in_its_language_for_whatever_may_be_wrong() {
        let weak = [Weakness::TooShort(8), Weakness::TooLong, Weakness::Common, Weakness::Personal];
        for language in [Language::It, Language::En] {
            let reset = rendered(PageText::ResetPassword, "reset", language, 11).unwrap();
            let verify = rendered(PageText::VerifyEmail, "verify", language, 11).unwrap();
            for code in weak.map(Weakness::code).into_iter().chain(["invalid_reset_token"]) {
                assert!(reset.contains(&format!("data-code=\"{code}\"")), "{code}");
            }
            assert!(verify.contains("data-code=\"invalid_verification_token\""));
            for page in [&reset, &verify] {
                assert!(page.contains(&format!("<html lang=\"{}\"", language.code())));
                assert!(!page.contains("{min}") && !page.contains("undefined"), "{page}");
                for code in ["no_token", "offline", "other", "too_many_requests", "unavailable"] {
                    assert!(page.contains(&format!("data-code=\"{code}\"")), "{code}");
                }
            }
            assert!(reset.contains("11") && reset.contains("128") && reset.contains("id=\"password\""));
            assert!(!verify.contains("id=\"password\""));
        }
    }
}
