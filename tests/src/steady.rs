use std::time::Duration;

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::wait::PATIENCE;

/// A caller's pause after each call, so that the machine is busy but not overloaded.
const PAUSE: Duration = Duration::from_millis(20);

/// Callers that call repeatedly, whatever the answers are. They stop when this is dropped.
pub struct SteadyLoad {
    callers: JoinSet<()>,
    since: watch::Sender<Instant>,
    good: mpsc::UnboundedReceiver<(Instant, Duration)>,
}

impl SteadyLoad {
    /// Starts this many callers; `call` tells whether its answer was good.
    pub fn start<F>(callers: usize, call: impl Fn() -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        let since = watch::Sender::new(Instant::now());
        let (tell, good) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            tasks.spawn(repeat(call.clone(), since.subscribe(), tell.clone()));
        }
        Self {
            callers: tasks,
            since,
            good,
        }
    }

    /// The time from now until each caller has had a good answer to a call that began after now.
    pub async fn good_again(&mut self) -> Duration {
        let since = Instant::now();
        self.since.send_replace(since);
        let mut took = Vec::new();
        while took.len() < self.callers.len() {
            let told = timeout(PATIENCE, self.good.recv()).await;
            let told = told.unwrap_or_else(|_| {
                let (good, all) = (took.len(), self.callers.len());
                panic!("only {good} of {all} callers had a good answer within {PATIENCE:?}")
            });
            let (of, time) = told.expect("callers call until this is dropped");
            if of == since {
                took.push(time);
            }
        }
        took.into_iter().max().unwrap_or_default()
    }
}

/// Reports the first good answer after each time that is set in `since`.
async fn repeat<F: Future<Output = bool>>(
    call: impl Fn() -> F,
    since: watch::Receiver<Instant>,
    tell: mpsc::UnboundedSender<(Instant, Duration)>,
) {
    let mut told = None;
    loop {
        let asked = *since.borrow();
        let good = call().await;
        if good && told != Some(asked) {
            told = Some(asked);
            let _nobody_asks = tell.send((asked, asked.elapsed()));
        }
        sleep(PAUSE).await;
    }
}
