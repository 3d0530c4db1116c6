//! People: they register, repeat themselves, give up, delete, are forgotten, and come back.

use std::{sync::Arc, time::Duration};

use futures::future::join;
use lemon_domain::{
    ports::{Accounts, SignIn},
    usecases::{Accepted, Permit, RegisterError},
    values::{AccountId, Credentials, IdempotencyKey, Identity, ProviderUserId, Service, UserId},
};
use tokio::time::{sleep, timeout};

use crate::{
    line::CALL,
    mutation::Cut,
    plan::{ACTIVE, CROWD},
    process::Process,
    town::Town,
    world::World,
};

/// The deadline of a call, and the further time of the step that stores.
const DEADLINE: Duration = Duration::from_secs(6);
const STORING: Duration = Duration::from_secs(6);

/// What a person learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    /// Nothing is stored, and nothing will be.
    Refused,
    /// The budget was exhausted.
    Exhausted,
    Unknown,
}

/// A person and their account.
pub(crate) struct SimulatedPerson {
    pub(crate) town: Arc<Town>,
    pub(crate) identity: Identity,
    name: String,
    attempts: u64,
}

impl SimulatedPerson {
    /// Signs in, as the person of that number.
    pub(crate) async fn sign_in(town: Arc<Town>, number: u64) -> Self {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let account = AccountId::twitter(ProviderUserId::try_from(number).expect("an id"));
        let user = credit(&town.world, account).await;
        Self {
            town,
            identity: Identity { user, account },
            name: format!("person {user}"),
            attempts: 0,
        }
    }

    /// Lives until people go.
    pub(crate) async fn live(mut self) {
        let world = Arc::clone(&self.town.world);
        while world.chronicle.elapsed() < ACTIVE {
            sleep(pause(&world)).await;
            let index = usize::try_from(world.dice.below(2)).unwrap_or_default();
            match world.dice.below(100) {
                0..65 => self.register(index).await,
                65..78 => self.delete(index).await,
                78..83 => self.be_forgotten().await,
                83..88 => self.be_retried(index).await,
                _ => {}
            }
        }
    }

    /// Asks, sometimes twice at once, as after two clicks.
    async fn register(&mut self, index: usize) {
        let dice = &self.town.world.dice;
        if self.attempts == 0 || dice.happens(7_000) {
            self.attempts += 1;
        }
        let is_named = dice.happens(7_000);
        let named = |attempt| key(self.identity.user, index, attempt);
        let first = is_named.then(|| named(self.attempts));
        if !dice.happens(self.town.world.plan.double_clicks) {
            return self.insist(index, first).await;
        }
        let second = match dice.below(3) {
            0 => None,
            1 => Some(named(self.attempts + 1)),
            _ => first.clone(),
        };
        join(self.insist(index, first), self.insist(index, second)).await;
    }

    /// Asks, and asks again until there is a clear answer or patience ends.
    async fn insist(&self, index: usize, key: Option<IdempotencyKey>) {
        let world = &self.town.world;
        for _ in 0..=world.dice.below(3) {
            let Some(replica) = self.town.any() else {
                return;
            };
            let answer = self.ask(&replica, index, key.clone()).await;
            if let Answer::Accepted | Answer::Exhausted = answer {
                return;
            }
            sleep(world.dice.millis(0..3_000)).await;
        }
    }

    /// One call, as the REST API makes it.
    pub(crate) async fn ask(
        &self,
        replica: &Arc<Process>,
        index: usize,
        key: Option<IdempotencyKey>,
    ) -> Answer {
        let world = &self.town.world;
        let call = world.next_call();
        let service = replica.catalogue.iter().nth(index).expect("a service");
        let words = || {
            format!(
                " for {} at {}, call {call}, {key:?}",
                service.service_type, replica.life.name
            )
        };
        world.chronicle.note(&self.name, "asks", call, words);
        let asked = Asked {
            call,
            service: Arc::clone(service),
            key,
        };
        let outcome = self.carried(replica, &asked).await;
        if replica.life.is_over() {
            return Answer::Unknown;
        }
        let answer = self.learn(&asked, outcome);
        let words = || format!(" {answer:?} by call {call}");
        world
            .chronicle
            .note(&self.name, "learns", answer as u64, words);
        answer
    }

