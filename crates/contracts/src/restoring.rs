use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lemon_domain::{
    ports::{QuotaCounter, QuotaError, RecordedSegment},
    values::{BudgetKey, Place, Segment},
};

/// Restores a whole window from a record in memory. The use case does the same segment by segment while it reads the
/// record. The window is open afterwards.
///
/// # Errors
/// As the counter's.
pub async fn restore(
    counter: &dyn QuotaCounter,
    key: &BudgetKey,
    record: &[Place],
    as_of: DateTime<Utc>,
) -> Result<(), QuotaError> {
    let restoration = counter.begin_restoration(key).await?;
    let known = counter.sums(key).await?;
    let mut segments: BTreeMap<Segment, Vec<Place>> = BTreeMap::new();
    for segment in known.segments.into_keys() {
        segments.entry(segment).or_default();
    }
    for place in record {
        let segment = segments.entry(Segment::of(place.seat)).or_default();
        segment.push(place.clone());
    }
    for (segment, places) in segments {
        let recorded = RecordedSegment {
            key: key.clone(),
            segment,
            places,
            as_of,
            restoration,
        };
        assert!(counter.restore(&recorded).await?, "it is being restored");
    }
    if let Some(restoration) = restoration {
        assert!(counter.open(key, restoration).await?, "it was restored");
    }
    Ok(())
}
