mod job_access;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use lemon_consumer::{ConsumerConfig, Relay};
use lemon_domain::{
    ports::{Clock, IdSource, JobQueue, Outbox, Replica, ReplicaRegistry, TwitterClient},
    traces::Tracer,
    usecases::{
        DirectivesInForce, KnownPeople, PeopleCare, Profiles, Quotas, Registering,
        RegisteringPorts, RevocationsInForce, SignIns, SignOuts, TrainingSweep, Trainings,
        check_clock,
    },
};
use lemon_http::{
    Application, Check, ConnectionShare, Draining, HttpConfig, Listener, Mount, Operations,
    UseCases,
};
use lemon_postgres::SqlStore;
use lemon_twitter::{HttpTwitterClient, TwitterConfig};
use lemon_worker::{JobRenderer, ReadyListener, TrainingWatch, Upkeep};

use super::{
    StartError,
    connections::Failure,
    follower::Follower,
    metering,
    plan::{Plan, deadlines},
    presence, revoked,
    supervisor::Supervisor,
};

/// How often the upkeep is done.
const UPKEEP: Duration = Duration::from_mins(1);

/// The fewest connections that an address may have: a browser opens six.
const FEWEST_OF_AN_ADDRESS: usize = 16;

/// Everything that is connected, and the use cases that use it.
pub(crate) struct Parts {
    pub(crate) plan: Plan,
    pub(crate) store: Arc<SqlStore>,
    pub(crate) queue: Arc<dyn JobQueue>,
    pub(crate) twitter: Arc<dyn TwitterClient>,
    quotas: Arc<Quotas>,
    /// Complete when the disk of a part that stores data in files fails.
    disks: Vec<(&'static str, Failure)>,
    clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdSource>,
    /// This process, as the store lists it.
    replica: Replica,
    pub(super) draining: Draining,
    follower: Arc<Follower>,
    revocations: Arc<RevocationsInForce>,
    tracer: Tracer,
}

impl Parts {
    /// Connects to everything, migrates the database and corrects the quota counter.
    pub(crate) async fn connect(
        plan: Plan,
        twitter: TwitterConfig,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, StartError> {
        let patience = plan.patience;
        let store = patience.wait_for("store", async || plan.store.connect().await);
        let store = Arc::new(store.await?);
        plan.store.check(&store, &plan.sealing_keys).await?;
        let counter = patience.wait_for("quota", async || plan.quota.connect(&clock).await);
        let (counter, counters_disk) = counter.await?;
        let queue = patience.wait_for("queue", async || {
            plan.queue.connect(&plan.catalogue, &clock, &ids).await
        });
        let (queue, queues_disk) = queue.await?;
        let twitter = HttpTwitterClient::connect(&twitter, Arc::clone(&clock))
            .map_err(|error| crate::config::ConfigError::wrong("twitter.url", error))?;
        // Until here nothing was changed.
        store
            .migrate()
            .await
            .context("the database cannot be brought up to date")?;
        let follower = Follower::new(DirectivesInForce::new(store.clone()));
        follower
            .refresh()
            .await
            .context("the directives of operators cannot be read")?;
        let revocations = RevocationsInForce::new(store.clone(), Arc::clone(&clock));
        revocations
            .refresh()
            .await
            .context("the revocations of tokens cannot be read")?;
        let quotas = |grace| {
            Quotas::new(
                Arc::clone(&counter),
                store.clone(),
                Arc::clone(&clock),
                grace,
            )
            .with_max_age(plan.quota.max_age())
        };
        // Only this process uses the embedded counter: any unrecorded place in it at the start is an orphan. In a
        // shared counter it may belong to a request of another replica.
        let orphaned_after = if plan.quota.is_embedded() {
            Duration::ZERO
        } else {
            Registering::GRACE
        };
        for failed in quotas(orphaned_after).reconcile(&plan.catalogue).await {
            if failed.prevents_a_start() {
                return Err(anyhow::Error::new(failed.error)
                    .context("the quota counter cannot be reconciled with the record")
                    .into());
            }
            // This affects only this service, and the upkeep tries again.
            tracing::error!(
                service = %failed.key.scope,
                budget = %failed.key.budget,
                error = &failed.error as &dyn std::error::Error,
                "a budget of the quota counter cannot be reconciled with the record"
            );
        }
        Ok(Self {
            quotas: Arc::new(quotas(Registering::GRACE)),
            twitter: Arc::new(twitter),
            store,
            queue,
            disks: vec![
                ("disk of the quota counter", counters_disk),
                ("disk of the job queue", queues_disk),
            ],
            replica: Replica {
                id: ids.uuid(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            draining: Draining::default(),
            follower: Arc::new(follower),
            revocations: Arc::new(revocations),
            tracer: Tracer::off(),
            plan,
            clock,
            ids,
        })
    }

    /// Ends the program when the disk of a part fails: later writes cannot be guaranteed, and only a new start finds
    /// out what was stored.
    pub(crate) fn watch_disks(&mut self, back: &mut Supervisor) {
        let store = Arc::clone(&self.store);
        let mut disks = std::mem::take(&mut self.disks);
        disks.push((
            "disk of the store",
            Box::pin(async move { store.failed().await }),
        ));
        for (name, failed) in disks {
            let stop = back.stop();
            back.spawn(name, async move {
                tokio::select! {
                    () = stop.cancelled() => Ok(()),
                    cause = failed => Err(anyhow!(cause)),
                }
            });
        }
    }

    /// Traces what begins from now on, if there is a collector.
    #[cfg(feature = "traces")]
    pub(crate) fn trace(&mut self, back: &mut Supervisor) -> anyhow::Result<()> {
        if let Some(plan) = &self.plan.traces {
            let clock = Arc::clone(&self.clock);
            self.tracer = super::traces::begin(plan, clock, &*self.ids, back)?;
        }
        Ok(())
    }

    /// The REST API.
    pub(crate) fn serve(
        &self,
        listener: Listener,
        max_connections: usize,
        mount: Mount,
        front: &mut Supervisor,
    ) -> Result<(), StartError> {
        let mut protection = self.plan.protection.clone();
        if self.plan.shares_connections {
            let share = (max_connections / 4).max(FEWEST_OF_AN_ADDRESS);
            protection.connections = ConnectionShare::OfStrangers(share);
        }
        let config = HttpConfig {
            allowed_origins: self.plan.allowed_origins.clone(),
            docs: self.plan.docs,
            operations_port: self.plan.ops.port(),
            workers: None,
            jwt: self.plan.jwt.clone(),
            browser: self.plan.browser,
            deadlines: deadlines(self.plan.store.deadline(), self.plan.quota.deadline())
                .with_keep_alive(self.plan.keep_alive),
            max_connections,
            keep_profiles: self.plan.keep_profiles,
            protection,
        };
        let application = Application::new(listener, config, self.use_cases(), mount)
            .map_err(|error| crate::config::ConfigError::wrong("jwt.secrets", error))?
            .with_draining(self.draining.clone())
            .with_tracer(self.tracer.clone());
        let stop = front.stop();
        front.spawn("API", async move {
            application.run(stop).await.context("it cannot serve")
        });
        Ok(())
    }

    /// Health and metrics.
    pub(crate) fn observe(&self, listener: Listener, back: &mut Supervisor) -> anyhow::Result<()> {
        let metrics = metering::metrics()?;
        let ids = Arc::clone(&self.ids);
        let render = metering::text(metrics.clone());
        let operations = Operations::new(listener, self.checks(), render, ids)
            .with_hosts(self.plan.protection.hosts.clone())
            .with_draining(self.draining.clone());
        let stop = back.stop();
        back.spawn("health and metrics", async move {
            operations.run(stop).await.context("they cannot be served")
        });
        let stop = back.stop();
        back.spawn("upkeep of metrics", async move {
            metering::keep_small(metrics, stop).await;
            Ok(())
        });
        let sampler = metering::Sampler {
            store: self.store.clone(),
            quotas: Arc::clone(&self.quotas),
            queue: Arc::clone(&self.queue),
            catalogue: Arc::clone(&self.plan.catalogue),
            directives: Arc::clone(&self.follower.directives),
            clock: Arc::clone(&self.clock),
        };
        let stop = back.stop();
        back.spawn("gauges", async move {
            sampler.run(stop).await;
            Ok(())
        });
        Ok(())
    }

    /// Gives signs of life to the store until the stop, the first before anything is served: who reverts migrations must
    /// not miss this replica.
    pub(crate) async fn show_presence(&self, back: &mut Supervisor) {
        presence::give(&*self.store, &self.replica).await;
        let (store, replica) = (Arc::clone(&self.store), self.replica.clone());
        let stop = back.stop();
        back.spawn("signs of life", async move {
            presence::show(&*store, &replica, stop).await;
            Ok(())
        });
    }

    /// Follows the directives of operators until the stop.
    pub(crate) fn follow_directives(&self, back: &mut Supervisor) {
        let follower = Arc::clone(&self.follower);
        let stop = back.stop();
        back.spawn("directives", async move {
            follower.follow(stop).await;
            Ok(())
        });
    }

    /// Learns which tokens other replicas have revoked, until the stop.
    pub(crate) fn follow_revocations(&self, back: &mut Supervisor) {
        let revocations = Arc::clone(&self.revocations);
        let stop = back.stop();
        back.spawn("revocations", async move {
            revoked::follow(&revocations, stop).await;
            Ok(())
        });
    }

    /// The parts that are driven by queues and the clock.
    pub(crate) fn work(&self, front: &mut Supervisor) {
        let renderer = JobRenderer {
            dispatch: Arc::new(self.dispatch()),
        };
        let relay = Relay::new(
            self.store.clone(),
            Arc::clone(&self.queue),
            Arc::clone(&self.clock),
            renderer,
        )
        .with_control(self.follower.relay.clone())
        .with_tracer(self.tracer.clone());
        let stop = front.stop();
        front.spawn("outbox relay", async move {
            relay.run(stop).await;
            Ok(())
        });
        let listener = Arc::new(ReadyListener {
            queue: Arc::clone(&self.queue),
            trainings: Arc::new(Trainings {
                registrations: self.store.clone(),
                clock: Arc::clone(&self.clock),
                ids: Arc::clone(&self.ids),
            }),
            catalogue: Arc::clone(&self.plan.catalogue),
            config: ConsumerConfig::default().with_visibility(self.plan.queue.visibility()),
            control: self.follower.listener.clone(),
            tracer: self.tracer.clone(),
        });
        let stop = front.stop();
        front.spawn(
            "ready listener",
            async move { Ok(listener.run(stop).await?) },
        );
        let trainings = TrainingSweep {
            deadlines: self.store.clone(),
            quotas: Arc::clone(&self.quotas),
            clock: Arc::clone(&self.clock),
        };
        let watch = TrainingWatch::new(trainings, Arc::clone(&self.plan.catalogue));
        let stop = front.stop();
        front.spawn("training deadlines", async move {
            watch.run(stop).await;
            Ok(())
        });
        let upkeep = Upkeep {
            housekeeping: self.store.clone(),
            quotas: Arc::clone(&self.quotas),
            catalogue: Arc::clone(&self.plan.catalogue),
            clock: Arc::clone(&self.clock),
            every: UPKEEP,
        };
        let stop = front.stop();
        front.spawn("upkeep", async move {
            // Its work is repeated the next time, so there is nothing to finish at the stop.
            tokio::select! {
                () = upkeep.run(stop.clone()) => {}
                () = stop.cancelled() => {}
            }
            Ok(())
        });
    }

    /// The parts whose state is shown to a load balancer.
    fn checks(&self) -> Vec<Check> {
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        let replica = self.replica.clone();
        let (quotas, catalogue) = (Arc::clone(&self.quotas), Arc::clone(&self.plan.catalogue));
        let (queue, names) = (Arc::clone(&self.queue), self.plan.catalogue.ready_queues());
        let (times, own) = (self.store.clone(), Arc::clone(&self.clock));
        vec![
            Check::required("clock", move || {
                let (store, clock) = (times.clone(), own.clone());
                async move { Ok(check_clock(&*store, &*clock).await?) }
            }),
            Check::required("store", move || {
                let (store, now) = (store.clone(), clock.now());
                let replica = replica.clone();
                async move {
                    // A write: a store that can only be read serves nobody.
                    store.beat(&replica).await?;
                    metering::show_backlog(Some(store.backlog(now).await?));
                    Ok(())
                }
            }),
            Check::shared("quota", move || {
                let (quotas, catalogue) = (quotas.clone(), catalogue.clone());
                async move {
                    quotas.check(&catalogue).await?;
                    Ok(())
                }
            }),
            Check::shared("queue", move || {
                let (queue, names) = (queue.clone(), names.clone());
                async move {
                    for name in &names {
                        queue.depth(name).await?;
                    }
                    Ok(())
                }
            }),
        ]
    }

    fn use_cases(&self) -> UseCases {
        UseCases {
            sign_ins: Arc::new(SignIns {
                twitter: Arc::clone(&self.twitter),
                pending: self.store.clone(),
                accounts: self.store.clone(),
                keys: Arc::clone(&self.plan.sealing_keys),
                clock: Arc::clone(&self.clock),
                ids: Arc::clone(&self.ids),
                pending_for: self.plan.browser.lifetime,
            }),
            sign_outs: Arc::new(SignOuts {
                revocations: Arc::clone(&self.revocations),
                people: Arc::new(PeopleCare {
                    people: self.store.clone(),
                    deadlines: self.store.clone(),
                    clock: Arc::clone(&self.clock),
                }),
                accounts: self.store.clone(),
                keys: Arc::clone(&self.plan.sealing_keys),
                twitter: Arc::clone(&self.twitter),
                clock: Arc::clone(&self.clock),
                token_lifetime: self.plan.jwt.lifetime,
            }),
            known_people: Arc::new(KnownPeople::new(self.store.clone())),
            profiles: Arc::new(Profiles {
                twitter: Arc::clone(&self.twitter),
                accounts: self.store.clone(),
                keys: Arc::clone(&self.plan.sealing_keys),
            }),
            registering: Arc::new(
                Registering::new(RegisteringPorts {
                    registrations: self.store.clone(),
                    quotas: Arc::clone(&self.quotas),
                    clock: Arc::clone(&self.clock),
                    ids: Arc::clone(&self.ids),
                })
                .with_directives(Arc::clone(&self.follower.directives)),
            ),
            catalogue: Arc::clone(&self.plan.catalogue),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
        }
    }
}
