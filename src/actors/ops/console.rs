//! The console: the handles behind the administrators' endpoints, and the two branches of the tree they live in.

use super::{
    game_day::{GameDay, GameDayActor},
    hub::{Hub, HubActor},
    introspection::{Introspection, IntrospectionActor},
};
use crate::{
    actors::{
        core::{
            journal::{Journal, JournalActor},
            meter::{Meter, MeterActor},
        },
        kernel::{Registry, Strategy, Supervisor, actor},
    },
    clock::Clock,
    config::Config,
    db::Db,
    jobs::inspect::Feed,
};

/// Everything an administrator looks through and acts with. Cheap to clone.
#[derive(Clone)]
pub struct Console {
    /// Samples of all actors.
    pub meter: Meter,
    /// What was done, and what crashed.
    pub journal: Journal,
    /// Live samples.
    pub hub: Hub,
    /// Shows and orders.
    pub introspection: Introspection,
    /// Faults on purpose; only when `ops.game_day` allows them.
    pub game_day: Option<GameDay>,
}

impl Console {
    /// The handles, made before any actor runs.
    pub fn new(registry: &Registry, config: &Config, clock: &Clock) -> Self {
        let bound = config.actors.control_bound;
        let meter = registry.handle("root/core/meter", "meter", bound);
        let game_day = config.ops.game_day.then(|| registry.handle("root/ops/game_day", "game_day", bound));
        Self {
            meter: Meter::new(meter, registry, clock.clone(), *config.actors.history),
            journal: Journal::new(registry.handle("root/core/journal", "journal", bound)),
            hub: Hub::new(registry.handle("root/ops/hub", "hub", bound)),
            introspection: Introspection::new(registry.handle(
                "root/ops/introspection",
                "introspection",
                bound,
            )),
            game_day: game_day.map(GameDay::new),
        }
    }

    /// The first branch of the tree: it watches all others start, and stops last.
    pub fn core(&self, registry: &Registry, config: &Config, db: &Db) -> Supervisor {
        let (max, within) = (config.actors.intensity, *config.actors.intensity_within);
        let meter = MeterActor { meter: self.meter.clone(), hub: self.hub.clone() };
        let journal = JournalActor::new(&self.journal, db.clone(), registry.clone());
        Supervisor::new("root/core", Strategy::OneForOne, max, within)
            .child(actor(meter, self.meter.handle()).optional())
            .child(actor(journal, self.journal.handle()).optional())
    }

    /// The last branch of the tree: nothing depends on it, and it stops first, which ends the streams.
    pub fn ops(&self, registry: &Registry, config: &Config, feed: &Feed) -> Supervisor {
        let (max, within) = (config.actors.intensity, *config.actors.intensity_within);
        let suspend_max = *config.ops.suspend_max;
        let introspection = IntrospectionActor::new(registry.clone(), self.meter.clone(), suspend_max);
        let ops = Supervisor::new("root/ops", Strategy::OneForOne, max, within)
            .never_escalates()
            .child(actor(introspection, self.introspection.handle()).optional())
            .child(actor(HubActor::new(&config.ops, feed.clone()), self.hub.handle()).optional());
        match &self.game_day {
            Some(game_day) => {
                let faults = GameDayActor { registry: registry.clone() };
                ops.child(actor(faults, game_day.handle()).optional())
            }
            None => ops,
        }
    }
}
