//! `sportello cron`: schedules, on the database itself, so that it works on a server without any credentials, and while
//! nobody serves. Changes are journalled in the name of the user of the machine; running servers hear of them
//! with the commit. The same rules hold as over HTTP.

mod arguments;
mod desk;
mod told;

pub(super) use arguments::Args;
pub(super) use desk::run;
