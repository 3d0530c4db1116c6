use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{Builder, JoinHandle},
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{oneshot, watch};

use crate::{error::EmbeddedFault, file::Checkpoints};

/// Writes in one transaction at most. This bounds how long the first of them waits for the last.
const MAX_GROUP: usize = 512;

/// The one thread that writes a file.
///
/// Writes that wait at the same time are committed together, and each is answered after the commit: a flush to the disk
/// costs the same for one as for hundreds. A write that fails is rolled back alone. Writes are made in the order of
/// `submit`. Dropping the writer finishes the submitted writes.
///
/// When the disk has lost data that was written to it, the writer fails permanently: it writes nothing after that,
/// because it could guarantee nothing.
pub(crate) struct Writer {
    jobs: Option<Sender<Box<dyn WriterJob>>>,
    thread: Option<JoinHandle<()>>,
    failure: watch::Receiver<Option<Arc<str>>>,
}

impl Writer {
    /// Starts the thread; the name is for debuggers.
    pub(crate) fn start(name: &str, connection: Connection) -> io::Result<Self> {
        Self::start_with(name, connection, commit)
    }

    fn start_with(name: &str, connection: Connection, commit: Commit) -> io::Result<Self> {
        let (jobs, waiting) = channel();
        let (failed, failure) = watch::channel(None);
        let thread = Builder::new()
            .name(name.to_owned())
            .spawn(move || work(connection, &waiting, commit, &failed))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            failure,
        })
    }

    /// Fails if nothing can be written any more.
    pub(crate) fn check(&self) -> Result<(), EmbeddedFault> {
        match &*self.failure.borrow() {
            Some(cause) => Err(EmbeddedFault::DiskFailed(Arc::clone(cause))),
            None => Ok(()),
        }
    }

    /// Returns when nothing can be written any more, with the cause.
    pub(crate) async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        let cause = failure.wait_for(Option::is_some).await;
        let cause = cause
            .ok()
            .and_then(|cause| cause.as_deref().map(str::to_owned));
        match cause {
            Some(cause) => cause,
            // The thread has panicked.
            None => "the writer of an embedded file has stopped".to_owned(),
        }
    }

    /// Hands a write over. It is made even if nobody waits for its outcome.
    pub(crate) fn submit<T, W>(&self, write: W) -> PendingWrite<T>
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
            // If the thread has ended, it drops the answer, which `PendingWrite` notices.
            let _gone = jobs.send(Box::new(job));
        }
        PendingWrite(outcome)
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
pub(crate) struct PendingWrite<T>(oneshot::Receiver<Result<T, EmbeddedFault>>);

impl<T> PendingWrite<T> {
    /// Waits until it is committed.
    pub(crate) async fn committed(self) -> Result<T, EmbeddedFault> {
        self.0.await.unwrap_or(Err(EmbeddedFault::Stopped))
    }
}

/// A write, whatever the type of its result.
trait WriterJob: Send {
    /// Makes the write; answers whether to keep it.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Answers the waiting caller, once the group is committed or has failed.
    fn answer(self: Box<Self>, committed: Result<(), EmbeddedFault>);
}

struct Write<T, W> {
    work: Option<W>,
    outcome: Option<rusqlite::Result<T>>,
    answer: oneshot::Sender<Result<T, EmbeddedFault>>,
}

impl<T, W> WriterJob for Write<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome = self.work.take().map(|work| work(connection));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, committed: Result<(), EmbeddedFault>) {
        let outcome = match self.outcome {
            Some(Ok(value)) => committed.map(|()| value),
            Some(Err(error)) => Err(error.into()),
            None => Err(committed.err().unwrap_or(EmbeddedFault::Stopped)),
        };
        // The caller may have given up.
        let _gone = self.answer.send(outcome);
    }
}

/// Makes the writes of a group and commits them.
type Commit =
    fn(&mut Connection, &mut Checkpoints, &mut [Box<dyn WriterJob>]) -> Result<(), EmbeddedFault>;

fn work(
    mut connection: Connection,
    waiting: &Receiver<Box<dyn WriterJob>>,
    commit: Commit,
    failed: &watch::Sender<Option<Arc<str>>>,
) {
    let mut checkpoints = Checkpoints::default();
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter().take(MAX_GROUP - 1));
        let failure = failed.borrow().clone();
        let committed = match failure {
            Some(cause) => Err(EmbeddedFault::DiskFailed(cause)),
            None => commit(&mut connection, &mut checkpoints, &mut group),
        };
        // Before any caller gets the answer: their next writes must fail.
        if let Some(cause) = committed
            .as_ref()
            .err()
            .and_then(EmbeddedFault::lost_writes)
        {
            failed.send_if_modified(|failure| failure.replace(cause).is_none());
        }
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

fn commit(
    connection: &mut Connection,
    checkpoints: &mut Checkpoints,
    group: &mut [Box<dyn WriterJob>],
) -> Result<(), EmbeddedFault> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in group {
        let savepoint = transaction.savepoint()?;
        if job.run(&savepoint) {
            savepoint.commit()?;
        } else if savepoint.is_autocommit() {
            // A full disk, among others, may end the whole transaction: https://www.sqlite.org/lang_transaction.html
            return Err(EmbeddedFault::RolledBack);
        } else {
            savepoint.finish()?;
        }
    }
    transaction.commit()?;
    // If this fails, committed data may be lost.
    checkpoints.look(connection)?;
    Ok(())
}

#[cfg(test)]
mod tests;
