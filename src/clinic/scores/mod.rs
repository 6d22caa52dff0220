//! Fertility scores: computed from all that is known of a patient, and kept as they were.
//!
//! Reading order: [`inputs`] (what counts, and where it is from), [`score`] (computed, kept, read).
//!
//! Whatever changes what counts calls [`changed`] in its transaction, under the lock of the record. What only lets or forbids to
//! compute calls [`later`].
//!
//! Invariants
//! - The newest score says what is known: whoever changes that has the record locked, and the job that computes locks it, too,
//!   before it reads. Of many changes of one transaction, or of a burst, one score is made.
//! - A score is made when its inputs or what is said of them differ from those of the newest one; the others stay.
//! - While something has changed and nothing was computed since, the newest score says that it is outdated: without consent for
//!   as long as that lasts, so that nobody takes for known what was withdrawn or taken away.
//! - Nothing is computed without consent, or for a record that is closed. To compute does not keep a record any longer.

pub mod inputs;
pub mod score;

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::{
    db::{DbError, Tx},
    ids::PatientId,
    jobs::{Hold, Jobs, NewJob, clinic::RecomputeScore},
};

/// After a change, so that the next ones of a burst are in the same score.
const AFTER: SignedDuration = SignedDuration::from_secs(1);

/// Something that counts has changed: the score is computed anew. Call it under the lock of the record.
pub async fn changed(tx: &mut Tx, jobs: &Jobs, patient: PatientId) -> Result<(), DbError> {
    all_changed(tx, jobs, &[patient]).await
}

/// The same for many patients, with as many statements as for one.
pub async fn all_changed(tx: &mut Tx, jobs: &Jobs, patients: &[PatientId]) -> Result<(), DbError> {
    score::outdate(tx, patients).await?;
    later(tx, jobs, patients).await
}

/// Scores are computed anew, with one statement; nothing has changed in the records.
pub async fn later(tx: &mut Tx, jobs: &Jobs, patients: &[PatientId]) -> Result<(), DbError> {
    let at = jobs.clock().now() + AFTER;
    // Held until it starts: what is changed after it has read is computed again.
    let job = |patient: &PatientId| {
        let job = NewJob::of(&RecomputeScore { patient: *patient }).subject(*patient);
        job.at(at).unique(patient.to_string(), Hold::Start)
    };
    let each: BTreeSet<_> = patients.iter().collect();
    jobs.insert(tx, &each.into_iter().map(job).collect::<Vec<_>>()).await.map(|_| ())
}
