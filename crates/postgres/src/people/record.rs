use lemon_domain::{
    BoxError,
    ports::{OutboxRecord, PersonRecord, RegistrationRecord, UseRecord},
    values::{AccountId, RequestId, ServiceType},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryResult,
    QueryTrait,
};

use crate::{
    accounts::is,
    entity::{accounts, outbox, registrations, uses},
    error::SqlError,
    row::{self, Row},
};

/// What is stored of the person who owns the account.
pub(super) async fn person(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Option<PersonRecord>, SqlError> {
    let found = accounts::Entity::find().filter(is(account)).one(db).await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let registrations = registrations::Entity::find()
        .filter(registrations::Column::UserId.eq(found.user_id))
        .into_query();
    let uses = uses::Entity::find()
        .filter(uses::Column::UserId.eq(found.user_id))
        .into_query();
    let rows = outbox::Entity::find()
        .filter(outbox::Column::Provider.eq(account.provider.as_str()))
        .filter(outbox::Column::ProviderUserId.eq(account.user_id.get()))
        .into_query();
    let mut record = PersonRecord {
        user: lemon_domain::values::UserId::new(found.user_id),
        account,
        sealed_with: Some(found.credentials_key_id).filter(|id| !id.is_empty()),
        signed_up_at: found.created_at,
        refreshed_at: found.refreshed_at,
        registrations: row::each::<RegistrationRow>(db, &registrations).await?,
        uses: row::each::<UseRow>(db, &uses).await?,
        outbox: row::each::<OutboxEntryRow>(db, &rows).await?,
    };
    // Sorted here, because databases differ in how they order text.
    record
        .registrations
        .sort_unstable_by(|a, b| a.shown.service.cmp(&b.shown.service));
    record
        .uses
        .sort_unstable_by(|a, b| a.service.cmp(&b.service));
    record.outbox.sort_unstable_by_key(|row| row.id);
    Ok(Some(record))
}

/// Reads a row of a table as another value than the table's usual one.
macro_rules! reads {
    ($row:ident, $model:path, $value:ty) => {
        impl FromQueryResult for $row {
            fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
                <$model>::from_query_result(row, prefix).map(Self)
            }
        }

        impl Row for $row {
            const TABLE: &'static str = <$model as Row>::TABLE;
            type Value = $value;

            fn key(row: &QueryResult) -> String {
                <$model as Row>::key(row)
            }

            fn value(self) -> Result<$value, BoxError> {
                self.record()
            }
        }
    };
}

struct RegistrationRow(registrations::Model);

reads!(RegistrationRow, registrations::Model, RegistrationRecord);

impl RegistrationRow {
    fn record(self) -> Result<RegistrationRecord, BoxError> {
        use lemon_domain::values::TrainingState;
        let runs = self.0.state() == TrainingState::Training;
        Ok(RegistrationRecord {
            requested_at: self.0.requested_at,
            announced_at: self.0.announced_at.filter(|_| runs),
            announcements: self.0.announcements.try_into()?,
            finished_at: self.0.finished_at,
            shown: self.0.value()?,
        })
    }
}

struct UseRow(uses::Model);

reads!(UseRow, uses::Model, UseRecord);

impl UseRow {
    fn record(self) -> Result<UseRecord, BoxError> {
        Ok(UseRecord {
            service: ServiceType::parse(&self.0.service)?,
            request_id: self.0.request_id.map(RequestId::new),
            last: self.0.value()?,
        })
    }
}

struct OutboxEntryRow(outbox::Model);

reads!(OutboxEntryRow, outbox::Model, OutboxRecord);

impl OutboxEntryRow {
    fn record(self) -> Result<OutboxRecord, BoxError> {
        let (due_at, set_aside_at) = (self.0.due_at, self.0.set_aside_at);
        let entry = self.0.value()?;
        Ok(OutboxRecord {
            id: entry.id,
            kind: entry.content.kind,
            service: entry.content.service,
            request_id: entry.request_id,
            attempts: entry.attempt,
            created_at: entry.created_at,
            due_at,
            set_aside_at,
        })
    }
}
