//! Game days: faults on purpose, to see the tree recover. Exists only with `ops.game_day = true`.

use crate::actors::kernel::{Behaviour, CallError, Context, ControlError, Failure, Handle, Registry, Reply};

use super::introspection::OrderError;

/// Messages of game days.
pub enum GameDayMsg {
    /// Make an actor panic, as a bug would.
    Crash {
        /// Which.
        path: String,
        /// Where the outcome goes.
        reply: Reply<Result<(), ControlError>>,
    },
}
crate::kinds!(GameDayMsg: Crash);

/// Makes faults. Cheap to clone.
#[derive(Clone)]
pub struct GameDay(Handle<GameDayMsg>);

impl GameDay {
    /// The handle of game days.
    pub fn new(handle: Handle<GameDayMsg>) -> Self {
        Self(handle)
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<GameDayMsg> {
        &self.0
    }

    /// Makes an actor panic.
    pub async fn crash(&self, path: &str) -> Result<(), OrderError> {
        let path = path.to_owned();
        match self.0.call(|reply| GameDayMsg::Crash { path, reply }).await {
            Ok(outcome) => outcome.map_err(OrderError::from),
            Err(CallError::Overloaded | CallError::Down | CallError::Crashed) => Err(OrderError::Unavailable),
        }
    }
}

/// The actor of game days.
pub struct GameDayActor {
    /// The actors that may be harmed.
    pub registry: Registry,
}

impl Behaviour for GameDayActor {
    type Msg = GameDayMsg;
    type State = u64;

    async fn init(&self, _: &Context<GameDayMsg>) -> Result<u64, Failure> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: &Context<GameDayMsg>,
        GameDayMsg::Crash { path, reply }: GameDayMsg,
        faults: &mut u64,
    ) -> Result<(), Failure> {
        if !reply.is_abandoned() {
            *faults += 1;
            reply.send(self.registry.crash(&path));
        }
        Ok(())
    }

    fn view(&self, faults: &u64) -> serde_json::Value {
        serde_json::json!({ "faults": faults })
    }
}
