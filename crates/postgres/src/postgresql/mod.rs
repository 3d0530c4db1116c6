mod connections;
mod health;
mod last_uses;
mod migrating;
mod pool;
mod replicas;
mod server;
mod session;
mod statements;
#[cfg(test)]
mod tests;
mod transaction;

pub(crate) use self::{
    last_uses::LastUses,
    migrating::{MigrationSession, gives_way, lock_tables},
    replicas::Replicas,
    server::{Server, open, over},
    statements::PostgresStatements,
    transaction::PostgresTransaction,
};
