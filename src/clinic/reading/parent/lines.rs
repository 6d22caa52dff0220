//! Output of a process, taken apart within bounds.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

use crate::clinic::reading::refusal::Refusal;

/// Bytes of a line: a page's text and words, spelt out in JSON.
pub(super) const LINE_BYTES_MAX: usize = 24 << 20;

/// The next line without its end; `None` when there is none. One that is not ended is none: it was cut off.
pub(super) async fn line(input: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Vec<u8>>, Refusal> {
    let mut line = Vec::new();
    loop {
        let Ok(part) = input.fill_buf().await else { return Ok(None) };
        if part.is_empty() {
            return Ok(None);
        }
        let (taken, is_whole) = match part.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end, true),
            None => (part.len(), false),
        };
        if line.len() + taken > LINE_BYTES_MAX {
            return Err(Refusal::Misbehaved);
        }
        line.extend_from_slice(&part[..taken]);
        input.consume(taken + usize::from(is_whole));
        if is_whole {
            return Ok(Some(line));
        }
    }
}

/// So many bytes; `None` when there are fewer.
pub(super) async fn exactly(input: &mut (impl AsyncBufRead + Unpin), bytes: usize) -> Option<Vec<u8>> {
    let mut all = vec![0; bytes];
    input.read_exact(&mut all).await.ok()?;
    Some(all)
}

/// All of it, up to a bound.
pub(super) async fn all(input: impl AsyncBufRead + Unpin, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let mut all = Vec::new();
    let read = input.take(bytes_max as u64 + 1).read_to_end(&mut all).await;
    if read.is_err() || all.len() > bytes_max { Err(Refusal::Misbehaved) } else { Ok(all) }
}
