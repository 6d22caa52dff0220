//! The renderer: PDF documents are set on blocking threads, a bounded number at once.
//!
//! Setting one keeps a processor busy for some milliseconds a page: unbounded, an office that prints its archive would stop
//! everything else. `pdf.threads` are set at once, `pdf.bound` wait in order, more are refused, and who has waited for
//! `pdf.deadline` hears so; nobody sets what nobody waits for any more. What is being set when its caller leaves goes on to
//! its end, with its permit: a document has a bounded size.
//!
//! The permits live in the behaviour: a crash cannot start more threads than are allowed. What it loses is asked for again
//! once: setting a document changes nothing. One over which the setting itself crashes harms its own caller alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::{
    actors::kernel::{Behaviour, CallError, Context, Failure, Handle, Reply},
    config::sections,
    mail::Language,
    metrics,
    pdf::{self, Document, Layout, PressError, RenderError, Rendering},
};

/// An actor that died is back in about that time.
const RETRY_PAUSE: Duration = Duration::from_millis(25);

type Outcome = Result<Bytes, RenderError>;
/// Sets a document on the thread that asks.
type Press = fn(&Document) -> Result<Bytes, PressError>;

/// Messages of the renderer.
pub enum RendererMsg {
    /// Set a document.
    Render {
        /// What.
        document: Arc<Document>,
        /// Where the PDF goes.
        reply: Reply<Outcome>,
    },
}
crate::kinds!(RendererMsg: Render);

/// Makes PDF documents. Cheap to clone.
#[derive(Clone)]
pub struct Renderer {
    handle: Handle<RendererMsg>,
    deadline: Duration,
}

impl Renderer {
    /// The handle of the renderer; nobody waits longer than `deadline`.
    pub fn new(handle: Handle<RendererMsg>, deadline: Duration) -> Self {
        Self { handle, deadline }
    }

    /// The actor's handle.
    pub fn handle(&self) -> &Handle<RendererMsg> {
        &self.handle
    }

    /// Sets next to nothing: whether a document can be set at all.
    pub async fn probe(&self) -> Result<(), RenderError> {
        let data = serde_json::json!({ "head": [], "subtitle": null, "mark": null, "blocks": [], "closing": [],
            "signature": [], "foot": "" });
        let nothing = Document {
            layout: Layout::Deed,
            language: Language::It,
            title: "–".to_owned(),
            made_at: Timestamp::UNIX_EPOCH,
            data,
            images: Vec::new(),
        };
        self.render(nothing).await.map(drop)
    }

    async fn ask(&self, document: Arc<Document>) -> Outcome {
        for attempt in 0..2 {
            if attempt > 0 {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            let document = document.clone();
            match self.handle.call(|reply| RendererMsg::Render { document, reply }).await {
                Ok(outcome) => return outcome,
                Err(CallError::Overloaded) => break,
                Err(CallError::Down | CallError::Crashed) => {}
            }
        }
        Err(RenderError::Busy)
    }
}

impl Rendering for Renderer {
    async fn render(&self, document: Document) -> Outcome {
        let asking = self.ask(Arc::new(document));
        tokio::time::timeout(self.deadline, asking).await.unwrap_or(Err(RenderError::Late))
    }
}

/// The renderer actor.
pub struct RendererActor {
    press: Press,
    workers: Arc<Semaphore>,
    bound: usize,
    waiting: Arc<AtomicUsize>,
    made: Arc<AtomicU64>,
    figures: metrics::Papers,
}

impl RendererActor {
    /// As `[pdf]` of the configuration says.
    pub fn new(config: &sections::Pdf, figures: metrics::Papers) -> Self {
        Self::with(pdf::print, config, figures)
    }

    fn with(press: Press, config: &sections::Pdf, figures: metrics::Papers) -> Self {
        Self {
            press,
            workers: Arc::new(Semaphore::new(config.threads)),
            bound: config.bound,
            waiting: Arc::default(),
            made: Arc::default(),
            figures,
        }
    }

    /// Lets a document wait for a worker, unless too many wait already.
    fn admit(&self, ctx: &Context<RendererMsg>, document: Arc<Document>, reply: Reply<Outcome>) {
        let waiting = Waiting::new(&self.waiting);
        if self.waiting.load(Relaxed) > self.bound {
            return reply.send(Err(RenderError::Busy));
        }
        let press = self.press;
        let (workers, made, figures) = (self.workers.clone(), self.made.clone(), self.figures.clone());
        ctx.spawn(async move {
            let Ok(permit) = workers.acquire_owned().await else { return };
            drop(waiting);
            if reply.is_abandoned() {
                return;
            }
            let (began, layout) = (Instant::now(), document.layout.name());
            let working = tokio::task::spawn_blocking(move || {
                let _permit = permit; // held by the thread: it goes on even when this incarnation ends
                press(&document)
            });
            let crashed = |error: tokio::task::JoinError| {
                tracing::error!(layout, %error, "setting a document has crashed");
                Err(PressError::Broken { layout, why: "setting it has crashed".to_owned() })
            };
            let outcome = working.await.unwrap_or_else(crashed);
            made.fetch_add(u64::from(outcome.is_ok()), Relaxed);
            figures.done(layout, if outcome.is_ok() { "made" } else { "refused" }, began.elapsed());
            reply.send(outcome.map_err(RenderError::Refused));
        });
    }
}

/// Counts a waiter, however it ends.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Behaviour for RendererActor {
    type Msg = RendererMsg;
    type State = ();

    async fn init(&self, _: &Context<RendererMsg>) -> Result<(), Failure> {
        Ok(())
    }

