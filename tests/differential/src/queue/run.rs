use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use lemon_domain::{
    ports::{
        Clock, DeadLetter, DeadLetterChoice, Depth, JobQueue, MAX_DELAY, Outgoing, QueueError,
        QueueKeeping, Receipt,
    },
    values::QueueName,
};
use lemon_fakes::{FakeClock, MemoryJobQueue};
use uuid::Uuid;

use super::{
    answers::{PATIENCE, answer, drain, kind, message, same},
    receipts::{DeliveryPair, DeliveryPairs},
    step::QueueStep,
};

/// A queue, and what can happen to it.
#[async_trait]
pub trait QueueUnderTest: Send {
    /// The queue.
    fn queue(&self) -> Arc<dyn JobQueue>;

    /// The same queue, for operators.
    fn keeping(&self) -> Arc<dyn QueueKeeping>;

    /// The name of an empty queue with a dead-letter queue, a visibility timeout of 30 s, and at most five receives.
    fn name(&self) -> QueueName;

    /// The clock that the queue goes by. A distributed queue has its own time, shows things late, and does not say what
    /// becomes of receipts that are not a message's latest: with it no time passes, and only latest receipts are used.
    fn clock(&self) -> Option<Arc<FakeClock>>;

    /// Ends its process and starts it again.
    async fn restart(&mut self);
}

/// Takes the steps with a queue and with the fake.
///
/// # Errors
/// The first difference, in words.
pub async fn compare_queues(
    subject: &mut dyn QueueUnderTest,
    steps: &[QueueStep],
) -> Result<(), String> {
    let local = subject.clock();
    let clock = local.clone().unwrap_or_default();
    let mut pair = QueuePair {
        fake: MemoryJobQueue::new(clock.clone(), [subject.name()]),
        real: subject.queue(),
        keeping: subject.keeping(),
        name: subject.name(),
        is_local: local.is_some(),
        clock,
        sent: 0,
        deliveries: DeliveryPairs::default(),
    };
    for (number, step) in (1..).zip(steps) {
        let told = |difference| format!("after step {number} {difference}");
        pair.take(subject, step).await.map_err(told)?;
        if pair.is_local {
            pair.look().await.map_err(told)?;
        }
    }
    let told = |difference| format!("in the end {difference}");
    pair.receive(10).await.map_err(told)?;
    pair.look().await.map_err(told)
}

/// The fake and a queue, to which the same happens.
struct QueuePair {
    fake: MemoryJobQueue,
    real: Arc<dyn JobQueue>,
    keeping: Arc<dyn QueueKeeping>,
    name: QueueName,
    is_local: bool,
    clock: Arc<FakeClock>,
    sent: usize,
    deliveries: DeliveryPairs,
}

impl QueuePair {
    async fn take(
        &mut self,
        subject: &mut dyn QueueUnderTest,
        step: &QueueStep,
    ) -> Result<(), String> {
        match step {
            QueueStep::Send {
                count,
                with_a_wrong_one,
            } => self.send(*count, *with_a_wrong_one).await,
            QueueStep::Receive { portion } => self.receive(*portion).await,
            QueueStep::Acknowledge { receipts } => self.acknowledge(receipts).await,
            QueueStep::Retry { receipt, delay } => self.retry(*receipt, *delay).await,
            QueueStep::Extend {
                receipt,
                visibility,
            } => self.extend(*receipt, *visibility).await,
            QueueStep::DeadLetter { receipt } => self.dead_letter(*receipt).await,
            QueueStep::Redrive { one } => self.redrive(*one).await,
            QueueStep::Discard { one } => {
                let [fake, real] = self.choices(*one).await?;
                let fake = self.fake.discard(&self.name, &fake).await;
                let real = self.keeping.discard(&self.name, &real).await;
                same("how many are removed", fake, real)
            }
            QueueStep::Pass { time } => {
                if self.is_local {
                    self.clock.advance(*time);
                }
                Ok(())
            }
            QueueStep::Restart => {
                // Nobody else may have the queue.
                let nothing = Arc::new(MemoryJobQueue::new(self.clock.clone(), []));
                (self.real, self.keeping) = (nothing.clone(), nothing);
                subject.restart().await;
                (self.real, self.keeping) = (subject.queue(), subject.keeping());
                Ok(())
            }
        }
    }

