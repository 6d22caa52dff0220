//! Jobs that belong together: batches, chains, and graphs in which jobs wait for others.
//!
//! For those who come from Celery: a *group* is a batch, a *chord* a batch with [`Flow::finally`], a *chain*
//! [`Flow::chain`]. A flow is a batch whose members may wait for one another. All of it is written in the caller's
//! transaction; a job that waits becomes ready in the statement that ends the last one it waits for.
//!
//! ```
//! use sportello::jobs::{Flow, NewJob, OnFail};
//! fn monthly_report(pages: Vec<NewJob>, bind: NewJob, tell: NewJob) -> Flow {
//!     let mut flow = Flow::new("monthly report");
//!     let pages: Vec<_> = pages.into_iter().map(|page| flow.add(page)).collect();
//!     flow.after(&pages, bind);          // fan-in: when all are done
//!     flow.finally(OnFail::Run, tell);   // in any case, at the very end
//!     flow
//! }
//! ```

use uuid::Uuid;

use super::{JobId, Jobs, Keep, NewJob, OnFail, store::flows};
use crate::db::{DbError, Tx};

/// Most members of a flow: they are inserted by one statement.
const MEMBERS: usize = 100_000;

/// A member of a flow that is being put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node(usize);

/// A batch whose jobs may wait for one another.
#[derive(Debug, Clone)]
pub struct Flow {
    name: String,
    owner: Option<Uuid>,
    jobs: Vec<NewJob>,
    /// Parent and child, by their places.
    edges: Vec<(usize, usize)>,
    last: Vec<NewJob>,
}

/// A flow that was enqueued.
#[derive(Debug, Clone)]
pub struct Started {
    /// Its batch.
    pub batch: JobId,
    /// Its members, in the order in which they were added.
    pub members: Vec<JobId>,
    /// Those that run when all have ended.
    pub last: Vec<JobId>,
}

/// Why nothing could be added to a batch.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// There is none of that id.
    #[error("there is no such batch")]
    Unknown,
    /// It was sealed.
    #[error("the batch is sealed: nothing can be added to it")]
    Sealed,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Flow {
    /// An empty flow. The name is for people.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), owner: None, jobs: Vec::new(), edges: Vec::new(), last: Vec::new() }
    }

    /// One after the other.
    pub fn chain(name: impl Into<String>, jobs: impl IntoIterator<Item = NewJob>) -> Self {
        let mut flow = Self::new(name);
        let mut before = None;
        for job in jobs {
            before = Some(match before {
                None => flow.add(job),
                Some(before) => flow.after(&[before], job),
            });
        }
        flow
    }

    /// The account that may look at it.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<Uuid>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Adds a job that waits for nothing.
    ///
    /// # Panics
    /// When the job is unique: a flow would wait for a job that is not there. When the flow has too many members.
    pub fn add(&mut self, job: NewJob) -> Node {
        assert!(job.unique.is_none(), "a job of a flow cannot be unique");
        assert!(self.jobs.len() < MEMBERS, "a flow has at most {MEMBERS} members");
        self.jobs.push(job);
        Node(self.jobs.len() - 1)
    }

    /// Adds a job that waits for these, and is cancelled when one of them does not end well.
    pub fn after(&mut self, parents: &[Node], job: NewJob) -> Node {
        self.after_all(parents, OnFail::Cancel, job)
    }

    /// Adds a job that waits for these. It can read what they came to: [`super::JobContext::parents`].
    pub fn after_all(&mut self, parents: &[Node], on_fail: OnFail, job: NewJob) -> Node {
        let node = self.add(job);
        let mut places: Vec<_> = parents.iter().map(|parent| parent.0).collect();
        places.sort_unstable();
        places.dedup();
        let more = self.jobs[node.0].more();
        (more.waits, more.on_fail) = (places.len() as i32, on_fail);
        self.edges.extend(places.into_iter().map(|parent| (parent, node.0)));
        node
    }

    /// Adds a job that waits for everything else; it is not a member itself.
    pub fn finally(&mut self, on_fail: OnFail, mut job: NewJob) {
        assert!(job.unique.is_none(), "a job of a flow cannot be unique");
        let more = job.more();
        (more.waits, more.on_fail) = (1, on_fail);
        self.last.push(job);
    }
}

