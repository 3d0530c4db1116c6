use async_trait::async_trait;
use lemon_domain::{
    ports::{PlaceRecord, StoreError},
    values::{BudgetKey, Place},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QueryTrait};

use crate::{
    SqlStore,
    entity::places::{Column, Entity, Model},
    row,
};

#[async_trait]
impl PlaceRecord for SqlStore {
    async fn places(&self, key: &BudgetKey) -> Result<Vec<Place>, StoreError> {
        let find = Entity::find()
            .filter(Column::Service.eq(key.service.as_str()))
            .filter(Column::Budget.eq(key.budget.as_str()))
            .filter(Column::WindowStart.eq(key.window.start))
            .order_by_asc(Column::Seat)
            .into_query();
        self.within_deadline(row::each::<Model>(self.reader(), &find))
            .await
    }
}
