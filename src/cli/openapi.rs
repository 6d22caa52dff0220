//! `sportello openapi`: the API's description, for generators and checkers.

use std::process::ExitCode;

use super::print;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    print(&serde_json::to_string_pretty(&crate::http::openapi::document())?);
    Ok(ExitCode::SUCCESS)
}