    /// The call with its deadline: see `crates/http/src/deadline.rs`. `None` if the outcome is not known.
    async fn carried(
        &self,
        replica: &Arc<Process>,
        asked: &Asked,
    ) -> Option<Result<Accepted, RegisterError>> {
        let world = &self.town.world;
        let permit = Arc::new(Permit::default());
        let (registering, identity) = (Arc::clone(&replica.registering), self.identity);
        let (service, key) = (Arc::clone(&asked.service), asked.key.clone());
        let (inner, outer) = (Arc::clone(&permit), Arc::clone(&permit));
        let work = async move {
            let call = registering.register_with(&inner, identity, &service, key);
            call.await
        };
        let mut work = Box::pin(CALL.scope(asked.call, work));
        let mut task = tokio::spawn(async move {
            if let Ok(outcome) = timeout(DEADLINE, &mut work).await {
                return Some(outcome);
            }
            outer.abandon();
            timeout(STORING, work).await.ok()
        });
        let gives_up = !world.is_healed() && world.dice.happens(world.plan.impatient);
        let patience = if gives_up {
            world.dice.millis(1..8_000)
        } else {
            DEADLINE
        };
        match timeout(patience, &mut task).await {
            Ok(ended) => ended.ok().flatten(),
            Err(_) if gives_up => {
                permit.hang_up();
                None
            }
            Err(_) if permit.abandon() || world.is_without(Cut::Permit) => {
                Some(Err(RegisterError::Abandoned))
            }
            // The replica may be gone.
            Err(_) => timeout(STORING * 2, task).await.ok()?.ok().flatten(),
        }
    }

    /// Enters the answer in the history.
    fn learn(&self, asked: &Asked, outcome: Option<Result<Accepted, RegisterError>>) -> Answer {
        let world = &self.town.world;
        let (call, key) = (asked.call, asked.key.as_ref());
        let owner = (self.identity.user, asked.service.service_type.clone());
        match outcome {
            None => Answer::Unknown,
            Some(Ok(accepted)) => {
                let (id, answer) = (accepted.request_id, accepted.registered);
                world.enter(|history| history.accepted(call, id, &owner, key, answer));
                Answer::Accepted
            }
            Some(Err(RegisterError::CooldownActive { .. })) => {
                world.enter(|history| history.cooled(call, &owner, key));
                Answer::Refused
            }
            Some(Err(RegisterError::Store(error))) if !error.is_certain() => Answer::Unknown,
            Some(Err(error)) => {
                world.enter(|history| history.refused(call));
                match error {
                    RegisterError::QuotaExhausted(_) => Answer::Exhausted,
                    _ => Answer::Refused,
                }
            }
        }
    }

    async fn delete(&self, index: usize) {
        let Some(replica) = self.town.any() else {
            return;
        };
        let service = replica.catalogue.iter().nth(index).expect("a service");
        let deleting = replica.registering.delete(self.identity.user, service);
        drop(timeout(DEADLINE, deleting).await);
    }

    /// An operator forgets the person, who may come back.
    async fn be_forgotten(&self) {
        let Some(replica) = self.town.any() else {
            return;
        };
        let forgetting = replica.people.forget(self.identity.account);
        drop(timeout(DEADLINE, forgetting).await);
        sleep(self.town.world.dice.seconds(0..90)).await;
        credit(&self.town.world, self.identity.account).await;
    }

    /// An operator has the training announced again.
    async fn be_retried(&self, index: usize) {
        let Some(replica) = self.town.any() else {
            return;
        };
        let service = replica.catalogue.iter().nth(index).expect("a service");
        let owner = (self.identity.user, service.service_type.clone());
        let Some(id) = self.town.world.ask(|history| history.request_of(&owner)) else {
            return;
        };
        drop(timeout(DEADLINE, replica.people.retry(id)).await);
    }
}

/// A call that is under way.
struct Asked {
    call: u64,
    service: Arc<Service>,
    key: Option<IdempotencyKey>,
}

/// Until the person's next step: some time, or when many come at once.
fn pause(world: &World) -> Duration {
    if world.dice.happens(5_000) {
        let now = u64::try_from(world.chronicle.elapsed().as_millis()).unwrap_or(u64::MAX);
        return Duration::from_millis(CROWD - now % CROWD) + world.dice.millis(0..30);
    }
    world.dice.millis(1..60_000)
}

fn key(user: UserId, index: usize, attempt: u64) -> IdempotencyKey {
    IdempotencyKey::parse(format!("{user}-{index}-{attempt}")).expect("a key")
}

async fn credit(world: &Arc<World>, account: AccountId) -> UserId {
    let credentials = Credentials::new("token", "secret");
    let credentials = world.keys.seal_credentials(account, &credentials, [7; 24]);
    let at = world.truth.now();
    let sign_in = SignIn {
        account,
        credentials,
        at,
    };
    world
        .store
        .sign_in(sign_in)
        .await
        .expect("the store in memory")
}
