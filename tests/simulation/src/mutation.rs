use lemon_fakes::Mechanism;

/// A mechanism that is taken out, to see that the simulation notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutation {
    /// Its name on the command line.
    pub name: &'static str,
    /// The mechanism, in words.
    pub mechanism: &'static str,
    pub(crate) cut: Cut,
}

/// Where it is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// In the store.
    Store(Mechanism),
    /// A claim of outbox rows is over at once.
    Lease,
    /// A row is removed when it is claimed.
    Confirmation,
    /// A send without an answer counts as confirmed.
    LostSend,
    /// A message is acknowledged when it is received.
    AcknowledgeLast,
    /// A correction of the counter removes requests that are under way.
    AsOfOfRestore,
    /// A correction of the counter removes no old reservation.
    GiveBack,
    /// A release also takes the place of a later call.
    AsOfOfRelease,
    /// A place has the units that are asked for, not those that it was given with.
    ReservedUnits,
    /// A caller is told that a call is abandoned without asking the call.
    Permit,
}

const fn mutation(name: &'static str, mechanism: &'static str, cut: Cut) -> Mutation {
    Mutation {
        name,
        mechanism,
        cut,
    }
}

impl Mutation {
    /// Those that a run must notice.
    pub const ALL: [Self; 21] = [
        mutation(
            "unique-seat",
            "the record's unique seat",
            Cut::Store(Mechanism::UniqueSeat),
        ),
        mutation(
            "reserved-units",
            "a place keeps the units that it was reserved with",
            Cut::ReservedUnits,
        ),
        mutation(
            "use-outlives-person",
            "a forgotten person's use, and so the cooldown, stays",
            Cut::Store(Mechanism::UseOutlivesPerson),
        ),
        mutation(
            "remembered-attempt",
            "the attempt in the transaction of a request",
            Cut::Store(Mechanism::RememberedAttempt),
        ),
        mutation(
            "permit",
            "a deadline asks the call whether it stores",
            Cut::Permit,
        ),
        mutation(
            "as-of-of-restore",
            "a correction spares requests under way",
            Cut::AsOfOfRestore,
        ),
        mutation(
            "give-back",
            "a correction gives back what was never recorded",
            Cut::GiveBack,
        ),
        mutation(
            "as-of-of-release",
            "a release spares the place of a later call",
            Cut::AsOfOfRelease,
        ),
        mutation("lease", "the lease of a claimed row", Cut::Lease),
        mutation(
            "confirmation",
            "a row stays until the queue confirmed its message",
            Cut::Confirmation,
        ),
        mutation(
            "lost-send",
            "a send without an answer is repeated",
            Cut::LostSend,
        ),
        mutation(
            "sequence",
            "the order of a person's outbox rows",
            Cut::Store(Mechanism::Sequence),
        ),
        mutation(
            "waiting-delete",
            "a delete job waits for a job in flight",
            Cut::Store(Mechanism::WaitingDelete),
        ),
        mutation(
            "acknowledge-last",
            "a message is acknowledged after it was handled",
            Cut::AcknowledgeLast,
        ),
        mutation(
            "finished-mark",
            "the mark of a finished training",
            Cut::Store(Mechanism::FinishedMark),
        ),
        mutation(
            "named-request",
            "a ready message ends only the request that it names",
            Cut::Store(Mechanism::NamedRequest),
        ),
        mutation(
            "settled-once",
            "a step about an overdue training is taken once",
            Cut::Store(Mechanism::SettledOnce),
        ),
        mutation(
            "places-given-back",
            "a failed training gives its places back",
            Cut::Store(Mechanism::PlacesGivenBack),
        ),
        mutation(
            "deadline-clocks",
            "a deadline goes by the earlier of two clocks",
            Cut::Store(Mechanism::TwoClocksOfDeadline),
        ),
        mutation(
            "purge-clocks",
            "a purge goes by the earlier of two clocks",
            Cut::Store(Mechanism::TwoClocksOfPurge),
        ),
        mutation(
            "purge-slack",
            "a purge removes rows late",
            Cut::Store(Mechanism::PurgeSlack),
        ),
    ];

    /// Those that a run rarely notices, because other mechanisms refuse what these would: the unique seat, and the place that a
    /// holder already has.
    pub const COVERED: [Self; 2] = [
        mutation(
            "bounded-units",
            "the record's bound of a budget's units",
            Cut::Store(Mechanism::BoundedUnits),
        ),
        mutation(
            "use-once",
            "turn and cooldown in the transaction of a request",
            Cut::Store(Mechanism::UseOnce),
        ),
    ];

    /// The mutation of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .chain(Self::COVERED)
            .find(|it| it.name == name)
    }

    /// What the store does without.
    pub(crate) const fn of_the_store(self) -> Option<Mechanism> {
        match self.cut {
            Cut::Store(mechanism) => Some(mechanism),
            _ => None,
        }
    }
}
