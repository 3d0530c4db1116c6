use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{
    StreamExt, TryStreamExt,
    stream::{self, Stream},
};

use super::{MAX_RESTORES, QuotasError, forgets};
use crate::{
    ports::{
        Clock, PlaceRecord, QuotaCounter, RecordSums, RecordedSegment, RestorationId, WindowState,
    },
    values::{BudgetKey, BudgetName, Segment, SegmentSums, Sums},
    waiting::{Neighbour, wait_for},
};

/// Segments that are restored at a time: the record is read for some while the counter is written for others.
const IN_FLIGHT: usize = 4;

/// Makes a counter equal to the record, segment by segment, and writes only where they differ.
#[derive(Clone)]
pub(super) struct Restorer {
    pub(super) counter: Arc<dyn QuotaCounter>,
    pub(super) record: Arc<dyn PlaceRecord>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) grace: Duration,
}

impl Restorer {
    /// Restores a window that the counter does not know; returns at once if it turns out to be open.
    ///
    /// Any number of processes may do so at once: they share the restoration, and each sees the segments that the
    /// others restored.
    pub(super) async fn open(&self, key: &BudgetKey) -> Result<(), QuotasError> {
        for _ in 0..=MAX_RESTORES {
            let Some(id) = self.counter.begin_restoration(key).await? else {
                return Ok(());
            };
            let counted = self.counter.sums(key).await?;
            if counted.state == WindowState::Restoring(id)
                && self.fill(key, counted.segments, Some(id)).await?.is_some()
                && self.counter.open(key, id).await?
            {
                return Ok(());
            }
        }
        Err(forgets())
    }

    /// Corrects an open window; `false` if it is not open.
    pub(super) async fn correct(&self, key: &BudgetKey) -> Result<bool, QuotasError> {
        let Some(counted) = self.counted(key).await? else {
            return Ok(false);
        };
        Ok(self.fill(key, counted, None).await?.is_some())
    }

    /// The same, and then corrects the record's own total of its units.
    pub(super) async fn correct_with_total(&self, key: &BudgetKey) -> Result<bool, QuotasError> {
        if key.budget == BudgetName::daily() {
            // Its seats bound its units.
            return self.correct(key).await;
        }
        let Some(counted) = self.counted(key).await? else {
            return Ok(false);
        };
        let before = wait_for(Neighbour::Store, self.record.total(key)).await?;
        let Some(units) = self.fill(key, counted, None).await? else {
            return Ok(false);
        };
        let after = wait_for(Neighbour::Store, self.record.total(key)).await?;
        // Requests go on meanwhile: units that are stored between the two reads may be counted or not.
        if units < before.min(after) || units > before.max(after) {
            let corrected = wait_for(Neighbour::Store, self.record.correct_total(key)).await;
            corrected.map_err(QuotasError::Total)?;
        }
        Ok(true)
    }

    /// The units of a window's recorded places.
    pub(super) async fn recorded_units(&self, key: &BudgetKey) -> Result<u32, QuotasError> {
        let mut units = 0;
        let mut from = Some(Segment::FIRST);
        while let Some(segment) = from {
            let recorded = wait_for(Neighbour::Store, self.record.sums(key, segment)).await?;
            units += recorded.units;
            from = recorded.next;
        }
        Ok(u32::try_from(units).unwrap_or(u32::MAX))
    }

    /// The counter's sums of an open window.
    async fn counted(&self, key: &BudgetKey) -> Result<Option<SegmentSums>, QuotasError> {
        let counted = self.counter.sums(key).await?;
        Ok((counted.state == WindowState::Open).then_some(counted.segments))
    }

    /// Restores each segment whose sums differ; answers how many units are recorded. `None` as soon as the window is no
    /// longer in that state.
    async fn fill(
        &self,
        key: &BudgetKey,
        counted: SegmentSums,
        restoration: Option<RestorationId>,
    ) -> Result<Option<u64>, QuotasError> {
        let units = AtomicU64::new(0);
        let mut restored = self
            .differing(key, counted, &units)
            .map_ok(|segment| self.segment(key, segment, restoration))
            .try_buffer_unordered(IN_FLIGHT)
            .boxed();
        while let Some(done) = restored.try_next().await? {
            if !done {
                return Ok(None);
            }
        }
        drop(restored);
        Ok(Some(units.into_inner()))
    }

    /// Corrects one segment; `false` if the window is not in that state.
    pub(super) async fn segment(
        &self,
        key: &BudgetKey,
        segment: Segment,
        restoration: Option<RestorationId>,
    ) -> Result<bool, QuotasError> {
        // Taken before the record is read: a place that is recorded after the read was reserved after this time.
        let as_of = self.clock.now() - self.grace;
        let record = RecordedSegment {
            key: key.clone(),
            segment,
            places: wait_for(Neighbour::Store, self.record.segment(key, segment)).await?,
            as_of,
            restoration,
        };
        Ok(self.counter.restore(&record).await?)
    }

    /// The segments in which the counter and the record differ, while the record is read; the units are added up on the
    /// way.
    fn differing(
        &self,
        key: &BudgetKey,
        counted: SegmentSums,
        units: &AtomicU64,
    ) -> impl Stream<Item = Result<Segment, QuotasError>> + Send {
        let counted = Arc::new(counted);
        stream::try_unfold(Some(Segment::FIRST), move |from| {
            let counted = Arc::clone(&counted);
            async move {
                let Some(from) = from else { return Ok(None) };
                let recorded = wait_for(Neighbour::Store, self.record.sums(key, from)).await?;
                units.fetch_add(recorded.units, Ordering::Relaxed);
                let next = recorded.next;
                let differing = self.compare(key, &counted, from, recorded).await?;
                Ok::<_, QuotasError>(Some((differing, next)))
            }
        })
        .map_ok(|segments| stream::iter(segments.into_iter().map(Ok)))
        .try_flatten()
    }

    /// The segments of one portion of the record that differ.
    async fn compare(
        &self,
        key: &BudgetKey,
        counted: &SegmentSums,
        from: Segment,
        recorded: RecordSums,
    ) -> Result<Vec<Segment>, QuotasError> {
        let counted = counted
            .range(from..)
            .take_while(|(segment, _)| recorded.next.is_none_or(|next| **segment < next));
        let counted: SegmentSums = counted.map(|(segment, sums)| (*segment, *sums)).collect();
        let none = Some(Sums::default());
        let mut differing = Vec::new();
        for segment in counted.keys().chain(recorded.segments.keys()).copied() {
            let count = counted.get(&segment).copied().unwrap_or(none);
            let mut record = recorded.segments.get(&segment).copied().unwrap_or(none);
            if record.is_none() && count.is_some() {
                // Reading the places costs the counter nothing; restoring them does.
                let places = wait_for(Neighbour::Store, self.record.segment(key, segment)).await?;
                record = Some(Sums::of(&places));
            }
            if count.is_none() || count != record {
                differing.push(segment);
            }
        }
        differing.sort_unstable();
        differing.dedup();
        Ok(differing)
    }
}
