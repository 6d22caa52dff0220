//! Schedules of the code, written into the table at every start.

use jiff::Timestamp;

use super::super::{Ask, Catalog, micros};
use crate::{
    db::DbError,
    jobs::schedules::{Schedule, Template},
};

/// Writes one schedule of the code into the table; `false` when an administrator's has its name. Its `next_at` stays
/// unless the timing has changed, and who paused it is not asked again.
pub async fn save(
    at: &mut impl Ask,
    catalog: &Catalog,
    it: &Schedule,
    next_at: Timestamp,
) -> Result<bool, DbError> {
    const SAVE: &str = "-- jobs.cron.save
        INSERT INTO job.cron AS c (key, kind_id, spec, tz, missed, missed_within, missed_max, gap, fold, overlap,
            splay, template, source, next_at)
        VALUES ($1, $2, $3, $4, $5, $6 * interval '1 microsecond', $7, $8, $9, $10,
            $11 * interval '1 microsecond', $12, 'code', $13)
        ON CONFLICT (key) DO UPDATE SET kind_id = EXCLUDED.kind_id, spec = EXCLUDED.spec, tz = EXCLUDED.tz,
            missed = EXCLUDED.missed, missed_within = EXCLUDED.missed_within, missed_max = EXCLUDED.missed_max,
            gap = EXCLUDED.gap, fold = EXCLUDED.fold, overlap = EXCLUDED.overlap, splay = EXCLUDED.splay,
            template = EXCLUDED.template,
            next_at = CASE WHEN (c.spec, c.tz, c.gap, c.fold)
                = (EXCLUDED.spec, EXCLUDED.tz, EXCLUDED.gap, EXCLUDED.fold) THEN c.next_at ELSE EXCLUDED.next_at END
        WHERE c.source = 'code'
        RETURNING c.key";
    let template = Template { args: it.args.clone(), ..Template::default() }.to_json();
    let (kind, within, splay) = (catalog.kind(it.kind), micros(it.missed_within), micros(it.splay));
    let (missed, gap, fold, overlap) =
        (it.missed.as_str(), it.gap.as_str(), it.fold.as_str(), it.overlap.as_str());
    let args: [&(dyn postgres_types::ToSql + Sync); 13] = [
        &it.key,
        &kind,
        &it.spec,
        &it.tz,
        &missed,
        &within,
        &it.missed_max,
        &gap,
        &fold,
        &overlap,
        &splay,
        &template,
        &next_at,
    ];
    Ok(!at.ask(SAVE, &args).await?.is_empty())
}
