use sea_orm::{
    SqlxError,
    sqlx::{Row, postgres::PgConnection, query},
};

/// The types that a whole number may have.
const NUMBER: &[&str] = &["bigint", "integer", "smallint"];
/// The types that a text may have.
const TEXT: &[&str] = &["character varying", "text", "character"];
const FLAG: &[&str] = &["boolean"];
const TIME: &[&str] = &["timestamp without time zone"];

/// The columns that are read, with the types that each may have. The nickname is not: people have their names at
/// Twitter.
const COLUMNS: [(&str, &str, &[&str]); 13] = [
    ("service_user", "service_user_id", NUMBER),
    ("oauth_token", "id", NUMBER),
    ("oauth_token", "service_user_id", NUMBER),
    ("oauth_token", "oauth_type", TEXT),
    ("oauth_token", "access_token", TEXT),
    ("oauth_token", "access_token_secret", TEXT),
    ("oauth_token", "oauth_user_id", NUMBER),
    ("registered_service", "id", NUMBER),
    ("registered_service", "service_user_id", NUMBER),
    ("registered_service", "service_type", TEXT),
    ("registered_service", "is_ready", FLAG),
    ("registered_service", "is_public", FLAG),
    ("registered_service", "can_use_time", TIME),
];

/// Whether a table is there, and the type of its column.
const LOOK: &str = "SELECT to_regclass($1) IS NOT NULL AS is_there, (
    SELECT format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped
) AS kind";

/// What is missing or different, in one line; empty if nothing is.
pub(super) async fn faults(connection: &mut PgConnection) -> Result<String, SqlxError> {
    let mut faults: Vec<String> = Vec::new();
    for (table, column, types) in COLUMNS {
        let look = query(LOOK).bind(table).bind(column);
        let row = look.fetch_one(&mut *connection).await?;
        let kind: Option<String> = row.try_get("kind")?;
        let fault = match kind {
            _ if !row.try_get::<bool, _>("is_there")? => format!("there is no table {table}"),
            None => format!("{table} has no column {column}"),
            Some(kind) if types.contains(&kind.as_str()) => continue,
            Some(kind) => format!("{table}.{column} is {kind}, not {}", types[0]),
        };
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    Ok(faults.join("; "))
}
