//! Steps about people, sign-ins and keys.

use chrono::TimeDelta;
use lemon_domain::{
    ports::{
        Arrival, Brought, CompletedSignIn, ImportedAccount, ImportedPerson, ImportedRegistration,
        ResealedSecret, Revocation, RevokedTokens, SignIn, StoreError, TokenDigest,
    },
    values::{Registration, TrainingState, UserId},
};

use super::{
    given::{account, claim, pending, sealed, service, token},
    side::{Moment, StoreSide, told},
    step::StoreStep,
};

impl StoreSide {
    pub(super) async fn of_people(&mut self, step: &StoreStep, moment: Moment) -> String {
        let store = self.store.clone();
        let now = moment.now;
        match *step {
            StoreStep::SignIn { person, key } => self.sign_in(person, key, moment).await,
            // What an import makes of a forgotten person, no port says.
            StoreStep::Bring { person, .. } if self.forgotten[person] => String::new(),
            StoreStep::Bring { person, registered } => self.bring(person, registered, moment).await,
            StoreStep::PutSignIn {
                token,
                key,
                minutes,
            } => told(
                store
                    .put(pending(token, key, now + TimeDelta::minutes(minutes)))
                    .await,
            ),
            StoreStep::TakeSignIn {
                token: it,
                claim: by,
            } => told(store.take(&token(it), &claim(by), now).await),
            StoreStep::DiscardSignIn { token: it } => told(store.discard(&token(it)).await),
            StoreStep::CompleteSignIn {
                token: it,
                claim: by,
                person,
            } => {
                let completed = CompletedSignIn {
                    token: token(it),
                    claim: claim(by),
                    identity: self.identity(person),
                    at: now,
                    answered_until: now + TimeDelta::minutes(30),
                };
                match self.users[person] {
                    Some(_) => told(store.complete(completed).await),
                    None => String::new(),
                }
            }
            StoreStep::Completed {
                token: it,
                claim: by,
            } => {
                let who = store.completed(&token(it), &claim(by), now).await;
                told(who.map(|it| it.map(|it| (self.alike(it.user), it.account))))
            }
            StoreStep::RevokeOne { token } => {
                self.revoke(RevokedTokens::One(TokenDigest([token; 32])), moment)
                    .await
            }
            StoreStep::RevokeAll { person } => match self.users[person] {
                Some(user) => self.revoke(RevokedTokens::AllOf(user), moment).await,
                None => String::new(),
            },
            StoreStep::Reseal { from, to } => told(self.reseal(from, to).await),
            StoreStep::Forget { person } => {
                let forgotten = store.forget(account(person), now).await;
                self.forgotten[person] |= matches!(forgotten, Ok(Some(_)));
                told(forgotten.map(|it| {
                    it.map(|mut it| {
                        it.user = self.alike(it.user);
                        it
                    })
                }))
            }
            _ => String::new(),
        }
    }

    async fn sign_in(&mut self, person: usize, key: u8, moment: Moment) -> String {
        let sign_in = SignIn {
            account: account(person),
            credentials: sealed(key, &format!("credentials {}", moment.number)),
            at: moment.now,
        };
        let user = self.store.sign_in(sign_in).await;
        if let Ok(user) = user {
            self.users[person] = Some(user);
            self.forgotten[person] = false;
        }
        told(user.map(|user| self.alike(user)))
    }

    async fn bring(&mut self, person: usize, registered: bool, moment: Moment) -> String {
        let number = i64::try_from(person).unwrap_or_default();
        let shown = Registration {
            service: service(false),
            request_id: moment.request_id(),
            public: false,
            ready: false,
            state: TrainingState::Training,
            can_use_at: moment.now + TimeDelta::hours(5),
        };
        let registration = ImportedRegistration {
            shown,
            announcements: 1,
        };
        let imported = ImportedPerson {
            user: UserId::new(1000 + number * 1000),
            accounts: vec![ImportedAccount {
                account: account(person),
                credentials: sealed(0, "imported"),
            }],
            registrations: registered.then_some(registration).into_iter().collect(),
        };
        let people = [imported];
        let expected = told(
            self.store
                .compare(&people)
                .await
                .map(|it| self.alike_brought(it)),
        );
        let brought = self.store.bring(&people, moment.now).await;
        if let Ok([one]) = brought.as_deref() {
            match one.arrival {
                Arrival::Added | Arrival::Known => self.users[person] = Some(people[0].user),
                Arrival::KnownAs(_) | Arrival::IdTaken => {}
            }
        }
        let brought = told(brought.map(|it| self.alike_brought(it)));
        format!("{brought}, where {expected} was expected")
    }

    fn alike_brought(&self, mut brought: Vec<Brought>) -> Vec<Brought> {
        for it in &mut brought {
            if let Arrival::KnownAs(user) = &mut it.arrival {
                *user = self.alike(*user);
            }
        }
        brought
    }

    async fn revoke(&self, tokens: RevokedTokens, moment: Moment) -> String {
        let revocation = Revocation {
            tokens,
            at: moment.now,
            expires_at: moment.now + TimeDelta::hours(20),
        };
        told(self.store.revoke(&revocation).await)
    }

    /// How many secrets of a key have another afterwards.
    async fn reseal(&self, from: u8, to: u8) -> Result<u64, StoreError> {
        let secrets = self.store.sealed_with(&format!("key-{from}"), 0, 2).await?;
        let resealed: Vec<ResealedSecret> = secrets
            .into_iter()
            .map(|stored| ResealedSecret {
                fresh: sealed(to, "fresh"),
                stored,
            })
            .collect();
        self.store.reseal(&resealed).await
    }
}
