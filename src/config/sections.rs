//! One struct per section of `config/default.toml`; that file documents each key.
//!
//! Nothing here has a default: the compiled-in file is the default. Secrets are [`Secret`], so that no
//! `Debug` or error shows them.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;

use super::values::{Bytes, Cidr, Optional, Period, Quota, Secret};

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub postgres: Postgres,
    pub redis: Redis,
    pub cache: Cache,
    pub limits: Limits,
    pub mail: Mail,
    pub storage: Storage,
    pub documents: Documents,
    pub accounts: Accounts,
    pub audit: Audit,
    pub events: Events,
    pub notary: Notary,
    pub pdf: Pdf,
    pub signature: Signature,
    pub time_stamp: TimeStamp,
    pub certified_mail: CertifiedMail,
    pub conservation: Conservation,
    pub clinic: Clinic,
    pub payments: Payments,
    pub jobs: Jobs,
    pub actors: Actors,
    pub ops: Ops,
    pub logs: Logs,
}

/// Section `[server]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Server {
    pub listen: SocketAddr,
    pub public_url: Optional<String>,
    pub max_connections: usize,
    pub header_deadline: Period,
    pub keep_alive: Period,
    pub max_header_bytes: Bytes,
    pub max_body_bytes: Bytes,
    pub body_deadline: Period,
    pub request_deadline: Period,
    pub slow_request: Period,
    pub stop_grace: Period,
    pub drain_delay: Period,
    pub trusted_proxies: Vec<Cidr>,
    pub cors_origins: Vec<String>,
    pub hsts: bool,
    pub server_timing: bool,
    pub compression_min_bytes: Bytes,
    pub streams: usize,
    pub streams_each: usize,
    pub stream_life: Period,
}

impl Server {
    /// Where clients reach this server; without `server.public_url`, where it listens.
    pub fn base_url(&self) -> String {
        self.public_url.0.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }
}

/// Section `[database]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Database {
    pub url: Optional<Secret>,
    pub replica_url: Optional<Secret>,
    pub data_dir: PathBuf,
    pub bin_dir: Optional<PathBuf>,
    pub run_as: String,
    pub pool_size: usize,
    pub pool_overflow: usize,
    pub pool_wait: Period,
    pub pool_recycle: Period,
    pub reads: String,
    pub point_lanes: usize,
    pub list_lanes: usize,
    pub lane_in_flight: usize,
    pub lane_batch: usize,
    pub lane_bound: usize,
    pub statement_timeout: Period,
    pub lane_statement_timeout: Period,
    pub slow_query: Period,
    pub migrate_on_start: bool,
}

/// Section `[postgres]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Postgres {
    pub shared_buffers: String,
    pub max_connections: usize,
    pub start_timeout: Period,
    pub stop_timeout: Period,
}

/// Section `[redis]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Redis {
    pub url: Optional<Secret>,
    pub command_timeout: Period,
    pub pool_size: usize,
    pub circuit_open: Period,
}

/// Section `[cache]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Cache {
    pub enabled: bool,
    pub max_bytes: Bytes,
    pub shards: usize,
    pub shard_bound: usize,
    pub ttl_list: Period,
    pub ttl_detail: Period,
    pub ttl_negative: Period,
    pub stale_if_error: Period,
    pub redis_ttl: Period,
}

/// Section `[limits]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Limits {
    pub enabled: bool,
    pub max_keys: usize,
    pub anonymous: Quota,
    pub user: Quota,
    pub admin: Quota,
    pub login: Quota,
    pub register: Quota,
    pub upload: Quota,
    pub booking: Quota,
    pub clinic_upload: Quota,
    pub create_patient: Quota,
    pub clinic_report: Quota,
    pub webhook: Quota,
}

/// Section `[mail]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Mail {
    pub from: String,
    pub smtp_url: Optional<Secret>,
    pub outbox: Optional<PathBuf>,
    pub timeout: Period,
    pub bound: usize,
    pub language: String,
}

/// Section `[storage]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Storage {
    pub path: Optional<PathBuf>,
    pub s3_bucket: Optional<String>,
    pub s3_endpoint: Optional<String>,
    pub s3_region: String,
    pub s3_key: Optional<String>,
    pub s3_secret: Optional<Secret>,
    pub s3_prefix: Optional<String>,
    pub s3_allow_http: bool,
    pub bound: usize,
    pub max_image_bytes: Bytes,
    pub max_image_pixels: usize,
    pub max_images_per_event: usize,
    pub image_workers: usize,
    pub image_bound: usize,
}