    async fn send(&mut self, count: usize, with_a_wrong_one: bool) -> Result<(), String> {
        let mut messages: Vec<Outgoing> = Vec::new();
        for _ in 0..count {
            self.sent += 1;
            messages.push(message(self.sent));
        }
        if with_a_wrong_one {
            let wrong = Outgoing {
                id: Uuid::nil(),
                body: "a\0b".to_owned(),
                trace: None,
            };
            messages.insert(count / 2, wrong);
        }
        let fake = self.fake.send(&self.name, messages.clone()).await;
        let real = self.real.send(&self.name, messages).await;
        let taken = |outcomes: Vec<Result<(), QueueError>>| -> Vec<bool> {
            outcomes.iter().map(Result::is_ok).collect()
        };
        same("what was taken", Ok(taken(fake)), Ok(taken(real)))
    }

    async fn receive(&mut self, portion: usize) -> Result<(), String> {
        self.receive_as(portion, &[]).await
    }

    async fn receive_as(&mut self, portion: usize, again: &[DeadLetter]) -> Result<(), String> {
        let fake = drain(&self.fake, &self.name, portion, 0).await?;
        let real = drain(&*self.real, &self.name, portion, fake.len()).await?;
        let now = self.clock.now();
        self.deliveries.add(fake, real, now, again)
    }

    /// The delivery with that number, if it may be used.
    fn delivery(&self, number: usize) -> Option<DeliveryPair> {
        let pair = self.deliveries.get(number)?;
        (self.is_local || !pair.is_over).then(|| pair.clone())
    }

    /// Ends a delivery: it may be used no more.
    fn end(&mut self, number: usize) {
        if let Some(pair) = self.deliveries.get_mut(number) {
            pair.is_over = true;
        }
    }

    /// What is receivable again at once is no delivery any more: what a server makes of its receipt is its own affair.
    fn let_go(&mut self, number: usize, hidden_for: Duration) {
        if !self.is_local && hidden_for.is_zero() {
            self.end(number);
        }
    }

    async fn acknowledge(&mut self, numbers: &[usize]) -> Result<(), String> {
        let (mut fakes, mut reals) = (Vec::<Receipt>::new(), Vec::<Receipt>::new());
        for number in numbers {
            if let Some(pair) = self.delivery(*number)
                && !fakes.contains(&pair.fake.receipt)
            {
                fakes.push(pair.fake.receipt);
                reals.push(pair.real.receipt);
                self.end(*number);
            }
        }
        let fake = self.fake.ack(&self.name, &fakes).await;
        let real = self.real.ack(&self.name, &reals).await;
        let taken = |outcomes: Vec<Result<(), QueueError>>| -> Vec<String> {
            outcomes.iter().map(kind).collect()
        };
        same("the acknowledgement", Ok(taken(fake)), Ok(taken(real)))
    }

    async fn retry(&mut self, number: usize, delay: Duration) -> Result<(), String> {
        let Some(pair) = self.delivery(number) else {
            return Ok(());
        };
        // Of a server's own time nothing comes back but at once.
        let delay = if self.is_local || delay.is_zero() {
            delay
        } else {
            MAX_DELAY / 2
        };
        self.let_go(number, delay);
        let fake = self.fake.retry_after(&self.name, &pair.fake.receipt, delay);
        let real = self.real.retry_after(&self.name, &pair.real.receipt, delay);
        same("the retry", Ok(kind(&fake.await)), Ok(kind(&real.await)))
    }

    async fn extend(&mut self, number: usize, visibility: Duration) -> Result<(), String> {
        let Some(pair) = self.delivery(number) else {
            return Ok(());
        };
        if !self.is_local && visibility < Duration::from_mins(10) && !visibility.is_zero() {
            return Ok(());
        }
        self.let_go(number, visibility);
        let receipt = &pair.fake.receipt;
        let mut fake = self.fake.extend(&self.name, receipt, visibility).await;
        let real = self.real.extend(&self.name, &pair.real.receipt, visibility);
        let real = real.await;
        // A queue may shorten what is too long, instead of refusing it.
        if let (Err(QueueError::Rejected(_)), Ok(())) = (&fake, &real) {
            let left = (pair.at + MAX_DELAY - self.clock.now()).to_std();
            let left = left.unwrap_or_default();
            fake = self.fake.extend(&self.name, receipt, left).await;
        }
        same("the extension", Ok(kind(&fake)), Ok(kind(&real)))
    }

