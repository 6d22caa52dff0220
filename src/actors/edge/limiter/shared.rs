//! Quotas that all nodes share: the same algorithm as one script in Redis, by Redis's clock.
//!
//! One key per client and class holds the microsecond at which its bucket is full; it expires then. The script is
//! atomic, so nodes cannot race, and their clocks do not matter.

use std::{sync::LazyLock, time::Duration};

use super::{
    class::{Class, Decision, Key},
    quotas::refill,
};
use crate::{
    actors::data::redis::{Redis, RedisError, Script},
    config::values::Quota,
};

/// Keys are `sportello:limit:<class>:<client>`.
const PREFIX: &str = "sportello:limit";

/// `KEYS[1]`: the client; `ARGV`: the bucket's size, and the microseconds in which one request comes back. Answers
/// whether it passes, how many more may, and the microseconds until the bucket is full or the next one may pass.
static GCRA: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, refill = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + refill
local left = now + limit * refill - full_at
if left < 0 then return {0, 0, -left} end
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {1, math.floor(left / refill), full_at - now}",
    )
});

/// Counts a request in Redis.
pub(super) async fn take(
    redis: &Redis,
    class: Class,
    key: Key,
    quota: Quota,
) -> Result<Decision, RedisError> {
    let name = format!("{PREFIX}:{}:{key}", class.name());
    let refill = (refill(quota).as_micros() as i64).max(1);
    let answer = redis.script(&GCRA, &[name], &[i64::from(quota.limit), refill]).await?;
    let &[passes, remaining, micros] = answer.as_slice() else {
        return Err(RedisError::Refused("three numbers were expected".to_owned()));
    };
    let wait = Duration::from_micros(micros.max(0) as u64);
    let (reset, retry_after) = if passes == 1 { (wait, None) } else { (quota.window, Some(wait)) };
    Ok(Decision { class, quota, remaining: remaining.max(0) as u32, reset, retry_after })
}
