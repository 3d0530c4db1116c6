use std::{collections::HashSet, fmt::Debug, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use lemon_domain::{
    ports::{
        QuotaCounter, QuotaError, RecordedSegment, Reservation, RestorationId, WindowState,
        WindowSums,
    },
    values::{Budget, BudgetKey, BudgetName, Holder, Place, Scope, Segment, Window},
};
use lemon_fakes::MemoryQuotaCounter;

use super::step::{BUDGETS, BudgetWish, CounterStep, NamedRestoration, RecordedPlace};

/// A restoration that nobody began.
const FOREIGN: RestorationId = RestorationId(1 << 40);

/// A counter, and what can happen to it.
#[async_trait]
pub trait CounterUnderTest {
    /// The counter.
    fn counter(&self) -> Arc<dyn QuotaCounter>;

    /// Ends its process and starts it again. Answers whether restorations under way were forgotten.
    async fn restart(&mut self) -> bool;

    /// Takes its memory away.
    async fn forget(&mut self);
}

/// Takes the steps with a counter and with the fake.
///
/// # Errors
/// The first difference, in words.
pub async fn compare_counters(
    subject: &mut dyn CounterUnderTest,
    steps: &[CounterStep],
) -> Result<(), String> {
    let mut pair = CounterPair {
        fake: MemoryQuotaCounter::default(),
        real: subject.counter(),
        now: "2026-11-23T03:00:00Z".parse().unwrap_or_default(),
        begun: [None; BUDGETS],
    };
    for (number, step) in (1..).zip(steps) {
        let taken = pair.take(subject, step).await;
        let compared = match taken {
            Ok(()) => pair.look().await,
            Err(difference) => Err(difference),
        };
        compared.map_err(|difference| format!("after step {number} {difference}"))?;
    }
    Ok(())
}

/// The fake and a counter, to which the same happens.
struct CounterPair {
    fake: MemoryQuotaCounter,
    real: Arc<dyn QuotaCounter>,
    now: DateTime<Utc>,
    /// The ids of the restorations that were begun last: the fake's and the counter's.
    begun: [Option<(RestorationId, RestorationId)>; BUDGETS],
}

impl CounterPair {
    async fn take(
        &mut self,
        subject: &mut dyn CounterUnderTest,
        step: &CounterStep,
    ) -> Result<(), String> {
        match step {
            CounterStep::Reserve {
                holder,
                wishes,
                behind,
            } => self.reserve(*holder, wishes, *behind).await,
            CounterStep::Release {
                holder,
                budgets,
                ago,
            } => {
                let keys: Vec<BudgetKey> = budgets.iter().map(|it| key(*it)).collect();
                let (holder, as_of) = (name(*holder), self.ago(*ago));
                let fake = self.fake.release(&holder, &keys, as_of).await;
                let real = self.real.release(&holder, &keys, as_of).await;
                same("the release", fake, real)
            }
            CounterStep::Know { budget, places } => {
                self.begin(*budget).await?;
                let named = match self.begun[*budget] {
                    Some(_) => NamedRestoration::Begun,
                    None => NamedRestoration::Open,
                };
                self.restore(*budget, 0, places, 0, named).await?;
                self.open(*budget, NamedRestoration::Begun).await
            }
            CounterStep::Begin { budget } => self.begin(*budget).await,
            CounterStep::Restore {
                budget,
                segment,
                places,
                ago,
                named,
            } => self.restore(*budget, *segment, places, *ago, *named).await,
            CounterStep::Open { budget, named } => self.open(*budget, *named).await,
            CounterStep::Pass { seconds } => {
                self.now += TimeDelta::seconds(*seconds);
                Ok(())
            }
            CounterStep::Restart => {
                // Nobody else may have the counter.
                self.real = Arc::new(MemoryQuotaCounter::default());
                if subject.restart().await {
                    self.forget_restorations().await;
                }
                self.real = subject.counter();
                Ok(())
            }
            CounterStep::Forget => {
                self.real = Arc::new(MemoryQuotaCounter::default());
                subject.forget().await;
                self.real = subject.counter();
                self.fake.forget_all();
                Ok(())
            }
        }
    }

    fn ago(&self, seconds: i64) -> DateTime<Utc> {
        self.now - TimeDelta::seconds(seconds)
    }

    async fn reserve(&self, holder: u8, wishes: &[BudgetWish], behind: i64) -> Result<(), String> {
        let mut seen = HashSet::new();
        let each_once = wishes.iter().filter(|it| seen.insert(it.budget));
        let budgets = each_once.map(|wish| Budget {
            key: key(wish.budget),
            limit: wish.limit,
            units: wish.units,
        });
        let wish = Reservation {
            holder: name(holder),
            budgets: budgets.collect(),
            at: self.ago(behind),
        };
        let (fake, real) = (
            self.fake.reserve(&wish).await,
            self.real.reserve(&wish).await,
        );
        same("the reservation", fake, real)
    }

    async fn begin(&mut self, budget: usize) -> Result<(), String> {
        let key = key(budget);
        let fake = self.fake.begin_restoration(&key).await;
        let real = self.real.begin_restoration(&key).await;
        let ids = (answer(fake)?, answer(real)?);
        self.begun[budget] = match ids {
            (Some(fake), Some(real)) => Some((fake, real)),
            (None, None) => None,
            (fake, real) => return Err(differ("the beginning", &fake, &real)),
        };
        Ok(())
    }

    /// The restoration that a call to each names.
    fn named(&self, budget: usize, named: NamedRestoration) -> [Option<RestorationId>; 2] {
        match (named, self.begun[budget]) {
            (NamedRestoration::Begun, Some((fake, real))) => [Some(fake), Some(real)],
            (NamedRestoration::Open, _) => [None; 2],
            (NamedRestoration::Begun, None) | (NamedRestoration::Foreign, _) => [Some(FOREIGN); 2],
        }
    }

    async fn restore(
        &self,
        budget: usize,
        segment: u32,
        places: &[RecordedPlace],
        ago: i64,
        named: NamedRestoration,
    ) -> Result<(), String> {
        let (mut holders, mut seats) = (HashSet::new(), HashSet::new());
        let each_once = places
            .iter()
            .filter(|it| holders.insert(it.holder) && seats.insert(it.seat));
        let places = each_once.map(|it| Place {
            holder: name(it.holder),
            seat: segment * Segment::SEATS + it.seat,
            units: it.units,
            at: self.ago(it.ago),
        });
        let [fake, real] = self.named(budget, named);
        let mut record = RecordedSegment {
            key: key(budget),
            segment: Segment::new(segment),
            places: places.collect(),
            as_of: self.ago(ago),
            restoration: fake,
        };
        let fake = self.fake.restore(&record).await;
        record.restoration = real;
        same("the restoration", fake, self.real.restore(&record).await)
    }

    async fn open(&self, budget: usize, named: NamedRestoration) -> Result<(), String> {
        let [fake, real] = self.named(budget, named);
        let key = key(budget);
        let fake = self.fake.open(&key, fake.unwrap_or(FOREIGN)).await;
        let real = self.real.open(&key, real.unwrap_or(FOREIGN)).await;
        same("the opening", fake, real)
    }

    async fn forget_restorations(&self) {
        for budget in 0..BUDGETS {
            let sums = self.fake.sums(&key(budget)).await;
            if sums.is_ok_and(|it| matches!(it.state, WindowState::Restoring(_))) {
                self.fake.forget(&key(budget));
            }
        }
    }

    /// Compares everything that a counter tells.
    async fn look(&self) -> Result<(), String> {
        let keys: Vec<BudgetKey> = (0..BUDGETS).map(key).collect();
        let (fake, real) = (self.fake.usage(&keys).await, self.real.usage(&keys).await);
        same("the usage of each budget", fake, real)?;
        for key in &keys {
            let (fake, real) = (self.fake.sums(key).await, self.real.sums(key).await);
            let [fake, real] = [answer(fake)?, answer(real)?].map(told);
            if fake != real {
                return Err(differ("the sums", &fake, &real));
            }
        }
        Ok(())
    }
}

/// Sums without what is an adapter's own: the ids of restorations, and segments without places.
fn told(mut sums: WindowSums) -> WindowSums {
    sums.segments
        .retain(|_, sums| sums.is_none_or(|it| it.places > 0));
    if let WindowState::Restoring(id) = &mut sums.state {
        *id = RestorationId(0);
    }
    sums
}

/// Budgets of a service, of two of its windows, of another service, and one that both share.
fn key(budget: usize) -> BudgetKey {
    let (scope, name, start) = match budget {
        0 => ("LEARNME", "daily", "2026-11-22T21:00:00Z"),
        1 => ("LEARNME", "reads", "2026-11-22T21:00:00Z"),
        2 => ("LEARNME", "daily", "2026-11-23T21:00:00Z"),
        3 => ("DRAWME", "daily", "2026-11-22T21:00:00Z"),
        _ => ("shared", "reads", "2026-11-22T21:00:00Z"),
    };
    let time = |text: &str| text.parse().unwrap_or_default();
    BudgetKey {
        scope: Scope::parse(scope).unwrap_or_else(|_| Scope::shared()),
        budget: BudgetName::parse(name).unwrap_or_else(|_| BudgetName::daily()),
        // No counter expires it by its own clock.
        window: Window {
            start: time(start),
            end: time("2100-01-01T00:00:00Z"),
        },
    }
}

/// Also names that an adapter might mistake for its own.
#[expect(clippy::expect_used, reason = "the names are right")]
fn name(holder: u8) -> Holder {
    let name = match holder {
        0 => "1:1",
        1 => "1:10",
        2 => "used",
        3 => "restoring",
        _ => "LEARNME:1:1",
    };
    Holder::parse(name).expect("a name")
}

fn answer<T>(answer: Result<T, QuotaError>) -> Result<T, String> {
    answer.map_err(|error| format!("a call failed: {error:?}"))
}

fn same<T: Debug + PartialEq>(
    what: &str,
    fake: Result<T, QuotaError>,
    real: Result<T, QuotaError>,
) -> Result<(), String> {
    let (fake, real) = (answer(fake)?, answer(real)?);
    if fake == real {
        return Ok(());
    }
    Err(differ(what, &fake, &real))
}

fn differ<T: Debug>(what: &str, fake: &T, real: &T) -> String {
    format!("{what} differs:\n  the fake    {fake:?}\n  the counter {real:?}")
}
