/// What a connection to PostgreSQL leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pooling {
    /// One session of the server, as long as the connection is open: without a pooler, or with a pooler in session mode.
    #[default]
    Session,
    /// A session of the server for each transaction: a pooler in transaction mode, such as
    /// [`PgBouncer`](https://www.pgbouncer.org/features.html). Nothing outlives a transaction there, so every statement
    /// has one, which begins with the limits of its locks.
    Transaction,
}