    async fn dead_letter(&mut self, number: usize) -> Result<(), String> {
        let Some(pair) = self.delivery(number) else {
            return Ok(());
        };
        self.end(number);
        let reason = format!("given up: {}", pair.fake.body.len());
        let fake = self.fake.dead_letter(&self.name, &pair.fake, &reason).await;
        let real = self.real.dead_letter(&self.name, &pair.real, &reason).await;
        same("the dead-lettering", Ok(kind(&fake)), Ok(kind(&real)))
    }

    async fn redrive(&mut self, one: Option<usize>) -> Result<(), String> {
        let [fake, real] = self.choices(one).await?;
        let letters = answer(self.fake.dead_letters(&self.name, 100).await)?;
        let fake = self.fake.redrive(&self.name, &fake).await;
        let real = self.keeping.redrive(&self.name, &real).await;
        same("how many are sent again", fake, real)?;
        if self.is_local {
            return Ok(());
        }
        // A server may go on counting the receives of what it moved itself: it is taken out before that shows.
        self.receive_as(10, &letters).await?;
        let ours = |number: &usize| {
            let pair = self.deliveries.get(*number).filter(|it| !it.is_over);
            pair.is_some_and(|it| letters.iter().any(|letter| letter.body == it.fake.body))
        };
        let numbers: Vec<usize> = (0..self.deliveries.len()).filter(ours).collect();
        self.acknowledge(&numbers).await
    }

    /// The same dead letter, as the fake and as the queue name it.
    async fn choices(&self, one: Option<usize>) -> Result<[DeadLetterChoice; 2], String> {
        let Some(number) = one else {
            return Ok([DeadLetterChoice::All, DeadLetterChoice::All]);
        };
        let fakes = answer(self.fake.dead_letters(&self.name, usize::MAX).await)?;
        let Some(fake) = fakes.get(number % fakes.len().max(1)) else {
            let nobody = || DeadLetterChoice::One(Uuid::nil().to_string());
            return Ok([nobody(), nobody()]);
        };
        let reals = self.keeping.dead_letters(&self.name, 100).await;
        let reals = answer(reals)?;
        let same_body = |it: &&DeadLetter| it.body == fake.body;
        let Some(real) = reals.iter().find(same_body) else {
            return Err(format!("{:?} is no dead letter", fake.body));
        };
        let choice = |it: &DeadLetter| DeadLetterChoice::One(it.message_id.clone());
        Ok([choice(fake), choice(real)])
    }

    /// Compares everything that a queue tells.
    async fn look(&self) -> Result<(), String> {
        let expected = answer(self.fake.depth(&self.name).await)?;
        let mut depth = Depth::default();
        for _ in 0..PATIENCE {
            depth = answer(self.real.depth(&self.name).await)?;
            if depth == expected || self.is_local {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        same("the depth", Ok(expected), Ok(depth))?;
        let fake = answer(self.fake.dead_letters(&self.name, 100).await)?;
        let real = answer(self.keeping.dead_letters(&self.name, 100).await)?;
        let told = |letters: Vec<DeadLetter>| -> BTreeSet<String> {
            letters.iter().map(|it| self.told(it)).collect()
        };
        same("the dead letters", Ok(told(fake)), Ok(told(real)))
    }

    /// What every queue knows of a dead letter.
    fn told(&self, letter: &DeadLetter) -> String {
        let reason = letter.reason.as_ref();
        let reason = reason.filter(|it| it.starts_with("given up"));
        let times = (letter.sent_at, letter.dead_lettered_at);
        let times = self.is_local.then_some(times);
        format!("{:?} {reason:?} {times:?} {:?}", letter.body, letter.trace)
    }
}
