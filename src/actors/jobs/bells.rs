//! The bells by which the parts of the engine wake each other.

use super::{
    acker::AckerMsg, dispatcher::DispatcherMsg, gates::GatesMsg, notifier::NotifierMsg, rescuer::RescuerMsg,
    scheduler::SchedulerMsg, steward::StewardMsg, timer::TimerMsg,
};
use crate::actors::kernel::{Bell, Handle};

/// Every bell of the engine.
pub(super) struct Bells {
    /// Jobs are ready, by queue.
    pub(super) ready: Vec<Bell<DispatcherMsg>>,
    /// There is room for more jobs, by queue.
    pub(super) room: Vec<Bell<DispatcherMsg>>,
    /// Reports wait to be written.
    pub(super) reports: Bell<AckerMsg>,
    /// Something is due now.
    pub(super) due: Bell<TimerMsg>,
    /// Something may be let through.
    pub(super) gates: Bell<GatesMsg>,
    /// Somebody was declared dead.
    pub(super) rescue: Bell<RescuerMsg>,
    /// Administrators want something.
    pub(super) orders: Bell<StewardMsg>,
    /// Schedules were made or changed.
    pub(super) cron: Bell<SchedulerMsg>,
    /// Other nodes should hear of work.
    pub(super) notify: Bell<NotifierMsg>,
    /// For the exact time of the next due job.
    pub(super) timer: Handle<TimerMsg>,
    /// For catching up.
    pub(super) scheduler: Handle<SchedulerMsg>,
}
