use std::ops::Range;

use lemon_simulation::Mutation;

/// How many seeds are run if nobody says so.
pub(crate) const SEEDS: u64 = 10_000;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) from: u64,
    pub(crate) mutation: Option<Mutation>,
    /// Whether each mutation is run.
    pub(crate) mutations: bool,
    count: Option<u64>,
}

impl Orders {
    /// Reads the arguments.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut orders = Self {
            from: 1,
            mutation: None,
            mutations: false,
            count: None,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--seeds" => orders.count = Some(number("--seeds", rest.next(), 1)?),
                "--from" => orders.from = number("--from", rest.next(), 0)?,
                "--mutation" => orders.mutation = Some(mutation(rest.next())?),
                "--mutations" => orders.mutations = true,
                _ => {
                    return Err(
                        "the arguments are --seeds, --from, --mutation and --mutations".to_owned(),
                    );
                }
            }
        }
        if orders.mutations && orders.mutation.is_some() {
            return Err(
                "--mutations runs every mutation, so --mutation does not go with it".to_owned(),
            );
        }
        Ok(orders)
    }

    /// The seeds to run; so many if nobody says how many.
    pub(crate) fn seeds(&self, count: u64) -> Range<u64> {
        self.from..self.from.saturating_add(self.count.unwrap_or(count))
    }
}

fn number(name: &str, value: Option<&String>, least: u64) -> Result<u64, String> {
    value
        .and_then(|value| value.parse().ok())
        .filter(|number| *number >= least)
        .ok_or_else(|| format!("{name} needs a whole number from {least}"))
}

fn mutation(name: Option<&String>) -> Result<Mutation, String> {
    name.and_then(|name| Mutation::named(name)).ok_or_else(|| {
        "--mutation needs the name of a mutation, as `cargo xtask simulate --mutations` shows them".to_owned()
    })
}
