//! Where files are: a local directory, or a bucket of any S3 API when `storage.s3_bucket` names one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use jiff::Timestamp;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig, aws::AmazonS3Builder, local::LocalFileSystem,
    prefix::PrefixStore,
};

use super::{private, staged, storage::directory, unfinished::Bucket};
use crate::config::{Config, sections};

/// Files are written in pieces of this size: a disk needs no larger ones.
const CHUNK_OF_DIRECTORY: usize = 1 << 20;
/// S3 takes no smaller ones, but the last.
const CHUNK_OF_BUCKET: usize = 5 << 20;
/// A server that is there has accepted a connection by then.
const CONNECT: Duration = Duration::from_secs(5);
/// One that sends nothing for so long is gone; how long a whole transfer takes depends on who reads it.
const SILENCE: Duration = Duration::from_secs(30);

/// Requests that failed are sent again so often, within a second and a half: whoever waits hears soon that the bucket is away.
const RETRIES: usize = 4;
const RETRYING_MAX: Duration = Duration::from_secs(20);

/// Which of the two.
pub(super) enum Place {
    /// On this machine.
    Directory(PathBuf),
    /// Elsewhere.
    Bucket(Bucket),
}

impl Place {
    /// As `[storage]` of the configuration says. Makes the directory, readable by its owner only.
    pub(super) fn open(config: &Config) -> anyhow::Result<(Arc<dyn ObjectStore>, Self)> {
        if let Some(bucket) = config.storage.s3_bucket.as_ref() {
            let (store, bucket) = bucket_of(&config.storage, bucket)?;
            return Ok((store, Self::Bucket(bucket)));
        }
        let directory = directory(config);
        private::make(&directory)
            .with_context(|| format!("{} cannot be made; see storage.path", directory.display()))?;
        let store = LocalFileSystem::new_with_prefix(&directory)
            .with_context(|| format!("{} cannot be used; see storage.path", directory.display()))?;
        Ok((Arc::new(store.with_fsync(true)), Self::Directory(directory)))
    }

    /// Where it is on this machine, if it is.
    pub(super) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(path) => Some(path),
            Self::Bucket(_) => None,
        }
    }

    /// The size of the pieces that large files are written in.
    pub(super) const fn chunk(&self) -> usize {
        match self {
            Self::Directory(_) => CHUNK_OF_DIRECTORY,
            Self::Bucket(_) => CHUNK_OF_BUCKET,
        }
    }

    /// Removes what writers that died before `before` have left half written; how many there were.
    pub(super) async fn sweep(&self, before: Timestamp) -> Result<usize, object_store::Error> {
        match self {
            Self::Directory(path) => {
                let path = path.clone();
                Ok(tokio::task::spawn_blocking(move || staged::sweep(&path, before)).await?)
            }
            Self::Bucket(bucket) => bucket.sweep(before).await,
        }
    }

    /// For people.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Directory(_) => "directory",
            Self::Bucket(_) => "bucket",
        }
    }
}

fn bucket_of(config: &sections::Storage, bucket: &str) -> anyhow::Result<(Arc<dyn ObjectStore>, Bucket)> {
    // The client of the buckets takes the process's provider of cryptography; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(CONNECT)
        .with_read_timeout(SILENCE)
        .with_allow_http(config.s3_allow_http);
    let mut builder = AmazonS3Builder::new()
        .with_client_options(client)
        .with_retry(RetryConfig {
            backoff: BackoffConfig { max_backoff: CONNECT, ..BackoffConfig::default() },
            max_retries: RETRIES,
            retry_timeout: RETRYING_MAX,
        })
        .with_bucket_name(bucket)
        .with_region(&config.s3_region);
    if let Some(endpoint) = config.s3_endpoint.as_ref() {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(key) = config.s3_key.as_ref() {
        builder = builder.with_access_key_id(key);
    }
    if let Some(secret) = config.s3_secret.as_ref() {
        builder = builder.with_secret_access_key(secret.expose());
    }
    let store = builder.build().context("the bucket cannot be used; see storage.s3_endpoint and the like")?;
    let prefix = config.s3_prefix.as_ref().map(|prefix| prefix.trim_matches('/').to_owned());
    let bucket = Bucket::new(store.clone(), prefix.clone(), CONNECT, SILENCE)?;
    let store: Arc<dyn ObjectStore> = match prefix {
        Some(prefix) => Arc::new(PrefixStore::new(store, prefix)),
        None => Arc::new(store),
    };
    Ok((store, bucket))
}
