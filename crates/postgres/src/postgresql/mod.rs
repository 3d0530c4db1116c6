mod connections;
mod earlier;
mod health;
mod migrating;
mod pool;
mod replicas;
mod separate;
mod server;
mod session;
mod statements;
#[cfg(test)]
mod tests;
mod transaction;

pub use self::earlier::{EarlierDatabase, EarlierDatabaseError};
pub(crate) use self::{
    migrating::{MigrationSession, commit_migration, gives_way, lock_tables},
    replicas::{Heard, Replicas},
    server::{Server, open, over},
    statements::PostgresStatements,
    transaction::PostgresTransaction,
};
