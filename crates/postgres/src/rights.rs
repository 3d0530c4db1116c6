//! What the user of a database must be allowed to do.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityName, Statement};

use crate::{
    database::Database,
    entity::{
        accounts, attempts, budget_totals, directives, job_tickets, outbox, pending_sign_ins,
        places, registrations, replicas, revocations, users, uses,
    },
    error::PostgresError,
    migrate,
};

/// Checks the rights in PostgreSQL. A file of SQLite has none.
pub(crate) async fn check(database: &Database) -> Result<(), PostgresError> {
    if database.reader.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let migrates = !migrate::pending(database).await?.is_empty();
    let missing = missing(database, migrates).await;
    let missing = missing.map_err(|error| PostgresError::of(&database.name, &error))?;
    missing.map_or(Ok(()), |missing| {
        Err(PostgresError::Refused {
            database: database.name.clone(),
            cause: format!("its user has no right to {missing}"),
        })
    })
}

/// The rights that the user does not have, in words.
async fn missing(database: &Database, migrates: bool) -> Result<Option<String>, DbErr> {
    let tables = tables().map(|table| format!("'{table}'")).join(", ");
    let of_tables = format!(
        "SELECT string_agg(verb || ' ' || name, ', ') AS missing \
         FROM unnest(ARRAY[{tables}]) AS name, \
         unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS verb \
         WHERE to_regclass(name) IS NOT NULL AND NOT has_table_privilege(to_regclass(name)::oid, verb)"
    );
    let of_migrations = format!(
        "SELECT string_agg(what, ', ') AS missing FROM (\
         SELECT 'CREATE in schema ' || coalesce(current_schema(), 'public') AS what \
         WHERE NOT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) \
         UNION ALL SELECT 'ALTER ' || relname FROM pg_class, unnest(ARRAY[{tables}]) AS name \
         WHERE pg_class.oid = to_regclass(name)::oid AND NOT pg_has_role(relowner, 'USAGE')) AS rights"
    );
    let questions = if migrates {
        vec![of_tables, of_migrations]
    } else {
        vec![of_tables]
    };
    for question in questions {
        let question = Statement::from_string(DbBackend::Postgres, question);
        let row = database.reader.query_one_raw(question).await?;
        let missing = row.map(|row| row.try_get::<Option<String>>("", "missing"));
        if let Some(missing) = missing.transpose()?.flatten() {
            return Ok(Some(missing));
        }
    }
    Ok(None)
}

fn tables() -> [String; 13] {
    [
        accounts::Entity.table_name(),
        attempts::Entity.table_name(),
        budget_totals::Entity.table_name(),
        directives::Entity.table_name(),
        job_tickets::Entity.table_name(),
        outbox::Entity.table_name(),
        pending_sign_ins::Entity.table_name(),
        places::Entity.table_name(),
        registrations::Entity.table_name(),
        replicas::Entity.table_name(),
        revocations::Entity.table_name(),
        users::Entity.table_name(),
        uses::Entity.table_name(),
    ]
    .map(str::to_owned)
}
