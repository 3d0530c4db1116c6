use async_trait::async_trait;
use lemon_domain::{
    ports::{Directives, GivenDirective, StoreError},
    values::Directive,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QueryTrait, sea_query::OnConflict,
};

use crate::{
    entity::directives::{ActiveModel, Column, Entity, Model},
    store::SqlStore,
};

#[async_trait]
impl Directives for SqlStore {
    async fn directives(&self) -> Result<Vec<GivenDirective>, StoreError> {
        let all = Entity::find().order_by_asc(Column::Name).into_query();
        self.calls
            .within_deadline(async {
                let rows = self.calls.reader().query_all(&all).await?;
                let models = rows.iter().map(|row| Model::from_query_result(row, ""));
                let models = models.collect::<Result<Vec<_>, _>>()?;
                Ok(models.into_iter().filter_map(given).collect())
            })
            .await
    }

    async fn give(&self, given: &GivenDirective) -> Result<(), StoreError> {
        let row = ActiveModel {
            name: Set(given.directive.to_string()),
            value: Set(given.value.map(i64::from)),
            given_by: Set(given.by.clone()),
            given_at: Set(given.at),
        };
        let replace = OnConflict::column(Column::Name)
            .update_columns([Column::Value, Column::GivenBy, Column::GivenAt])
            .to_owned();
        let give = Entity::insert(row).on_conflict(replace).into_query();
        self.calls
            .write(async {
                self.calls.writer().execute(&give).await?;
                Ok(())
            })
            .await?;
        self.calls.outbox().give_directives().await;
        Ok(())
    }

    async fn withdraw(&self, directive: &Directive) -> Result<bool, StoreError> {
        let withdraw = Entity::delete_many()
            .filter(Column::Name.eq(directive.to_string()))
            .into_query();
        let rows = self
            .calls
            .write(async {
                let done = self.calls.writer().execute(&withdraw).await?;
                Ok(done.rows_affected())
            })
            .await?;
        self.calls.outbox().give_directives().await;
        Ok(rows > 0)
    }

    async fn directives_changed(&self) {
        self.calls.outbox().wait_for_directives().await;
    }
}

/// `None` for a directive of a newer program.
fn given(model: Model) -> Option<GivenDirective> {
    Some(GivenDirective {
        directive: Directive::parse(&model.name).ok()?,
        value: model.value.and_then(|value| u32::try_from(value).ok()),
        by: model.given_by,
        at: model.given_at,
    })
}
