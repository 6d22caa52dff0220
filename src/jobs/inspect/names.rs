//! Names that filters ask for: queues and kinds are closed sets, so that a name of neither is a slip, not an empty list.

use super::Filter;
use crate::{
    db::DbError,
    jobs::{
        QueueName,
        registry::Registry,
        store::{Ask, lists_look},
    },
};

/// A filter asks for what is not there.
#[derive(Debug, thiserror::Error)]
pub enum UnknownName {
    /// There is no such thing.
    #[error("there is no {what} {name:?}; there are {}", known.join(", "))]
    Unknown {
        /// Which filter: `queue` or `kind`.
        what: &'static str,
        /// What it asks for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Whether the queue and the kind of `filter` are there: known to this server, or in the tables, where those of other
/// versions are.
pub async fn check_names(at: &mut impl Ask, kinds: &Registry, filter: &Filter) -> Result<(), UnknownName> {
    if let Some(name) =
        filter.queue.as_deref().filter(|name| QueueName::ALL.iter().all(|it| it.as_str() != *name))
    {
        let known = lists_look::queue_names(at).await?;
        among("queue", name, known, QueueName::ALL.map(QueueName::as_str))?;
    }
    if let Some(name) = filter.kind.as_deref().filter(|name| kinds.get(name).is_none()) {
        let known = lists_look::kind_names(at).await?;
        among("kind", name, known, kinds.kinds().map(|kind| kind.name))?;
    }
    Ok(())
}

fn among(
    what: &'static str,
    name: &str,
    mut known: Vec<String>,
    own: impl IntoIterator<Item = &'static str>,
) -> Result<(), UnknownName> {
    if known.iter().any(|it| it == name) {
        return Ok(());
    }
    known.extend(own.into_iter().map(str::to_owned));
    known.sort();
    known.dedup();
    Err(UnknownName::Unknown { what, name: name.to_owned(), known })
}
