//! Jobs of the clinic desk; one file each.

mod analyse_batch_item;
mod analyse_document;
mod anonymise_patients;
mod end_lost_analyses;
mod finish_analysis_batch;
mod recheck_scores;
mod recompute_score;
mod refresh_summary;
mod remove_analysis_batches;
mod render_report;
mod send_clinic_mail;

pub use analyse_batch_item::AnalyseBatchItem;
pub use analyse_document::AnalyseDocument;
pub use anonymise_patients::AnonymisePatients;
pub use end_lost_analyses::EndLostAnalyses;
pub use finish_analysis_batch::FinishAnalysisBatch;
pub use recheck_scores::RecheckScores;
pub use recompute_score::RecomputeScore;
pub use refresh_summary::{RefreshSummary, summary_changed};
pub use remove_analysis_batches::RemoveAnalysisBatches;
pub use render_report::RenderReport;
pub use send_clinic_mail::SendClinicMail;