/// Section `[documents]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Documents {
    pub max_bytes: Bytes,
    pub quota: Bytes,
    pub part_bytes: Bytes,
    pub upload_life: Period,
    pub link_life: Period,
    pub link_life_max: Period,
    pub arriving: usize,
    pub encrypt: bool,
    pub clamd: Optional<String>,
    pub clamd_required: bool,
    pub clamd_timeout: Period,
}

/// Section `[accounts]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Accounts {
    pub access_ttl: Period,
    pub refresh_ttl: Period,
    pub password_memory: Bytes,
    pub password_passes: usize,
    pub hash_workers: usize,
    pub hash_bound: usize,
    pub lockout_failures: usize,
    pub lockout_failures_address: usize,
    pub lockout: Period,
    pub min_password: usize,
    pub key_life: Period,
    pub key_quota: usize,
    pub key_quota_max: usize,
    pub secret: Optional<Secret>,
}

/// Section `[audit]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Audit {
    pub keep: Period,
}

/// Section `[events]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Events {
    pub booking_hold: Period,
    pub reminder_before: Period,
    pub sales_shards: usize,
    pub sales_batch: usize,
    pub sales_bound: usize,
    pub max_tickets: usize,
    pub time_zone: String,
}

/// Section `[notary]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Notary {
    pub request_life: Period,
    pub request_ahead: Period,
    pub keep_notifications: Period,
    pub keep_requests: Period,
    pub keep_appointments: Period,
}

/// Section `[certified_mail]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct CertifiedMail {
    pub provider: String,
    pub smtp_url: Optional<Secret>,
    pub operator_roots: Optional<PathBuf>,
    pub outbox: Optional<PathBuf>,
    pub domain: String,
    pub max_bytes: Bytes,
    pub timeout: Period,
    pub give_up: Period,
    pub keep: Period,
    pub keep_drafts: Period,
}

/// Section `[pdf]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Pdf {
    pub threads: usize,
    pub bound: usize,
    pub deadline: Period,
}

/// Section `[signature]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Signature {
    pub provider: String,
    pub timeout: Period,
    pub max_pdf_bytes: Bytes,
    pub max_unpacked_bytes: Bytes,
    pub threads: usize,
    pub bound: usize,
    pub certificate_life: Period,
    pub renew_before: Period,
    pub request_life: Period,
}

/// Section `[time_stamp]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct TimeStamp {
    pub provider: String,
    pub timeout: Period,
}

/// Section `[conservation]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Conservation {
    pub provider: String,
}

/// Section `[clinic]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Clinic {
    pub keep_patients: Period,
    pub summary_delay: Period,
    pub document_bytes: Bytes,
    pub reading_at_once: usize,
    pub reading_pages: u32,
    pub reading_pictures: u32,
    pub reading_memory: Bytes,
    pub reading_processor: Period,
    pub reading_deadline: Period,
    pub tesseract: Optional<String>,
    pub reading_program: Optional<String>,
}

/// Section `[payments]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Payments {
    pub provider: String,
    pub webhook_secret: Secret,
    pub timeout: Period,
}

/// Section `[jobs]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Jobs {
    pub enabled: bool,
    pub workers: usize,
    pub blocking_threads: usize,
    pub claim: usize,
    pub ack: usize,
    pub poll_min: Period,
    pub poll_max: Period,
    pub beat: Period,
    pub fence: Period,
    pub rescue: Period,
    pub cancel_grace: Period,
    pub quarantine_crashes: usize,
    pub breaker_failures: u32,
    pub breaker_pause: Period,
    pub breaker_pause_max: Period,
    pub keep_done: Period,
    pub seal_keys: Optional<Secret>,
    pub bound: usize,
}

/// Section `[actors]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Actors {
    pub control_bound: usize,
    pub intensity: usize,
    pub intensity_within: Period,
    pub root_intensity: usize,
    pub backoff_min: Period,
    pub backoff_max: Period,
    pub stop_grace: Period,
    pub history: Period,
}

/// Section `[ops]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Ops {
    pub game_day: bool,
    pub metrics_from: Vec<Cidr>,
    pub sse_clients: usize,
    pub sse_life: Period,
    pub suspend_max: Period,
}

/// Section `[logs]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "config/default.toml documents every key once")]
pub struct Logs {
    pub level: String,
    pub format: String,
    pub file: Optional<PathBuf>,
    pub file_bytes: Bytes,
    pub file_keep: usize,
}
