//! Rows on their way: a COPY for each table, in the order in which they come.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::SinkExt as _;
use tokio::sync::mpsc;
use tokio_postgres::{CopyInSink, Transaction};

use super::rows::{Chunk, HEADER, TRAILER};

/// Writes what comes; a COPY for each table.
pub(super) async fn copy(
    tx: &Transaction<'_>,
    mut chunks: mpsc::Receiver<Chunk>,
    progress: &(impl Fn(&'static str, usize) + Send),
) -> anyhow::Result<()> {
    let mut filling: Option<(&'static str, Pin<Box<CopyInSink<Bytes>>>)> = None;
    while let Some(Chunk { table, rows, bytes }) = chunks.recv().await {
        if filling.as_ref().is_none_or(|(name, _)| *name != table.name) {
            finish(filling.take()).await?;
            let mut sink = Box::pin(tx.copy_in(table.copy).await?);
            sink.feed(Bytes::from_static(HEADER)).await?;
            filling = Some((table.name, sink));
        }
        if let Some((_, sink)) = &mut filling {
            sink.send(bytes).await?;
        }
        progress(table.name, rows);
    }
    finish(filling).await
}

async fn finish(filling: Option<(&'static str, Pin<Box<CopyInSink<Bytes>>>)>) -> anyhow::Result<()> {
    let Some((_, mut sink)) = filling else { return Ok(()) };
    sink.send(Bytes::from_static(TRAILER)).await?;
    sink.as_mut().finish().await?;
    Ok(())
}
