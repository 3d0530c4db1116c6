use std::{cell::Cell, rc::Rc, time::Duration};

/// The keep-alive time while a worker has few slots left for connections: those that nobody uses make room soon.
pub(crate) const CROWDED_KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The open connections of one worker.
#[derive(Clone)]
pub(crate) struct Crowd {
    open: Rc<Cell<usize>>,
    most: usize,
}

impl Crowd {
    /// `most` is the cap of the worker.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            open: Rc::default(),
            most,
        }
    }

    /// Counts a connection until the returned value is dropped.
    pub(crate) fn join(&self) -> CrowdMember {
        self.open.set(self.open.get() + 1);
        CrowdMember(self.clone())
    }
}

/// A connection that is counted.
pub(crate) struct CrowdMember(Crowd);

impl CrowdMember {
    /// How long a connection may send nothing after an answer.
    pub(crate) fn keep_alive(&self, usual: Duration) -> Duration {
        let Crowd { open, most } = &self.0;
        if open.get() * 4 > most * 3 {
            usual.min(CROWDED_KEEP_ALIVE)
        } else {
            usual
        }
    }
}

impl Drop for CrowdMember {
    fn drop(&mut self) {
        let open = &self.0.open;
        open.set(open.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_secs(75);

    #[test]
    fn connections_are_kept_for_less_time_while_few_slots_are_left() {
        let crowd = Crowd::new(4);
        let three: Vec<_> = (0..3).map(|_| crowd.join()).collect();
        assert_eq!(three[0].keep_alive(USUAL), USUAL);
        let fourth = crowd.join();
        assert_eq!(three[0].keep_alive(USUAL), CROWDED_KEEP_ALIVE);
        let short = Duration::from_secs(1);
        assert_eq!(three[0].keep_alive(short), short);
        drop(fourth);
        assert_eq!(three[0].keep_alive(USUAL), USUAL);
    }
}
