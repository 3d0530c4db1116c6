use std::{
    io,
    sync::mpsc::{Receiver, Sender, channel},
    thread::{Builder, JoinHandle},
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use crate::error::Fault;

/// Writes in one transaction at most. It bounds how long the first of them waits for the last.
const MAX_GROUP: usize = 512;

/// The one thread that writes a file.
///
/// Writes that wait together are committed together, and each is answered after the commit: a flush to the disk costs
/// the same for one as for hundreds. A write that fails is undone alone. Writes are made in the order of `submit`.
/// Dropping it finishes what was submitted.
pub(crate) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; the name is for debuggers.
    pub(crate) fn start(name: &str, connection: Connection) -> io::Result<Self> {
        let (jobs, waiting) = channel();
        let thread = Builder::new()
            .name(name.to_owned())
            .spawn(move || work(connection, &waiting))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Hands a write over. It is made even if nobody waits for its outcome.
    pub(crate) fn submit<T, W>(&self, write: W) -> Pending<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (answer, outcome) = oneshot::channel();
        if let Some(jobs) = &self.jobs {
            let job = Write {
                work: Some(write),
                outcome: None,
                answer,
            };
            // A thread that is gone drops the answer, which `Pending` notices.
            let _gone = jobs.send(Box::new(job));
        }
        Pending(outcome)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the writer of an embedded file panicked");
        }
    }
}

/// A write under way.
#[must_use]
pub(crate) struct Pending<T>(oneshot::Receiver<Result<T, Fault>>);

impl<T> Pending<T> {
    /// Waits until it is committed.
    pub(crate) async fn committed(self) -> Result<T, Fault> {
        self.0.await.unwrap_or(Err(Fault::Stopped))
    }
}

/// A write whose result type is its own business.
trait Job: Send {
    /// Makes the write; answers whether it is to be kept.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Tells who waits, once the group is committed or has failed.
    fn answer(self: Box<Self>, committed: Result<(), Fault>);
}

struct Write<T, W> {
    work: Option<W>,
    outcome: Option<rusqlite::Result<T>>,
    answer: oneshot::Sender<Result<T, Fault>>,
}

impl<T, W> Job for Write<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome = self.work.take().map(|work| work(connection));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, committed: Result<(), Fault>) {
        let outcome = match self.outcome {
            Some(Ok(value)) => committed.map(|()| value),
            Some(Err(error)) => Err(error.into()),
            None => Err(committed.err().unwrap_or(Fault::Stopped)),
        };
        // Nobody may wait any more.
        let _gone = self.answer.send(outcome);
    }
}

fn work(mut connection: Connection, waiting: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter().take(MAX_GROUP - 1));
        let committed = commit(&mut connection, &mut group);
        for job in group {
            job.answer(committed.clone());
        }
    }
    if let Err((_, error)) = connection.close() {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "an embedded file was not closed"
        );
    }
}

fn commit(connection: &mut Connection, group: &mut [Box<dyn Job>]) -> Result<(), Fault> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in group {
        let savepoint = transaction.savepoint()?;
        if job.run(&savepoint) {
            savepoint.commit()?;
        } else if savepoint.is_autocommit() {
            // A full disk, among others, may end the whole transaction: https://www.sqlite.org/lang_transaction.html
            return Err(Fault::RolledBack);
        } else {
            savepoint.finish()?;
        }
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests;
