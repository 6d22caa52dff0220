//! The sampler: how long the queues are and how old their oldest jobs, for metrics. At its own pace and on the janitor's
//! connection, so that nobody waits for it; what it has not seen for a minute is not shown.

use std::{sync::Arc, time::Duration};

use super::engine::{Engine, trouble};
use crate::{
    actors::kernel::{Behaviour, Context, Failure, fly},
    db::Link,
    jobs::store::samples,
};

/// How often it looks: as often as metrics are usually read.
const EVERY: Duration = Duration::from_secs(10);

/// Messages of the sampler.
pub enum SamplerMsg {
    /// Time to look.
    Look,
    /// A look has ended.
    Looked,
}
crate::kinds!(SamplerMsg: Look, Looked);

/// The sampler.
pub(super) struct Sampler {
    pub(super) engine: Arc<Engine>,
    pub(super) link: Arc<Link>,
}

impl Behaviour for Sampler {
    type Msg = SamplerMsg;
    /// Whether a look is in flight.
    type State = bool;

    async fn init(&self, ctx: &Context<SamplerMsg>) -> Result<bool, Failure> {
        ctx.every(EVERY, || SamplerMsg::Look);
        ctx.myself().tell(SamplerMsg::Look);
        Ok(false)
    }

    async fn handle(
        &self,
        ctx: &Context<SamplerMsg>,
        message: SamplerMsg,
        flying: &mut bool,
    ) -> Result<(), Failure> {
        match message {
            SamplerMsg::Looked => *flying = false,
            SamplerMsg::Look if *flying => {}
            SamplerMsg::Look => {
                *flying = true;
                let (engine, link) = (self.engine.clone(), self.link.clone());
                fly(ctx, SamplerMsg::Looked, async move {
                    match samples::take(&link).await {
                        Ok(sample) => engine.jobs.figures().sampled(sample),
                        Err(error) => trouble("the queues could not be measured", &error),
                    }
                    SamplerMsg::Looked
                });
            }
        }
        Ok(())
    }
}