impl Jobs {
    /// Enqueues a flow inside `tx`.
    pub async fn start(&self, tx: &mut Tx, flow: Flow) -> Result<Started, DbError> {
        let Flow { name, owner, jobs: mut members, edges, last: mut last_jobs } = flow;
        let batch = self.new_id();
        flows::open_batch(tx, batch, Some(&name), owner).await?;
        // Ids are known before the insert: children name their parents in their bodies.
        let ids = self.new_ids(members.len());
        for member in &mut members {
            join(member, batch, owner);
        }
        for (parent, child) in &edges {
            members[*child].more().parents.push(ids[*parent]);
        }
        self.insert_as(tx, &members, &ids).await?;
        flows::add_members(tx, batch, &ids).await?;
        let edges: Vec<_> = edges.into_iter().map(|(parent, child)| (ids[parent], ids[child])).collect();
        flows::add_edges(tx, &edges).await?;
        for job in &mut last_jobs {
            job.more().parents.push(batch);
            keep(job);
        }
        let last = self.new_ids(last_jobs.len());
        self.insert_as(tx, &last_jobs, &last).await?;
        flows::add_edges(tx, &last.iter().map(|child| (batch, *child)).collect::<Vec<_>>()).await?;
        flows::seal_batch(tx, batch).await?;
        self.settle_on_commit(tx); // an empty flow has ended already
        Ok(Started { batch, members: ids, last })
    }

    /// Makes a batch that is filled bit by bit.
    pub async fn open_batch(&self, tx: &mut Tx, name: &str, owner: Option<Uuid>) -> Result<JobId, DbError> {
        let batch = self.new_id();
        flows::open_batch(tx, batch, Some(name), owner).await?;
        Ok(batch)
    }

    /// Adds members to an open batch.
    pub async fn add_to_batch(
        &self,
        tx: &mut Tx,
        batch: JobId,
        mut jobs: Vec<NewJob>,
    ) -> Result<Vec<JobId>, BatchError> {
        let state = flows::lock_batch(tx, batch).await?.ok_or(BatchError::Unknown)?;
        if state.is_sealed {
            return Err(BatchError::Sealed);
        }
        for job in &mut jobs {
            assert!(job.unique.is_none(), "a job of a batch cannot be unique");
            join(job, batch, None);
        }
        let ids = self.new_ids(jobs.len());
        self.insert_as(tx, &jobs, &ids).await?;
        flows::add_members(tx, batch, &ids).await?;
        Ok(ids)
    }

    /// Says that the batch has all its members: it ends when they have ended.
    pub async fn seal_batch(&self, tx: &mut Tx, batch: JobId) -> Result<(), BatchError> {
        flows::lock_batch(tx, batch).await?.ok_or(BatchError::Unknown)?;
        flows::seal_batch(tx, batch).await?;
        self.settle_on_commit(tx);
        Ok(())
    }

    /// Enqueues a job that waits until the batch has ended.
    pub async fn after_batch(
        &self,
        tx: &mut Tx,
        batch: JobId,
        on_fail: OnFail,
        mut job: NewJob,
    ) -> Result<JobId, BatchError> {
        let state = flows::lock_batch(tx, batch).await?.ok_or(BatchError::Unknown)?;
        keep(&mut job);
        job.more().parents.push(batch);
        let id = self.new_id();
        // One that has ended counts no more: its edge would stay for ever.
        let may_run = state.is_closed && (state.bad == 0 || on_fail == OnFail::Run);
        if !may_run {
            let more = job.more();
            (more.waits, more.on_fail) = (1, on_fail);
        }
        self.insert_as(tx, std::slice::from_ref(&job), &[id]).await?;
        if !state.is_closed {
            flows::add_edges(tx, &[(batch, id)]).await?;
        } else if !may_run {
            flows::refuse(tx, id).await?;
            self.settle_on_commit(tx);
        }
        Ok(id)
    }
}

/// A member's end is counted, and may be read by its children: it leaves at least a summary.
fn join(job: &mut NewJob, batch: JobId, owner: Option<Uuid>) {
    keep(job);
    let more = job.more();
    more.batch = Some(batch);
    more.owner = more.owner.or(owner);
}

fn keep(job: &mut NewJob) {
    if job.keep == Keep::None {
        job.keep = Keep::Summary;
    }
}
