use std::collections::VecDeque;

use chrono::NaiveDateTime;
use lemon_domain::ports::{EarlierAccount, EarlierPerson, EarlierRegistration, EarlierTime};
use sea_orm::{
    SqlxError,
    sqlx::{Row, postgres::PgRow},
};

/// The kinds of rows, as the cursor tells them apart.
const PERSON: i32 = 0;
const ACCOUNT: i32 = 1;

/// Adds a row to the person whom it names: to the last one, or to a new one.
pub(super) fn add(
    people: &mut VecDeque<EarlierPerson>,
    id: Option<i64>,
    row: &PgRow,
) -> Result<(), SqlxError> {
    if people.back().is_none_or(|last| last.id != id) {
        people.push_back(EarlierPerson {
            id,
            is_there: false,
            accounts: Vec::new(),
            registrations: Vec::new(),
        });
    }
    let Some(person) = people.back_mut() else {
        return Ok(());
    };
    match row.try_get("kind")? {
        // A person without a number is nobody.
        PERSON => person.is_there = id.is_some(),
        ACCOUNT => person.accounts.push(account(row)?),
        _ => person.registrations.push(registration(row)?),
    }
    Ok(())
}

fn account(row: &PgRow) -> Result<EarlierAccount, SqlxError> {
    let secret = |column| {
        let text: Option<String> = row.try_get(column)?;
        Ok::<_, SqlxError>(text.map(Into::into))
    };
    Ok(EarlierAccount {
        row: number(row)?,
        provider: row.try_get("provider")?,
        provider_user_id: row.try_get("provider_user_id")?,
        token: secret("token")?,
        secret: secret("secret")?,
    })
}

fn registration(row: &PgRow) -> Result<EarlierRegistration, SqlxError> {
    let time: Option<NaiveDateTime> = row.try_get("can_use_time")?;
    let has_time: Option<bool> = row.try_get("has_time")?;
    Ok(EarlierRegistration {
        row: number(row)?,
        service: row.try_get("service")?,
        ready: row.try_get("ready")?,
        public: row.try_get("public")?,
        can_use_time: match time {
            Some(time) => EarlierTime::At(time),
            None if has_time == Some(true) => EarlierTime::Beyond,
            None => EarlierTime::Unknown,
        },
    })
}

/// The number of the row. The column is the table's key; in a copy without it, a row may have none.
fn number(row: &PgRow) -> Result<i64, SqlxError> {
    let id: Option<i64> = row.try_get("id")?;
    Ok(id.unwrap_or_default())
}