    async fn handle(
        &self,
        ctx: &Context<RendererMsg>,
        message: RendererMsg,
        (): &mut (),
    ) -> Result<(), Failure> {
        let RendererMsg::Render { document, reply } = message;
        self.admit(ctx, document, reply);
        Ok(())
    }

    fn view(&self, (): &()) -> serde_json::Value {
        serde_json::json!({
            "waiting": self.waiting.load(Relaxed), "workers_free": self.workers.available_permits(),
            "made": self.made.load(Relaxed),
        })
    }
}

#[cfg(test)]
mod tests {
    //! So many at once, so many waiting, so long: and who fails, fails alone.

    use std::{
        sync::{
            Condvar, Mutex,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
        time::Duration,
    };

    use bytes::Bytes;
    use serde_json::json;

    use super::{Press, Renderer, RendererActor};
    use crate::{
        actors::kernel::{Registry, Strategy, Supervisor, System, actor},
        clock::Clock,
        config::Config,
        mail::Language,
        metrics::Metrics,
        pdf::{Document, Layout, PressError, RenderError, Rendering as _},
    };

    fn titled(title: &str) -> Document {
        Document {
            layout: Layout::Deed,
            language: Language::It,
            title: title.to_owned(),
            made_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            data: json!({}),
            images: Vec::new(),
        }
    }

    async fn start(
        press: Press,
        (workers, bound): (usize, usize),
        deadline: Duration,
    ) -> (Renderer, Registry, System) {
        let mut config = Config::defaults().pdf;
        (config.threads, config.bound) = (workers, bound);
        let registry = Registry::new(Clock::system());
        let renderer = Renderer::new(registry.handle("root/renderer", "renderer", 16), deadline);
        let behaviour = RendererActor::with(press, &config, Metrics::new().papers.clone());
        let root = Supervisor::new("root", Strategy::OneForOne, 3, Duration::from_secs(60))
            .child(actor(behaviour, renderer.handle()));
        let system = System::start(&registry, root).await.unwrap();
        (renderer, registry, system)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_document_over_which_the_press_crashes_harms_its_own_caller_alone() {
        fn press(document: &Document) -> Result<Bytes, PressError> {
            assert!(document.title != "crash", "as asked");
            if document.title == "no" {
                return Err(PressError::TooLarge);
            }
            Ok(Bytes::from(document.title.clone()))
        }
        let (renderer, registry, _system) = start(press, (2, 16), Duration::from_secs(30)).await;
        let titles = ["a", "crash", "b", "crash", "no"];
        let all = titles.map(|title| renderer.render(titled(title)));
        for (title, outcome) in titles.into_iter().zip(futures_util::future::join_all(all).await) {
            match outcome {
                Ok(made) => assert_eq!(made, title),
                Err(RenderError::Refused(PressError::Broken { .. })) => assert_eq!(title, "crash"),
                Err(RenderError::Refused(PressError::TooLarge)) => assert_eq!(title, "no"),
                Err(other) => panic!("{title}: {other}"),
            }
        }
        assert_eq!(registry.find("root/renderer").unwrap().restarts(), 0, "the actor has not even noticed");
    }

    /// How many are being set, and the most there ever were.
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    /// Whether they may end.
    static OPEN: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

    #[expect(clippy::unnecessary_wraps, reason = "as a press that fails")]
    fn held(document: &Document) -> Result<Bytes, PressError> {
        MOST.fetch_max(NOW.fetch_add(1, SeqCst) + 1, SeqCst);
        let mut open = OPEN.0.lock().unwrap();
        while !*open {
            open = OPEN.1.wait(open).unwrap();
        }
        NOW.fetch_sub(1, SeqCst);
        Ok(Bytes::from(document.title.clone()))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn so_many_are_set_at_once_so_many_wait_and_more_are_refused() {
        let (renderer, registry, _system) = start(held, (2, 3), Duration::from_secs(30)).await;
        let titles: Vec<String> = (0..12).map(|number| number.to_string()).collect();
        let asking =
            futures_util::future::join_all(titles.iter().map(|title| renderer.render(titled(title))));
        let cell = registry.find("root/renderer").unwrap();
        let letting = async {
            while cell.handled() < 12 || NOW.load(SeqCst) < 2 {
                tokio::task::yield_now().await;
            }
            *OPEN.0.lock().unwrap() = true;
            OPEN.1.notify_all();
        };
        let (outcomes, ()) = tokio::join!(asking, letting);
        let made = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let busy = outcomes.iter().filter(|outcome| **outcome == Err(RenderError::Busy)).count();
        assert_eq!(made + busy, 12, "{outcomes:?}");
        assert!((3..=5).contains(&made), "two are set and three wait, as far as they came to it: {made}");
        assert_eq!(MOST.load(SeqCst), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_waits_too_long_hears_it() {
        #[expect(clippy::unnecessary_wraps, reason = "as a press that fails")]
        fn never(_: &Document) -> Result<Bytes, PressError> {
            static END: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
            let moment = Duration::from_millis(300);
            drop(END.1.wait_timeout(END.0.lock().unwrap(), moment).unwrap());
            Ok(Bytes::new())
        }
        let (renderer, registry, _system) = start(never, (1, 8), Duration::from_millis(50)).await;
        let both = [renderer.render(titled("a")), renderer.render(titled("b"))];
        assert_eq!(
            futures_util::future::join_all(both).await,
            [Err(RenderError::Late), Err(RenderError::Late)]
        );
        assert_eq!(registry.find("root/renderer").unwrap().restarts(), 0);
    }
}
