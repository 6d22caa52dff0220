//! Work in flight that always reports: when it panics, the actor hears so instead of waiting for ever.

use super::{Context, Message, Myself};

/// Runs `work` as a task of the incarnation and tells its message; `otherwise` if it ends without one.
pub fn fly<M: Message>(ctx: &Context<M>, otherwise: M, work: impl Future<Output = M> + Send + 'static) {
    let landing = Landing(Some((ctx.myself(), otherwise)));
    ctx.spawn(async move {
        let message = work.await;
        landing.with(message);
    });
}

struct Landing<M: Message>(Option<(Myself<M>, M)>);

impl<M: Message> Landing<M> {
    fn with(mut self, message: M) {
        if let Some((myself, _)) = self.0.take() {
            myself.tell(message);
        }
    }
}

impl<M: Message> Drop for Landing<M> {
    fn drop(&mut self) {
        if let Some((myself, otherwise)) = self.0.take() {
            myself.tell(otherwise);
        }
    }
}
