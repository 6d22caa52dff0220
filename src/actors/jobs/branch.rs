//! Builds the branch of the tree.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicI64, AtomicU64},
};

use super::{
    acker::{Acker, AckerMsg},
    beat::{Beat, BeatMsg},
    bells::Bells,
    dispatcher::{Dispatcher, DispatcherMsg},
    dispatcher_path,
    engine::{Engine, link},
    gates::{Gates, GatesMsg},
    hints::Ringer,
    janitor::{self, Janitor, JanitorMsg},
    notifier::{Named, Notifier, NotifierMsg, Voice},
    rescuer::{Rescuer, RescuerMsg},
    sampler::{Sampler, SamplerMsg},
    scheduler::{Scheduler, SchedulerMsg},
    steward::{Steward, StewardMsg},
    timer::{Timer, TimerMsg},
    watchdog::{Watchdog, WatchdogMsg},
};
use crate::{
    actors::kernel::{Bell, Child, Registry, Strategy, Supervisor, actor},
    config::Config,
    db::{Connector, Link, Observer},
    jobs::{QueueName, Resources, schedules::Schedule},
};

/// Where the engine works.
pub struct Site<'a> {
    /// Where actors are registered.
    pub registry: &'a Registry,
    /// Opens database connections.
    pub connector: &'a Connector,
    /// Counts statements.
    pub observer: &'a Observer,
    /// The cron table.
    pub schedules: Vec<Schedule>,
}

/// The supervisor of the engine; from now on hints of `resources.jobs` are heard.
pub fn branch(site: Site<'_>, resources: Resources) -> Supervisor {
    let Site { registry, connector, observer, mut schedules } = site;
    // Tests and benchmarks run the engine with other kinds.
    schedules.retain(|schedule| resources.jobs.registry().get(schedule.kind).is_some());
    let config = resources.config.clone();
    let control = config.actors.control_bound;
    let acks = registry.handle::<AckerMsg>("root/jobs/acker", "acker", config.jobs.bound);
    let timer = registry.handle::<TimerMsg>("root/jobs/timer", "timer", config.jobs.bound);
    let beat = registry.handle::<BeatMsg>("root/jobs/beat", "beat", control);
    let gates = registry.handle::<GatesMsg>("root/jobs/gates", "gates", control);
    let rescuer = registry.handle::<RescuerMsg>("root/jobs/rescuer", "rescuer", control);
    let scheduler = registry.handle::<SchedulerMsg>("root/jobs/scheduler", "scheduler", control);
    let janitor = registry.handle::<JanitorMsg>("root/jobs/janitor", "janitor", control);
    let watchdog = registry.handle::<WatchdogMsg>("root/jobs/watchdog", "watchdog", control);
    let notifier = registry.handle::<NotifierMsg>("root/jobs/notifier", "notifier", control);
    let sampler = registry.handle::<SamplerMsg>("root/jobs/sampler", "sampler", control);
    let steward = registry.handle::<StewardMsg>("root/jobs/steward", "steward", control);
    let queues = QueueName::ALL.map(|queue| {
        registry.handle::<DispatcherMsg>(dispatcher_path(queue), "dispatcher", config.jobs.bound)
    });
    let bells = Bells {
        ready: queues.iter().map(|handle| Bell::new(handle, || DispatcherMsg::Ready)).collect(),
        room: queues.iter().map(|handle| Bell::new(handle, || DispatcherMsg::Room)).collect(),
        reports: Bell::new(&acks, || AckerMsg::Reports),
        due: Bell::new(&timer, || TimerMsg::Look),
        gates: Bell::new(&gates, || GatesMsg::Look),
        rescue: Bell::new(&rescuer, || RescuerMsg::Now),
        orders: Bell::new(&steward, || StewardMsg::Orders),
        cron: Bell::new(&scheduler, || SchedulerMsg::Changed),
        notify: Bell::new(&notifier, || NotifierMsg::Ready),
        timer: timer.clone(),
        scheduler: scheduler.clone(),
    };
    let engine = Arc::new(Engine::new(resources, connector, observer, node(&config), bells));
    let (planned, named) = (Arc::new(AtomicI64::new(i64::MIN)), Arc::new(Named::default()));
    let ringer = Ringer { engine: engine.clone(), named: named.clone(), planned: planned.clone() };
    engine.jobs.listen(ringer);
    let last_claims: Vec<_> = QueueName::ALL.iter().map(|_| Arc::new(Mutex::new(None))).collect();

    let own = |name: &str| Arc::new(link(connector, observer, name));
    let beating = Beat { engine: engine.clone(), link: own("jobs beat"), holding: AtomicU64::new(0) };
    let scheduling = Scheduler { engine: engine.clone(), schedules, saved: AtomicBool::new(false) };
    let slow = connector.for_use("jobs janitor", janitor::STATEMENT_LIMIT);
    let slow = Arc::new(Link::new(slow, janitor::STATEMENT_LIMIT, observer.clone()));
    let watching =
        Watchdog { engine: engine.clone(), registry: registry.clone(), last_claims: last_claims.clone() };
    let grace = *config.actors.stop_grace;
    let dispatchers =
        queues.iter().zip(QueueName::ALL).zip(last_claims).map(|((handle, queue), last_claim)| {
            let (engine, links) = (engine.clone(), several(&|| own("jobs claims")));
            let dispatcher = Dispatcher { engine, queue, links, last_claim };
            // Running jobs have the whole grace of the server.
            actor(dispatcher, handle).grace(*config.server.stop_grace + grace)
        });
    let supervisor = |path: &str| {
        Supervisor::new(path, Strategy::OneForOne, config.actors.intensity, *config.actors.intensity_within)
    };
    let bell = engine.bells.notify.clone();
    let children: [Child; 11] = [
        actor(Arc::new(beating), &beat),
        actor(Acker { engine: engine.clone(), links: several(&|| own("jobs acks")) }, &acks),
        actor(Timer { engine: engine.clone(), planned }, &timer),
        actor(Gates { engine: engine.clone(), link: own("jobs gates") }, &gates),
        actor(Rescuer { engine: engine.clone() }, &rescuer),
        actor(Arc::new(scheduling), &scheduler),
        actor(Sampler { engine: engine.clone(), link: slow.clone() }, &sampler),
        actor(Janitor { engine: engine.clone(), link: slow }, &janitor),
        actor(watching, &watchdog),
        actor(Notifier { voice: Voice::Engine(engine.clone()), bell, named }, &notifier),
        actor(Steward { engine: engine.clone(), link: own("jobs steward") }, &steward),
    ];
    supervisor("root/jobs")
        .children(children.map(|child| child.grace(grace)))
        .supervisor(registry, supervisor("root/jobs/queues").children(dispatchers))
}

/// Connections for statements side by side; those that are never needed are never opened.
fn several<const COUNT: usize>(open: &dyn Fn() -> Arc<Link>) -> [Arc<Link>; COUNT] {
    std::array::from_fn(|_| open())
}

/// The same after every restart of this server, different between servers: its host and the address it listens on.
/// With port 0 (tests) nobody is the same as before.
fn node(config: &Config) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match config.server.listen {
        address if address.port() == 0 => format!("{host}/{}", uuid::Uuid::now_v7()),
        address => format!("{host}/{address}"),
    }
}
