use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use lemon_consumer::{ConsumerConfig, Relay};
use lemon_domain::{
    ports::{Clock, IdSource, JobQueue, Outbox, TwitterClient},
    usecases::{
        Dispatch, Profiles, Quotas, Registering, RegisteringPorts, SignIns, TrainingSweep,
        Trainings, check_clock,
    },
};
use lemon_http::{Application, Check, HttpConfig, Listener, Mount, Operations, UseCases};
use lemon_postgres::SqlStore;
use lemon_twitter::{HttpTwitterClient, TwitterConfig};
use lemon_worker::{JobRenderer, ReadyListener, TrainingWatch, Upkeep};

use super::{
    StartError,
    connections::{self, Failure},
    metering,
    plan::{Plan, deadlines},
    supervisor::Supervisor,
};

/// How often the upkeep is done.
const UPKEEP: Duration = Duration::from_mins(1);

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
}

impl Parts {
    /// Connects to everything, migrates the database and corrects the quota counter.
    pub(crate) async fn connect(
        plan: Plan,
        twitter: TwitterConfig,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, StartError> {
        let (counter, counters_disk) =
            connections::quota_and_disk(&plan.quota, &plan.data_dir, &plan.catalogue, &clock)
                .await?;
        let (queue, queues_disk) =
            connections::queue_and_disk(&plan.queue, &plan.data_dir, &plan.catalogue, &clock, &ids)
                .await?;
        let store = Arc::new(connections::store(&plan.store, &plan.data_dir).await?);
        store
            .migrate()
            .await
            .context("the database cannot be brought up to date")?;
        let twitter = HttpTwitterClient::connect(&twitter, Arc::clone(&clock))
            .map_err(|error| crate::config::ConfigError::wrong("twitter.url", error))?;
        let quotas = |grace| {
            Quotas::new(
                Arc::clone(&counter),
                store.clone(),
                Arc::clone(&clock),
                grace,
            )
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
                    .context("the quota counter cannot be set right")
                    .into());
            }
            // This affects only this service, and the upkeep tries again.
            tracing::error!(
                service = %failed.key.scope,
                budget = %failed.key.budget,
                error = &failed.error as &dyn std::error::Error,
                "a budget of the quota counter cannot be set right"
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

    /// The REST API.
    pub(crate) fn serve(
        &self,
        listener: Listener,
        max_connections: usize,
        mount: Mount,
        front: &mut Supervisor,
    ) -> Result<(), StartError> {
        let config = HttpConfig {
            allowed_origins: self.plan.allowed_origins.clone(),
            docs: self.plan.docs,
            workers: None,
            jwt: self.plan.jwt.clone(),
            deadlines: deadlines(
                Duration::from_millis(self.plan.store.deadline_ms),
                Duration::from_millis(self.plan.quota.deadline_ms),
            ),
            max_connections,
        };
        let application = Application::new(listener, config, self.use_cases(), mount)
            .map_err(|error| crate::config::ConfigError::wrong("jwt.secrets", error))?;
        let stop = front.stop();
        front.spawn("API", async move {
            application.run(stop).await.context("it cannot serve")
        });
        Ok(())
    }

    /// Health and metrics.
    pub(crate) fn observe(&self, listener: Listener, back: &mut Supervisor) -> anyhow::Result<()> {
        let metrics = metering::metrics()?;
        let text = metrics.clone();
        let ids = Arc::clone(&self.ids);
        let render = Arc::new(move || text.render());
        let operations = Operations::new(listener, self.checks(), render, ids);
        let stop = back.stop();
        back.spawn("health and metrics", async move {
            operations.run(stop).await.context("they cannot be served")
        });
        let stop = back.stop();
        back.spawn("upkeep of metrics", async move {
            metering::keep_small(metrics, stop).await;
            Ok(())
        });
        Ok(())
    }

    /// The parts that are driven by queues and the clock.
    pub(crate) fn work(&self, front: &mut Supervisor) {
        let renderer = JobRenderer {
            dispatch: Arc::new(Dispatch {
                catalogue: Arc::clone(&self.plan.catalogue),
                accounts: self.store.clone(),
                keys: Arc::clone(&self.plan.sealing_keys),
            }),
        };
        let relay = Relay::new(
            self.store.clone(),
            Arc::clone(&self.queue),
            Arc::clone(&self.clock),
            renderer,
        );
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

    /// The parts that must answer before requests can be served.
    fn checks(&self) -> Vec<Check> {
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        let (quotas, catalogue) = (Arc::clone(&self.quotas), Arc::clone(&self.plan.catalogue));
        let (queue, names) = (Arc::clone(&self.queue), self.plan.catalogue.ready_queues());
        let (times, own) = (self.store.clone(), Arc::clone(&self.clock));
        vec![
            Check::new("clock", move || {
                let (store, clock) = (times.clone(), own.clone());
                async move { Ok(check_clock(&*store, &*clock).await?) }
            }),
            Check::new("store", move || {
                let (store, now) = (store.clone(), clock.now());
                async move {
                    metering::show(store.backlog(now).await?);
                    Ok(())
                }
            }),
            Check::new("quota", move || {
                let (quotas, catalogue) = (quotas.clone(), catalogue.clone());
                async move {
                    quotas.check(&catalogue).await?;
                    Ok(())
                }
            }),
            Check::new("queue", move || {
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
            }),
            profiles: Arc::new(Profiles {
                twitter: Arc::clone(&self.twitter),
                accounts: self.store.clone(),
                keys: Arc::clone(&self.plan.sealing_keys),
            }),
            registering: Arc::new(Registering::new(RegisteringPorts {
                registrations: self.store.clone(),
                quotas: Arc::clone(&self.quotas),
                clock: Arc::clone(&self.clock),
                ids: Arc::clone(&self.ids),
            })),
            catalogue: Arc::clone(&self.plan.catalogue),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
        }
    }
}
