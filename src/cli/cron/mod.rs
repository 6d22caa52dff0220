//! `sportello cron`: schedules, on the database itself, so that it works on a server without any credentials, and while
//! nobody serves. Changes are journalled in the name of the user of the machine; servers see them with their next look, at
//! the latest after `jobs.poll_max`. The same rules hold as over HTTP.

mod arguments;
mod desk;
mod told;

pub(super) use arguments::Args;
pub(super) use desk::run;
