//! Servers that run no jobs (`jobs.enabled = false`): they only tell those that do, so that a job enqueued here starts
//! there within milliseconds.
//!
//! ```text
//! root/jobs            one_for_one
//! └─ notifier          own connection
//! ```

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    engine::link,
    notifier::{Named, Notifier, NotifierMsg, Voice},
};
use crate::{
    actors::kernel::{Bell, Registry, Strategy, Supervisor, actor},
    config::Config,
    db::{Connector, Observer},
    jobs::{Hint, Hints, Jobs, QueueName, Reserved},
};

/// Tells hints to others; there is nobody here.
struct Crier {
    named: Arc<Named>,
    bell: Bell<NotifierMsg>,
    /// Timers look this often by themselves.
    poll: Duration,
    jobs: Jobs,
}

impl Hints for Crier {
    fn reserve(&self, _queue: QueueName, _wanted: usize) -> Option<Box<dyn Reserved>> {
        None
    }

    fn tell(&self, hint: Hint) {
        self.named.add(hint);
        self.bell.ring();
    }

    fn heard(&self, hint: Hint) {
        if hint == Hint::Ended {
            self.jobs.some_ended();
        }
    }

    fn doors(&self, _doors: &[i64]) {
        self.tell(Hint::Gates);
    }

    fn settled(&self) {
        self.tell(Hint::Gates);
    }

    fn due(&self, at: Timestamp) {
        let left = Duration::try_from(at.duration_since(self.jobs.clock().now())).unwrap_or_default();
        if left < self.poll {
            self.tell(Hint::Due);
        }
    }

    fn catch_up(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn stopping(&self, _grace: Duration) {}
}

/// The branch of a server that runs no jobs; from now on hints of `jobs` are told to others.
pub fn quiet_branch(
    registry: &Registry,
    connector: &Connector,
    observer: &Observer,
    config: &Config,
    jobs: &Jobs,
) -> Supervisor {
    let notifier =
        registry.handle::<NotifierMsg>("root/jobs/notifier", "notifier", config.actors.control_bound);
    let (bell, named) = (Bell::new(&notifier, || NotifierMsg::Ready), Arc::new(Named::default()));
    let poll = *config.jobs.poll_max;
    jobs.listen(Crier { named: named.clone(), bell: bell.clone(), poll, jobs: jobs.clone() });
    let voice = Voice::Own(Arc::new(link(connector, observer, "jobs notifier")));
    let (max, within) = (config.actors.intensity, *config.actors.intensity_within);
    Supervisor::new("root/jobs", Strategy::OneForOne, max, within)
        .child(actor(Notifier { voice, bell, named }, &notifier).grace(*config.actors.stop_grace))
}
