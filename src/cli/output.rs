//! What commands say.

use std::io::{self, Write as _};

use crate::{postgres::ClusterError, text::shown};

/// A result; what is stored cannot order the terminal about. A reader that has gone (`sportello config | head`) is no error.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", shown(text)).and_then(|()| out.flush());
}

/// The last word of a failed command, with its causes.
pub(super) fn report(error: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "sportello: {}", shown(&format!("{error:#}")));
    let detail =
        error.chain().find_map(|cause| cause.downcast_ref::<ClusterError>()).and_then(ClusterError::detail);
    if let Some(detail) = detail {
        let _ = writeln!(io::stderr(), "{}", shown(&detail));
    }
}

/// Something to know that stops nothing.
pub(super) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "sportello: warning: {}", shown(text));
}
