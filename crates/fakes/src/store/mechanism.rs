/// A mechanism that a [`MemoryStore`](super::MemoryStore) can be built without: a test that should notice its absence is
/// itself tested so. Each is a part of a port's contract, and every other store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// A seat belongs to one place.
    UniqueSeat,
    /// The units of a budget are bounded by the transaction that records them.
    BoundedUnits,
    /// The transaction that records a use refuses a turn that is used, and a running cooldown.
    UseOnce,
    /// The transaction that records an attempt finds an earlier one of the same name.
    RememberedAttempt,
    /// A training that has finished does not finish again.
    FinishedMark,
    /// A ready message finishes only the request that it names.
    NamedRequest,
    /// A delete job waits for a job that may be in flight.
    WaitingDelete,
    /// The rows of a sequence keep their order.
    Sequence,
    /// A purge goes by the earlier of two clocks.
    TwoClocksOfPurge,
    /// A purge removes a row some time after it expired.
    PurgeSlack,
    /// A training is overdue by the earlier of two clocks.
    TwoClocksOfDeadline,
    /// A step about an overdue training is taken once, while the training runs.
    SettledOnce,
    /// A training that fails gives its places back.
    PlacesGivenBack,
    /// The uses of a person who is forgotten stay.
    UseOutlivesPerson,
}
