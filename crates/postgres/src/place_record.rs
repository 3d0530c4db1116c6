use async_trait::async_trait;
use lemon_domain::{
    BoxError,
    ports::{PlaceRecord, RecordSums, StoreError},
    values::{BudgetKey, Place, Segment, Sums},
};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder, QueryResult,
    QuerySelect, QueryTrait,
    sea_query::{Expr, Query, SelectStatement},
};

use crate::{
    budget_totals as totals,
    entity::places::{Column, Entity, PlaceRow, of_window},
    row::{self, Row},
    store::SqlStore,
};

/// The number of segments that one statement sums. It reads at most 1,024 rows for each.
const PORTION: u32 = 64;

#[async_trait]
impl PlaceRecord for SqlStore {
    async fn sums(&self, key: &BudgetKey, from: Segment) -> Result<RecordSums, StoreError> {
        let first = first_from(key, from);
        let next = self
            .calls
            .within_deadline(row::one::<SeatRow>(self.calls.reader(), &first));
        let Some(seat) = next.await? else {
            return Ok(RecordSums::default());
        };
        let first = Segment::of(seat);
        let next = first.plus(PORTION);
        let sums = sums(key, first, next);
        let sums = self
            .calls
            .within_deadline(row::each::<SumsRow>(self.calls.reader(), &sums));
        let mut portion = RecordSums {
            next: Some(next),
            ..RecordSums::default()
        };
        for (segment, units, sums) in sums.await? {
            portion.segments.insert(segment, sums);
            portion.units += units;
        }
        Ok(portion)
    }

    async fn segment(&self, key: &BudgetKey, segment: Segment) -> Result<Vec<Place>, StoreError> {
        let (first, last) = segment.seats().into_inner();
        let find = Entity::find()
            .select_only()
            .columns(PlaceRow::COLUMNS)
            .filter(of_window(key))
            .filter(Column::Seat.between(first, last))
            .order_by_asc(Column::Seat)
            .into_query();
        self.calls
            .within_deadline(row::each::<PlaceRow>(self.calls.reader(), &find))
            .await
    }

    async fn total(&self, key: &BudgetKey) -> Result<u64, StoreError> {
        self.calls
            .within_deadline(async {
                let units = totals::find(self.calls.reader(), key).await?;
                Ok(units.unwrap_or_default().unsigned_abs())
            })
            .await
    }

    async fn correct_total(&self, key: &BudgetKey) -> Result<bool, StoreError> {
        self.calls
            .within_deadline(totals::correct(&self.calls, &self.correcting, key))
            .await
    }
}

/// The lowest taken seat in that segment or after it: there may be any number of empty segments before it.
fn first_from(key: &BudgetKey, from: Segment) -> SelectStatement {
    Entity::find()
        .select_only()
        .column(Column::Seat)
        .filter(of_window(key))
        .filter(Column::Seat.between(start(from), i64::from(u32::MAX)))
        .order_by_asc(Column::Seat)
        .limit(1)
        .into_query()
}

/// The first seat of a segment, which may be beyond the last possible seat.
fn start(segment: Segment) -> i64 {
    i64::from(segment.index()) * i64::from(Segment::SEATS) + 1
}

/// The sums of the segments that have places, from `first` up to but without `last`.
fn sums(key: &BudgetKey, first: Segment, last: Segment) -> SelectStatement {
    let total = |column: Column| {
        // PostgreSQL would return a `numeric`.
        Expr::col(column).sum().cast_as("bigint")
    };
    Query::select()
        .from(Entity)
        .expr_as(segment_of_the_seat(), "segment")
        .expr_as(Expr::col(Column::Seat).count(), "places")
        .expr_as(total(Column::Units), "units")
        .expr_as(Expr::col(Column::Fingerprint).count(), "fingerprints")
        .expr_as(total(Column::Fingerprint), "fingerprint")
        .cond_where(of_window(key))
        .and_where(Column::Seat.gte(start(first)))
        .and_where(Column::Seat.lt(start(last)))
        .add_group_by([segment_of_the_seat()])
        .take()
}

fn segment_of_the_seat() -> Expr {
    Expr::cust(format!("(seat - 1) / {}", Segment::SEATS))
}

#[derive(FromQueryResult)]
struct SeatRow {
    seat: i64,
}

impl Row for SeatRow {
    const TABLE: &'static str = "places";
    type Value = u32;

    fn key(row: &QueryResult) -> String {
        row::key::<i64>(row, "seat")
    }

    fn value(self) -> Result<u32, BoxError> {
        Ok(self.seat.try_into()?)
    }
}

#[derive(FromQueryResult)]
struct SumsRow {
    segment: i64,
    places: i64,
    units: i64,
    fingerprints: i64,
    fingerprint: Option<i64>,
}

impl Row for SumsRow {
    const TABLE: &'static str = "places";
    type Value = (Segment, u64, Option<Sums>);

    fn key(row: &QueryResult) -> String {
        row::key::<i64>(row, "segment")
    }

    fn value(self) -> Result<Self::Value, BoxError> {
        let segment = Segment::new(self.segment.try_into()?);
        let units = self.units.try_into()?;
        let fingerprint = self
            .fingerprint
            .filter(|_| self.fingerprints == self.places);
        let Some(fingerprint) = fingerprint else {
            return Ok((segment, units, None));
        };
        let sums = Sums {
            places: self.places.try_into()?,
            units,
            fingerprint: u64::try_from(fingerprint)? % Sums::MODULUS,
        };
        Ok((segment, units, Some(sums)))
    }
}
